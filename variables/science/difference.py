"""The difference of two images of the same stars, after matching PSF and photometric scale."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import convolve1d

from exposures.science.quantities import Pixels, Sigma


@dataclass(frozen=True)
class MatchOptions:
    """The kernel that turns one image into the other."""

    sigmas_pixels: tuple[float, ...] = (0.7, 1.5, 3.0)  # of its Gaussians
    degrees: tuple[int, ...] = (2, 1, 0)  # of the polynomials that each is multiplied by
    clip_sigma: Sigma = 4.0  # pixels further off, such as other variables, are left out
    core_pixels: Pixels = 5.0  # round the star in question, which are left out of the fit


N_CLIPS = 3
MIN_PIXELS = 400


@dataclass(frozen=True)
class Matched:
    """A search image brought to a reference; arrays (ny, nx) in the reference's ADU."""

    search: np.ndarray  # with the sky and on the photometric scale of the reference
    difference: np.ndarray  # search minus reference, at the PSF of the wider of the two
    noise: float  # sigma of the difference where there is no star
    scale: float  # flux on the search image over that on the reference


def match(reference, search, weights, is_sharper, options=MatchOptions()):
    """Match a ``search`` stamp to a ``reference`` stamp on the same pixels; None where it can't be.

    Alard & Lupton 1998 (ApJ 503, 325): the kernel is a sum of Gaussians times polynomials, and
    with a constant sky it is found by linear least squares. ``weights`` are the inverse variances
    of both, 0 where masked; ``is_sharper`` says that the reference is, and so the one to be
    convolved: else the search image is, as no kernel of this kind sharpens. The star in the
    middle takes no part, so that its change is no part of the match.
    """
    sharp, wide = (reference, search) if is_sharper else (search, reference)
    weight = _joint_weight(weights, options)
    if np.count_nonzero(weight) < MIN_PIXELS:
        return None
    basis = np.array([_convolved(np.nan_to_num(sharp), *pair) for pair in _kernels(options)])
    design = np.concatenate([basis.reshape(len(basis), -1), np.ones((1, weight.size))]).T
    target = np.nan_to_num(wide).ravel()
    fit = _clipped_fit(design, target, weight.ravel(), options.clip_sigma)
    if fit is None:
        return None
    coefficients, used = fit
    scale = float(_sums(options) @ coefficients[:-1])
    if not scale > 0:
        return None
    residual = (target - design @ coefficients).reshape(wide.shape)
    sky = coefficients[-1]
    if is_sharper:  # wide = scale * reference
        difference, flat = residual / scale, (search - sky) / scale
    else:  # reference = scale * search + sky
        difference, flat, scale = -residual, scale * search + sky, 1 / scale
    noise = 1.4826 * float(np.median(np.abs(difference.ravel()[used])))
    return Matched(flat, difference, noise, scale)


def _joint_weight(weights, options):
    """(ny, nx) one weight for the difference; 0 near the star in the middle."""
    a, b = weights
    both = (a > 0) & (b > 0)
    weight = np.where(both, 1 / (1 / np.where(both, a, 1) + 1 / np.where(both, b, 1)), 0)
    ny, nx = weight.shape
    y, x = np.ogrid[:ny, :nx]
    near = np.hypot(y - ny // 2, x - nx // 2) < options.core_pixels
    return np.where(near, 0, weight)


def _kernels(options):
    """Pairs of kernels along y and x, one for each term of the sum."""
    half = int(np.ceil(3 * max(options.sigmas_pixels)))
    u = np.arange(-half, half + 1, dtype=float)
    for sigma, degree in zip(options.sigmas_pixels, options.degrees, strict=True):
        gauss = np.exp(-0.5 * (u / sigma) ** 2)
        gauss /= gauss.sum()
        for i in range(degree + 1):
            for j in range(degree + 1 - i):
                yield gauss * (u / sigma) ** i, gauss * (u / sigma) ** j


def _sums(options):
    """(n,) what each term of the kernel does to a flux."""
    return np.array([a.sum() * b.sum() for a, b in _kernels(options)])


def _convolved(image, along_y, along_x):
    # convolve1d flips neither way: these are the kernels as they are meant.
    rows = convolve1d(image, along_y, axis=0, mode="nearest")
    return convolve1d(rows, along_x, axis=1, mode="nearest")


def _clipped_fit(design, target, weight, clip_sigma):
    """Coefficients and the pixels used, by clipped weighted least squares; None if singular."""
    used = weight > 0
    for _ in range(N_CLIPS):
        root = np.sqrt(weight[used])
        try:
            normal = (design[used] * root[:, None]).T @ (design[used] * root[:, None])
            right = (design[used] * root[:, None]).T @ (target[used] * root)
            coefficients = np.linalg.solve(normal + 1e-9 * np.diag(np.diag(normal)), right)
        except np.linalg.LinAlgError:
            return None
        residual = (target - design @ coefficients) * np.sqrt(weight)
        spread = 1.4826 * np.median(np.abs(residual[used]))
        kept = (weight > 0) & (np.abs(residual) < clip_sigma * max(spread, 1e-12))
        if kept.sum() < MIN_PIXELS:
            break
        used = kept
    return coefficients, np.flatnonzero(used)
