from dataclasses import replace

import numpy as np

from photometry.science.detection.detection import DetectionOptions, find_sources
from photometry.science.detection.nebulae import is_curved_sky
from photometry.science.detection.peaks import PeakImage
from photometry.science.psf.psf import ChipPsf, PsfOptions
from tests.builders.drawn_sky import draw, nebula, random_stars, transfer

QUICK = DetectionOptions(threshold=10.0, min_iterations=2, max_iterations=2, n_sweeps=2)


def test_a_star_is_no_curved_sky_whatever_it_stands_on_and_a_ridge_is():
    rng = np.random.default_rng(4)
    psf, y = ChipPsf.round(4.0), np.arange(60)[:, None]
    ridge = 800 * np.exp(-0.5 * ((y - 15) / 4) ** 2) + np.zeros(60)
    image = ridge + 3 * y + rng.normal(size=(60, 60)) * 10
    image[36:55, 21:40] += 2e4 * psf.stamps(30, 45, 19)[0]
    peaks = PeakImage(image, np.zeros(image.shape), np.full(image.shape, 0.01))
    x, y = np.array([30.0, 30.0]), np.array([45.0, 15.0])
    assert is_curved_sky(peaks, psf, x, y, 0.6).tolist() == [False, True]


def test_filaments_are_not_taken_for_stars():
    shape = (150, 150)
    stars = random_stars(80, shape, seed=1)
    sky = draw(transfer(seeing_pixels=4.0), shape, stars, seed=1)
    clouds = nebula(shape, seed=2)
    image = sky.data + clouds, sky.weight, sky.mask
    every = replace(QUICK, nebula_share=1.0)
    found = [find_sources(*image, np.nan, o, PsfOptions()) for o in (every, QUICK)]
    assert len(found[1]) < 0.7 * len(found[0])


def test_a_sky_without_nebulae_loses_no_star():
    shape = (150, 150)
    sky = draw(transfer(seeing_pixels=4.0), shape, random_stars(80, shape, seed=1), seed=1)
    image = sky.data, sky.weight, sky.mask
    every = replace(QUICK, nebula_share=1.0)
    found = [find_sources(*image, np.nan, o, PsfOptions()) for o in (every, QUICK)]
    assert np.array_equal(found[0].flux, found[1].flux)
