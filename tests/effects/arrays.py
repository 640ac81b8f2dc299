"""Results of arrays and small files alone."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np

from exposures.chip import MaskBit
from exposures.errors import GalprojectError
from exposures.fits import read_chip, read_exposure
from exposures.science.astrometry import fit_pixel_correction
from exposures.science.header_limits import UNIX_MJD
from exposures.science.registration import StarList, agreement, register
from photometry.references.measured import Measured
from photometry.science.calibration.calibration import (
    CalibrationStars,
    error_scale,
    fit_magnitude_correction,
    fit_zero_point,
)
from photometry.science.calibration.error_model import fit_error_model
from photometry.science.calibration.local_zero_point import fit_local_zero_point
from photometry.science.detection.detection import find_sources
from photometry.science.detection.residual_peaks import NewStars
from photometry.science.extended_sources import EXTENDED
from photometry.science.forced.forced import SHARP
from photometry.science.psf.psf import ChipPsf
from photometry.science.sky.clipping import find_outliers
from photometry.science.sky.sky import fit_sky
from photometry.science.stacking.homogenise import flux_to_common_brightness
from photometry.science.stacking.reference_mean import reference_means
from photometry.science.stacking.resampling import SmoothMap, resample_to_grid
from photometry.science.trails.trails import find_trails
from photometry.storage.columns import SOURCE_DTYPE
from photometry.storage.reference_values import ReferenceValues
from tests.builders.crowded_scene import star_list
from tests.builders.differences import differences
from tests.builders.drawn_sky import draw, nebula, random_stars, transfer
from tests.builders.fits_files import chip_cards, write_plain, write_triplet
from tests.builders.star_field import Band, crossmatch, make_stars, observe
from tests.exposures.test_catalogues import table, write_table
from tests.photometry.test_stacking import SHAPE, frames_of
from tests.photometry.test_trails import crowd_of_trails
from variables.candidates.periods import period_search
from variables.changes.detection import find_changes
from variables.new_sources.detection import failed_cuts_of_new_stars
from variables.science.artifacts import (
    Points,
    defects,
    edge_regions,
    is_reference_at_fault,
    saturated_regions,
)
from variables.science.consensus import consensus_of

GAIN, SKY = 2.0, 500.0
FEW = np.arange(30)
ANGLES = np.arange(8) * np.pi / 4


@cache
def _folder():
    return Path(mkdtemp(prefix="galproject-effects-"))


@cache
def _plain(name, noise=1.0, **cards):
    """A plain image of a sky whose noise is so many times that of its photons, and a full well."""
    rng = np.random.default_rng(7)
    data = SKY + noise * np.sqrt(SKY / GAIN) * rng.normal(size=(90, 100))
    data[40:43, 50:53] = 4000.0  # nine pixels at the largest value of the converter
    data[20, 20:22] = 3700.0
    return write_plain(_folder() / f"{name}.fits", data.astype("f4"), cards)


def _read(path, options):
    try:
        facts = read_exposure(path, options.input)
        chip = read_chip(facts, facts.chips[0], options.input)
    except GalprojectError as error:
        return type(error).__name__, error.args[0].replace(str(path), "")
    return facts.filter, facts.exposure_seconds, chip.amplifiers, chip.data, chip.weight, chip.mask


def plain_file():
    """The path of an image that says nothing of its detector."""
    return _plain("silent")


def plain_image(options):
    """That image as it is read."""
    return _read(plain_file(), options)


def nameless_image(options):
    """One that says neither its filter nor how long it was exposed."""
    return _read(_plain("nameless", FILTER=None, EXPTIME=None), options)


def noisy_image(options):
    """One whose noise is larger than its gain foretells: by 20 % in variance."""
    return _read(_plain("noisy", noise=np.sqrt(1.2), GAIN=GAIN), options)


@cache
def _spoilt():
    """A DECam exposure, some of whose pixels and weights no detector gives."""
    rng = np.random.default_rng(8)
    shape, cards = (200, 160), chip_cards(35)
    data = (400 + 10 * rng.normal(size=shape)).astype("f4")
    data[20, 30] = 3e7  # three million times the noise
    data[60, 40] = -2000.0  # 240 sigma below the sky
    data[100, 50] = 5e4  # with nothing round it
    y, x = np.mgrid[: shape[0], : shape[1]]
    data += 2e5 * np.exp(-((x - 110) ** 2 + (y - 140) ** 2) / 18).astype("f4")
    weight = np.full(shape, 0.01, "f4")
    weight[150, 20] = 1.0
    changed = {"i": {"N4": (data, cards)}, "w": {"N4": (weight, cards)}}
    folder = _folder() / "spoilt"
    folder.mkdir()
    return write_triplet(folder, changed=changed, shape=shape)


@cache
def _versionless():
    folder = _folder() / "versionless"
    folder.mkdir()
    return write_triplet(folder, PLVER=None)


def versionless_image(options):
    """A DECam exposure that doesn't say what made it, and so what its codes mean."""
    return _read(_versionless(), options)


def impossible(options):
    """Which pixels of a DECam chip are masked because no detector gives them."""
    return _read(_spoilt(), options)


def catalogue(options):
    """What is read from a catalogue near the edge of a cone, of stars that move and scatter."""
    opened = replace(options, catalogue=catalogue_file()).opened_catalogue()
    found = opened.stars(10.0, 5.0, 0.1, 57388.5, "r")
    return [getattr(found, name) for name in ("ra", "dec", "ra_error", "magnitudes")]


@cache
def catalogue_file():
    rng = np.random.default_rng(3)
    ra, dec = 10 + rng.uniform(-0.11, 0.11, 300), 5 + rng.uniform(-0.11, 0.11, 300)
    # Some that come into the cone from the west: 3.6 arcsec outside, and they go 6 arcsec.
    ra[:20], dec[:20] = 10 - 0.101 / np.cos(np.radians(5)), 5.0
    columns = table(
        ra,
        dec,
        astrometric_excess_noise=rng.uniform(0, 6, 300),
        astrometric_excess_noise_sig=rng.uniform(0, 5, 300),
        pmra=np.where(rng.random(300) < 0.7, 300.0, np.nan),
        ref_epoch=np.where(rng.random(300) < 0.7, 1995.0, np.nan),
    )
    return str(write_table(_folder() / "catalogue.fits", columns))


@cache
def _sky_pixels():
    """A gradient with stars' light, a bright nebula in one tile and masked corners."""
    rng = np.random.default_rng(5)
    ny, nx = 400, 300
    y, x = np.mgrid[:ny, :nx]
    sky = SKY * (1 + 0.05 * x / nx + 0.1 * (y / ny) ** 2)
    light = rng.exponential(8.0, (ny, nx)) * (rng.random((ny, nx)) < 0.7)
    light += 60 * np.exp(-((x - 150) ** 2 + (y - 250) ** 2) / 800)
    data = sky + light + rng.normal(size=(ny, nx)) * np.sqrt(1.12 * SKY / GAIN)
    data[:, 200] -= 90.0
    weight = np.ones((ny, nx), "f4")
    weight[:100, :100] = 0
    weight[10:32, 10:32] = 1  # of the first tile 484 pixels are usable
    return data.astype("f4"), weight


def sky(options):
    """The sky of an image, and what was done instead of the usual."""
    data, weight = _sky_pixels()
    gain, read_noise = np.full(data.shape[1], GAIN), np.zeros(data.shape[1])
    found = fit_sky(data, weight, gain, read_noise, options.reduction.sky)
    return found.tile_level, found.tile_noise, found.image[::10, ::10], found.fallback


def coarse_sky(options):
    """The sky of an image of few electrons, counted."""
    rng = np.random.default_rng(5)
    shape = (200, 200)
    level = 6.0 * (1 + 0.8 * np.linspace(0, 1, shape[1]))
    data = rng.poisson(np.broadcast_to(level, shape)).astype("f4")
    found = fit_sky(data, np.ones(shape), np.ones(200), np.zeros(200), options.reduction.sky)
    return found.tile_level, found.image[::10, ::10], found.fallback


def _matched(n, seed):
    """Stars on two images, a distorted shift apart, with some that are on one alone."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(0, 400, (2, n))
    dx = 15 + 3e-3 * (x - 200) + 2e-5 * (y - 200) ** 2 + 1e-7 * (x - 200) ** 3
    x0, y0 = x + dx + rng.normal(0, 0.3, n), y - 9 + rng.normal(0, 0.3, n)
    x0[::9] += rng.uniform(-1.9, 1.9, len(x0[::9]))
    others = rng.uniform(0, 400, (2, n // 3))
    return x, y, np.append(x0, others[0]), np.append(y0, others[1])


def catalogue_match(options):
    """An image's stars matched with those of a catalogue."""
    fit = fit_pixel_correction(
        *_matched(150, 2), (400, 400), options.reduction.catalogue_astrometry
    )
    return fit.as_json()


def few_catalogue_matches(options):
    """The same of a dozen stars."""
    fit = fit_pixel_correction(*_matched(12, 2), (400, 400), options.reduction.catalogue_astrometry)
    return fit.as_json()


def registration(options):
    fit = fit_pixel_correction(*_matched(150, 2), (400, 400), options.reduction.registration)
    return fit.as_json()


def few_registered(options):
    fit = fit_pixel_correction(*_matched(12, 2), (400, 400), options.reduction.registration)
    return fit.as_json()


def _registered(fit, dx, degrees):
    """An image's stars registered to those of a list from which they are far off, or turned."""
    rng = np.random.default_rng(4)
    n, side = 150, 400
    x, y = rng.uniform(0, side, (2, n))
    mag = rng.uniform(15, 20, n)
    angle = np.radians(degrees)
    x0 = x * np.cos(angle) - y * np.sin(angle) + dx + rng.normal(0, 0.05, n)
    y0 = x * np.sin(angle) + y * np.cos(angle) + rng.normal(0, 0.05, n)
    measured = mag + rng.normal(0, 0.1, n)
    measured[::9] += 5.0
    ours = StarList(x, y, mag, np.ones(n, bool))
    theirs = StarList(x0, y0, measured, np.ones(n, bool))
    usable = np.ones((side, side), bool)

    def agreement_of(correction):
        return agreement(ours.moved(correction), theirs, usable, fit)

    near = fit_pixel_correction(x, y, x0, y0, (side, side), fit)
    correction, agreed = register(near, ours, theirs, fit.search_arcsec / 0.5, agreement_of, fit)
    return correction.as_json(), agreed


def far_from_the_catalogue(options):
    return _registered(options.reduction.catalogue_astrometry, 80.0, 0.0)


def far_from_the_reference(options):
    return _registered(options.reduction.registration, 80.0, 0.0)


def turned_to_the_catalogue(options):
    return _registered(options.reduction.catalogue_astrometry, 40.0, 3.5)


def turned_to_the_reference(options):
    return _registered(options.reduction.registration, 40.0, 3.5)


def _calibration_stars(n=400):
    """Stars of two references, some of which vary, under a flat field that is not flat."""
    rng = np.random.default_rng(8)
    x, y = rng.uniform(0, 400, (2, n))
    error = rng.uniform(0.01, 0.1, n)
    difference = 0.1 * np.sin(x / 90) * np.cos(y / 70) + rng.normal(0, 1.5 * error)
    difference[::11] += rng.normal(0, 0.6, len(difference[::11]))
    number = np.where(np.arange(n) < 4, 2, 1)
    return CalibrationStars(x, y, difference + 0.3 * (number == 2), error, number)


def magnitude_correction(options):
    """The correction of magnitudes, and how far errors are expanded."""
    stars, calibration = _calibration_stars(), options.reduction.calibration
    fit = fit_magnitude_correction(stars, (400, 400), calibration)
    few = stars.difference[4:10], stars.error[4:10], np.zeros(6)
    return fit.as_json(), error_scale(*few, calibration)


def local_zero_point(options):
    """The local zero point of many stars under turbulence, and of few."""
    rng = np.random.default_rng(11)
    x, y = rng.uniform(0, 1000, (2, 600))
    sigma = 0.003 + 0.03 * rng.uniform(0, 1, 600) ** 2
    residual = 0.012 * np.sin(x / 90) * np.cos(y / 70) + rng.normal(0, sigma)
    residual[::13] += rng.normal(0, 0.1, len(residual[::13]))
    local = options.reduction.local_zero_point
    fit = fit_local_zero_point((x, y), residual, sigma, (1000, 1000), local)
    few = slice(0, 80)
    of_few = fit_local_zero_point(
        (x[few], y[few]), 2 * x[few] / 1e4, sigma[few], (1000,) * 2, local
    )
    return [surface and surface.as_json() for surface in (fit, of_few)]


def errors(options):
    """The model of the errors of many stars, and of few."""
    floor = options.reduction.calibration.error_floor
    stars = differences(3_000, excess=1.3, halo=0.1)
    models = [
        fit_error_model(s, floor, options.reduction.errors) for s in (stars, stars.select(FEW))
    ]
    return [model.as_json() for model in models]


def zero_point(options):
    """The zero point from four stars of a catalogue, and from many with outliers."""
    rng = np.random.default_rng(4)
    catalogue = rng.uniform(15, 18, 60)
    instrumental = catalogue - 25 + rng.normal(0, 0.03, 60)
    instrumental[::7] += rng.normal(0, 0.2, len(instrumental[::7]))
    found = [
        fit_zero_point(instrumental[:n], catalogue[:n], options.reduction.calibration)
        for n in (4, 60)
    ]
    return [one and vars(one) for one in found]


@cache
def _measured(n=900):
    """Sources measured on a search image and on a reference of several images, of every quality."""
    rng = np.random.default_rng(9)
    rows, sources = (np.zeros(n, SOURCE_DTYPE) for _ in range(2))
    mag = rng.uniform(15, 21, n)
    for table_ in (rows, sources):
        table_["x"], table_["y"] = rng.uniform(0, 400, (2, n))
        table_["rchi2"] = rng.lognormal(0.3, 0.8, n)
        table_["fracflux"] = rng.uniform(0.05, 1.4, n)
        table_["quality"] = rng.uniform(0.6, 1.0, n)
        table_["flags"] = rng.choice([0, SHARP, MaskBit.SATURATED], n, p=[0.96, 0.02, 0.02])
    member = np.arange(300)
    sources["flags"][member] |= EXTENDED
    sources["dec"][member] = member // 5 + 1e-4 * (member % 5)  # degrees, in groups of five
    rows["x"], rows["y"] = sources["x"], sources["y"]
    sources["mag"], sources["mag_err"] = mag, rng.uniform(0.01, 0.3, n)
    rows["mag"], rows["mag_err"] = mag + rng.normal(0, 0.5, n), rng.uniform(0.01, 0.03, n)
    rows["flux"], sources["flux"] = (10 ** (-0.4 * (t["mag"] - 25)) for t in (rows, sources))
    for table_ in (rows, sources):
        table_["flux_err"] = 0.02 * table_["flux"]
    is_mean = rng.random(n) < 0.5
    values = ReferenceValues(
        sources["mag"], sources["mag_err"], is_mean, np.ones(n, bool), np.zeros(n, bool)
    )
    return Measured(rows, sources, values, np.full(n, 25.0), rows["flux_err"])


def selected(options):
    """The changes among many sources, and the cuts that each fails."""
    shape, fwhm_pixels = (400, 400), 6.0
    changes = find_changes(_measured(), shape, shape, options.selection, fwhm_pixels)
    return changes.index, changes.significance, changes.failed_cuts


def means(options):
    """How bright the images of a set say together that sources are."""
    rng = np.random.default_rng(6)
    true = 10 ** (-0.4 * (rng.uniform(16, 20, 400)[:, None] - 25))
    flux = true * (1 + rng.normal(0, 0.02, (400, 5)))
    flux[:200, 0] *= 1 + rng.uniform(-0.5, 0.5, 200)
    flux[100:300, 2] *= 1 + rng.uniform(-0.3, 0.3, 200)
    usable = rng.random((400, 5)) < 0.9
    found = reference_means(
        flux, np.broadcast_to(0.02 * true, flux.shape), usable, 25.0, options.reference_sets
    )
    return [getattr(found, name) for name in found.__dataclass_fields__]


@cache
def _two_bands():
    rng = np.random.default_rng(12)
    stars = make_stars(40_000, (60.0, 60.0), rng)
    bands = Band("i", fwhm=0.9, limit=22.5), Band("g", fwhm=1.4, limit=22.8, colour=(1.0, 0.4))
    return [observe(stars, band, rng) for band in bands]


def crossmatched(options):
    """The sources of two crowded images, as objects."""
    groups = crossmatch(*_two_bands(), options.crossmatch)
    return groups.label, groups.is_blend, groups.is_doubtful


def artifacts(options):
    """Regions and places that many changes crowd in, and sources that a reference has wrong."""
    rng = np.random.default_rng(11)
    shape, o = (1000, 800), options.artifacts
    ring = np.array([300, 500]) + 12 * np.column_stack([np.cos(ANGLES), np.sin(ANGLES)])
    trail = np.column_stack([np.full(12, 500.0), 300 + 12.0 * np.arange(12)])
    edge = np.column_stack([rng.uniform(0, 20, 30), rng.uniform(0, 999, 30)])
    at = np.concatenate([ring, trail, edge, rng.uniform(60, 740, (40, 2))])
    is_saturated = np.isin(np.arange(len(at)), [0, 1, 2, 3, 8, 9, 10, 11, 12, 14, 16, 19])
    points = Points(*at.T, is_saturated, ~is_saturated)
    regions = saturated_regions(points, o) + edge_regions(points, shape, o)
    hot = [700, 800] + rng.normal(0, 0.5, (9, 2))
    places = np.concatenate([hot, rng.uniform(0, 800, (500, 2))])
    frame = np.concatenate([np.arange(9) % 7, rng.integers(0, 9, 500)])
    sky = np.column_stack([40.0 * np.arange(509), np.zeros(509), np.full(509, 2e5)])
    found = defects(places, frame, sky, 9, shape, o)
    # Images, changes, those that vanished, median and scatter of the change.
    sources = [[20, 19, 0, -0.5, 0.03], [20, 19, 0, -0.5, 0.4], [20, 10, 0, -0.5, 0.03]]
    sources += [[3, 3, 0, -0.5, 0.01]]
    wrong = is_reference_at_fault(*np.array(sources).T, o)
    return [(r.kind, r.corners) for r in regions], [(d.x, d.y) for d in found], wrong


def cuts_of_new_stars(options):
    """The cuts that stars fail which are near listed ones, or near saturated pixels."""
    columns = {name: np.ones(4) for name in NewStars.__dataclass_fields__}
    columns |= {"displacement": np.array([0.05, 0.2, np.inf, np.inf]), "flags": np.zeros(4, int)}
    columns |= {"saturated_distance": np.array([np.inf, np.inf, 10.0, 40.0])}
    return failed_cuts_of_new_stars(NewStars(**columns), options.reduction.residual)


@cache
def _frames():
    """Frames of stars, with two cosmic rays on one of them and a bad column on another."""
    frames = frames_of(star_list(60, SHAPE, 4), seeings=(3.6, 4.4, 5.0))
    data = frames[1].data.copy()
    data[50, 60:64] += 300.0
    data[120, 30:33] += 130.0
    return [_varying(frames[0]), replace(frames[1], data=data), frames[2]]


def _varying(frame):
    """A frame whose PSF is said to grow wider along x."""
    x0, stamps = np.zeros(1), {}

    def psf(x, y):
        fwhm = round(frame.fwhm_pixels + 0.01 * x, 2)
        if fwhm not in stamps:
            stamps[fwhm] = ChipPsf.round(fwhm).stamps(x0, x0, 63)[0]
        return stamps[fwhm]

    return replace(frame, psf=psf)


def clipped(options):
    """Which pixels are clipped where one frame has what the others have not."""
    return find_outliers(_frames(), options.stack)


def homogenised(options):
    """What is added to stars that differ from frame to frame, some of them unlike the PSF."""
    flux = np.array([[9e3, 1e4, 2e4, 1e4], [9e3, 1e4, 2e4, 1.01e4], [9e3, 3e4, 2.4e4, 2e4]])
    rchi2 = np.array([[1.0, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 4]])
    usable = np.ones(flux.shape, bool)
    usable[2, 0] = usable[1, 1] = False
    return flux_to_common_brightness(flux, np.full(flux.shape, 100.0), rchi2, usable, options.stack)


def resampled(options):
    """Which pixels of a frame with bad ones are usable on a grid that is shifted a little."""
    usable = np.ones((40, 40), bool)
    usable[20, 20] = False
    to_x, to_y = (SmoothMap.of(lambda x, y, k=k: (x, y)[k] + 0.2, (40, 40)) for k in (0, 1))
    pixels = np.ones((40, 40), "f4")
    return resample_to_grid(pixels, usable, to_x, to_y, (40, 40), options.stack)[1]


def periods(options):
    """What is found in an eclipsing star's light curve, with two epochs in another filter."""
    rng = np.random.default_rng(10)
    curves = []
    for n, base in ((40, 17.0), (2, 18.0)):
        mjd = np.sort(60000 + rng.uniform(0, 30, n))
        phase = (mjd / 0.3) % 1
        mag = base + 0.4 * np.exp(-(((phase - 0.5) / 0.1) ** 2)) + rng.normal(0, 0.03, n)
        curves.append({"mjd": mjd.tolist(), "mag": mag.tolist(), "mag_err": [0.03] * n})
    return period_search(curves, options.periods)


def periods_of_few(options):
    """What is found in nine epochs of a star, by which noise can't be told from a period."""
    rng = np.random.default_rng(3)
    mjd = 60000 + np.sort(rng.uniform(0, 30, 9))
    rng.normal(size=9)
    mag = 17 + 0.2 * np.sin(2 * np.pi * mjd / 0.7) + 0.06 * rng.normal(size=9)
    curve = {"mjd": mjd.tolist(), "mag": mag.tolist(), "mag_err": [0.03] * 9}
    return period_search([curve], options.periods)


def consensus(options):
    """What three people say of whom two agree."""
    return consensus_of([("a",), ("a",), ("b",)], 1, options.consensus)


@cache
def _trail_lights():
    return crowd_of_trails()


def trails(options):
    """Trails found among lights that are long."""
    found = find_trails(_trail_lights(), 4.0, options.reduction.trails)
    return [np.round(trail.ends, 3) for trail in found], [trail.half_width for trail in found]


def header_values(options):
    """Which values of headers are taken."""
    limits, now = options.input.header, datetime.now(UTC).timestamp() / 86_400 + UNIX_MJD
    values = {
        "mjd": (45_000.0, now + 3),
        "exposure_seconds": (0.1, 1000.0),
        "gain": (0.5, 100.0),
        "read_noise": (100.0,),
        "saturation": (1e6,),
        "zero_point": (10.0, 40.0),
        "scale": (0.01, 100.0),
        "fwhm": (0.5, 100.0),
    }
    return [getattr(limits, name).holds(value) for name in values for value in values[name]]


def turbulent_psf(options):
    """The PSF of stars seen through turbulent air, which falls faster than the simulator's."""
    shape, reduction = (150, 150), options.reduction
    sky = draw(transfer(seeing_pixels=4.0), shape, random_stars(80, shape, seed=1), seed=1)
    image = sky.data, sky.weight, sky.mask
    return find_sources(*image, np.nan, reduction.search_detection, reduction.psf).psf


@cache
def nebulous_sources(options):
    """How many sources the searches of a reference and a search image find among filaments."""
    shape, reduction = (150, 150), options.reduction
    sky = draw(transfer(seeing_pixels=4.0), shape, random_stars(80, shape, seed=1), seed=1)
    image = sky.data + nebula(shape, seed=2), sky.weight, sky.mask
    searches = reduction.reference_detection, reduction.search_detection
    return [len(find_sources(*image, np.nan, search, reduction.psf)) for search in searches]
