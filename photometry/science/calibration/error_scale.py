"""The factor on an image's uncertainties that their scatter about the reference asks for."""

from typing import NamedTuple

import numpy as np
from astropy.stats import mad_std

from exposures.science.arrays import Float, FloatArray
from photometry.science.calibration.calibration import CalibrationOptions


class _Stars(NamedTuple):
    """Stars of which all is known; (n,) mag."""

    difference: FloatArray
    search_err: FloatArray
    reference_err: FloatArray

    def spread(self, scale: float = 1.0) -> Float:
        """The robust sigma of differences over their errors, with ``scale`` on the image's."""
        return mad_std(self.difference / np.hypot(scale * self.search_err, self.reference_err))


def _known(*columns: FloatArray) -> _Stars:
    """The stars of columns (n,) that are finite in each of them."""
    good = np.logical_and.reduce([np.isfinite(column) for column in columns])
    return _Stars(*(column[good] for column in columns))


def chi2_of(
    difference: FloatArray,
    search_err: FloatArray,
    reference_err: FloatArray,
    options: CalibrationOptions = CalibrationOptions(),
) -> float:
    """chi2/nu of differences as ``error_scale`` has it before its factor; (n,) mag.

    NaN with fewer than ``min_stars_scale``.
    """
    stars = _known(difference, search_err, reference_err)
    if len(stars.difference) < options.min_stars_scale:
        return np.nan
    return float(stars.spread() ** 2)


def error_scale(
    difference: FloatArray,
    search_err: FloatArray,
    reference_err: FloatArray,
    options: CalibrationOptions = CalibrationOptions(),
) -> tuple[float, float]:
    """The factor on ``search_err`` that makes chi2/nu of differences 1, and chi2/nu before.

    ``difference`` and both errors are (n,) mag; stars with NaN in any are left out. chi2/nu is
    robust: the squared MAD-based sigma of ``difference / error``, so that variables and blunders
    neither count nor hide themselves. The factor is never below 1: uncertainties are expanded, not
    shrunk. Returns (1, NaN) with fewer than ``min_stars_scale``.
    """
    chi2_nu = chi2_of(difference, search_err, reference_err, options)
    if not chi2_nu > 1:
        return 1.0, chi2_nu
    stars = _known(difference, search_err, reference_err)
    low, high = 1.0, 2.0
    while stars.spread(high) > 1 and high < 1e4:
        low, high = high, 2 * high
    for _ in range(30):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if stars.spread(middle) > 1 else (low, middle)
    return float(high), chi2_nu
