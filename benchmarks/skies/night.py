"""A night of one field: epochs of a chip with all the effects of its options, and the truth."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import affine_transform, map_coordinates
from scipy.signal import fftconvolve

from exposures.simulation.detector import BLEED, SATURATED, SimulatedExposure, expose
from exposures.simulation.mosaic import PIXEL_DEGREES, Detector, Pointing, detectors

from .debris import add_galaxies, add_satellite, ghost_rings
from .fields import flat_field, fringe_pattern, nebulae, smooth_field
from .options import PIXEL_ARCSEC, SKY_ADU, ZERO_POINT, SkyOptions
from .placing import place_stars
from .psf import EpochPsf, epoch_psf
from .stars import CATALOGUE_EPOCH, Stars, make_stars

MIDDLE_COLOUR = 1.8  # BP - RP of the stars that are not shifted by refraction
SKY_MARGIN = 100  # pixels of nebulae round the undithered chip


@dataclass(frozen=True)
class SkyEpoch:
    """One image, and what is true of it; arrays of stars are in the order of the night's."""

    options: SkyOptions
    index: int  # 0 is the reference
    mjd: float  # of the beginning
    seconds: float
    seeing_arcsec: float
    zero_point: float  # mag of 1 ADU
    pointing: Pointing  # the true one
    header_pointing: Pointing
    psf: EpochPsf
    exposed: SimulatedExposure
    x: np.ndarray  # (n,) pixels, where the light of each star fell
    y: np.ndarray
    flux: np.ndarray  # (n,) ADU that arrived; off the chip too
    sky: np.ndarray  # (ny, nx) ADU: all light but that of stars

    @property
    def expnum(self):
        return self.options.expnum + self.index


@dataclass(frozen=True)
class SkyNight:
    """A field on all its epochs; the first is the reference."""

    options: SkyOptions
    detector: Detector
    stars: Stars
    ra: np.ndarray  # (n,) ICRS degrees at the catalogue's epoch
    dec: np.ndarray
    epochs: tuple[SkyEpoch, ...]

    @property
    def amplifiers(self):
        """The true ones; the header's gain is off by ``gain_error``."""
        return self.detector.amplifiers(self.options.shape)


def make_night(options):
    """Draw a SkyNight: arrays and truth, no file. The same options give the same night."""
    detector, stars = detectors(1)[0], make_stars(options)
    still = Pointing(options.ra, options.dec).wcs(detector, options.shape)
    ra, dec = still.all_pix2world(stars.u, stars.v, 0)
    still_light = _StillLight.of(options)
    epochs = tuple(
        _take(index, options, detector, (stars, ra, dec), still_light)
        for index in range(options.n_epochs)
    )
    return SkyNight(options, detector, stars, ra, dec, epochs)


@dataclass(frozen=True)
class _StillLight:
    """Light that is the same on all epochs."""

    nebulae: np.ndarray  # of the sky's level, on the undithered chip with SKY_MARGIN round it
    fringes: np.ndarray  # of the sky's level, on the detector

    @classmethod
    def of(cls, options):
        rng = np.random.default_rng([options.seed, 10])
        large = tuple(n + 2 * SKY_MARGIN for n in options.shape)
        light = nebulae(large, options.nebulosity, rng) if options.nebulosity else np.zeros(large)
        return cls(light, options.fringes * fringe_pattern(options.shape, rng))


def _take(index, options, detector, field, still_light):
    """The epoch of a number; ``field`` is the stars and their positions."""
    stars, ra, dec = field
    rng = np.random.default_rng([options.seed, 11, index])
    circumstances = _circumstances(index, options, rng)
    wcs = circumstances["pointing"].wcs(detector, options.shape)
    x, y = _pixels(stars, (ra, dec), circumstances["mjd"], wcs)
    shift = _refraction(stars, options, rng)
    x, y = x + shift[0], y + shift[1]
    psf = epoch_psf(options, circumstances["seeing_arcsec"], rng)
    dimming = _dimming(options, rng)
    flux = 10 ** (-0.4 * (stars.mag + _at(dimming, x, y) - circumstances["zero_point"]))
    flux = flux * stars.factor[:, index]
    sky = _sky(options, still_light, rng)
    if options.nebulosity:
        clear = 10 ** (0.4 * (circumstances["zero_point"] - ZERO_POINT - dimming))
        seen = fftconvolve(still_light.nebulae, psf.middle_stamp(), mode="same")
        sky += SKY_ADU * clear * _dithered(seen, options, wcs, detector)
    sky += ghost_rings(options, x, y, flux)
    sky += add_galaxies(options, wcs, detector, psf, 10 ** (0.4 * circumstances["zero_point"]))
    if index == options.n_epochs - 1 and index > 0:
        sky += add_satellite(options, psf, rng)
    light = sky.copy()
    place_stars(light, x, y, flux, psf)
    exposed = expose(np.maximum(light, 0), detector, options.cosmic_rays_per_megapixel, rng)
    exposed = _as_delivered(exposed, detector, options)
    return SkyEpoch(
        options=options, index=index, psf=psf, exposed=exposed, x=x, y=y, flux=flux, sky=sky,
        **circumstances,
    )  # fmt: skip


def _circumstances(index, options, rng):
    """When, whereto and in what air an epoch is taken."""
    best, worst = options.seeing_arcsec
    seeing = best + 0.1 * (worst - best) if index == 0 else rng.uniform(best, worst)
    days = options.years * 365.25 * index / max(options.n_epochs - 1, 1)
    reach = options.dither_pixels * PIXEL_DEGREES * (index > 0)
    d_ra, d_dec = rng.uniform(-1, 1, 2) * reach
    e_ra, e_dec = rng.normal(0, options.wcs_error_mas / 3.6e6, 2)
    cos = np.cos(np.radians(options.dec))
    ra, dec = options.ra + d_ra / cos, options.dec + d_dec
    turn, stretch = rng.normal(0, 2e-5, 2)
    return {
        "mjd": round(options.first_mjd + days, 6),
        "seconds": 30.0,
        "seeing_arcsec": float(seeing),
        "zero_point": ZERO_POINT + rng.normal(0, options.zero_point_scatter),
        "pointing": Pointing(ra, dec),
        "header_pointing": Pointing(ra + e_ra / cos, dec + e_dec, turn, 1 + stretch),
    }


def _pixels(stars, positions, mjd, wcs):
    """Pixels of stars at a time, moved along their proper motions."""
    ra, dec = positions
    years = 2000 + (mjd - 51544.5) / 365.25 - CATALOGUE_EPOCH
    moved = ra + years * stars.pmra / 3.6e6 / np.cos(np.radians(dec))
    return wcs.all_world2pix(moved, dec + years * stars.pmdec / 3.6e6, 0)


def _refraction(stars, options, rng):
    """Shifts in x and y, pixels: along a direction of the epoch's, by colour and zenith angle."""
    tangent, angle = np.tan(np.arccos(1 / rng.uniform(1.0, 1.8))), rng.uniform(0, 2 * np.pi)
    size = options.refraction_arcsec / PIXEL_ARCSEC * tangent * (stars.bp_rp - MIDDLE_COLOUR)
    return size * np.cos(angle), size * np.sin(angle)


def _dimming(options, rng):
    """(ny, nx) magnitudes by which stars look fainter: flat field, turbulence, thin cloud."""
    flat = flat_field(options.shape, options.flat_amplitude, rng)
    turbulent = options.turbulent_mag * options.turbulence / 0.015
    flat += turbulent * smooth_field(options.shape, rng)
    cloud = smooth_field(options.shape, rng)
    return flat - 2.5 * np.log10(np.clip(1 + options.thin_cloud * cloud, 0.1, None))


def _at(image, x, y):
    """Values of a smooth image at pixels; off the chip those of its edge."""
    return map_coordinates(image, [y, x], order=1, mode="nearest")


def _sky(options, still_light, rng):
    """(ny, nx) ADU of the sky and fringes, which are light of the air; no air dims it."""
    level = SKY_ADU * rng.uniform(0.9, 1.1)
    v, u = np.mgrid[-1 : 1 : options.shape[0] * 1j, -1 : 1 : options.shape[1] * 1j]
    tilt = rng.uniform(-0.03, 0.03, 2)
    return level * (1 + tilt[0] * u + tilt[1] * v + still_light.fringes)


def _dithered(light, options, wcs, detector):
    """``light`` on the undithered chip and round it as an epoch's chip sees it."""
    still = Pointing(options.ra, options.dec).wcs(detector, options.shape)
    x = np.array([0, options.shape[1] - 1, 0, options.shape[1] - 1])
    y = np.array([0, 0, options.shape[0] - 1, options.shape[0] - 1])
    from_x, from_y = still.all_world2pix(*wcs.all_pix2world(x, y, 0), 0)
    terms = np.column_stack([y, x, np.ones(4)])
    rows, columns = (np.linalg.lstsq(terms, z, rcond=None)[0] for z in (from_y, from_x))
    matrix = np.array([rows[:2], columns[:2]])
    offset = np.array([rows[2], columns[2]]) + SKY_MARGIN
    return affine_transform(light, matrix, offset, output_shape=options.shape, order=3)


def _as_delivered(exposed, detector, options):
    """Weights by the header's gain, and a mask that may know nothing of saturation."""
    data, weight, quality = exposed.data, exposed.weight, exposed.quality
    if not options.is_masked:
        quality = np.where(np.isin(quality, (SATURATED, BLEED)), 0, quality).astype("i2")
    if options.gain_error or not options.is_masked:
        gain, noise = (_by_column(detector, options.shape, n) for n in ("gain", "read_noise"))
        gain = gain * (1 + options.gain_error)
        variance = np.maximum(data, 0) / gain + (noise / gain) ** 2
        weight = np.where(quality > 0, 0, 1 / variance).astype("f4")
    return SimulatedExposure(data, weight, quality)


def _by_column(detector, shape, name):
    values = np.empty(shape[1])
    for amplifier in detector.amplifiers(shape):
        values[amplifier.x_start : amplifier.x_stop] = getattr(amplifier, name)
    return values
