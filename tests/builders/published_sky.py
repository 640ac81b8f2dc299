"""Chips with stars that a made-up catalogue has published, with known zero points and colours."""

from dataclasses import dataclass, field

import numpy as np

from photometry.science.absolute.stars import MatchedStars, quarters_of
from photometry.science.absolute.zero_points import fit_zero_points


@dataclass(frozen=True)
class Sky:
    """How a patch of sky and what is published of it are made up."""

    n_chips: int = 6
    n_stars: int = 800  # a chip
    n_common: int = 150  # with the chip before
    colour_terms: tuple = (-0.25, 0.06, -0.02)  # of powers of the colour less 1.5 mag
    blends: float = 0.15  # share of stars that a neighbour makes brighter
    variables: float = 0.05
    wrong: float = 0.03  # share of matches with another star
    scatter: float = 0.02  # mag, of colours at a given temperature: metals, gravity
    reddened: float = 0.5  # share of stars behind dust, that lie on another line
    dust: float = 0.0  # mag by which these lie off the line of the others
    unlisted: float = 0.0  # light of unlisted stars in each source, as of a star of 20 mag
    tilt: float = 0.0  # mag from end to end, by which the published zero point varies on a chip
    exposures: tuple = ()  # of the chips; () is one of all
    seed: int = 1


@dataclass(frozen=True)
class MadeUp:
    """A sky as it is measured and published, and the truth."""

    stars: MatchedStars
    exposure: np.ndarray  # (k,)
    zero_points: np.ndarray  # (k,) mag, at a colour of 1.5
    true: np.ndarray  # (n,) mag, of the measured stars in the published band
    true_colour: np.ndarray  # (n,) mag
    ours: np.ndarray = field(repr=False)  # (n,) mag, without noise, blends and variability
    sky: Sky = field(default_factory=Sky)

    def correction(self, colour):
        """(n,) mag, the true colour terms."""
        return colour_correction(self.sky, colour)

    def fit(self, options=None):
        """What is fitted to it."""
        return fit_zero_points(self.stars, self.exposure, *([options] if options else []))

    def true_zero_points(self, fitted):
        """(k,) mag, of stars with the pivot's colour."""
        return self.zero_points + self.correction(fitted[0].pivot_colour)


def colour_correction(sky, colour):
    """(n,) mag, the true colour terms of a Sky at ``colour`` (n,) mag."""
    return sum(c * (colour - 1.5) ** power for power, c in enumerate(sky.colour_terms, 1))


def make_sky(**changed) -> MadeUp:
    """A MadeUp sky by the fields of Sky."""
    sky = Sky(**changed)
    rng = np.random.default_rng(sky.seed)
    n = sky.n_chips * sky.n_stars
    zero_points = rng.normal(0.3, 0.2, sky.n_chips)
    mag, is_reddened = rng.uniform(14, 20.5, n), rng.random(n) < sky.reddened
    colour = rng.normal(1.6, 0.5, n) + np.where(is_reddened, rng.gamma(4, 0.3, n), 0)
    chip, star = _measured(sky)
    x, y = rng.uniform(0, 1, (2, len(star)))
    error = 0.003 + 0.03 * 10 ** (0.4 * (mag - 20))
    clean = mag - colour_correction(sky, colour) + np.where(is_reddened, sky.dust, 0)
    ours = clean[star] - zero_points[chip]
    measured = ours + rng.normal(0, np.hypot(error[star], 0.004)) + sky.tilt * (x - 0.5)
    measured -= 2.5 * np.log10(1 + sky.unlisted * 10 ** (0.4 * (mag[star] - 20)))
    measured -= (rng.uniform(0.02, 0.7, n) * (rng.random(n) < sky.blends))[star]
    measured += rng.normal(0, 0.4, len(star)) * (rng.random(n) < sky.variables)[star]
    published_err = 0.01 + 0.02 * 10 ** (0.3 * (mag - 20))
    published = mag + rng.normal(0, np.hypot(published_err, sky.scatter))
    published = np.where(rng.random(n) < sky.wrong, rng.uniform(14, 20.5, n), published)
    colour_err = 0.01 + 0.03 * 10 ** (0.3 * (mag - 20))
    seen = colour + rng.normal(0, colour_err)
    part = quarters_of(chip, x, y)
    of_stars = (v[star] for v in (published, published_err, seen, colour_err))
    sure = np.where(rng.random(n) < 0.5, 1.0, 0.95)[star]
    alone = np.where(rng.random(n) < 0.1, 0.01, 0.0)[star]
    stars = MatchedStars(chip, star, measured, error[star], *of_stars, part, sure, alone)
    exposure = np.array(sky.exposures or [0] * sky.n_chips)
    return MadeUp(stars, exposure, zero_points, mag[star], colour[star], ours, sky)


def _measured(sky):
    """Chips and stars of all measurements: each chip's own, and some of the chip before."""
    own = np.repeat(np.arange(sky.n_chips), sky.n_stars), np.arange(sky.n_chips * sky.n_stars)
    later = np.arange(1, sky.n_chips)
    shared = (later[:, None] - 1) * sky.n_stars + np.arange(sky.n_common)
    chip = np.concatenate([own[0], np.repeat(later, sky.n_common)])
    return chip, np.concatenate([own[1], shared.ravel()])
