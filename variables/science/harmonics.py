"""Fits of harmonics to light curves, and the refinement of frequencies by them."""

from dataclasses import replace

import numpy as np
from scipy.optimize import minimize_scalar

from exposures.science.arrays import Float, FloatArray
from variables.science.centred_curves import CentredCurves, enlarged_errors
from variables.science.period_options import PeriodOptions

# Trial frequencies over the narrowest peak of a harmonic, and how far from a peak of one sinusoid,
# in its widths, that of several harmonics may lie.
POINTS_PER_PEAK, REACH = 4, 0.5
PATIENCE = 2  # orders that gain nothing, after which no higher one is tried
RIDGE = 1e-9  # of the sums of squares, so that equations have a solution


def refined(data: CentredCurves, frequency: Float, options: PeriodOptions) -> float:
    """The frequency near a peak that harmonics fit best, with as many as the BIC allows.

    A number in cycles a day, as ``frequency``; ``data`` are CentredCurves, in days and mag.
    Harmonics of half of it too: eclipses of two depths have twice the period. Errors are enlarged
    by what the fit leaves over, first that of a sinusoid, then that of the harmonics chosen. BIC is
    the Bayesian information criterion (Schwarz 1978, Ann. Statist. 6, 461).
    """
    own = _about_fit(data, frequency, 1)
    shapes = [shape for part in (1, 2) for shape in _shapes(own, frequency, part, options)]
    _, part, order, found = min(shapes)
    return part * _near(_about_fit(own, found, order), found, order)


def _shapes(
    data: CentredCurves, frequency: Float, part: int, options: PeriodOptions
) -> list[tuple[np.floating, int, int, float]]:
    """(BIC, part, order, frequency) of ever more harmonics of a part, until two gain nothing."""
    n, n_curves = len(data.mag), data.curve.max() + 1
    shapes = []
    for order in range(part, part * options.max_harmonics + 1):
        n_terms = n_curves + 2 * order + 1
        if order > 1 and n < options.epochs_a_term * n_terms:
            break
        found = _near(data, frequency / part, order)
        chi2 = max(_chi2(data, np.array([found]), order)[0], np.finfo(float).tiny)
        shapes.append((n * np.log(chi2 / n) + n_terms * np.log(n), part, order, found))
        if min(shapes) not in shapes[-PATIENCE:]:
            break
    return shapes


def _about_fit(data: CentredCurves, frequency: Float, order: int) -> CentredCurves:
    """The same data with errors scaled to chi2/nu = 1 about a fit."""
    left = _residual(data, frequency, order)
    return replace(data, error=enlarged_errors(left, data.own_error, data.curve))


def _near(data: CentredCurves, frequency: Float, order: int) -> float:
    """The best frequency of harmonics near that of one sinusoid."""
    step = 1 / (POINTS_PER_PEAK * order * data.span)
    n = int(np.ceil(REACH / data.span / step))
    tried = frequency + step * np.arange(-n, n + 1)
    tried = tried[tried > 0]
    return best_near(data, tried[np.argmin(_chi2(data, tried, order))], step, order)


def best_near(data: CentredCurves, frequency: Float, reach: Float, order: int) -> float:
    """The frequency of the best fit within ``reach`` of one: all numbers in cycles a day.

    ``data`` are CentredCurves, in days and mag; ``order`` is the number of harmonics.
    """
    found = minimize_scalar(
        lambda one: _chi2(data, np.array([one]), order)[0],
        bounds=(max(frequency - reach, 0.1 * frequency), frequency + reach),
        method="bounded",
        options={"xatol": 1e-4 / data.span},
    )
    return float(found.x)


def _chi2(data: CentredCurves, frequencies: FloatArray, order: int) -> FloatArray:
    """(n_frequencies,) chi2 of the best fits of harmonics, with a mean for each curve."""
    wanted = data.mag / data.error
    design, terms = _solved(data, frequencies, order)
    return np.sum((wanted - np.einsum("fkn,fk->fn", design, terms)) ** 2, axis=1)


def _residual(data: CentredCurves, frequency: Float, order: int) -> FloatArray:
    """(n,) what the best fit of harmonics leaves over."""
    design, terms = _solved(data, np.array([frequency]), order)
    return data.mag - data.error * (terms[0] @ design[0])


def _solved(
    data: CentredCurves, frequencies: FloatArray, order: int
) -> tuple[FloatArray, FloatArray]:
    """Harmonics over the errors, (n_frequencies, n_terms, n), and the amplitudes of the fits."""
    phase = 2 * np.pi * frequencies[:, None, None] * np.arange(1, order + 1)[:, None] * data.days
    means = data.curve == np.arange(data.curve.max() + 1)[:, None]
    means = np.broadcast_to(means, (len(frequencies), *means.shape))
    design = np.concatenate([means, np.cos(phase), np.sin(phase)], axis=1) / data.error
    products = design @ design.transpose(0, 2, 1)
    # Where epochs are too few for the shape, its amplitudes stay small.
    n_terms = products.shape[1]
    ridge = RIDGE * np.trace(products, axis1=1, axis2=2) / n_terms
    products += ridge[:, None, None] * np.eye(n_terms)
    return design, np.linalg.solve(products, (design @ (data.mag / data.error))[..., None])[..., 0]
