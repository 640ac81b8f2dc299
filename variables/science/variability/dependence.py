"""Whether light curves follow conditions, or resemble them by chance as what is smooth does."""

import numpy as np
from scipy.special import fdtrc

from exposures.science.arrays import FloatArray
from photometry.science.compiled import compiled
from variables.science.variability.orthogonal import free, take, take_local_means

LAGS_SHARE = 0.25  # of the images, over which autocorrelations are summed
REACH = 4  # measurements to each side, by whose mean what is slower than these is taken away


def chance_of_dependence(
    off: FloatArray, mag_err: FloatArray, conditions: FloatArray
) -> FloatArray:
    """(n_stars,) probabilities that stars follow conditions from image to image by chance.

    By F of what deviates from the mean of nine successive measurements, of stars and conditions
    alike: what a star does by itself is small there where it is smooth, so that it resembles no
    condition. ``off`` (n_stars, n_images) and ``mag_err`` (n_stars, n_images) mag, NaN where not
    measured; ``conditions`` (n, n_images) without a unit. 1 where too few measurements tell.
    """
    value, error = np.ascontiguousarray(off, dtype="f4"), np.ascontiguousarray(mag_err, dtype="f4")
    result = np.zeros((len(off), 4))
    _fit_local(value, error, np.ascontiguousarray(conditions, dtype="f8"), result)
    n, n_columns, gain, chi2 = result.T
    n_free = n * (1 - 1 / (2 * REACH + 1)) - 1 - n_columns
    told = (n_columns > 0) & (n_free >= 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        f = gain / n_columns / (np.maximum(chi2 - gain, 1e-30) / n_free)
        chance = fdtrc(np.maximum(n_columns, 1), np.maximum(n_free, 1), np.maximum(f, 0))
    return np.where(told, chance, 1.0)


def chance_inflation(pulls: FloatArray, conditions: FloatArray) -> FloatArray:
    """(n_stars, n) factors of the variance of a star's covariance with each condition, ratios.

    ``1 + 2 sum(r s)`` over lags, of the autocorrelations r of a star and s of a condition (Bartlett
    1935, J. R. Stat. Soc. 98, 536): a star that varies smoothly by itself follows a condition that
    is smooth, such as the place on the chip, by chance. At least 1, as of noise. ``pulls``
    (n_stars, n_images) are deviations in sigma, NaN where not measured; ``conditions`` (n,
    n_images) without a unit, each judged by what is left of it beside those before it.
    """
    n_images = pulls.shape[1]
    columns = np.vstack([np.ones(n_images), conditions]).T
    left = np.linalg.qr(columns)[0].T[1:]
    lags = range(1, int(LAGS_SHARE * n_images) + 1)
    of_stars = _autocorrelations(np.nan_to_num(pulls), lags)
    inflation = np.ones((len(pulls), len(conditions)))
    # Of few images the last conditions have nothing left beside those before them.
    known = 1 + 2 * of_stars @ _autocorrelations(left, lags).T
    inflation[:, : len(left)] = np.maximum(known, 1.0)
    return inflation


def _autocorrelations(rows: FloatArray, lags: range) -> FloatArray:
    """(n, n_lags) of rows (n, m) about 0, where what is missing is 0."""
    total = np.maximum(np.einsum("ij,ij->i", rows, rows), 1e-30)
    products = [np.einsum("ij,ij->i", rows[:, :-lag], rows[:, lag:]) for lag in lags]
    found: FloatArray = np.reshape(products, (len(lags), len(rows))).T / total[:, None]
    return found


@compiled
def _fit_local(
    off: FloatArray, mag_err: FloatArray, conditions: FloatArray, result: FloatArray
) -> None:
    """Numbers of measurements and columns, what these take of chi2, and chi2 before."""
    n_stars, n_images = off.shape
    columns = np.empty((1 + len(conditions), n_images))
    left, weight, sums = np.empty(n_images), np.empty(n_images), np.empty(n_images + 1)
    for star in range(n_stars):
        n = 0
        for j in range(n_images):
            if mag_err[star, j] > 0 and np.isfinite(off[star, j]):
                left[n] = off[star, j]
                weight[n] = 1 / np.float64(mag_err[star, j]) ** 2
                columns[0, n] = 1.0
                for k in range(len(conditions)):
                    columns[1 + k, n] = conditions[k, j]
                n += 1
        take_local_means(left, REACH, n, sums)
        take(columns[0], left, weight, n)
        own = result[star]
        own[0] = n
        for i in range(n):
            own[3] += weight[i] * left[i] ** 2
        for k in range(1, 1 + len(conditions)):
            take_local_means(columns[k], REACH, n, sums)
            if free(columns, k, weight, n):
                own[2] += take(columns[k], left, weight, n)
                own[1] += 1
