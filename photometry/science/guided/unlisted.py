"""Light on an image that listed stars, as bright as they were, don't explain."""

import numpy as np

from exposures.science.arrays import Float, FloatArray, IntArray
from photometry.science.compiled import compiled, inlined

# Significance of a pixel by itself: others are not looked at, which are nearly all.
PIXEL_SIGMA = 2.5


@compiled
def add_unlisted(model: FloatArray, left: FloatArray, weight: FloatArray, n_sigma: Float) -> None:
    """Add to ``model`` what is left beyond doubt, where it is, in place; or take it off.

    ``model`` and ``left``, what it leaves of an image, are (ny, nx) in ADU, ``weight`` (ny, nx) is
    the inverse variance. That is the mean of the usable ones of 3 x 3 pixels where it is more than
    ``n_sigma`` from zero: a star that has changed, or one that was not there before. Elsewhere the
    model keeps its own values, so that it doesn't follow the noise.
    """
    ny, nx = model.shape
    for j in range(1, ny - 1):
        for i in range(1, nx - 1):
            if left[j, i] ** 2 * weight[j, i] < PIXEL_SIGMA**2:
                continue
            total, variance, n = 0.0, 0.0, 0
            for y in range(j - 1, j + 2):
                for x in range(i - 1, i + 2):
                    if weight[y, x] > 0:
                        total += left[y, x]
                        variance += 1 / weight[y, x]
                        n += 1
            if total * total > n_sigma * n_sigma * variance:
                model[j, i] += total / n


@compiled
def add_changes(
    model: FloatArray,
    left: FloatArray,
    weight: FloatArray,
    stars: tuple[IntArray, IntArray, FloatArray],
    stamp: FloatArray,
    n_sigma: Float,
) -> None:
    """Make listed stars in ``model`` as bright as they are, where that is beyond doubt, in place.

    ``model`` and ``left``, what it leaves of an image, are (ny, nx) in ADU, ``weight`` (ny, nx) is
    the inverse variance. ``stars`` are their rows and columns (n,) in whole pixels, which may lie
    off the image, and the fluxes (n,) in ADU that the model has; ``stamp`` (side, side) is the PSF,
    ``side`` odd. A star's change is its flux in what is left by the matched filter (e.g. Zackay &
    Ofek 2017, ApJ 836, 187); it counts beyond ``n_sigma``, the clearest first, without what others
    have taken already, and down to no light at all. A star that has vanished would else be
    weighed by photons that didn't come.
    """
    row, column, flux = stars
    clear = np.zeros(len(row))
    for star in range(len(row)):
        signal, information = _matched(left, weight, row[star], column[star], stamp)
        if information > 0:
            clear[star] = abs(signal) / np.sqrt(information)
    for star in np.argsort(-clear):
        if clear[star] < n_sigma:
            break
        signal, information = _matched(left, weight, row[star], column[star], stamp)
        if abs(signal) < n_sigma * np.sqrt(information):
            continue
        change = max(signal / information, -flux[star])
        _add_stamp(model, row[star], column[star], stamp, change)
        _add_stamp(left, row[star], column[star], stamp, -change)


@inlined
def _matched(
    left: FloatArray, weight: FloatArray, row: int, column: int, stamp: FloatArray
) -> tuple[Float, Float]:
    """Sums of ``weight left p`` and of ``weight p^2`` round a pixel."""
    ny, nx = left.shape
    half = len(stamp) // 2
    signal: Float = 0.0
    information: Float = 0.0
    start, stop = max(column - half, 0), min(column + half + 1, nx)
    for y in range(max(row - half, 0), min(row + half + 1, ny)):
        if start >= stop:
            break
        own, weights, pixels = stamp[y - row + half], weight[y, start:stop], left[y, start:stop]
        own = own[start - column + half : stop - column + half]
        in_row = squares = np.float32(0)
        for x in range(len(own)):
            weighted = weights[x] * own[x]
            in_row += weighted * pixels[x]
            squares += weighted * own[x]
        signal += in_row
        information += squares
    return signal, information


@inlined
def _add_stamp(image: FloatArray, row: int, column: int, stamp: FloatArray, flux: Float) -> None:
    ny, nx = image.shape
    half = len(stamp) // 2
    for y in range(max(row - half, 0), min(row + half + 1, ny)):
        for x in range(max(column - half, 0), min(column + half + 1, nx)):
            image[y, x] += flux * stamp[y - row + half, x - column + half]
