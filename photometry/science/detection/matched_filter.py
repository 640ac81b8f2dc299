"""Matched filtering with the PSF, against the noise and a model error."""

import numpy as np

from exposures.science.arrays import BoolArray, FloatArray, IntArray, Shape
from photometry.science.compiled import compiled, inlined
from photometry.science.forced.forced_system import CELL

UNROLLED = 4  # columns of a kernel that are summed at once
SMALLEST_PART = 1e-3  # of a kernel, root mean square, that is left out
FAINTEST = 1e-6  # of the most information of a pixel; less is taken for this much


def filtered(
    data: FloatArray, weight: FloatArray, stamp: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Sums of ``weight data p`` and ``weight p^2`` round each pixel, (ny, nx) float32 each.

    ``data`` (ny, nx) is in ADU, the inverse variance ``weight`` (ny, nx) in ADU^-2 and 0 beyond the
    edges; ``stamp`` (side, side) is the PSF p, ``side`` odd. The first over the second is the flux
    of a star alone at that pixel in ADU, and the second the inverse of its variance (e.g. Zackay &
    Ofek 2017, ApJ 836, 187); it is at least 1e-6 of its largest value. Both are good to 1e-3.
    """
    data, weight = (np.ascontiguousarray(image, np.float32) for image in (data, weight))
    signal = _correlate(weight, data, stamp)
    information = _correlate(weight, np.zeros((0, 0), np.float32), stamp**2)
    return signal, np.maximum(information, FAINTEST * information.max(), out=information)


def _correlate(image: FloatArray, factor: FloatArray, kernel: FloatArray) -> FloatArray:
    """(ny, nx) float32 sums of a kernel times the image, itself times a ``factor`` if there is one.

    The kernel is made of products of a column and a row, the largest of its singular value
    decomposition: of a PSF two or three will do.
    """
    columns, sizes, rows = np.linalg.svd(kernel.astype("f8"))
    rest = np.sqrt(np.cumsum(sizes[::-1] ** 2)[::-1])
    rank = max(int(np.sum(rest > SMALLEST_PART * rest[0])), 1)
    side = len(kernel)
    room = (0, -(-side // UNROLLED) * UNROLLED - side)
    down = np.pad((columns[:, :rank] * sizes[:rank]).T, ((0, 0), room))
    across = np.pad(rows[:rank], ((0, 0), room))
    result = np.empty(image.shape, np.float32)
    _sum_up(image, factor, down.astype("f4"), across.astype("f4"), side, result)
    return result


# In all of these, pixels are counted by unsigned numbers along a row: each index would else be
# looked at for whether it counts from the end, and the loops would not be vectorised.


@compiled
def _sum_up(
    image: FloatArray,
    factor: FloatArray,
    down: FloatArray,
    across: FloatArray,
    side: int,
    result: FloatArray,
) -> None:
    """Sums along rows, of which the last few are kept, and then along columns."""
    ny, nx = image.shape
    half, rank, wide = side // 2, len(down), down.shape[1]
    line = np.zeros(nx + wide, np.float32)
    sums = np.zeros((rank, wide, nx), np.float32)
    for last in range(ny + half):
        if last < ny:
            for i in range(nx):
                line[half + i] = image[last, i]
            for i in range(nx if len(factor) > 0 else 0):
                line[half + i] *= factor[last, i]
        for k in range(rank):
            row = sums[k, last % wide]
            row[:] = 0
            if last < ny:
                for first in range(0, wide, UNROLLED):
                    _add_four(line, first, across[k, first : first + UNROLLED], row)
        if last < half:
            continue
        row = result[last - half]
        row[:] = 0
        # The kernel's column begins with the earliest row; its padding meets one not yet there.
        start = last - side + 1 + wide
        for k in range(rank):
            for first in range(0, wide, UNROLLED):
                _add_rows(sums[k], start + first, down[k, first : first + UNROLLED], row)


@inlined
def _add_four(line: FloatArray, first: int, factors: FloatArray, row: FloatArray) -> None:
    """Add to ``row`` four factors times the line from ``first`` on, each a pixel further."""
    n = len(row)
    one, two = line[first : first + n], line[first + 1 : first + 1 + n]
    three, four = line[first + 2 : first + 2 + n], line[first + 3 : first + 3 + n]
    f0, f1, f2, f3 = factors[0], factors[1], factors[2], factors[3]
    for i in range(n):
        row[i] += (f0 * one[i] + f1 * two[i]) + (f2 * three[i] + f3 * four[i])


@inlined
def _add_rows(sums: FloatArray, first: int, factors: FloatArray, row: FloatArray) -> None:
    """Add to ``row`` four factors times rows of ``sums`` from ``first`` on, counted in rounds."""
    wide = len(sums)
    one, two = sums[first % wide], sums[(first + 1) % wide]
    three, four = sums[(first + 2) % wide], sums[(first + 3) % wide]
    f0, f1, f2, f3 = factors[0], factors[1], factors[2], factors[3]
    for i in range(len(row)):
        row[i] += (f0 * one[i] + f1 * two[i]) + (f2 * three[i] + f3 * four[i])


def summed_squares(
    x: FloatArray,
    y: FloatArray,
    values: FloatArray,
    table: FloatArray,
    shape: Shape,
    negligible: float = 0.0,
) -> FloatArray:
    """(ny, nx) float32 sums of ``values^2 table`` with the table's middle at each of n positions.

    ``x, y`` (n,) are pixels, ``values`` (n,) of any unit, ``table`` (side, side) has an odd side
    and no unit. Positions off the image and values of NaN add nothing. Nor do the outer parts of
    the table where a position would add less than ``negligible``, in the squared unit of the
    values: nearly all stars are faint, and matter in their own core alone.
    """
    ny, nx = shape
    column, row = np.round(x).astype(np.int64), np.round(y).astype(np.int64)
    is_inside = (column >= 0) & (column < nx) & (row >= 0) & (row < ny) & np.isfinite(values)
    inside = np.flatnonzero(is_inside)
    # Neighbours one after the other, so that what they add to is in the processor's cache.
    inside = inside[np.lexsort((column[inside], row[inside] // CELL))]
    sums = np.zeros(shape, np.float32)
    squares = values[inside].astype("f8") ** 2
    half = _reach(squares, table, negligible)
    squares = squares.astype("f4")
    _add_tables(row[inside], column[inside], squares, half, table.astype("f4"), sums)
    return sums


def _reach(scale: FloatArray, table: FloatArray, negligible: float) -> IntArray:
    """(n,) pixels from the table's middle beyond which ``scale`` (n,) times it is negligible.

    Along rows or columns, whichever is farther; -1 where it is everywhere.
    """
    middle = len(table) // 2
    side = np.abs(np.arange(-middle, middle + 1))
    ring = np.maximum(side, side[:, None]).ravel()
    largest = np.zeros(middle + 1)
    np.maximum.at(largest, ring, np.abs(table).ravel())
    # The largest of each ring and of those round it, the innermost last.
    outside = np.maximum.accumulate(largest[::-1])
    least = np.divide(negligible, scale, out=np.full(len(scale), np.inf), where=scale > 0)
    return middle - np.searchsorted(outside, least, side="left")


@compiled
def _add_tables(
    rows: IntArray,
    columns: IntArray,
    scale: FloatArray,
    reach: IntArray,
    table: FloatArray,
    sums: FloatArray,
) -> None:
    half = len(table) // 2
    ny, nx = sums.shape
    for k in range(len(scale)):
        top, left, factor = rows[k] - half, columns[k] - half, scale[k]
        start, stop = half - reach[k], half + reach[k] + 1
        first, last = max(start, -left), min(stop, nx - left)
        here, there = np.uint64(first), np.uint64(left + first)
        for j in range(max(start, -top), min(stop, ny - top)):
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
