"""Statistics of many light curves at once."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from exposures.science.arrays import FloatArray, IntArray


@dataclass(frozen=True)
class LightCurveStatistics:
    """Statistics of light curves, arrays (n,), in mag or dimensionless; NaN for too few epochs."""

    n: np.ndarray  # measurements
    mean_mag: np.ndarray  # weighted by the inverse variance
    rms_mag: np.ndarray
    amplitude_mag: np.ndarray  # from the 5th to the 95th percentile
    chi2_nu: np.ndarray  # against the weighted mean
    von_neumann: np.ndarray  # mean square of successive differences over the variance
    skewness: np.ndarray


def light_curve_statistics(
    n_curves: int, curve: IntArray, mag: FloatArray, mag_err: FloatArray
) -> LightCurveStatistics:
    """LightCurveStatistics of ``n_curves`` light curves.

    ``curve`` (m,) int says which light curve a measurement belongs to, from 0; ``mag`` and
    ``mag_err`` (m,) are mag and finite. Measurements are in order of time within a curve, and
    curves in order. The ratio of von Neumann (1941, Ann. Math. Stat. 12, 367) is 2 for noise, and
    small where the magnitude changes smoothly; two measurements make a chi2, three the other
    shapes.
    """
    mag, weight = mag.astype("f8"), mag_err.astype("f8") ** -2

    def total(values: FloatArray) -> FloatArray:
        return np.bincount(curve, values, n_curves).astype("f8")

    n = np.bincount(curve, minlength=n_curves)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total(weight * mag) / total(weight)
        off = mag - (total(mag) / n)[curve]
        variance = total(off**2) / (n - 1)
        chi2_nu = total(weight * (mag - mean[curve]) ** 2) / (n - 1)
        # A curve that never changes at all has no shape.
        shaped = np.where((n >= 3) & (variance > 0), variance, np.nan)
        von_neumann = _successive_squares(curve, mag, n_curves) / (n - 1) / shaped
        skewness = total(off**3) / n / (shaped * (n - 1) / n) ** 1.5
    many = n >= 2
    return LightCurveStatistics(
        n=n,
        mean_mag=mean,
        rms_mag=np.where(many, np.sqrt(np.where(many, variance, 0)), np.nan),
        amplitude_mag=np.where(many, np.subtract(*_percentiles(curve, mag, n, (95, 5))), np.nan),
        chi2_nu=np.where(many, chi2_nu, np.nan),
        von_neumann=von_neumann,
        skewness=skewness,
    )


def _successive_squares(curve: IntArray, mag: FloatArray, n_curves: int) -> FloatArray:
    """(n_curves,) sums of the squares of successive differences."""
    same = curve[1:] == curve[:-1]
    return np.bincount(curve[1:][same], np.diff(mag)[same] ** 2, n_curves).astype("f8")


def _percentiles(
    curve: IntArray, mag: FloatArray, n: IntArray, percents: Iterable[float]
) -> Iterator[FloatArray]:
    """A percentile of each curve, linear between measurements, for each of ``percents``."""
    order = np.lexsort((mag, curve))
    ordered = np.append(mag[order], np.nan)
    first = np.cumsum(n) - n
    for percent in percents:
        place = np.maximum(n - 1, 0) * percent / 100
        below = np.floor(place).astype(int)
        low, high = (ordered[np.minimum(first + k, len(mag))] for k in (below, below + 1))
        part = place - below
        yield np.where(part > 0, low + part * (high - low), low)
