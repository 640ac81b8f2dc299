"""How many cycles a period has: one, or two where the minima of eclipses differ."""

import numpy as np

from exposures.science.arrays import BoolArray, Float, FloatArray
from variables.science.periodicity.aliases import NEAR
from variables.science.periodicity.choice import APART, halved, multiplied
from variables.science.periodicity.fourier_equations import StarCurve
from variables.science.periodicity.fourier_fits import Candidates, fits, score
from variables.science.periodicity.fourier_series import shapes
from variables.science.periodicity.significance import VISIT

# Of what a light curve's Fourier series varies, about its minimum: more is no eclipse, but the
# quick rise of a pulsating star.
MOST_ASYMMETRY = 0.1
LEAST_ORBITS = 8  # within the span: fewer tell nothing from an amplitude that changes
# Logarithms of how much more probable two minima have to be, and a period of several cycles, as
# cycles that differ make it so.
GAIN, GAIN_OF_CYCLES = 5.0, 10.0
# Of a light curve's variance, in every second, third or fourth harmonic: more is as many cycles,
# or may be.
REPEATED, PARTLY_REPEATED = 0.75, 0.3
FACTORS = (4, 3, 2)
OF_A_SEASON = 0.1  # cycles a day, below which aliases are those of seasons and of runs of nights


def of_one_cycle(
    found: Candidates, star: StarCurve, related: FloatArray, max_harmonics: int
) -> Candidates:
    """The Candidates with a half, third or quarter of the first period before it, if it repeats so.

    A pulsation has one rise and one decline, and most of its variance in the first harmonic. Where
    most is in every second one, the period is twice that of a star whose cycles differ, and the
    Fourier series has fitted how. Where much is, or where a part of the period is a candidate, too,
    or its alias by one of the frequencies ``related`` (m,), in cycles a day, the longer has to be
    more probable by ``GAIN_OF_CYCLES``: epochs that leave out some of its phases, as those of one
    observatory do near a day, tie less of it down. ``star`` is the StarCurve in units of its
    scatter.
    """
    if len(found.frequency) == 0:
        return found
    terms = fits(star, found[:1].models).terms[0]
    power = terms[::2] ** 2 + terms[1::2] ** 2
    for factor in FACTORS:
        repeated = power[factor - 1 :: factor].sum() / power.sum()
        if repeated > PARTLY_REPEATED:
            shorter = multiplied(star, found[:1], factor, max_harmonics)
            if repeated > REPEATED or _gain(star, found, shorter) < GAIN_OF_CYCLES:
                away = np.abs(found.frequency - shorter.frequency[0]) * star.span
                return shorter.joined(found[np.flatnonzero(away > APART)])
    for k in np.flatnonzero(_are_multiples(found.frequency, star.span, related)):
        if _gain(star, found, found[k : k + 1]) < GAIN_OF_CYCLES:
            others = np.delete(np.arange(len(found.frequency)), k)
            return found[np.append(k, others)]
    return found


def _are_multiples(frequency: FloatArray, span: Float, related: FloatArray) -> BoolArray:
    """(n,) whether frequencies are of cycles within the first's, or aliases of such by a season."""
    spacings = np.append(0, related[related < OF_A_SEASON])
    off = np.abs(frequency[:, None] - frequency[0] * np.array(FACTORS))
    return (np.abs(off[..., None] - spacings) * span <= NEAR).any(axis=(1, 2))


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
    return twice.joined(found) if _gain(star, twice, found) > GAIN else found


def _gain(star: StarCurve, longer: Candidates, shorter: Candidates) -> Float:
    """By how much the first of longer periods is more probable: a difference of logarithms.

    Measurements within a twentieth of it count once.
    """
    visits = len(np.unique(np.floor(star.days * longer.frequency[0] / VISIT)))
    return (score(longer)[0] - score(shorter)[0]) * visits / len(star.days)


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
