"""The choice of a star's period among the peaks of its periodogram, by Fourier series."""

from dataclasses import replace

import numpy as np

from exposures.science.arrays import Float, FloatArray, IntArray
from photometry.science.scatter import sigma_about_zero
from variables.science.periodicity.fourier_equations import StarCurve
from variables.science.periodicity.fourier_evidence import best_of_each
from variables.science.periodicity.fourier_fits import (
    Candidates,
    fits,
    prior_variances,
    score,
)
from variables.science.periodicity.fourier_series import band_amplitudes

# What a star's light differs from a Fourier series, in units of its scatter: weather that errors
# don't know, an amplitude that changes, a rise that is quicker than the harmonics.
MISFITS = np.array([0.05, 0.15, 0.4])
COARSE_MISFIT = 0.15
COARSE_ORDER = 4
# Places about a peak, in its widths.
COARSE_OFFSETS = np.array([-0.15, 0.0, 0.15])
MIDDLE_OFFSETS = np.array([-0.1, -0.05, 0.0, 0.05, 0.1])
FINE_OFFSETS = np.array([-0.025, 0.0, 0.025])
APART = 0.6  # widths of a peak by which periods differ
N_FINE = 7  # candidates looked at closely
OUTLIER = 4.0  # sigma off all of the best candidates, beyond which a measurement counts for less
N_EXPLAINING = 4
N_ALIASED = 2  # candidates of which aliases are tried
AMPLITUDES = 0.1, 10.0  # of filters, beyond which fits are at fault
SLOWEST = 0.1  # cycles within the span of the epochs


def chosen(
    star: StarCurve, frequency: FloatArray, related: FloatArray, max_harmonics: int
) -> tuple[Candidates, StarCurve]:
    """The best of candidate frequencies, most probable first, and the StarCurve as it was fitted.

    ``frequency`` (n,) in cycles a day are peaks of a periodogram, strongest first; ``related``
    (m,), in cycles a day, differences at which aliases of the best are tried too. What is compared
    is the evidence of Fourier series times the inverse of the frequency, as periods are as likely
    in each octave. Measurements that no good candidate explains are given larger errors, and each
    filter the amplitude that the best says.
    """
    found = _coarse(star, frequency)
    if len(related):
        best = found.frequency[_ranking(found)[:N_ALIASED]]
        aliases = np.abs(best[:, None] + np.concatenate([related, -related])).ravel()
        aliases = aliases[aliases > 0.2 / star.span]
        found = found.joined(_coarse(star, aliases))
    found = found[_distinct(found, star.span, N_FINE)]
    found = _near(star, found, MIDDLE_OFFSETS, max_harmonics, MISFITS[1:2])
    star = _corrected(star, found)
    found = _near(star, found, FINE_OFFSETS, max_harmonics, MISFITS)
    return found[_distinct(found, star.span, N_FINE)], star


def halved(star: StarCurve, found: Candidates, max_harmonics: int) -> Candidates:
    """The Candidates at half their frequency in cycles a day, as orbits: arrays (n,).

    ``star`` is the StarCurve in units of its scatter. Each half of an orbit has as many harmonics.
    """
    halves = replace(
        found, frequency=found.frequency / 2, is_halved=np.ones(len(found.frequency), bool)
    )
    return _near(star, halves, FINE_OFFSETS, max_harmonics, MISFITS)


def multiplied(star: StarCurve, found: Candidates, factor: int, max_harmonics: int) -> Candidates:
    """The Candidates at a multiple of their frequency in cycles a day: arrays (n,).

    ``star`` is the StarCurve in units of its scatter.
    """
    one = replace(found, frequency=found.frequency * factor)
    for offsets in (MIDDLE_OFFSETS, FINE_OFFSETS):
        one = _near(star, one, offsets, max_harmonics, MISFITS)
    return one


def _frequencies_near(frequency: FloatArray, offsets: FloatArray, span: Float) -> FloatArray:
    """(n, k) frequencies in cycles a day at offsets (k,), in widths of a peak, from ``frequency``.

    None is 0, as the alias of a period of a day by a day would be: that is a mean.
    """
    return np.maximum(np.abs(frequency[:, None] + offsets / span), SLOWEST / span)


def _coarse(star: StarCurve, frequency: FloatArray) -> Candidates:
    found = Candidates.unranked(frequency)
    misfits = np.array([COARSE_MISFIT])
    return _near(star, found, COARSE_OFFSETS, COARSE_ORDER, misfits)


def _near(
    star: StarCurve,
    found: Candidates,
    offsets: FloatArray,
    max_harmonics: int,
    misfits: FloatArray,
) -> Candidates:
    """The same candidates at the best of some offsets, in widths of a peak, for some misfits."""
    grid = _frequencies_near(found.frequency, offsets, star.span)
    is_halved = bool(found.is_halved[0])
    prior = prior_variances(max_harmonics, is_halved)
    place, evidence, order, misfit = best_of_each(grid, star, misfits, prior, 2 if is_halved else 1)
    frequency = grid[np.arange(len(grid)), place]
    return Candidates(frequency, found.is_halved, evidence, order, misfits[misfit])


def _corrected(star: StarCurve, found: Candidates) -> StarCurve:
    """The curve with larger errors of outliers and the amplitudes of filters by the best."""
    best = found[_ranking(found)[:N_EXPLAINING]]
    explained = fits(star, best.models)
    left = np.abs(star.value - explained.model)
    sigma = np.maximum(sigma_about_zero(left[0]), np.sqrt(star.variance))
    least = left.min(axis=0)
    variance = star.variance + np.where(least > OUTLIER * sigma, least**2, 0)
    amplitude = band_amplitudes(star, explained.shape[0], float(best.misfit[0]))
    return star._replace(amplitude=np.clip(amplitude, *AMPLITUDES), variance=variance)


def _ranking(found: Candidates) -> IntArray:
    """Indices, the most probable first."""
    return np.argsort(-score(found), kind="stable")


def _distinct(found: Candidates, span: Float, n: int) -> IntArray:
    """Indices of the n most probable that are apart from each other."""
    width = APART / float(span)
    frequency = found.frequency.tolist()
    taken: list[int] = []
    for k in _ranking(found).tolist():
        if all(abs(frequency[j] - frequency[k]) > width for j in taken):
            taken.append(k)
            if len(taken) == n:
                break
    return np.array(taken, int)
