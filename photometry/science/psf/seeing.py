"""A first estimate of the seeing."""

import numpy as np
from scipy.ndimage import maximum_filter, minimum_filter

from exposures.science.arrays import Float, FloatArray
from photometry.science.psf.psf import PsfOptions

# Of a star that is not saturated so many pixels at most are above this share of its peak.
PLATEAU, PLATEAU_PIXELS = 0.97, 12
CANDIDATES = 5  # peaks that are looked at for each of which the width is measured
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
    half = 8
    peak = maximum_filter(np.where(weight > 0, data, 0), size=2 * half + 1)
    is_peak = (
        (data == peak)
        & (data > options.seeing_sigma * noise)
        & (minimum_filter(weight, size=7) > 0)
    )
    is_peak[:half], is_peak[-half:], is_peak[:, :half], is_peak[:, -half:] = (False,) * 4
    y, x = np.nonzero(is_peak)
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
