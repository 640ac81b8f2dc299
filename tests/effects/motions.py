"""Results of proper motions: of whom, where stars are by them, and what they are the cause of."""

from dataclasses import replace

import numpy as np

from photometry.science.motion_fit import Displacements, fit_motions
from photometry.science.motions import Motions, catalogue_motions, positions_at, usable_motions
from photometry.science.refraction import fit_refraction
from tests.variables.test_causes import FAST, STAR
from variables.science.causes import judge_causes


def positions(options):
    """Positions of thirty sources after ten years, of which most have a catalogue's motions."""
    options = options.reduction.motions
    x, y = 10.0 * np.arange(30), np.zeros(30)
    pm, errors = np.random.default_rng(1).normal(-5, 5, (2, 30)), np.full((2, 30), 0.5)
    listed = Motions(*pm, *errors, n_images=np.zeros(30, int))
    listed.pm_ra_err[::7] = 2.0
    found = catalogue_motions(x, y, x + 0.02 * np.arange(30), y, listed, options)
    return positions_at(x / 1000, y, found, 3652.5, options)


def published(options):
    """Which of some sources have the motion of the published star that they are matched with."""
    options, probability = options.reduction.motions, np.linspace(0.5, 1, 11)
    listed = Motions(*np.full((4, 11), 2.0), n_images=np.zeros(11, int))
    return usable_motions(listed, probability, options).tolist()


def measured(options):
    """Which of stars on four to nine images of ten years have a motion, and its error."""
    options, rng = options.reduction.motions, np.random.default_rng(2)
    star = np.repeat(np.arange(24), 4 + np.arange(24) % 6)
    years = rng.uniform(0, 10, len(star))
    east, north = rng.normal(0, 15, (2, len(star)))
    places = Displacements(star, east + 1.5 * star * years, north, np.full(len(star), 8.0))
    fitted = fit_motions(places, years, options)
    chosen = fitted.significant(options)
    errors = fitted.motions.pm_ra_err[chosen]
    return fitted.refsource_id[chosen].tolist(), errors.round(3).tolist()


def refracted(options):
    """The shift with colour of thirty stars."""
    rng = np.random.default_rng(3)
    dx, dy, colours = rng.normal(0, 0.02, 30), rng.normal(0, 0.02, 30), rng.normal(1.8, 0.4, 30)
    return vars(fit_refraction(dx + 0.1 * colours, dy, colours, options.reduction.refraction))


def fast_star(options):
    """What is the cause of what a star of 60 mas/yr changes by."""
    evidence = replace(STAR, **{name: np.array([value]) for name, value in FAST.items()})
    return judge_causes(evidence, options.causes).tolist()
