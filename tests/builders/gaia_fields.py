"""Fields of stars behind dust with Gaia's magnitudes, and what DECam's filters see of them."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.polynomial.polynomial import polyval

from photometry.science.absolute.stars import MatchedStars, quarters_of

# Extinction in G, BP, RP over that at 550 nm, by BP - RP before it, and by itself (Gaia
# Collaboration, Babusiaux et al. 2018, A&A 616, A10, table 1).
GAIA = {
    "G": (0.9761, -0.1704, 0.0086, 0.0011, -0.0438, 0.0013, 0.0099),
    "BP": (1.1517, -0.0871, -0.0333, 0.0173, -0.0230, 0.0006, 0.0043),
    "RP": (0.6104, -0.0170, -0.0026, -0.0017, -0.0078, 0.00005, 0.0006),
}
# Of DECam's filters over E(B - V) of Schlegel et al. 1998, which is too large by 1 / 0.86
# (Schlafly & Finkbeiner 2011, ApJ 737, 103): config/extinctionCoeffs.py of LSST's obs_decam.
DECAM = {"g": 3.212 / 0.86, "r": 2.164 / 0.86, "i": 1.591 / 0.86, "z": 1.211 / 0.86}
R_V = 3.1


@dataclass(frozen=True)
class GaiaField:
    """How a field is made up."""

    filter: str = "i"
    n_chips: int = 6
    n_stars: int = 800  # a chip
    n_common: int = 100  # with the chip before
    reddening: float = 0.5  # E(B - V), mag, of most stars behind the dust
    spread: float = 0.2  # of it from star to star, as a share
    foreground: float = 0.3  # share of stars, before part of the dust
    scatter: float = 0.02  # mag, of unreddened stars of one colour about the transformation
    seed: int = 1


@dataclass(frozen=True)
class MadeField:
    """A field, and the truth."""

    stars: MatchedStars  # transformed, with those beyond the range of colours left out
    zero_points: np.ndarray  # (k,) mag
    reddening: np.ndarray  # (n,) E(B - V), mag, of the measurements


def extinction(band, colour, reddening):
    """(n,) mag in one of Gaia's bands of stars (n,) of a colour BP - RP before the dust."""
    k, a0 = GAIA[band], R_V * reddening
    return a0 * (polyval(colour, k[:4]) + k[4] * a0 + k[5] * a0**2 + k[6] * colour * a0)


def make_gaia_field(transformation, **changed) -> MadeField:
    """A MadeField by the fields of GaiaField; unreddened stars follow the transformation."""
    field = GaiaField(**changed)
    rng = np.random.default_rng(field.seed)
    n = field.n_chips * field.n_stars
    before = np.where(rng.random(n) < 0.4, rng.normal(1.3, 0.2, n), rng.uniform(0.55, 1.6, n))
    behind = field.reddening * np.maximum(rng.normal(1, field.spread, n), 0)
    is_near = rng.random(n) < field.foreground
    reddening = np.where(is_near, field.reddening * rng.uniform(0, 0.6, n), behind)
    dust = {band: extinction(band, before, reddening) for band in GAIA}
    g = rng.uniform(14.5, 18.5, n)  # as seen
    own = g - dust["G"] + polyval(before, transformation.coefficients)
    own += DECAM[field.filter] * reddening + rng.normal(0, field.scatter, n)
    colour = before + dust["BP"] - dust["RP"]
    return _measured(field, transformation, (g, own, colour, reddening), rng)


def _measured(field, transformation, columns, rng):
    chip, star = _chips(field)
    g, own, colour, reddening = (values[star] for values in columns)
    zero_points = rng.normal(0.3, 0.2, field.n_chips)
    n = len(star)
    error = np.full(n, 0.005)
    mag = own - zero_points[chip] + rng.normal(0, error)
    colour_err = 0.004 + 0.02 * 10 ** (0.3 * (g - 18.5))
    seen = colour + (rng.normal(0, 1, field.n_chips * field.n_stars)[star]) * colour_err
    published = g + polyval(seen, transformation.coefficients)
    x, y = rng.uniform(0, 1, (2, n))
    stars = MatchedStars(
        chip, star, mag, error, published, np.full(n, 0.003), seen, colour_err,
        quarters_of(chip, x, y), np.ones(n), np.zeros(n),
    )  # fmt: skip
    inside = (seen >= transformation.range[0]) & (seen <= transformation.range[1])
    return MadeField(replace(stars).select(inside), zero_points, reddening[inside])


def _chips(field):
    """Chips and stars of all measurements: each chip's own, and some of the chip before."""
    own = np.repeat(np.arange(field.n_chips), field.n_stars)
    later = np.arange(1, field.n_chips)
    shared = (later[:, None] - 1) * field.n_stars + np.arange(field.n_common)
    chip = np.concatenate([own, np.repeat(later, field.n_common)])
    return chip, np.concatenate([np.arange(len(own)), shared.ravel()])
