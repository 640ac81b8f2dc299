"""Difference images after matching PSF and photometric scale."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from astropy.stats import gaussian_fwhm_to_sigma
from scipy.ndimage import maximum_filter

from exposures.science.arrays import BoolArray, FloatArray, IntArray, Shape
from exposures.science.quantities import (
    Count,
    Fraction,
    InFwhm,
    KernelPixels,
    LowOrder,
    Options,
    Pixels,
    Ratio,
    Rounds,
    Sigma,
    Trials,
)
from photometry.science.scatter import sigma_about_zero


@dataclass(frozen=True)
class MatchOptions(Options):
    """The kernel by which cutouts of two images are matched."""

    narrow_pixels: KernelPixels = 0.7
    """Sigma of the narrowest of the three Gaussians of the kernel."""
    middle_pixels: KernelPixels = 1.5
    """Sigma of the middle one of the three Gaussians of the kernel."""
    wide_pixels: KernelPixels = 3.0
    """Sigma of the widest of the three Gaussians of the kernel."""
    degree: LowOrder = 2
    """Degree of the polynomials by which each Gaussian of the kernel is multiplied."""
    clip_sigma: Sigma = 4.0
    """Deviation of a pixel, such as one of another variable, beyond which it is left out of the fit
    of the kernel."""
    n_clips: Rounds = 3
    """Largest number of times that pixels are clipped from the fit of the kernel."""
    core_pixels: Pixels = 5.0
    """Least radius round the star in the middle that is left out of the fit of the kernel."""
    core_fwhm: InFwhm = 1.5
    """Radius round the star in the middle that is left out of the fit of the kernel, in the wider
    PSF's FWHM."""
    prior_share: Ratio = 1.0
    """Weight of what other stars say of the kernel, in that of one bright star."""
    min_pixels: Count = 400
    """Least number of pixels for which a kernel is fitted."""
    n_stars: Trials = 40
    """Number of bright stars, of which every third helps to find the kernel of an image."""
    star_fracflux: Fraction = 0.7
    """Least share of the light that must be a bright star's own for it to help to find the
    kernel."""
    max_star_misfit: Ratio = 9.0
    """Misfit of a bright star's kernel, over the median, beyond which it is left out."""

    @property
    def sigmas_pixels(self) -> tuple[float, float, float]:
        """Sigma of the three Gaussians, narrowest first: numbers of pixels."""
        return self.narrow_pixels, self.middle_pixels, self.wide_pixels


class StampPair(NamedTuple):
    """Stamps of two images on the same pixels; all (ny, nx)."""

    reference: np.ndarray  # ADU
    search: np.ndarray  # ADU
    reference_weight: np.ndarray  # inverse variance, ADU^-2; 0 where masked
    search_weight: np.ndarray


@dataclass(frozen=True)
class Matched:
    """A search image brought to a reference; arrays (ny, nx) in the reference's ADU."""

    search: np.ndarray  # with the sky and on the scale of the reference, masked pixels as well
    difference: np.ndarray  # search minus reference, at the wider PSF; NaN where masked in either
    noise: float  # sigma of the difference, by the median of the pixels that were used
    scale: float  # flux on the search image over that on the reference
    # (k, k) of unit sum, by which the sharper image was convolved, whose noise it correlates
    kernel: np.ndarray
    is_reference_sharper: bool


@dataclass(frozen=True)
class KernelPrior:
    """Normal equations of the kernel from bright stars all over an image, without a unit.

    Squares of light over its variance.
    """

    normal: np.ndarray  # (n_terms, n_terms)
    right: np.ndarray  # (n_terms,)


def match_stamps(
    stamps: StampPair,
    fwhm_pixels: tuple[float, float],
    prior: KernelPrior | None = None,
    options: MatchOptions = MatchOptions(),
) -> Matched | None:
    """Match the search stamp of a StampPair to its reference stamp; None if impossible.

    Stamps are (ny, nx) in ADU. Alard & Lupton 1998 (ApJ 503, 325): one image is convolved with a
    kernel, a point and a sum of Gaussians times polynomials, and with a constant sky it is found by
    linear least squares. ``fwhm_pixels`` are the seeing of the reference and of the search image.
    The sharper image is convolved, as no kernel of this kind sharpens. The star in the middle takes
    no part in the fit, so that its change is no part of the match. A stamp may hold only faint
    stars, whose noise makes the kernel too weak: ``prior`` helps.
    """
    pair = _pair(stamps, fwhm_pixels, options)
    if pair is None:
        return None
    core = max(options.core_pixels, options.core_fwhm * max(fwhm_pixels))
    fit = _clipped_fit(pair, _outside(pair.clean.shape, core), prior, options)
    if fit is None:
        return None
    coefficients = np.linalg.solve(fit.normal, fit.right)
    ratio = float(_sums(options) @ coefficients[:-1])  # flux on the wide image over the sharp one
    if not ratio > 0:
        return None
    sky = float(coefficients[-1])
    # wide = ratio * sharp + sky, both without their medians; brought to the reference.
    own = stamps.search - pair.skies[1]
    residual = pair.wide.ravel() - coefficients @ pair.terms
    if pair.is_reference_sharper:
        scale, own, residual = ratio, (own - sky) / ratio, residual / ratio
    else:
        scale, own, residual = 1 / ratio, ratio * own + sky, -residual
    noise = float(sigma_about_zero(residual[fit.used]))
    difference = np.where(pair.clean, residual.reshape(pair.clean.shape), np.nan)
    kernel = _kernel(coefficients[:-1], options) / ratio
    search = own + pair.skies[0]
    return Matched(search, difference, noise, scale, kernel, pair.is_reference_sharper)


def kernel_prior(
    stars: Iterable[StampPair],
    fwhm_pixels: tuple[float, float],
    options: MatchOptions = MatchOptions(),
) -> KernelPrior | None:
    """The KernelPrior from StampPairs of bright ``stars``; None without any that agree on one.

    Stamps are (ny, nx) in ADU and ``fwhm_pixels`` the seeing of both images, as those of
    ``match_stamps``. A star that has its own sky and, being a variable, its
    own flux, is one among many.
    """
    equations = []
    for stamps in stars:
        pair = _pair(stamps, fwhm_pixels, options)
        fit = pair and _clipped_fit(pair, np.ones(pair.clean.shape, bool), None, options)
        if fit:
            equations.append(_without_sky(fit.normal, fit.right))
    if not equations:
        return None
    normals, rights = (np.array(side) for side in zip(*equations, strict=True))
    kept = np.ones(len(normals), bool)
    for _ in range(options.n_clips):
        prior = _pooled(normals[kept], rights[kept], options)
        try:
            kernel = np.linalg.solve(prior.normal, prior.right)
        except np.linalg.LinAlgError:
            return None
        misfits = _misfits(kernel, normals, rights)
        kept = misfits <= options.max_star_misfit * np.median(misfits)
        if not kept.any():
            return None
    return prior


def _pooled(normals: FloatArray, rights: FloatArray, options: MatchOptions) -> KernelPrior:
    """Pool stars into a KernelPrior: the brighter half with equal weights, the others with less."""
    # Else the brightest one would speak for the whole image.
    known = normals[:, 0, 0]
    share = options.prior_share * np.minimum(np.median(known) / known, 1) / len(known)
    return KernelPrior(np.tensordot(share, normals, 1), np.tensordot(share, rights, 1))


def _misfits(kernel: FloatArray, normals: FloatArray, rights: FloatArray) -> FloatArray:
    """(n,) how far each star's own kernel is off, as a share of its light squared."""
    n_terms = normals.shape[-1]
    own = [
        np.linalg.lstsq(normal + 1e-9 * np.trace(normal) / n_terms * np.eye(n_terms), right)[0]
        for normal, right in zip(normals, rights, strict=True)
    ]
    off = np.array(own) - kernel
    lost = np.einsum("ki,kij,kj->k", off, normals, off)
    return lost / np.einsum("i,kij,j->k", kernel, normals, kernel)


def _without_sky(normal: FloatArray, right: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Normal equations with the last unknown, the sky, eliminated."""
    mixed, own = normal[:-1, -1], normal[-1, -1]
    return normal[:-1, :-1] - np.outer(mixed, mixed) / own, right[:-1] - mixed * right[-1] / own


@dataclass(frozen=True)
class _Pair:
    """Two stamps, ready to be fitted."""

    is_reference_sharper: bool
    skies: list[float]  # medians
    wide: np.ndarray  # (ny, nx) ADU above its median
    terms: np.ndarray  # (n_terms + 1, n_pixels) of the sharper one, and a sky of 1
    clean: np.ndarray  # (ny, nx) where both are known, after the convolution
    weight: np.ndarray  # (ny, nx) of the difference; 0 where not clean, and at the edge


def _pair(
    stamps: StampPair, fwhm_pixels: tuple[float, float], options: MatchOptions
) -> _Pair | None:
    images = stamps.reference, stamps.search
    weights = stamps.reference_weight, stamps.search_weight
    seen = [weight > 0 for weight in weights]
    if min(map(np.count_nonzero, seen)) < options.min_pixels:
        return None
    skies = [float(np.median(image[ok])) for image, ok in zip(images, seen, strict=True)]
    light = [
        np.where(ok, image - sky, 0) for image, ok, sky in zip(images, seen, skies, strict=True)
    ]
    is_reference_sharper = fwhm_pixels[0] <= fwhm_pixels[1]
    sharp, wide = (0, 1) if is_reference_sharper else (1, 0)
    clean = seen[wide] & ~_reached(~seen[sharp], fwhm_pixels)
    used = clean.copy()
    # Light from beyond the edge is missing there.
    margin = _half_width(options)
    used[:margin] = used[-margin:] = used[:, :margin] = used[:, -margin:] = False
    variance = sum(1 / np.where(ok, w, 1) for w, ok in zip(weights, seen, strict=True))
    terms = _terms(light[sharp], options)
    weight = np.where(used, 1 / variance, 0)
    return _Pair(is_reference_sharper, skies, light[wide], terms, clean, weight)


def _outside(shape: Shape, core_pixels: float) -> BoolArray:
    """(ny, nx) pixels that are not near the middle."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    return np.hypot(y - shape[0] // 2, x - shape[1] // 2) >= core_pixels


def _reached(masked: BoolArray, fwhm_pixels: tuple[float, float]) -> BoolArray:
    """(ny, nx) pixels that hold light of masked ones, once these are convolved."""
    if not masked.any():
        return masked
    sigma = np.sqrt(abs(fwhm_pixels[0] ** 2 - fwhm_pixels[1] ** 2)) * gaussian_fwhm_to_sigma
    return maximum_filter(masked, 2 * int(np.ceil(1 + 1.5 * sigma)) + 1)


def _half_width(options: MatchOptions) -> int:
    return int(np.ceil(3 * max(options.sigmas_pixels)))


@lru_cache(maxsize=4)
def _profiles(options: MatchOptions) -> tuple[FloatArray, IntArray, IntArray]:
    """(n, width) one-dimensional kernels; (n_terms,) those along y and along x of each term."""
    half = _half_width(options)
    u = np.arange(-half, half + 1, dtype=float)
    profiles: list[FloatArray] = []
    along_y: list[int] = []
    along_x: list[int] = []
    degree = options.degree
    for sigma in options.sigmas_pixels:
        gauss = np.exp(-0.5 * (u / sigma) ** 2)
        first = len(profiles)
        profiles += [gauss / gauss.sum() * (u / sigma) ** i for i in range(degree + 1)]
        pairs = [(i, j) for i in range(degree + 1) for j in range(degree + 1 - i)]
        along_y += [first + i for i, _ in pairs]
        along_x += [first + j for _, j in pairs]
    return np.array(profiles), np.array(along_y), np.array(along_x)


@lru_cache(maxsize=8)
def _matrices(n: int, options: MatchOptions) -> FloatArray:
    """(n_profiles, n, n) that convolve n pixels in a line: a product is faster than to shift."""
    profiles, _, _ = _profiles(options)
    half = _half_width(options)
    offset = np.arange(n)[:, None] - np.arange(n) + half
    inside = (offset >= 0) & (offset <= 2 * half)
    return np.where(inside, profiles[:, np.clip(offset, 0, 2 * half)], 0).astype("f4")


def _terms(image: FloatArray, options: MatchOptions) -> FloatArray:
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


def _sums(options: MatchOptions) -> FloatArray:
    """(n,) what each term of the kernel does to a flux."""
    profiles, along_y, along_x = _profiles(options)
    total = profiles.sum(axis=1)
    return np.append(1, total[along_y] * total[along_x])


def _kernel(coefficients: FloatArray, options: MatchOptions) -> FloatArray:
    """(k, k) the kernel of which each term has a coefficient (n_terms,)."""
    profiles, along_y, along_x = _profiles(options)
    terms = coefficients[1:]
    kernel = np.einsum("t,tj,ti->ji", terms, profiles[along_y], profiles[along_x])
    half = _half_width(options)
    kernel[half, half] += coefficients[0]
    return kernel


@dataclass(frozen=True)
class _Fit:
    """Normal equations without the pixels that were clipped."""

    normal: np.ndarray
    right: np.ndarray
    used: np.ndarray  # indices of the pixels


def _clipped_fit(
    pair: _Pair, allowed: BoolArray, prior: KernelPrior | None, options: MatchOptions
) -> _Fit | None:
    """The _Fit of a _Pair by clipped least squares in ``allowed`` pixels; None with too few.

    Few pixels are clipped: they are taken out of the sums, which are done over all but once.
    """
    usable = np.flatnonzero((pair.weight > 0) & allowed)
    root = np.sqrt(pair.weight.ravel()[usable])
    terms, target = pair.terms[:, usable] * root, pair.wide.ravel()[usable] * root
    normal, right = terms @ terms.T, terms @ target
    if prior is not None:
        normal[:-1, :-1] += prior.normal
        right[:-1] += prior.right
    # Terms that can't be told apart share what they explain.
    normal[np.diag_indices(len(normal))] *= 1 + 1e-9
    kept, fit = np.ones(len(usable), bool), None
    for _ in range(options.n_clips):
        if np.count_nonzero(kept) < options.min_pixels:
            break
        out = terms[:, ~kept]
        fit = _Fit(normal - out @ out.T, right - out @ target[~kept], usable[kept])
        try:
            coefficients = np.linalg.solve(fit.normal, fit.right)
        except np.linalg.LinAlgError:
            return None
        pull = np.abs(target - coefficients @ terms)
        before, kept = kept, pull < options.clip_sigma * sigma_about_zero(pull[kept])
        if np.array_equal(before, kept):
            break
    return fit
