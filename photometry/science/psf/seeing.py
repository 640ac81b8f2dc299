"""A first estimate of the seeing."""

import numpy as np
from scipy.ndimage import maximum_filter, minimum_filter

from exposures.science.arrays import Float, FloatArray
from photometry.science.psf.psf import PsfOptions


def estimate_fwhm(
    data: FloatArray, weight: FloatArray, noise: Float, options: PsfOptions = PsfOptions()
) -> float:
    """Median width of the brightest isolated peaks of a sky-subtracted image, in pixels; or NaN.

    ``data`` (ny, nx) is in any unit, ``weight`` (ny, nx) its inverse variance and ``noise`` the
    sigma of a pixel, a number. The width is that of a disc of as many pixels as are above half the
    peak. Peaks with a masked pixel within 3, as saturated ones have, and those with a brighter
    pixel within 8 are left out; NaN with fewer than ``min_seeing``.
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
    brightest = np.argsort(data[y, x])[::-1][: options.n_seeing]
    if len(brightest) < options.min_seeing:
        return np.nan
    n_above = [
        np.sum(data[j - half : j + half + 1, i - half : i + half + 1] > data[j, i] / 2)
        for j, i in zip(y[brightest], x[brightest], strict=True)
    ]
    return float(2 * np.sqrt(np.median(n_above) / np.pi))
