"""Results of pixels: the sky, the PSF, stars and trails found, and stacks of frames."""

from dataclasses import replace
from functools import cache

import numpy as np

from photometry.science.detection.detection import find_sources
from photometry.science.psf.psf import ChipPsf
from photometry.science.sky.clipping import find_outliers
from photometry.science.sky.sky import fit_sky
from photometry.science.stacking.homogenise import flux_to_common_brightness
from photometry.science.stacking.resampling import SmoothMap, resample_to_grid
from photometry.science.trails.trails import find_trails
from tests.builders.crowded_scene import star_list
from tests.builders.drawn_sky import draw, nebula, random_stars, transfer
from tests.photometry.test_stacking import SHAPE, frames_of
from tests.photometry.test_trails import crowd_of_trails

GAIN, SKY = 2.0, 500.0


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


@cache
def _trail_lights():
    return crowd_of_trails()


def trails(options):
    """Trails found among lights that are long."""
    found = find_trails(_trail_lights(), 4.0, options.reduction.trails)
    return [np.round(trail.ends, 3) for trail in found], [trail.half_width for trail in found]


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
