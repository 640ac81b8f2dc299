"""The bright peaks of an image: stars at first sight, without a PSF."""

import numpy as np

from exposures.science.arrays import Float, FloatArray, IntArray
from exposures.science.registration import StarList
from photometry.science.compiled import compiled, inlined

LARGEST_REACH = 12  # pixels round a peak that are looked at for a brighter one
MARGIN = 2  # pixels at the edges where no peak is looked for


def bright_peaks(
    data: FloatArray, weight: FloatArray, least: float, fwhm_pixels: float
) -> StarList:
    """The pixels above ``least`` that are the brightest of all within half a FWHM, as a StarList.

    ``data`` (ny, nx) in any unit without its sky, ``weight`` (ny, nx) its inverse variance,
    ``least`` in the unit of the data, ``fwhm_pixels`` the seeing. Positions (n,) in pixels are
    those of a Gaussian through each peak and its neighbours in rows and columns, magnitudes (n,)
    those of the highest pixel with a zero point of 0. Clean are those without an unusable pixel
    among the 3 x 3. Pixels of weight 0 are no peaks, nor are those within MARGIN of an edge.
    """
    reach = int(np.clip(np.round(fwhm_pixels / 2), 1, LARGEST_REACH))
    image = np.ascontiguousarray(data, np.float32)
    found = _peaks(image, np.ascontiguousarray(weight, np.float32), np.float32(least), reach)
    x, y, height, is_clean = found.T
    return StarList(x, y, -2.5 * np.log10(height), is_clean > 0)


@compiled
def _peaks(data: FloatArray, weight: FloatArray, least: Float, reach: int) -> FloatArray:
    """(n, 4) columns: x, y, height, whether clean."""
    ny, nx = data.shape
    found = np.empty((1024, 4))
    rise, columns = np.empty(max(nx - 2 * MARGIN, 0), np.float32), np.empty(nx, np.int64)
    n = 0
    for j in range(MARGIN, ny - MARGIN):
        n_possible = _possible(data[j, MARGIN - 1 : nx - MARGIN + 1], least, rise, columns)
        for k in range(n_possible):
            i = columns[k] + MARGIN
            if (
                data[j, i] > data[j, i + 1]
                and weight[j, i] > 0
                and _is_highest(data, weight, j, i, reach)
            ):
                if n == len(found):
                    larger = np.empty((2 * n, 4))
                    larger[:n] = found
                    found = larger
                dx, dy = _offset(data, j, i)
                found[n, 0], found[n, 1] = i + dx, j + dy
                found[n, 2], found[n, 3] = data[j, i], _is_whole(weight, j, i)
                n += 1
    return found[:n]


@inlined
def _possible(row: FloatArray, least: Float, rise: FloatArray, columns: IntArray) -> int:
    """Fill ``columns`` with the pixels above ``least`` that neither beside them exceeds.

    Returns how many they are, counted from the second of the ``row``; ``rise`` is to work in.
    Without branches, which can't be foretold: most bright pixels have a brighter one beside them,
    on one side or the other.
    """
    below, one = np.float32(-1), np.float32(least)
    own, before, after = row[1:-1], row[:-2], row[2:]
    for i in range(len(rise)):
        height = own[i] - max(before[i], after[i])
        rise[i] = height if own[i] > one else below
    n = 0
    for i in range(len(rise)):
        columns[n] = i
        n += rise[i] >= 0
    return n


@inlined
def _is_highest(data: FloatArray, weight: FloatArray, j: int, i: int, reach: int) -> bool:
    """Whether no usable pixel around is brighter; of two that are equal, the later one is."""
    ny, nx = data.shape
    for y in range(max(j - reach, 0), min(j + reach + 1, ny)):
        for x in range(max(i - reach, 0), min(i + reach + 1, nx)):
            if weight[y, x] > 0:
                if data[y, x] > data[j, i]:
                    return False
                if data[y, x] == data[j, i] and (y > j or (y == j and x > i)):
                    return False
    return True


@inlined
def _is_whole(weight: FloatArray, j: int, i: int) -> float:
    for y in range(j - 1, j + 2):
        for x in range(i - 1, i + 2):
            if not weight[y, x] > 0:
                return 0.0
    return 1.0


@inlined
def _offset(data: FloatArray, j: int, i: int) -> tuple[float, float]:
    """Offsets in pixels of the middle of a Gaussian through the sums of 3 x 3 pixels."""
    columns = np.zeros(3)
    rows = np.zeros(3)
    for y in range(3):
        for x in range(3):
            value = data[j + y - 1, i + x - 1]
            columns[x] += value
            rows[y] += value
    return _vertex(columns), _vertex(rows)


@inlined
def _vertex(sums: FloatArray) -> float:
    """Where a Gaussian through three values has its middle, from that of the second; pixels."""
    if not (sums[0] > 0 and sums[1] > 0 and sums[2] > 0):
        return 0.0
    low, middle, high = np.log(sums[0]), np.log(sums[1]), np.log(sums[2])
    curvature = low - 2 * middle + high
    if not curvature < 0:
        return 0.0
    return min(max((low - high) / (2 * curvature), -0.5), 0.5)
