"""Medians of an image in boxes, in compiled code."""

import numpy as np

from exposures.science.arrays import Float, FloatArray, IntArray
from photometry.science.compiled import compiled, inlined

SAMPLE, N_BINS = 100, 100  # pixels of a box that say where its median is sought, and how finely
LOW, HIGH = 0.25, 0.75  # parts of the sample between which it is
FINE = 30  # a bin with more than this part of a box's pixels is too wide


def box_medians(
    image: FloatArray,
    weight: FloatArray,
    edges: tuple[IntArray, IntArray],
    min_pixels: int,
    step: int = 1,
) -> FloatArray:
    """(n_y, n_x) medians of boxes of an image (ny, nx), of any unit, NaN for too few pixels.

    ``edges`` (n_y + 1,) and (n_x + 1,) are those of the boxes in rows and columns, pixels. Pixels
    of a ``weight`` (ny, nx), inverse variance, that is not positive don't count; a box has to have
    ``min_pixels`` others. Every ``step``-th row and column is looked at. A median is good to 1/100
    of the range of about the middle half of a box's pixels, and better where these are even.
    """
    return _medians(image, weight, *edges, max(min_pixels, 1), step)


@compiled
def _medians(
    image: FloatArray,
    weight: FloatArray,
    rows: IntArray,
    columns: IntArray,
    min_pixels: int,
    step: int,
) -> FloatArray:
    medians = np.full((len(rows) - 1, len(columns) - 1), np.nan)
    largest = np.max(rows[1:] - rows[:-1]) * np.max(columns[1:] - columns[:-1])
    values, counts = np.empty(largest, np.float32), np.empty(N_BINS + 2, np.int64)
    low = high = np.float32(0)
    for j in range(len(rows) - 1):
        for i in range(len(columns) - 1):
            n = 0
            for y in range(rows[j], rows[j + 1], step):
                for x in range(columns[i], columns[i + 1], step):
                    values[n] = image[y, x]
                    n += weight[y, x] > 0
            if n < min_pixels:
                continue
            # Most boxes are like the one before.
            middle, below = _middle_bin(values[:n], low, high, counts)
            if not (0 < middle <= N_BINS and FINE * counts[middle] < n):
                sample = np.sort(values[: n : n // SAMPLE + 1])
                low, high = sample[int(LOW * len(sample))], sample[int(HIGH * len(sample))]
                middle, below = _middle_bin(values[:n], low, high, counts)
            if 0 < middle <= N_BINS:
                share = (n / 2 - below) / counts[middle]
                medians[j, i] = low + (middle - 1 + share) * (high - low) / N_BINS
            else:
                medians[j, i] = np.median(values[:n])
    return medians


@inlined
def _middle_bin(values: FloatArray, low: Float, high: Float, counts: IntArray) -> tuple[int, int]:
    """The bin of the median, and how many values are in those below; fills ``counts``.

    N_BINS bins are between ``low`` and ``high``, one is below and one above: 0 and N_BINS + 1.
    Counts in bins have no branches to be mispredicted, which is what sorting takes its time for.
    """
    if not high > low:
        return 0, 0
    counts[:] = 0
    zero, one, last = np.float32(0), np.float32(1), np.float32(N_BINS + 1)
    scale = np.float32(N_BINS) / (high - low)
    for value in values:
        place = (value - low) * scale + one
        place = place if place > zero else zero  # and where it is NaN
        counts[np.uint64(np.int32(place if place < last else last))] += 1
    below, middle = 0, 0
    while 2 * (below + counts[middle]) < len(values):
        below += counts[middle]
        middle += 1
    return middle, below
