"""The periods of many stars that share their epochs: search, choice, errors and shapes."""

from dataclasses import dataclass, fields

import numpy as np

from exposures.science.arrays import BoolArray, Float, FloatArray
from variables.science.period_options import LEAST_CYCLES, PeriodOptions
from variables.science.periodicity.aliases import named_aliases, window_frequencies
from variables.science.periodicity.choice import chosen
from variables.science.periodicity.curve_matrices import CurveMatrix, scaled
from variables.science.periodicity.fourier_equations import StarCurve
from variables.science.periodicity.fourier_evidence import tops
from variables.science.periodicity.fourier_fits import Candidates, fits, shape_figures, star_curve
from variables.science.periodicity.frequencies import FrequencyGrid, frequency_grid
from variables.science.periodicity.orbits import doubled, of_one_cycle
from variables.science.periodicity.periodogram_power import strongest, strongest_sums
from variables.science.periodicity.periodograms import STARS_AT_ONCE, periodograms
from variables.science.periodicity.significance import false_alarms

# Peaks of one sinusoid, and of the sum with three harmonics of it, that are compared.
N_PEAKS, N_SUMS, HARMONICS_OF_SUM = 20, 8, 4
POWERS_AT_ONCE = 40_000_000  # of all stars' periodograms, 4 bytes each
STEP = 0.02  # widths of a peak, over which the evidence is a parabola


@dataclass(frozen=True)
class StarPeriods:
    """Periods of each star, the most probable first; arrays (n_stars, n_periods).

    NaN, and 0 of whole numbers, where there are fewer.
    """

    days: np.ndarray
    error_days: np.ndarray
    power: np.ndarray  # share of the variance that the Fourier series explains
    false_alarm: np.ndarray  # probability
    n_cycles: np.ndarray  # within the span of the star's epochs
    n_harmonics: np.ndarray
    amplitude_mag: np.ndarray  # half the range of the Fourier series, mean of the filters
    r21: np.ndarray  # amplitude of the second harmonic over that of the first
    phi21: np.ndarray  # phase of cosines in mag, 0 to 2 pi: of the second less twice the first's
    r31: np.ndarray
    phi31: np.ndarray
    alias: np.ndarray  # Alias: what it may be of a more probable one
    alias_of: np.ndarray  # rank of that one, from 1; 0: of none

    def are_periodic(self, options: PeriodOptions) -> BoolArray:
        """(n_stars,) whether the first period is claimed, by its false-alarm probability."""
        first = self.false_alarm[:, 0], self.n_cycles[:, 0]
        return (first[0] <= options.max_false_alarm) & (first[1] >= LEAST_CYCLES)


WHOLE = {"n_harmonics", "alias", "alias_of"}


def periods_of_stars(curves: CurveMatrix, options: PeriodOptions) -> StarPeriods:
    """The StarPeriods of a CurveMatrix, of (n_stars, n_epochs) mag at times in days.

    Peaks come from periodograms of one sinusoid (``periodograms``) and from their sums over
    harmonics, for narrow eclipses. Which of them is the period, Fourier series say (``chosen``);
    a part of it where it repeats within (``of_one_cycle``), and twice of it where two minima differ
    (``doubled``). An error of a period is that of the curvature of the evidence.
    """
    n_stars = len(curves.mag)
    found = _nothing(n_stars, options.n_periods)
    curves, span = curves.by_time, curves.span
    if n_stars == 0 or span <= 2 * options.min_days:
        return found
    grid = frequency_grid(span, options)
    related = window_frequencies(curves.days)
    n_at_once = max(min(STARS_AT_ONCE, POWERS_AT_ONCE // grid.n), 1)
    for start in range(0, n_stars, n_at_once):
        rows = slice(start, start + n_at_once)
        part = scaled(CurveMatrix(curves.days, curves.band, curves.mag[rows], curves.mag_err[rows]))
        for k, frequency in enumerate(_peaks(periodograms(part, grid), grid, options)):
            star = star_curve(part, k)
            if are_enough(star.days, options) and np.any(star.value):
                best, star = chosen(star, frequency, related, options.max_harmonics)
                best = of_one_cycle(best, star, related, options.max_harmonics)
                best = doubled(best, star, options.max_harmonics)[: options.n_periods]
                _fill(found, start + k, star, best, 1 / options.min_days)
        found.amplitude_mag[rows] *= part.unit_mag[:, None]
    found.alias[:], found.alias_of[:] = named_aliases(1 / found.days, span, related)
    return found


def _nothing(n_stars: int, n_periods: int) -> StarPeriods:
    shape = n_stars, n_periods
    return StarPeriods(
        **{
            one.name: np.zeros(shape, np.int64) if one.name in WHOLE else np.full(shape, np.nan)
            for one in fields(StarPeriods)
        }
    )


def are_enough(days: FloatArray, options: PeriodOptions) -> bool:
    """Whether (n,) times in days, in their order, are those that a period takes."""
    if len(days) < options.min_epochs or days[-1] - days[0] <= 2 * options.min_days:
        return False
    return bool(1 + np.count_nonzero(days[1:] > days[:-1]) >= options.min_epochs)


def _peaks(power: FloatArray, grid: FrequencyGrid, options: PeriodOptions) -> list[FloatArray]:
    """The frequencies of each star's candidates, in cycles a day."""
    apart = max(options.samples_per_peak - 1, 1)
    places = strongest(power, apart, N_PEAKS)
    more = strongest_sums(power, grid.first, HARMONICS_OF_SUM, apart, N_SUMS)
    both = np.concatenate([places, more], axis=1)
    return [grid.step * (grid.first + row[row >= 0]) for row in both]


def _fill(found: StarPeriods, row: int, star: StarCurve, best: Candidates, highest: Float) -> None:
    """Write a star's periods into its row, with amplitudes in units of its scatter."""
    models = best.models
    frequency, errors = tops(models, star, STEP / star.span)
    models = models._replace(frequency=frequency)
    of = row, slice(0, len(frequency))
    found.days[of], found.error_days[of] = 1 / frequency, errors / frequency**2
    found.n_cycles[of], found.n_harmonics[of] = frequency * star.span, best.order
    fitted = fits(star, models)
    chances, power = false_alarms(star, fitted.model, frequency, best.order, highest)
    found.false_alarm[of], found.power[of] = chances, power
    figures = shape_figures(fitted.terms)
    found.amplitude_mag[of] = figures.amplitude * star.amplitude.mean()
    found.r21[of], found.phi21[of] = figures.ratios[0], figures.phases[0]
    found.r31[of], found.phi31[of] = figures.ratios[1], figures.phases[1]
