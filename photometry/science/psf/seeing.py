"""A first estimate of the seeing."""

import numpy as np

from exposures.science.arrays import BoolArray, Float, FloatArray
from photometry.science.compiled import compiled, inlined
from photometry.science.psf.psf import PsfOptions

# Of a star that is not saturated so many pixels at most are above this share of its peak.
PLATEAU, PLATEAU_PIXELS = 0.97, 12
CANDIDATES = 5  # peaks that are looked at for each of which the width is measured
HALF, CLEAR = 8, 3  # pixels round a peak without a brighter one, and without a masked one
AROUND = 20  # percentile of the pixels round a peak that is taken for what it stands on


def estimate_fwhm(
    data: FloatArray, weight: FloatArray, noise: Float, options: PsfOptions = PsfOptions()
) -> float:
    """Median width of the brightest isolated peaks of a sky-subtracted image, in pixels; or NaN.

    ``data`` (ny, nx) is in any unit, ``weight`` (ny, nx) its inverse variance and ``noise`` the
    sigma of a pixel, a number. The width is that of a disc of as many pixels as are above half the
    peak, above what lies round it: the wings of a very bright star, say. Left out are peaks with a
    masked pixel within 3, as saturated ones have, those with a brighter pixel within 8, and flat
    ones, of stars that saturate below what the header says; NaN with fewer than ``min_seeing``.
    """
    half = HALF
    y, x = np.nonzero(_isolated_peaks(data, weight, float(options.seeing_sigma * noise)))
    brightest = np.argsort(data[y, x])[::-1][: CANDIDATES * options.n_seeing]
    step = np.arange(-half, half + 1)
    boxes = data[y[brightest, None, None] + step[:, None], x[brightest, None, None] + step]
    peaks = boxes[:, half, half]
    is_flat = np.sum(boxes > PLATEAU * peaks[:, None, None], axis=(1, 2)) > PLATEAU_PIXELS
    boxes, peaks = boxes[~is_flat][: options.n_seeing], peaks[~is_flat][: options.n_seeing]
    if len(boxes) < options.min_seeing:
        return np.nan
    level = (peaks + np.percentile(boxes, AROUND, axis=(1, 2))) / 2
    n_above = np.sum(boxes > level[:, None, None], axis=(1, 2))
    return float(2 * np.sqrt(np.median(n_above) / np.pi))


@compiled
def _isolated_peaks(data: FloatArray, weight: FloatArray, least: float) -> BoolArray:
    """(ny, nx) pixels above ``least``: none within HALF is brighter, none within CLEAR masked.

    Those near an edge are left out.
    """
    ny, nx = data.shape
    found = np.zeros((ny, nx), np.bool_)
    for j in range(HALF, ny - HALF):
        for i in range(HALF, nx - HALF):
            # Most pixels that are bright have a brighter one beside them.
            if data[j, i] > least and not _is_below(data, weight, j, i, 1):
                found[j, i] = _is_clear(weight, j, i) and not _is_below(data, weight, j, i, HALF)
    return found


@inlined
def _is_below(data: FloatArray, weight: FloatArray, j: int, i: int, reach: int) -> bool:
    for y in range(j - reach, j + reach + 1):
        for x in range(i - reach, i + reach + 1):
            if weight[y, x] > 0 and data[y, x] > data[j, i]:
                return True
    return False


@inlined
def _is_clear(weight: FloatArray, j: int, i: int) -> bool:
    for y in range(j - CLEAR, j + CLEAR + 1):
        for x in range(i - CLEAR, i + CLEAR + 1):
            if not weight[y, x] > 0:
                return False
    return True
