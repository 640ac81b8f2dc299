"""Twice the period where two minima of a light curve differ, as those of two stars do."""

import numpy as np

from exposures.science.arrays import Float, FloatArray
from variables.science.periodicity.choice import halved
from variables.science.periodicity.fourier_evidence import shapes
from variables.science.periodicity.fourier_fits import Candidates, StarCurve, fit, score
from variables.science.periodicity.significance import VISIT

# Of what a light curve's Fourier series varies, about its minimum: more is no eclipse, but the
# quick rise of a pulsating star.
MOST_ASYMMETRY = 0.1
GAIN = 5.0  # logarithm of how much more probable two minima have to be


def doubled(found: Candidates, star: StarCurve, max_harmonics: int) -> Candidates:
    """The Candidates with twice the first period before it, where its minima are unequal.

    Only where light is the same before the minimum and after, as in eclipses, by the Fourier series
    of ``star``, a StarCurve in units of its scatter: of a pulsating star, whose amplitude
    changes, a fit of two cycles has more freedom to explain that. What measurements within a
    twentieth of the period tell counts once.
    """
    if len(found.frequency) == 0 or found.is_halved[0]:
        return found
    if asymmetry(fit(star, found, 0).terms) > MOST_ASYMMETRY:
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
