"""How many cycles a period has: one, or two where the minima of eclipses differ."""

import numpy as np

from exposures.science.arrays import Float, FloatArray
from variables.science.periodicity.choice import APART, halved, multiplied
from variables.science.periodicity.fourier_equations import StarCurve
from variables.science.periodicity.fourier_fits import Candidates, fits, score
from variables.science.periodicity.fourier_series import shapes
from variables.science.periodicity.significance import VISIT

# Of what a light curve's Fourier series varies, about its minimum: more is no eclipse, but the
# quick rise of a pulsating star.
MOST_ASYMMETRY = 0.1
LEAST_ORBITS = 8  # within the span: fewer tell nothing from an amplitude that changes
GAIN = 5.0  # logarithm of how much more probable two minima have to be
# Of a light curve's variance, in every second, third or fourth harmonic: more is as many cycles.
REPEATED = 0.75
FACTORS = (4, 3, 2)


def of_one_cycle(found: Candidates, star: StarCurve, max_harmonics: int) -> Candidates:
    """The Candidates with a half, third or quarter of the first period before it, if it repeats so.

    A pulsation has one rise and one decline, and most of its variance in the first harmonic. Where
    most is in every second one, the period is twice that of a star whose cycles differ, and the
    Fourier series has fitted how. ``star`` is the StarCurve in units of its scatter.
    """
    if len(found.frequency) == 0:
        return found
    terms = fits(star, found[:1].models).terms[0]
    power = terms[::2] ** 2 + terms[1::2] ** 2
    for factor in FACTORS:
        if power[factor - 1 :: factor].sum() > REPEATED * power.sum():
            shorter = multiplied(star, found[:1], factor, max_harmonics)
            away = np.abs(found.frequency - shorter.frequency[0]) * star.span
            return shorter.joined(found[np.flatnonzero(away > APART)])
    return found


def doubled(found: Candidates, star: StarCurve, max_harmonics: int) -> Candidates:
    """The Candidates with twice the first period before it, where its minima are unequal.

    Only where light is the same before the minimum and after, as in eclipses, by the Fourier series
    of ``star``, a StarCurve in units of its scatter: of a pulsating star, whose amplitude
    changes, a fit of two cycles has more freedom to explain that. What measurements within a
    twentieth of the period tell counts once.
    """
    if len(found.frequency) == 0 or found.frequency[0] / 2 * star.span < LEAST_ORBITS:
        return found
    if asymmetry(fits(star, found[:1].models).terms[0]) > MOST_ASYMMETRY:
        return found
    twice = halved(star, found[:1], max_harmonics)
    visits = len(np.unique(np.floor(star.days * found.frequency[0] / VISIT)))
    gain = (score(twice)[0] - score(found)[0]) * visits / len(star.days)
    return twice.joined(found) if gain > GAIN else found


def asymmetry(terms: FloatArray) -> Float:
    """The share of a Fourier series that is not even about its faintest phase, a number 0 to 1.

    ``terms`` (2 n_harmonics,) are cosine and sine of each harmonic, in any unit.
    """
    order = np.arange(1, len(terms) // 2 + 1)
    cos, sin = terms[::2], terms[1::2]
    phase = np.arange(400) / 400
    series = shapes(terms, 1.0, phase)
    turn = 2 * np.pi * order * phase[np.argmax(series)]
    odd = sin * np.cos(turn) - cos * np.sin(turn)
    return float(np.sum(odd**2) / np.sum(cos**2 + sin**2))
