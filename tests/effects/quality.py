"""Results of the quality of images: figures, what they lead to, and steps between amplifiers."""

from functools import cache
from types import SimpleNamespace

import numpy as np

from exposures.errors import GalprojectError
from exposures.models import Status
from galproject.configuration.pipeline_options import PipelineOptions
from galproject.quality.judging import judge_reference, judge_search
from photometry.reduction.image_quality import search_figures
from photometry.science.calibration.calibration import CalibrationStars, fit_magnitude_correction
from photometry.science.calibration.channels import edges_at
from photometry.science.quality.image_quality import FIGURES, QualityOptions, beyond
from photometry.science.quality.quality_figures import (
    doubled_share,
    expansion,
    local_offset,
    psf_misfit,
    share_at_least,
)
from photometry.science.sky.sky_channels import channel_columns, fit_sky_by_channel
from tests.builders.survey_rows import make_image
from tests.effects import chips
from tests.effects.effect import changes

CHIP = SimpleNamespace(path="chip.fits", name="N4")


def _between(name):
    """A figure that is doubted and doesn't fail."""
    doubt, fail = (getattr(getattr(QualityOptions(), side), name) for side in ("doubt", "fail"))
    if isinstance(doubt, int):
        return 1 if name == "psf_at_bounds" else doubt - 1
    return doubt + 0.3 * (fail - doubt)


def judged(options):
    """What comes of figures of which each is between its two limits."""
    figures = {name: _between(name) for name in FIGURES}
    return [
        [excess.name for excess in beyond(figures, limits)]
        for limits in (options.quality.doubt, options.quality.fail)
    ]


def _other_limits(side):
    """A line for each limit: of doubt such that the figure is fine, of failure such that not."""
    lines = {}
    for name, figure in FIGURES.items():
        value, step = _between(name), 1 if side == "doubt" else -1
        if isinstance(value, int):
            least = value if side == "doubt" else value + 1
            other = least if figure.is_least else value + (step - 1) // 2
        else:
            other = value * (1 + 0.1 * step * (-1 if figure.is_least else 1))
        lines[name] = changes(judged, other)
    return lines


DOUBT, FAIL = _other_limits("doubt"), _other_limits("fail")


@cache
def _scene():
    rng = np.random.default_rng(8)
    x, y = rng.uniform(0, 500, (2, 1200))
    flux = 1000 * (rng.pareto(1.2, 1200) + 1)
    pixels = rng.normal(size=(500, 500))
    # What the PSF lacks, less so of the faint.
    ghost = 0.05 * flux * np.minimum(flux / 2e4, 1)
    row, column = np.round(y).astype(int), np.round(x).astype(int)
    for away in (6, 15):
        inside = column + away < 500
        np.add.at(pixels, (np.minimum(row, 499)[inside], (column + away)[inside]), ghost[inside])
    return rng, x, y, flux, pixels


def figures(options):
    """Figures of made-up stars."""
    _, x, y, flux, pixels = _scene()
    rng, asked = np.random.default_rng(9), options.quality.measure
    clean = np.ones(len(x), bool)
    twice = [np.append(a, a[:200] + shift) for a, shift in ((x, 8), (y, 35))]
    fluxes = np.append(flux, 0.3 * flux[:200])
    stars = SimpleNamespace(x=x, y=y, flux=flux, is_clean=clean)
    difference = 0.03 * np.sin(x / 40) + rng.normal(0, 0.02, len(x))
    pull = rng.normal(size=len(x)) * (1 + x / 500)
    return (
        doubled_share(*twice, fluxes, np.append(clean, clean[:200]), asked),
        psf_misfit(pixels, np.ones_like(pixels), stars, asked),
        local_offset(x, y, difference, pixels.shape, asked),
        expansion(pull, x, asked),
        share_at_least(7, 60, asked),
    )


def lost(options):
    """The share of the sources of a small chip that are lost."""
    reduction = chips.base_reduction("search")
    measured = chips.measured_search(reduction, PipelineOptions())
    found = search_figures(reduction, measured, options.quality.measure, options.reduction.clean)
    return found["lost_share"]


def few_stars(options):
    """The expansion of the errors of 30 stars."""
    pull = np.random.default_rng(2).normal(size=30)
    return expansion(pull, np.arange(30.0), options.quality.measure)


def refused_reference(options):
    """What comes of a doubted reference."""
    image = make_image("doubted", is_reference=True, notes=[])
    try:
        judge_reference(image, CHIP, {"elongation": 2.5}, options.quality)
    except GalprojectError as error:
        return type(error).__name__
    return image.is_doubted


def compared_chips(options):
    """Whether a chip is compared with the other one of its exposure."""
    reference = make_image("before", is_reference=True, zero_point=30.0, **_DEPTH)
    done = {"status": Status.DONE, "reference": reference, "notes": []}
    other = make_image("now", ccdnum=2, figures={"zero_point_change": 0.0}, **done)
    image = make_image("later", n_sources=10, zero_point=30.0, **_DEPTH, **done)
    image.exposure = other.exposure
    nothing = SimpleNamespace(failed_cuts=np.zeros(0, int))
    judge_search(image, CHIP, {"brought_zero_point": 29.0}, nothing, options.quality)
    return image.doubts


_DEPTH = {"sky_noise": 5.0, "fwhm_pixels": 4.0}


def _stepped():
    rng = np.random.default_rng(5)
    data = rng.normal(500, 12, (300, 320))
    data[:, 97:] += 12.0
    return data, np.full(data.shape, 1 / 144)


def sky_step(options):
    """The sky of an image whose level has a faint step, which its header tells of."""
    data, weight = _stepped()
    noise = np.full(320, 3.6), np.full(320, 10.0)
    sky = fit_sky_by_channel(data, weight, *noise, [97], options.reduction.sky)
    return sky.image[::30, ::10]


def sky_jump(options):
    """Where channels begin on the same image, when its header doesn't tell."""
    return channel_columns(*_stepped(), [], options.reduction.sky)


def amplifier_step(options):
    """The correction where the read-out channels have a step."""
    rng = np.random.default_rng(6)
    x, y = rng.uniform(0, 300, (2, 60))
    difference = 0.05 * (x >= 150) + rng.normal(0, 0.02, 60)
    stars = CalibrationStars(x, y, difference, np.full(60, 0.02), np.zeros(60, int), x)
    edges = edges_at([150], 4.0)
    fit = fit_magnitude_correction(stars, (300, 300), options.reduction.calibration, edges)
    return fit.as_json()


QUALITY = {"refuse_doubted_references": changes(refused_reference, True)}
MEASURE = {
    "bright_stars": changes(figures, 20),
    "stack_stars": changes(figures, 1000),
    "stack_half_pixels": changes(figures, 10),
    "companion_stars": changes(figures, 100),
    "companion_pixels": changes(figures, 20.0),
    "companion_flux": changes(figures, 0.5),
    "expected_sigma": changes(lost, 60.0, lost_flux=0.98),
    "lost_flux": changes(lost, 0.98),
    "cell_stars": changes(figures, 100),
    "magnitude_bins": changes(figures, 1),
    "min_bin_stars": changes(few_stars, 40),
    "min_images": changes(compared_chips, 1),
    "confidence": changes(figures, 4.0),
}
SKY_STEPS = {
    "step_strip_pixels": changes(sky_jump, 60),
    "step_blocks": changes(sky_step, 2),
    "step_sigma": changes(sky_step, 100.0),
    "jump_sigma": changes(sky_jump, 1000.0),
}
CALIBRATION_STEPS = {
    "step_sigma": changes(amplifier_step, 100.0),
    "step_stars": changes(amplifier_step, 50),
}
