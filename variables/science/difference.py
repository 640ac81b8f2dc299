"""The difference of two images of the same stars, after matching PSF and photometric scale."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.ndimage import maximum_filter

from exposures.science.quantities import Count, Pixels, Sigma

FWHM_OF_SIGMA = 2.3548


@dataclass(frozen=True)
class MatchOptions:
    """The kernel that turns one image into the other, and the pixels by which it is found."""

    sigmas_pixels: tuple[float, ...] = (0.7, 1.5, 3.0)  # of its Gaussians
    degrees: tuple[int, ...] = (2, 2, 2)  # of the polynomials that each is multiplied by
    clip_sigma: Sigma = 4.0  # pixels further off, such as other variables, are left out
    n_clips: Count = 3  # times, at most
    core_pixels: Pixels = 5.0  # round the star in the middle, at least, are left out
    core_fwhm: float = 1.5  # the same in units of the wider PSF
    min_pixels: Count = 400  # fewer are no match


@dataclass(frozen=True)
class Matched:
    """A search image brought to a reference; arrays (ny, nx) in the reference's ADU."""

    search: np.ndarray  # with the sky and on the scale of the reference, masked pixels as well
    difference: np.ndarray  # search minus reference, at the wider PSF; NaN where masked in either
    noise: float  # sigma of the difference, by the median of the pixels that were used
    scale: float  # flux on the search image over that on the reference


def match(reference, search, weights, fwhm_pixels, options=MatchOptions()):
    """Match a ``search`` stamp to a ``reference`` stamp on the same pixels; None where it can't be.

    Alard & Lupton 1998 (ApJ 503, 325): one image is convolved with a kernel, a point and a sum
    of Gaussians times polynomials, and with a constant sky it is found by linear least squares.
    ``weights`` and ``fwhm_pixels`` are of both, in the same order: inverse variances, 0 where
    masked, and seeing. The sharper image is convolved, as no kernel of this kind sharpens. The
    star in the middle takes no part in the fit, so that its change is no part of the match.
    """
    seen = [weight > 0 for weight in weights]
    if min(map(np.count_nonzero, seen)) < options.min_pixels:
        return None
    skies = [np.median(image[ok]) for image, ok in zip((reference, search), seen, strict=True)]
    light = [np.where(seen[i], image - skies[i], 0) for i, image in enumerate((reference, search))]
    sharp, wide = (0, 1) if fwhm_pixels[0] <= fwhm_pixels[1] else (1, 0)
    clean = seen[wide] & ~_reached(~seen[sharp], fwhm_pixels)
    terms = _terms(light[sharp], options)
    weight = _fit_weight(clean, weights, fwhm_pixels, options)
    fit = _clipped_fit(terms, light[wide].ravel(), weight.ravel(), options)
    if fit is None:
        return None
    coefficients, used = fit
    ratio = float(_sums(options) @ coefficients[:-1])  # flux on the wide image over the sharp one
    if not ratio > 0:
        return None
    sky = float(coefficients[-1])
    scale = ratio if sharp == 0 else 1 / ratio
    # wide = ratio * sharp + sky, both without their medians
    own = search - skies[1]
    from_search = (own - sky) / ratio if sharp == 0 else ratio * own + sky
    # Search minus reference, on the scale of the reference.
    residual = light[wide].ravel() - coefficients @ terms
    residual = residual / ratio if sharp == 0 else -residual
    noise = 1.4826 * float(np.median(np.abs(residual[used])))
    difference = np.where(clean, residual.reshape(clean.shape), np.nan)
    return Matched(from_search + skies[0], difference, noise, scale)


def _reached(masked, fwhm_pixels):
    """(ny, nx) pixels that hold light of masked ones, once these are convolved."""
    if not masked.any():
        return masked
    sigma = np.sqrt(abs(fwhm_pixels[0] ** 2 - fwhm_pixels[1] ** 2)) / FWHM_OF_SIGMA
    return maximum_filter(masked, 2 * int(np.ceil(1 + 1.5 * sigma)) + 1)


def _fit_weight(clean, weights, fwhm_pixels, options):
    """(ny, nx) weight of the difference; 0 near the star in the middle, and at the edge."""
    variance = sum(1 / np.where(weight > 0, weight, 1) for weight in weights)
    ny, nx = clean.shape
    y, x = np.ogrid[:ny, :nx]
    core = max(options.core_pixels, options.core_fwhm * max(fwhm_pixels))
    used = clean & (np.hypot(y - ny // 2, x - nx // 2) >= core)
    # Light from beyond the edge is missing there.
    margin = _half_width(options)
    used[:margin] = used[-margin:] = used[:, :margin] = used[:, -margin:] = False
    return np.where(used, 1 / variance, 0)


def _half_width(options):
    return int(np.ceil(3 * max(options.sigmas_pixels)))


@lru_cache(maxsize=4)
def _profiles(options):
    """(n, width) one-dimensional kernels; (n_terms,) those along y and along x of each term."""
    half = _half_width(options)
    u = np.arange(-half, half + 1, dtype=float)
    profiles, along_y, along_x = [], [], []
    for sigma, degree in zip(options.sigmas_pixels, options.degrees, strict=True):
        gauss = np.exp(-0.5 * (u / sigma) ** 2)
        first = len(profiles)
        profiles += [gauss / gauss.sum() * (u / sigma) ** i for i in range(degree + 1)]
        pairs = [(i, j) for i in range(degree + 1) for j in range(degree + 1 - i)]
        along_y += [first + i for i, _ in pairs]
        along_x += [first + j for _, j in pairs]
    return np.array(profiles), np.array(along_y), np.array(along_x)


@lru_cache(maxsize=8)
def _matrices(n, options):
    """(n_profiles, n, n) that convolve n pixels in a line: a product is faster than to shift."""
    profiles, _, _ = _profiles(options)
    half = _half_width(options)
    offset = np.arange(n)[:, None] - np.arange(n) + half
    inside = (offset >= 0) & (offset <= 2 * half)
    return np.where(inside, profiles[:, np.clip(offset, 0, 2 * half)], 0).astype("f4")


def _terms(image, options):
    """(n_terms, n_pixels) an image convolved with each term of the kernel, and a sky of 1."""
    ny, nx = image.shape
    _, along_y, along_x = _profiles(options)
    columns = np.matmul(_matrices(ny, options), image.astype("f4"))
    rows = _matrices(nx, options).transpose(0, 2, 1)
    terms = np.empty((len(along_y) + 2, ny * nx))
    terms[0] = image.ravel()
    terms[1:-1] = np.matmul(columns[along_y], rows[along_x]).reshape(len(along_y), -1)
    terms[-1] = 1
    return terms


def _sums(options):
    """(n,) what each term of the kernel does to a flux."""
    profiles, along_y, along_x = _profiles(options)
    total = profiles.sum(axis=1)
    return np.append(1, total[along_y] * total[along_x])


def _clipped_fit(terms, target, weight, options):
    """Coefficients, and the indices of pixels used, by clipped least squares; None without them.

    Few pixels are clipped: they are taken out of the sums, which are done over all but once.
    """
    usable = np.flatnonzero(weight)
    root = np.sqrt(weight[usable])
    terms, target = terms[:, usable] * root, target[usable] * root
    normal, right = terms @ terms.T, terms @ target
    kept = np.ones(len(usable), bool)
    fit = None
    for _ in range(options.n_clips):
        if np.count_nonzero(kept) < options.min_pixels:
            break
        out = terms[:, ~kept]
        left = normal - out @ out.T
        # Terms that can't be told apart share what they explain.
        left[np.diag_indices(len(left))] *= 1 + 1e-9
        try:
            coefficients = np.linalg.solve(left, right - out @ target[~kept])
        except np.linalg.LinAlgError:
            break
        fit = coefficients, usable[kept]
        pull = np.abs(target - coefficients @ terms)
        before, kept = kept, pull < options.clip_sigma * 1.4826 * np.median(pull[kept])
        if np.array_equal(before, kept):
            break
    return fit
