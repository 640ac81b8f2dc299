"""Light curves of stars that share their epochs, as matrices, about their means and scaled."""

from dataclasses import dataclass

import numpy as np

from exposures.science.arrays import BoolArray, Float, FloatArray

ITERATIONS = 8  # of the excess scatter: it is found to 1e-3 after five
# Epochs as heavy as what all filters say together of a filter's amplitude.
SHARED_EPOCHS = 5
NO_SCATTER = 1e-6  # mag
MAG_RESOLUTION = 2e-6  # magnitudes of single precision are no closer to each other
# Of a filter's measurements, those that can be outliers, and by how many times they are further
# from the median than all others. What happens more often may be eclipses.
OUTLYING_SHARE, OUTLYING = 0.02, 2.0


@dataclass(frozen=True)
class CurveMatrix:
    """Light curves of stars that share their epochs, several filters one after the other."""

    days: np.ndarray  # (n_epochs,) any zero point
    band: np.ndarray  # (n_epochs,) the number of the filter, from 0
    mag: np.ndarray  # (n_stars, n_epochs) NaN where not measured
    mag_err: np.ndarray  # (n_stars, n_epochs) mag, NaN where not measured

    @property
    def n_bands(self) -> int:
        """The number of filters."""
        return int(self.band.max()) + 1 if len(self.band) else 0

    @property
    def span(self) -> Float:
        """Days from the first epoch to the last, a number."""
        return np.ptp(self.days) if len(self.days) else 0.0

    @property
    def by_time(self) -> "CurveMatrix":
        """The same in order of time."""
        order = np.argsort(self.days, kind="stable")
        columns = self.mag[:, order], self.mag_err[:, order]
        return CurveMatrix(self.days[order], self.band[order], *columns)

    @property
    def is_measured(self) -> BoolArray:
        """(n_stars, n_epochs) where there is a magnitude with an error; no units."""
        with np.errstate(invalid="ignore"):
            return np.isfinite(self.mag) & np.isfinite(self.mag_err) & (self.mag_err > 0)


@dataclass(frozen=True)
class ScaledCurves:
    """Light curves about their means, in units of each star's scatter beyond its errors.

    A star that scatters by no more than its errors has its mean error for a unit.
    """

    days: np.ndarray  # (n_epochs,) from the middle of the span
    band: np.ndarray  # (n_epochs,)
    value: np.ndarray  # (n_stars, n_epochs) 0 where not measured
    variance: np.ndarray  # (n_stars, n_epochs) of the errors; infinite where not measured
    amplitude: np.ndarray  # (n_stars, n_bands) of each filter, about 1
    unit_mag: np.ndarray  # (n_stars,) mag
    excess: np.ndarray  # (n_stars,) variance beyond the errors: 1, or 0 where there is none

    @property
    def n_bands(self) -> int:
        """The number of filters."""
        return self.amplitude.shape[1]

    @property
    def weight(self) -> FloatArray:
        """(n_stars, n_epochs) inverse variance with what each star scatters, of units squared."""
        scatter = (self.amplitude**2)[:, self.band] * self.excess[:, None]
        return 1 / (self.variance + scatter)


def scaled(curves: CurveMatrix) -> ScaledCurves:
    """The ScaledCurves of a CurveMatrix, of magnitudes in mag at times in days.

    A filter's amplitude is its scatter beyond the errors, by the method of moments (Paule & Mandel
    1982, J. Res. NBS 87, 377), drawn to that of all filters where epochs are few: a pulsating star
    has more of it in the blue, and no period need be known for that.
    """
    measured = curves.is_measured
    variance = np.where(measured, np.asarray(curves.mag_err, float), np.inf) ** 2
    mag = np.where(measured, np.asarray(curves.mag, float), 0.0)
    n_stars, n_bands = len(mag), curves.n_bands
    value = np.zeros_like(mag)
    scatter2, number = np.zeros((n_stars, n_bands)), np.zeros((n_stars, n_bands))
    for band in range(n_bands):
        of = curves.band == band
        number[:, band] = measured[:, of].sum(axis=1)
        variance[:, of] += _outlying(np.where(measured[:, of], mag[:, of], np.nan)) ** 2
        scatter2[:, band], mean = excess_scatter(mag[:, of], variance[:, of])
        value[:, of] = np.where(measured[:, of], mag[:, of] - mean[:, None], 0)
    value[np.abs(value).max(axis=1, initial=0) < MAG_RESOLUTION] = 0
    total = np.maximum(number.sum(axis=1), 1)
    shared = np.sum(number * scatter2, axis=1) / total
    varies = shared > NO_SCATTER**2
    error2 = np.sum(np.where(measured, variance, 0), axis=1) / total
    unit = np.sqrt(np.where(varies, shared, np.maximum(error2, NO_SCATTER**2)))
    drawn = (number * scatter2 + SHARED_EPOCHS * shared[:, None]) / (number + SHARED_EPOCHS)
    amplitude = np.where(varies[:, None], np.sqrt(drawn) / unit[:, None], 1.0)
    middle = (curves.days.min() + curves.days.max()) / 2
    return ScaledCurves(
        days=np.asarray(curves.days - middle, float),
        band=curves.band,
        value=value / unit[:, None],
        variance=variance / unit[:, None] ** 2,
        amplitude=amplitude,
        unit_mag=unit,
        excess=varies.astype(float),
    )


def _outlying(mag: FloatArray) -> FloatArray:
    """How far the outliers of each row are from its median; 0 of all others."""
    n = mag.shape[1]
    if n == 0:
        return mag
    known = np.isfinite(mag)
    middle = np.nanmedian(np.where(known.any(axis=1, keepdims=True), mag, 0), axis=1)
    away = np.where(known, np.abs(mag - middle[:, None]), 0)
    n_outliers = np.maximum(OUTLYING_SHARE * known.sum(axis=1), 1).astype(int)
    nth = np.minimum(n_outliers, n - 1)
    next_one = np.take_along_axis(np.sort(away, axis=1)[:, ::-1], nth[:, None], axis=1)
    return np.where(away > OUTLYING * next_one, away, 0)


def excess_scatter(mag: FloatArray, variance: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(n,) variances beyond the errors in mag squared, and (n,) weighted means in mag.

    ``mag`` and ``variance`` (n, n_epochs) in mag and mag squared; infinite where not measured. The
    excess makes chi2/nu 1, and is 0 where chi2/nu is no more than that.
    """
    n_free = np.maximum(np.isfinite(variance).sum(axis=1) - 1, 1)
    excess = np.zeros(len(mag))
    for _ in range(ITERATIONS):
        weight = 1 / (variance + excess[:, None])
        mean = _weighted_mean(mag, weight)
        chi2 = weight * (mag - mean[:, None]) ** 2
        slope = np.maximum(np.sum(weight * chi2, axis=1), np.finfo(float).tiny)
        total = chi2.sum(axis=1)
        # Newton's step for the inverse of chi2, which is nearly straight.
        excess = np.maximum(excess + (total / n_free - 1) * total / slope, 0)
    return excess, _weighted_mean(mag, 1 / (variance + excess[:, None]))


def _weighted_mean(mag: FloatArray, weight: FloatArray) -> FloatArray:
    total = np.maximum(weight.sum(axis=1), np.finfo(float).tiny)
    return np.sum(weight * mag, axis=1) / total
