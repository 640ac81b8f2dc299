"""Matched filtering with the PSF, against the noise and a model error."""

import numpy as np

from exposures.science.arrays import BoolArray, FloatArray, IntArray, Shape
from photometry.science.compiled import compiled
from photometry.science.forced.forced_system import CELL

UNROLLED = 4  # columns of a kernel that are summed at once
FAINTEST = 1e-6  # of the most information of a pixel; less is taken for this much


def filtered(
    data: FloatArray, weight: FloatArray, stamp: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Sums of ``weight data p`` and ``weight p^2`` round each pixel, (ny, nx) float32 each.

    ``data`` (ny, nx) is in ADU, the inverse variance ``weight`` (ny, nx) in ADU^-2 and 0 beyond the
    edges; ``stamp`` (side, side) is the PSF p, ``side`` odd. The first over the second is the flux
    of a star alone at that pixel in ADU, and the second the inverse of its variance (e.g. Zackay &
    Ofek 2017, ApJ 836, 187); it is at least 1e-6 of its largest value.
    """
    weight = weight.astype("f4")
    signal = _correlate(weight * data.astype("f4"), stamp)
    information = _correlate(weight, stamp**2)
    return signal, np.maximum(information, FAINTEST * information.max())


def _correlate(image: FloatArray, kernel: FloatArray) -> FloatArray:
    half, side = len(kernel) // 2, len(kernel)
    wide = -(-side // UNROLLED) * UNROLLED
    padded = np.pad(image, ((half, half), (half, half + wide - side)))
    result = np.empty(image.shape, np.float32)
    _sum_up(padded, np.pad(kernel.astype("f4"), ((0, 0), (0, wide - side))), result)
    return result


# A kernel this small is faster summed up directly than by Fourier transforms. In all of these,
# pixels are counted by unsigned numbers along a row: each index would else be looked at for
# whether it counts from the end, and the loops would not be vectorised.


@compiled
def _sum_up(padded: FloatArray, kernel: FloatArray, result: FloatArray) -> None:
    side, wide = kernel.shape
    n, one, two, three = np.uint64(result.shape[1]), np.uint64(1), np.uint64(2), np.uint64(3)
    for j in range(len(result)):
        sums = result[j]
        sums[:] = 0
        for row in range(side):
            pixels, k = padded[j + row], kernel[row]
            for column in range(0, wide, UNROLLED):
                k0, k1, k2, k3 = k[column], k[column + 1], k[column + 2], k[column + 3]
                start = np.uint64(column)
                for i in range(n):
                    at = start + i
                    total = k0 * pixels[at] + k1 * pixels[at + one]
                    sums[i] += total + (k2 * pixels[at + two] + k3 * pixels[at + three])


def summed_squares(
    x: FloatArray, y: FloatArray, values: FloatArray, table: FloatArray, shape: Shape
) -> FloatArray:
    """(ny, nx) float32 sums of ``values^2 table`` with the table's middle at each of n positions.

    ``x, y`` (n,) are pixels, ``values`` (n,) of any unit, ``table`` (side, side) has an odd side
    and no unit. Positions off the image and values of NaN add nothing.
    """
    ny, nx = shape
    column, row = np.round(x).astype(np.int64), np.round(y).astype(np.int64)
    is_inside = (column >= 0) & (column < nx) & (row >= 0) & (row < ny) & np.isfinite(values)
    inside = np.flatnonzero(is_inside)
    # Neighbours one after the other, so that what they add to is in the processor's cache.
    inside = inside[np.lexsort((column[inside], row[inside] // CELL))]
    sums = np.zeros(shape, np.float32)
    squares = (values[inside].astype("f8") ** 2).astype("f4")
    _add_tables(row[inside], column[inside], squares, table.astype("f4"), sums)
    return sums


@compiled
def _add_tables(
    rows: IntArray, columns: IntArray, scale: FloatArray, table: FloatArray, sums: FloatArray
) -> None:
    side, half = len(table), len(table) // 2
    ny, nx = sums.shape
    for k in range(len(scale)):
        top, left, factor = rows[k] - half, columns[k] - half, scale[k]
        first, last = max(0, -left), min(side, nx - left)
        here, there = np.uint64(first), np.uint64(left + first)
        for j in range(max(0, -top), min(side, ny - top)):
            own, pixels = table[j], sums[top + j]
            for i in range(np.uint64(last - first)):
                pixels[there + i] += factor * own[here + i]


def take_away(
    signal: FloatArray,
    information: FloatArray,
    x: FloatArray,
    y: FloatArray,
    flux: FloatArray,
    overlap: FloatArray,
) -> None:
    """Take n stars out of ``signal`` in place; both images (ny, nx) are what ``filtered`` gives.

    ``x, y`` (n,) are pixels, ``flux`` (n,) in ADU, ``overlap`` (side, side) is that of the PSF with
    itself, 1 in the middle, ``side`` odd. Weights are taken for the same all over a star.
    """
    _take_away(signal, information, np.column_stack([x, y, flux]), overlap.astype("f4"))


@compiled
def _take_away(
    signal: FloatArray, information: FloatArray, stars: FloatArray, overlap: FloatArray
) -> None:
    ny, nx = signal.shape
    half = len(overlap) // 2
    for k in range(len(stars)):
        x, y, flux = stars[k]
        column, row = int(np.floor(x)), int(np.floor(y))
        right, down = x - column, y - row
        for j in range(max(row - half + 1, 0), min(row + half + 1, ny)):
            for i in range(max(column - half + 1, 0), min(column + half + 1, nx)):
                # Between the four elements of the table round the pixel's distance from the star.
                v, u = j - row + half, i - column + half
                upper = (1 - right) * overlap[v, u] + right * overlap[v, u - 1]
                lower = (1 - right) * overlap[v - 1, u] + right * overlap[v - 1, u - 1]
                signal[j, i] -= flux * information[j, i] * ((1 - down) * upper + down * lower)


def significance(
    signal: FloatArray, information: FloatArray, model_variance: FloatArray, weight: FloatArray
) -> FloatArray:
    """(ny, nx) float32 flux over its error, the model's included; 0 where there is no weight.

    ``signal`` and ``information`` (ny, nx) are what ``filtered`` gives, ``model_variance`` (ny, nx)
    is that of the flux in ADU^2, ``weight`` (ny, nx) the inverse variance of the pixels.
    """
    result = np.empty(signal.shape, np.float32)
    images = signal.ravel(), information.ravel(), model_variance.ravel(), weight.ravel()
    _divide(*images, result.ravel())
    return result


@compiled
def _divide(
    signal: FloatArray,
    information: FloatArray,
    variance: FloatArray,
    weight: FloatArray,
    result: FloatArray,
) -> None:
    for i in range(np.uint64(len(result))):
        squared = information[i] * (np.float32(1) + information[i] * variance[i])
        result[i] = signal[i] / np.sqrt(squared) if weight[i] > 0 else np.float32(0)


def maxima(image: FloatArray, level: float) -> tuple[IntArray, IntArray]:
    """Columns and rows of pixels above ``level`` that no neighbour exceeds, highest first.

    Two arrays (n,) of int, in pixels; ``image`` (ny, nx) and ``level`` are in any unit.
    """
    above = np.flatnonzero(image > level)
    y, x = np.divmod(above[_is_highest(image, above)], image.shape[1])
    order = np.argsort(-image[y, x], kind="stable")
    return x[order], y[order]


@compiled
def _is_highest(image: FloatArray, pixels: IntArray) -> BoolArray:
    ny, nx = image.shape
    highest = np.ones(len(pixels), np.bool_)
    for k in range(len(pixels)):
        y, x = pixels[k] // nx, pixels[k] % nx
        for j in range(max(y - 1, 0), min(y + 2, ny)):
            for i in range(max(x - 1, 0), min(x + 2, nx)):
                highest[k] &= image[j, i] <= image[y, x]
    return highest
