"""Statistics of every light curve of a catalogue, in compiled passes over its matrices."""

from dataclasses import dataclass, fields

import numpy as np

from exposures.science.arrays import Float, FloatArray
from photometry.science.compiled import compiled, inlined
from photometry.science.scatter import MAD_TO_SIGMA
from variables.science.variability.curves import blocks

N_NEWTON, N_BIWEIGHT = 30, 5  # steps at most
FEWEST = 3  # measurements that have a slope with an error
BIWEIGHT = 6.0  # median deviations, beyond which a measurement does not count
DAYS_A_YEAR = 365.25


@dataclass(frozen=True)
class CurveStatistics:
    """Statistics of light curves, arrays (n_stars,); NaN where they are not defined.

    All are NaN below the least number of epochs but ``n_epochs``. Magnitudes of a star that fades
    are linear in flux (CatalogueCurves.in_flux).
    """

    n_epochs: np.ndarray  # good measurements
    mean_mag: np.ndarray  # weighted by the inverse variance
    robust_mag: np.ndarray  # biweight (Beers, Flynn & Gebhardt 1990, AJ 100, 32, eq. 5)
    sigma_mad: np.ndarray  # mag, 1.4826 times the median of absolute deviations from the median
    iqr_mag: np.ndarray  # between the quartiles
    range_mag: np.ndarray  # from the 5th to the 95th percentile
    chi2_nu: np.ndarray  # against the weighted mean, a ratio
    excess_mag: np.ndarray  # intrinsic scatter of the greatest likelihood; 0 where errors do
    excess_err: np.ndarray  # mag, by which the scatter may be larger at one sigma
    deviation_mag: np.ndarray  # the largest, in sigma, from the robust mean; brighter below 0
    deviation_sigma: np.ndarray  # its size in units of its error
    skewness: np.ndarray  # third moment about the mean over the variance's power of 3/2, a ratio
    stetson_j: np.ndarray  # in sigma, 0 for noise (Stetson 1996, PASP 108, 851, eq. 1)
    stetson_k: np.ndarray  # a ratio, 0.798 for Gaussian noise (the same, eq. 2)
    von_neumann: np.ndarray  # a ratio, 2 for noise (von Neumann 1941, Ann. Math. Stat. 12, 367)
    slope_mag: np.ndarray  # mag a year; linear in time, weighted
    slope_err: np.ndarray  # mag a year; by the scatter about the line where that is larger


NAMES = tuple(field.name for field in fields(CurveStatistics))
(
    N_EPOCHS,
    MEAN,
    ROBUST,
    SIGMA_MAD,
    IQR,
    RANGE,
    CHI2_NU,
    EXCESS,
    EXCESS_ERR,
    DEVIATION,
    DEVIATION_SIGMA,
    SKEWNESS,
    STETSON_J,
    STETSON_K,
    VON_NEUMANN,
    SLOPE,
    SLOPE_ERR,
) = range(len(NAMES))


def matrix_statistics(
    mjd: FloatArray, mag: FloatArray, mag_err: FloatArray, min_epochs: int = 5
) -> CurveStatistics:
    """CurveStatistics (n_stars,) of magnitudes and their errors (n_stars, n_images) mag.

    ``mjd`` (n_images,) are ascending, in days. What is NaN, or has no positive error, does not
    count; a star with fewer than ``min_epochs`` (at least FEWEST) measurements gets NaN.

    The excess scatter s maximises the likelihood of Gaussian deviations with the variance
    ``e^2 + s^2``, whose derivative is found zero by Newton's steps in s^2; its error is that of
    s^2 by Fisher's information ``sum((e^2 + s^2)^-2) / 2``, carried over as
    ``sqrt(s^2 + error) - s``, which is defined at 0, too. Of Stetson's J the pairs are of
    successive measurements, with the weight ``exp(-dt / median(dt))`` (Zhang et al. 2003, ChJAA 3,
    151), which is the same for all stars.
    """
    days = np.asarray(mjd, "f8")
    gaps = np.diff(days)
    usual_gap = max(np.median(gaps), 1e-9) if len(gaps) else 1.0
    result = np.full((len(mag), len(NAMES)), np.nan, "f4")
    years = (days - (days.mean() if len(days) else 0)) / DAYS_A_YEAR
    for part in blocks(*np.shape(mag)):
        value, error = (np.ascontiguousarray(one[part], dtype="f4") for one in (mag, mag_err))
        # numpy sorts all rows by vector instructions, 30 times as fast as compiled loops do.
        ordered = np.sort(_counting(value, error), axis=1)
        _measure(years, usual_gap / DAYS_A_YEAR, value, error, ordered, result[part])
    result[result[:, N_EPOCHS] < min_epochs, N_EPOCHS + 1 :] = np.nan
    columns = dict(zip(NAMES, np.ascontiguousarray(result.T), strict=True))
    columns["n_epochs"] = columns["n_epochs"].astype("i2")
    return CurveStatistics(**columns)


@inlined
def _counts(value: Float, error: Float) -> bool:
    return bool(error > 0) and bool(np.isfinite(value)) and bool(np.isfinite(error))


@compiled
def _counting(mag: FloatArray, mag_err: FloatArray) -> FloatArray:
    """The magnitudes (n_stars, n_images) that count, in mag; NaN where one doesn't."""
    result = np.empty(mag.shape, np.float32)
    for star in range(mag.shape[0]):
        for image in range(mag.shape[1]):
            x, error = mag[star, image], mag_err[star, image]
            result[star, image] = x if _counts(x, error) else np.nan
    return result


@inlined
def _between(low: Float, high: Float, part: Float) -> Float:
    return np.float64(low) + part * (np.float64(high) - np.float64(low))


@inlined
def _percentile(ordered: FloatArray, share: float) -> Float:
    """Linear between measurements."""
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return _between(ordered[low], ordered[high], place - low)


@inlined
def _nearest(ordered: FloatArray, centre: Float, k: int) -> Float:
    """The deviation from a centre that ``k`` others are not above.

    The nearest measurements are next to each other in order, so that it is the least of the larger
    deviations at both ends of so many.
    """
    least = np.inf
    for i in range(len(ordered) - k):
        below, above = centre - np.float64(ordered[i]), np.float64(ordered[i + k]) - centre
        least = min(least, max(below, above))
    return least


@inlined
def _median_deviation(ordered: FloatArray, centre: Float) -> Float:
    place = 0.5 * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    nearest = _nearest(ordered, centre, low)
    if place == low:
        return nearest
    return _between(nearest, _nearest(ordered, centre, high), place - low)


@inlined
def _order_statistics(ordered: FloatArray, own: FloatArray) -> None:
    median = _percentile(ordered, 0.5)
    mad = _median_deviation(ordered, median)
    own[SIGMA_MAD] = MAD_TO_SIGMA * mad
    own[IQR] = _percentile(ordered, 0.75) - _percentile(ordered, 0.25)
    own[RANGE] = _percentile(ordered, 0.95) - _percentile(ordered, 0.05)
    centre = median
    for _ in range(N_BIWEIGHT if mad > 0 else 0):
        total = weights = 0.0
        for x in ordered:
            u = (x - centre) / (BIWEIGHT * mad)
            w = (1 - u * u) ** 2 if abs(u) < 1 else 0.0
            total += w * (x - centre)
            weights += w
        step = total / weights if weights > 0 else 0.0
        centre += step
        if abs(step) < 1e-5 * mad:
            break
    own[ROBUST] = centre


@inlined
def _moments(value: FloatArray, weight: FloatArray, own: FloatArray) -> None:
    n = len(value)
    mean = 0.0
    for x in value:
        mean += x
    mean /= n
    total = weights = second = third = 0.0
    robust, largest, deviation = np.float64(own[ROBUST]), -1.0, 0.0
    for i in range(n):
        off = value[i] - mean
        second += off * off
        third += off * off * off
        total += weight[i] * off
        weights += weight[i]
        away = value[i] - robust
        square = away * away * weight[i]
        if square > largest:
            largest, deviation = square, away
    own[MEAN] = mean + total / weights
    own[DEVIATION], own[DEVIATION_SIGMA] = deviation, np.sqrt(largest)
    if second > 0:
        own[SKEWNESS] = third / n / (second / n) ** 1.5
    centre = total / weights
    chi2 = absolute = 0.0
    for i in range(n):
        square = weight[i] * (value[i] - mean - centre) ** 2
        chi2 += square
        absolute += np.sqrt(square)
    own[CHI2_NU] = chi2 / (n - 1)
    if chi2 > 0:
        own[STETSON_K] = absolute / n / np.sqrt(chi2 / n)


@inlined
def _excess(value: FloatArray, weight: FloatArray, own: FloatArray) -> None:
    """Newton's steps in the intrinsic variance, with the mean of the same weights at each."""
    mean = np.float64(own[MEAN])
    variance = 0.0
    for step in range(N_NEWTON):
        total = weights = 0.0
        for i in range(len(value)):
            w = weight[i] / (1 + variance * weight[i])
            total += w * (value[i] - mean)
            weights += w
        mean += total / weights
        gradient = information = 0.0
        for i in range(len(value)):
            w = weight[i] / (1 + variance * weight[i])
            gradient += w * w * (value[i] - mean) ** 2 - w
            information += w * w
        if step == 0 and gradient <= 0:
            break
        # By the expected curvature, as Fisher's scoring, which never runs away uphill.
        change = gradient / information
        variance = max(variance + change, 0.0)
        if abs(change) < 1e-4 * variance:
            break
    error = np.sqrt(2 / information)
    own[EXCESS] = np.sqrt(variance)
    own[EXCESS_ERR] = np.sqrt(variance + error) - np.sqrt(variance)


@inlined
def _in_time(
    value: FloatArray, weight: FloatArray, time: FloatArray, gap: float, own: FloatArray
) -> None:
    n, mean = len(value), np.float64(own[MEAN])
    weights = middle = squares = second = plain = 0.0
    for i in range(n):
        weights += weight[i]
        middle += weight[i] * time[i]
        plain += value[i]
    middle /= weights
    plain /= n
    across = 0.0
    scale = np.sqrt(n / (n - 1))
    index = pairs = 0.0
    for i in range(n):
        off = time[i] - middle
        squares += weight[i] * off * off
        across += weight[i] * off * (value[i] - mean)
        second += (value[i] - plain) ** 2
    successive = 0.0
    for i in range(n - 1):
        successive += (value[i + 1] - value[i]) ** 2
        near = np.exp(-(time[i + 1] - time[i]) / gap)
        first = scale * np.sqrt(weight[i]) * (value[i] - mean)
        other = scale * np.sqrt(weight[i + 1]) * (value[i + 1] - mean)
        product = first * other
        index += near * np.sign(product) * np.sqrt(abs(product))
        pairs += near
    if pairs > 0:
        own[STETSON_J] = index / pairs
    if second > 0:
        own[VON_NEUMANN] = successive / second
    if squares > 0:
        slope = across / squares
        chi2 = 0.0
        for i in range(n):
            chi2 += weight[i] * (value[i] - mean - slope * (time[i] - middle)) ** 2
        own[SLOPE] = slope
        own[SLOPE_ERR] = np.sqrt(max(chi2 / (n - 2), 1.0) / squares)


@compiled
def _measure(
    years: FloatArray,
    gap: float,
    mag: FloatArray,
    mag_err: FloatArray,
    ordered: FloatArray,
    result: FloatArray,
) -> None:
    n_stars, n_images = mag.shape
    value, weight, time = np.empty(n_images), np.empty(n_images), np.empty(n_images)
    for star in range(n_stars):
        n = 0
        for image in range(n_images):
            x, error = mag[star, image], mag_err[star, image]
            if _counts(x, error):
                value[n], time[n] = x, years[image]
                weight[n] = 1 / np.float64(error) ** 2
                n += 1
        result[star, N_EPOCHS] = n
        if n >= FEWEST:
            own = result[star]
            _order_statistics(ordered[star, :n], own)
            _moments(value[:n], weight[:n], own)
            _excess(value[:n], weight[:n], own)
            _in_time(value[:n], weight[:n], time[:n], gap, own)
