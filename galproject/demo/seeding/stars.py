"""The stars of a made-up survey, and what is measured of them: true variables, in all filters."""

from dataclasses import dataclass

import numpy as np
from astropy.coordinates import SkyCoord

from exposures.science.angles import wrap_ra
from exposures.simulation.mosaic import FULL_SHAPE, PIXEL_DEGREES, Detector, Pointing, detectors
from exposures.simulation.options import SimulationOptions
from exposures.simulation.stars import AMPLITUDES, MOVER, NOVA, magnitudes_at, make_stars
from galproject.demo.seeding.plan import FILTERS, Field

FLOOR_MAG = 0.01  # of errors
NOISE_MAG = 22.8  # at which a star's error is 0.2 mag in i; a little deeper in the others
DEPTH = {"g": 1.6, "r": 0.8, "i": 0.0}  # mag deeper than i
COLOURS = {"g": 1.15, "r": 0.4, "i": 0.0}  # mag fainter than i, of BP - RP
# By how much more stars that pulsate change in the blue.
BLUENESS = {"g": 1.45, "r": 1.2, "i": 1.0}
SATURATED_MAG, FAINTEST_MAG = 14.0, 20.5
VARIABLES = 0.009  # of the candidates: true variables among the stars of all chips
FIRST_MJD = 57773.2
NIGHTS = 420  # over which a field is observed
THRESHOLD_SIGMA = 15.0


@dataclass(frozen=True)
class SeededExposure:
    """One exposure of a field; all its chips share it."""

    field: Field
    filter: str
    number: int
    mjd: float
    is_reference: bool
    dither: tuple[float, float]  # of the stars, x and y in pixels
    fwhm_arcsec: float
    clouds_mag: float


@dataclass(frozen=True)
class StarField:
    """The sky under one chip of a field, and its stars."""

    field: Field
    detector: Detector
    stars: np.ndarray  # STAR_DTYPE; ra and dec are those of x and y
    x: np.ndarray  # (n_stars,) without a dither, pixels from 0
    y: np.ndarray
    new: np.ndarray  # STAR_DTYPE; of the whole field, stars that the reference does not have


@dataclass(frozen=True)
class Series:
    """All measurements of a patch's stars in one filter; arrays (n_stars, n_exposures)."""

    patch: StarField
    exposures: tuple[SeededExposure, ...]  # the reference first
    mag: np.ndarray
    mag_err: np.ndarray
    failed_cuts: np.ndarray  # int, bits of Cut
    vanished: np.ndarray  # bool
    is_on_chip: np.ndarray  # bool; the dither takes some off it

    @property
    def filter(self) -> str:
        return self.exposures[0].filter

    @property
    def significance(self) -> np.ndarray:
        """Of the change against the reference, sigma; 0 on the reference itself."""
        return np.abs(self.delta_mag) / np.maximum(self.delta_mag_err, FLOOR_MAG)

    @property
    def delta_mag(self) -> np.ndarray:
        return self.mag - self.mag[:, :1]

    @property
    def delta_mag_err(self) -> np.ndarray:
        return np.hypot(self.mag_err, self.mag_err[:, :1])

    @property
    def changed(self) -> np.ndarray:
        changed = self.vanished | (self.significance > THRESHOLD_SIGMA)
        changed[:, 0] = False
        return changed & self.is_on_chip

    @property
    def n_detections(self) -> np.ndarray:
        """(n_stars,) accepted changes: they pass all cuts."""
        return np.sum(self.changed & (self.failed_cuts == 0), axis=1)


def make_exposures(plan) -> list[SeededExposure]:
    """Every exposure of the survey; of each field and filter the reference comes first."""
    rng = np.random.default_rng([plan.seed, 10])
    made = []
    for field in plan.fields:
        for filter, n_epochs in zip(FILTERS, field.n_epochs, strict=True):
            nights = np.sort(rng.choice(NIGHTS, n_epochs + 1, replace=False))
            mjds = FIRST_MJD + nights + rng.uniform(0, 0.15, n_epochs + 1)
            # The first night is not always the best.
            first = int(rng.integers(0, min(3, n_epochs)))
            order = [first, *(i for i in range(n_epochs + 1) if i != first)]
            for i in order:
                made.append(_exposed(field, filter, 600_000 + len(made), mjds[i], i == first, rng))
    return made


def _exposed(field, filter, number, mjd, is_reference, rng):
    return SeededExposure(
        field,
        filter,
        number,
        float(mjd),
        is_reference,
        dither=(0.0, 0.0) if is_reference else tuple(rng.uniform(-50, 50, 2)),
        fwhm_arcsec=float(rng.uniform(0.8, 0.95) if is_reference else rng.uniform(0.85, 1.6)),
        clouds_mag=0.0 if is_reference else float(rng.exponential(0.06)),
    )


def pointing(field, dither=(0.0, 0.0)) -> Pointing:
    """Of an exposure of a field on which stars lie off by ``dither`` (x, y in pixels)."""
    centre = SkyCoord(field.longitude, field.latitude, unit="deg", frame="galactic").icrs
    # +x is to the south and +y to the east.
    dec = centre.dec.deg + dither[0] * PIXEL_DEGREES
    ra = centre.ra.deg - dither[1] * PIXEL_DEGREES / np.cos(np.radians(dec))
    return Pointing(wrap_ra(float(ra)), float(dec))


def make_patches(plan, exposures) -> list[StarField]:
    """The simulator's stars on every chip of every field, most of them constant."""
    return [
        patch
        for number, field in enumerate(plan.fields)
        for patch in _patches(plan, number, field, exposures)
    ]


def _patches(plan, number, field, exposures):
    in_i = [e for e in exposures if e.field == field and e.filter == "i"]
    rng = np.random.default_rng([plan.seed, 11, number])
    stars = make_stars(_simulation(plan, number, field), [e.mjd for e in in_i])
    stars["bp_rp"] = _colours(stars["mag"], rng)
    is_new = np.isin(stars["kind"], (NOVA, MOVER))
    stars, new = stars[~is_new], stars[is_new]
    for star in np.flatnonzero(stars["kind"] != "constant"):
        n_wanted = 1 + int(len(in_i) * rng.beta(1.2, 2.2))
        _set_amplitude(stars[star : star + 1], min(n_wanted, len(in_i) - 2), in_i)
    for detector in detectors(field.n_chips):
        yield _patch(plan, field, detector, stars, new)


def _simulation(plan, number, field):
    """What the simulator is asked for: a few more stars than are taken of each chip."""
    centre = pointing(field)
    n_chips = sum(each.n_chips for each in plan.fields)
    n_variable = max(3, VARIABLES * plan.n_candidates / n_chips)
    return SimulationOptions(
        seed=100 * plan.seed + number,
        ra=centre.ra,
        dec=centre.dec,
        n_chips=field.n_chips,
        stars_per_chip=30 + round(1.25 * plan.n_stars),
        variable_fraction=min(n_variable / plan.n_stars, 1),
        n_novae=2 * field.n_chips,
        n_movers=2 * field.n_chips,
        new_mags=(16.0, 18.5),
        brightest_mag=13.6,
        limiting_mag=FAINTEST_MAG,
        faintest_mag=FAINTEST_MAG,
        slope=0.15,
    )


def _patch(plan, field, detector, stars, new):
    wcs = pointing(field).wcs(detector, FULL_SHAPE)
    x, y = wcs.all_world2pix(stars["ra"], stars["dec"], 0)
    here = np.flatnonzero(is_inside(x, y))[: plan.n_stars]
    stars, x, y = stars[here], x[here], y[here]
    _crowd_about_the_detector(detector, stars, x, y)
    stars["ra"], stars["dec"] = wcs.all_pix2world(x, y, 0)
    return StarField(field, detector, stars, x, y, new)


def _colours(mag, rng):
    """BP - RP of dwarfs of the disk, redder where fainter, and of giants of the bulge, bluer."""
    is_giant = rng.uniform(size=len(mag)) < 0.55
    usual = np.where(is_giant, 2.35 - 0.09 * (mag - 14), 0.75 + 0.13 * (mag - 14))
    return np.maximum(usual + rng.normal(0, 0.13, len(mag)), 0.3)


def _crowd_about_the_detector(detector, stars, x, y):
    """Move some stars to where the detector has a defect, and some to a saturated star."""
    rng = np.random.default_rng([64, detector.ccdnum])  # the same on every field
    n_moved = max(2, len(stars) // 200)
    spots = rng.uniform([200, 300], [FULL_SHAPE[1] - 200, FULL_SHAPE[0] - 300], (3, 2))
    for spot, first in zip(spots, range(0, 3 * n_moved, n_moved), strict=True):
        x[first : first + n_moved] = spot[0] + rng.normal(0, 3, n_moved)
        y[first : first + n_moved] = spot[1] + rng.normal(0, 3, n_moved)
    bright = np.flatnonzero(stars["mag"] < SATURATED_MAG)[: max(1, len(stars) // 300)]
    for rank, star in enumerate(bright):
        near = slice(-6 * (rank + 1), -6 * rank or None)
        angle, radius = rng.uniform(0, 2 * np.pi, 6), rng.uniform(9, 40, 6)
        x[near] = np.clip(x[star] + radius * np.cos(angle), 0, FULL_SHAPE[1] - 1)
        y[near] = np.clip(y[star] + radius * np.sin(angle), 0, FULL_SHAPE[0] - 1)


def _set_amplitude(star, n_wanted, exposures):
    """Have a variable differ enough from the reference on ``n_wanted`` of the exposures in i."""
    star["amplitude"] = 1.0
    shape = np.array([magnitudes_at(star, e.mjd)[0] for e in exposures]) - star["mag"]
    sigma = np.sort(np.abs(shape[1:] - shape[0]) / error_of(star["mag"], exposures[0]))[::-1]
    low, high = AMPLITUDES[str(star["kind"][0])]
    enough = np.sqrt(max(sigma[n_wanted - 1], 1) * max(sigma[n_wanted], 1)) / np.sqrt(2)
    star["amplitude"] = np.clip(THRESHOLD_SIGMA / enough, 0.6 * low, 1.5 * high)


def error_of(mag, exposed):
    """Of magnitudes on an exposure: a floor and the noise of the sky."""
    limit = NOISE_MAG + DEPTH[exposed.filter] - exposed.clouds_mag
    limit = limit - 2.5 * np.log10(exposed.fwhm_arcsec)
    return np.hypot(FLOOR_MAG, 0.2 * 10 ** (0.4 * (mag - limit)))


def observe(plan, patch, exposures, filter) -> Series:
    """What is measured of a patch's stars in one filter, noise included."""
    exposures = tuple(e for e in exposures if e.field == patch.field and e.filter == filter)
    rng = np.random.default_rng([plan.seed, 13, exposures[0].number, patch.detector.ccdnum])
    stars = patch.stars
    base = stars["mag"].astype("f8")
    pulsates = np.isin(stars["kind"], ["rrab", "cepheid", "mira", "flare"])
    factor = np.where(pulsates, BLUENESS[filter], 1.0)
    change = np.stack([magnitudes_at(stars, e.mjd) - base for e in exposures], axis=1)
    mag = (base + COLOURS[filter] * stars["bp_rp"])[:, None] + factor[:, None] * change
    err = np.stack([error_of(mag[:, k], e) for k, e in enumerate(exposures)], axis=1)
    return Series(
        patch,
        exposures,
        mag=mag + rng.normal(0, 1, mag.shape) * err,
        mag_err=err,
        failed_cuts=np.zeros(mag.shape, int),
        vanished=np.zeros(mag.shape, bool),
        is_on_chip=np.stack([_on_chip(patch, e) for e in exposures], axis=1),
    )


def _on_chip(patch, exposed):
    return is_inside(patch.x + exposed.dither[0], patch.y + exposed.dither[1])


def is_inside(x, y, margin=0):
    """(n,) whether positions are on a chip, ``margin`` or more from its edges; all pixels."""
    ny, nx = FULL_SHAPE
    inside = (x >= margin) & (x <= nx - 1 - margin)
    return inside & (y >= margin) & (y <= ny - 1 - margin)
