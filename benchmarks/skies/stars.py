"""The stars of a sky: a luminosity function, motions, companions and variability."""

from dataclasses import dataclass

import numpy as np

from exposures.simulation.mosaic import FULL_SHAPE

from .options import BRIGHTEST_MAG, LIMITING_MAG, SLOPE

CATALOGUE_EPOCH = 2015.5  # Julian year, that of exposures.simulation's catalogues
VANISHING = (20.25, 21.55)  # mag of S/N 30 to 100
RR_LYRAE, ECLIPSE, FLARE, VANISH, CONSTANT = "rr lyrae", "eclipse", "flare", "vanish", "constant"
DISK_FRACTION = 0.2
FAST_MAS = (20.0, 100.0)  # a year
MARGIN = 120  # pixels round the chip where there are stars, beside the dither


@dataclass(frozen=True)
class Stars:
    """All stars, companions too, by column; positions as the first chip would have them."""

    u: np.ndarray  # (n,) pixels on the undithered chip at CATALOGUE_EPOCH
    v: np.ndarray
    pmra: np.ndarray  # mas/yr, times cos dec
    pmdec: np.ndarray
    mag: np.ndarray  # of the constant state
    bp_rp: np.ndarray
    kind: np.ndarray  # text
    factor: np.ndarray  # (n, n_epochs) of the flux, by variability alone
    is_companion: np.ndarray  # of a star listed before, and in no catalogue

    def __len__(self):
        return len(self.mag)


def make_stars(options):
    """Stars whose positions and magnitudes are the same for the same seed and crowding."""
    rng = np.random.default_rng([options.seed, 1, options.stars_per_chip])
    ny, nx = options.shape
    margin = MARGIN + options.dither_pixels
    area = (nx + 2 * margin) * (ny + 2 * margin) / np.prod(FULL_SHAPE)
    # Those above the limit first, so that going deeper adds stars and changes none.
    mag = _magnitudes(rng, round(area * options.stars_per_chip), BRIGHTEST_MAG, LIMITING_MAG)
    more = 10 ** (SLOPE * options.fainter_mag) - 1
    faint = _magnitudes(
        np.random.default_rng([options.seed, 2, options.stars_per_chip]),
        round(len(mag) * more),
        LIMITING_MAG,
        LIMITING_MAG + options.fainter_mag,
    )
    u, v = (rng.uniform(-margin, n + margin, len(mag)) for n in (nx, ny))
    kind, factor = _variability(mag, options, rng)
    dark = np.random.default_rng([options.seed, 3])
    u = np.concatenate([u, dark.uniform(-margin, nx + margin, len(faint))])
    v = np.concatenate([v, dark.uniform(-margin, ny + margin, len(faint))])
    kind = np.concatenate([kind, np.full(len(faint), CONSTANT)])
    factor = np.concatenate([factor, np.ones((len(faint), options.n_epochs))])
    mag = np.concatenate([mag, faint])
    mag = _with_bright_stars(mag, u, v, kind, options)
    pmra, pmdec = _motions(len(mag), options)
    colour = dark.normal(1.8, 0.4, len(mag))
    alone = Stars(u, v, pmra, pmdec, mag, colour, kind, factor, np.zeros(len(mag), bool))
    return _with_companions(alone, options)


def _magnitudes(rng, n, brightest, faintest):
    low, high = (10 ** (SLOPE * m) for m in (brightest, faintest))
    return np.log10(rng.uniform(low, high, n)) / SLOPE


def _variability(mag, options, rng):
    """Kinds, and factors of the flux on each epoch."""
    kind, factor = np.full(len(mag), CONSTANT), np.ones((len(mag), options.n_epochs))
    bright = np.flatnonzero((mag > BRIGHTEST_MAG + 2.5) & (mag < LIMITING_MAG - 2.5))
    n = round(options.variable_fraction * len(mag))
    chosen = np.union1d(
        rng.choice(bright, min(len(bright) // 2, n // 2), replace=False),
        rng.choice(len(mag), n // 2, replace=False),
    )
    for star in chosen:
        kind[star] = rng.choice([RR_LYRAE, ECLIPSE, FLARE])
        factor[star] = 10 ** (-0.4 * _LIGHT_CURVES[str(kind[star])](options.n_epochs, rng))
    candidates = np.flatnonzero((mag > VANISHING[0]) & (mag < VANISHING[1]) & (kind == CONSTANT))
    n_vanishing = round(options.vanishing_fraction * len(candidates))
    for star in rng.choice(candidates, n_vanishing, replace=False) if options.n_epochs > 1 else ():
        kind[star] = VANISH
        factor[star, rng.integers(1, options.n_epochs)] = 0
    return kind, factor


def _rr_lyrae(n_epochs, rng):
    phase = rng.uniform(0, 1, n_epochs)
    rising = np.where(phase < 0.9, phase / 0.9, (1 - phase) / 0.1)
    return rng.uniform(0.2, 1.2) * rising


def _eclipse(n_epochs, rng):
    return rng.uniform(0.1, 1.5) * (rng.uniform(0, 1, n_epochs) < 0.3)


def _flare(n_epochs, rng):
    mag = np.zeros(n_epochs)
    if n_epochs > 1:
        mag[rng.integers(1, n_epochs)] = -rng.uniform(0.1, 2.0)
    return mag


_LIGHT_CURVES = {RR_LYRAE: _rr_lyrae, ECLIPSE: _eclipse, FLARE: _flare}


def _with_bright_stars(mag, u, v, kind, options):
    """Magnitudes, with those of a few constant stars on the chip made 7 to 12."""
    ny, nx = options.shape
    on_chip = (u > 40) & (u < nx - 40) & (v > 40) & (v < ny - 40) & (kind == CONSTANT)
    rng = np.random.default_rng([options.seed, 4])
    n = options.scaled(options.bright_stars)
    mag = mag.copy()
    mag[rng.choice(np.flatnonzero(on_chip), n, replace=False)] = np.linspace(12, 7, n + 1)[:n]
    return mag


def _motions(n, options):
    """Proper motions in mas/yr: bulge, disk, and a few stars near by."""
    if not options.motions:
        return np.zeros(n), np.zeros(n)
    rng = np.random.default_rng([options.seed, 5])
    is_disk = rng.uniform(0, 1, n) < DISK_FRACTION
    sigma = np.where(is_disk, 6.0, 3.0)
    pmra, pmdec = rng.normal(-3, sigma), rng.normal(-5, sigma)
    fast = rng.uniform(0, 1, n) < options.fast_fraction
    speed, angle = rng.uniform(*FAST_MAS, n), rng.uniform(0, 2 * np.pi, n)
    return np.where(fast, speed * np.cos(angle), pmra), np.where(fast, speed * np.sin(angle), pmdec)


def _with_companions(stars, options):
    """Stars with, for some of them, a companion at 0.1 to 1 arcsec that moves with them."""
    rng = np.random.default_rng([options.seed, 6])
    has = np.flatnonzero(rng.uniform(0, 1, len(stars)) < options.binary_fraction)
    separation, angle = rng.uniform(0.1, 1.0, len(has)) / 0.263, rng.uniform(0, 2 * np.pi, len(has))
    added = {
        "u": stars.u[has] + separation * np.cos(angle),
        "v": stars.v[has] + separation * np.sin(angle),
        "mag": stars.mag[has] + rng.uniform(0.2, 4.0, len(has)),
        "kind": np.full(len(has), CONSTANT),
        "factor": np.ones((len(has), options.n_epochs)),
        "is_companion": np.ones(len(has), bool),
    }
    names = Stars.__dataclass_fields__
    columns = {name: added.get(name, getattr(stars, name)[has]) for name in names}
    return Stars(**{n: np.concatenate([getattr(stars, n), columns[n]]) for n in names})
