"""Results of where changes are: the odds of close stars, and what speaks against them."""

from dataclasses import replace

import numpy as np

from tests.builders.changed_stars import FLUX_ERR, FWHM, HALF, Scene
from variables.science.changed_star import changed_star, most_significant

TWO = np.array([0.0, 1.2]), np.zeros(2)


def _told(scene, options, error_pixels=0.1):
    rng = np.random.default_rng(1)
    return _told_by(scene.stamps(rng), scene.stars(error_pixels), options)


def _told_by(stamps, stars, options):
    found = changed_star(stamps, stars, FWHM, options.changed_star)
    return found.odds, found.odds_of_none, found.doubts, found.significance


def close_pair(options):
    """Two stars, nearer than their change tells apart for certain."""
    changes = np.array([[40 * FLUX_ERR], [0.0]])
    return _told(Scene(*TWO, np.full(2, 6000.0), changes), options)


def unlisted(options):
    """A change beside a star, which may be that of none of the list."""
    rng = np.random.default_rng(2)
    changed = Scene(np.array([0.7]), np.zeros(1), np.array([6e3]), np.array([[15 * FLUX_ERR]]))
    listed = replace(changed, x=np.array([0.0])).stars(0.1)
    return _told_by(changed.stamps(rng), listed, options)


def faded(options):
    """The same of a star that has too little light for its change."""
    light = 12 * FLUX_ERR
    changes = np.array([[0.0], [-light]])
    return _told(Scene(*TWO, np.array([light / 2, 3 * light]), changes), options, 0.3)


def two_changed(options):
    """Two stars that both changed."""
    x, changes = np.array([0.0, 6.0]), FLUX_ERR * np.array([[40.0, 30.0], [25.0, -25.0]])
    return _told(Scene(x, np.zeros(2), np.full(2, 9e3), changes), options)


def masked(options):
    """A change of which half is on masked pixels."""
    rng = np.random.default_rng(3)
    scene = Scene(np.zeros(1), np.zeros(1), np.array([6e3]), np.full((1, 2), 40 * FLUX_ERR))
    stamps = scene.stamps(rng)
    for stamp in stamps:
        stamp.difference[:, : HALF + 1] = np.nan
    return _told_by(stamps, scene.stars(), options)


def fitted_images(options):
    """Which of several images are fitted."""
    scene = Scene(np.zeros(1), np.zeros(1), np.array([6e3]), np.full((1, 10), 40 * FLUX_ERR))
    stamps = scene.stamps(np.random.default_rng(4))
    numbered = {k: replace(stamp, sigma=float(k % 7)) for k, stamp in enumerate(stamps)}
    return list(most_significant(numbered, options.changed_star))
