"""The agreement of pixels round each star with a forced fit, and what is known of them."""

from typing import NamedTuple

import numpy as np

from exposures.science.arrays import FloatArray, IntArray
from photometry.science.compiled import compiled
from photometry.science.forced.forced_system import CHUNK, PlacedStars
from photometry.science.psf.stamps import fill_stamps

HALF = 9  # pixels round a star that are looked at


class _Images(NamedTuple):
    """The fit of an image; all (ny, nx) float32."""

    residual: np.ndarray  # ADU
    model: np.ndarray  # ADU, of all stars
    weight: np.ndarray  # inverse variance


def star_quality(
    stars: PlacedStars,
    flux: FloatArray,
    residual: FloatArray,
    model: FloatArray,
    weight: FloatArray,
) -> FloatArray:
    """(3, n) reduced chi2, share of light that is the star's own, share of PSF on usable pixels.

    ``stars`` are PlacedStars with ``flux`` (n,) ADU, ``model`` (ny, nx) float32 is that of all
    stars, ``residual`` (ny, nx) what it leaves and ``weight`` (ny, nx) the inverse variance. With P
    the PSF, W the weight, R the residual and sums over usable pixels: sum(R^2 W P) / sum(P); sum((f
    P + R) P) / sum((M + R) P); sum(P) over that of the whole stamp. As crowdsource's rchi2,
    fracflux and qf (Schlafly et al. 2018, ApJS 234, 39). All are 0 where no pixel is usable.
    """
    n, size = len(stars), 2 * HALF + 1
    result = np.zeros((n, 3))
    buffer = np.empty(min(CHUNK, n) * size**2, np.float32)
    for start in range(0, n, CHUNK):
        part = slice(start, start + CHUNK)
        squares, length = stars.squares[part], len(flux[part])
        first = np.arange(length) * size**2
        fill_stamps(buffer, first, np.full(length, size), stars.profiles[part])
        stamps = buffer[: length * size**2].reshape(-1, size, size)
        _compare(stamps, squares, flux[part], _Images(residual, model, weight), result[part])
    return result.T


@compiled
def _compare(
    stamps: FloatArray,
    squares: IntArray,
    flux: FloatArray,
    images: _Images,
    result: FloatArray,
) -> None:
    residual, model, weight = images.residual, images.model, images.weight
    ny, nx = residual.shape
    for star in range(len(flux)):
        row, column, _ = squares[star]
        left, right = max(HALF - column, 0), min(2 * HALF + 1, nx - column + HALF)
        f = np.float32(flux[star])
        usable = chi2 = own = light = np.float32(0)
        stamp, n = stamps[star], np.uint64(max(right - left, 0))
        for j in range(max(HALF - row, 0), min(2 * HALF + 1, ny - row + HALF)):
            y = row + j - HALF
            line, weights, left_over, all_stars = stamp[j], weight[y], residual[y], model[y]
            # Unsigned, or each index would be looked at for whether it counts from the end.
            here, there = np.uint64(left), np.uint64(left + column - HALF)
            for i in range(n):
                w = weights[there + i]
                p = line[here + i] if w > 0 else np.float32(0)
                r = left_over[there + i] if w > 0 else np.float32(0)
                usable += p
                # Where a PSF falls below zero, as splines may, it has no weight.
                chi2 += r * r * w * max(p, np.float32(0))
                own += (f * p + r) * p
                light += (all_stars[there + i] + r) * p
        if usable > 0:
            result[star, 0] = chi2 / usable
            result[star, 1] = own / light if light != 0 else 0.0
            result[star, 2] = usable / np.sum(stamps[star])


def core_flags(mask: IntArray, x: FloatArray, y: FloatArray) -> IntArray:
    """(n,) mask bits that are set in any of the 3 x 3 pixels at each position; 0 off the image.

    ``mask`` (ny, nx) int, ``x, y`` (n,) pixels.
    """
    flags = np.zeros(len(x), np.int32)
    _gather_flags(mask, np.round(x).astype(int), np.round(y).astype(int), flags)
    return flags


@compiled
def _gather_flags(mask: IntArray, column: IntArray, row: IntArray, flags: IntArray) -> None:
    ny, nx = mask.shape
    for star in range(len(flags)):
        for j in range(max(row[star] - 1, 0), min(row[star] + 2, ny)):
            for i in range(max(column[star] - 1, 0), min(column[star] + 2, nx)):
                flags[star] |= mask[j, i]
