"""Exposures spoilt in the ways of real nights: none of what they show may count as a variable."""

from dataclasses import replace
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest
from astropy.stats import mad_std

from exposures.doubts import Doubt
from exposures.errors import InputFileError
from exposures.simulation import SimulationOptions, simulate_night
from photometry.reduction.image_quality import reference_figures
from photometry.science.detection.clean import CleanOptions, is_clean, is_well_measured
from photometry.science.quality.image_quality import (
    FIGURES,
    FigureOptions,
    QualityLimits,
    QualityOptions,
    beyond,
)
from photometry.science.quality.quality_figures import (
    doubled_share,
    psf_misfit,
    psf_width,
    share_at_least,
)
from tests.builders.spoilt_images import (
    added,
    bright_sky,
    gain_of_half,
    low_weight_everywhere,
    make_field,
    measure,
    reference_doubts,
    smeared,
    starlight,
    with_variable,
    wrong_gain,
    wrong_wcs,
)

NIGHT = SimulationOptions(
    seed=5,
    n_epochs=1,
    n_chips=1,
    chip_shape=(400, 400),
    stars_per_chip=60_000,
    variable_fraction=0.0,
    n_reference_artifacts=0,
    compress=False,
)


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    return simulate_night(tmp_path_factory.mktemp("quality"), NIGHT)


@pytest.fixture(scope="module")
def field(night):
    return make_field(night)


@pytest.fixture(scope="module")
def ordinary(field):
    return measure(field, field.chip)


def grid(chip):
    ny, nx = chip.shape
    return np.mgrid[:ny, :nx][::-1]


def ring(chip):
    return smeared(chip, lambda x, y: np.abs(np.hypot(x, y) - 4) < 0.7)


def trail_with_two_ends(chip):
    first, second = 0.65, 0.35
    return smeared(chip, lambda x, y: (y == 0) * (first * (x == 0) + second * (x == 14)))


def double_exposure(chip):
    return smeared(chip, lambda x, y: ((x == 0) & (y == 0)) | ((x == 9) & (y == 7)))


def faint_ghost(chip):
    """A tenth of the light, as of a second opening of the shutter."""
    return smeared(chip, lambda x, y: 0.9 * ((x == 0) & (y == 0)) + 0.1 * ((x == 9) & (y == 7)))


def donut(chip):
    return smeared(chip, lambda x, y: (np.hypot(x, y) < 8) & (np.hypot(x, y) > 3))


def bad_guiding(chip):
    return smeared(chip, lambda x, y: np.exp(-0.5 * (x**2 / 36 + y**2)))


def no_tracking(chip):
    return smeared(chip, lambda x, y: (x == y) & (np.abs(x) <= 18))


def focus_gradient(chip):
    x, _ = grid(chip)
    sharp = smeared(chip, lambda x, y: np.exp(-0.5 * (x**2 + y**2) / 0.5))
    wide = smeared(chip, lambda x, y: np.exp(-0.5 * (x**2 + y**2) / 12))
    share = x / chip.shape[1]
    return replace(sharp, data=(sharp.data * (1 - share) + wide.data * share).astype("f4"))


def cloud(chip):
    x, y = grid(chip)
    depth = np.exp(-0.5 * ((x - 170) ** 2 + (y - 230) ** 2) / 60**2)
    return starlight(chip, 10 ** (-0.4 * depth))


def edge_of_a_cloud(chip):
    x, y = grid(chip)
    depth = 1 / (1 + np.exp(-(x + 0.7 * y - 280) / 12))
    return starlight(chip, 10 ** (-0.4 * depth))


def fringes(chip):
    x, y = grid(chip)
    return added(chip, 15 * np.sin(2 * np.pi * (x + 0.5 * y) / 25))


def half_without_light(chip):
    x, _ = grid(chip)
    return starlight(chip, x < chip.shape[1] / 2)


def half_of_zeros(chip):
    x, _ = grid(chip)
    return replace(chip, data=np.where(x < chip.shape[1] / 2, chip.data, 0).astype("f4"))


def another_field(chip):
    return replace(chip, data=chip.data[:, ::-1].copy(), weight=chip.weight[:, ::-1].copy())


SPOILT = [
    *(ring, trail_with_two_ends, double_exposure, faint_ghost, donut, bad_guiding, no_tracking),
    *(focus_gradient, cloud, edge_of_a_cloud, fringes, half_without_light, half_of_zeros),
    another_field,
    pytest.param(lambda chip: wrong_gain(chip, 10), id="gain ten times too high"),
    pytest.param(lambda chip: wrong_gain(chip, 0.1), id="gain ten times too low"),
    pytest.param(lambda chip: bright_sky(chip, 30_000), id="sky near saturation"),
]


@pytest.fixture(scope="module")
def outcome_of(field):
    """A function that measures a field's exposure spoilt by another, once each."""
    return cache(lambda spoil: measure(field, spoil(field.chip)))


@pytest.mark.parametrize("spoil", SPOILT)
def test_spoilt_exposure_counts_no_variable(outcome_of, spoil):
    outcome = outcome_of(spoil)
    assert outcome.doubts | outcome.failures
    assert outcome.counted == set()


@pytest.mark.parametrize("spoil", [ring, donut, no_tracking, half_of_zeros])
def test_what_shows_no_stars_of_the_field_fails(outcome_of, spoil):
    assert outcome_of(spoil).failures


def test_wcs_that_registration_mends_is_not_doubted(field):
    outcome = measure(field, wrong_wcs(field.chip, 9, -12))
    assert not outcome.doubts
    assert not outcome.counted


def test_chip_without_stars_is_refused(field):
    variance = 1 / np.median(field.chip.weight[field.chip.weight > 0])
    noise = np.random.default_rng(1).normal(size=field.chip.shape) * np.sqrt(variance)
    empty = replace(field.chip, data=(500 + noise).astype("f4"))
    with pytest.raises(InputFileError, match="no source was found"):
        measure(field, replace(empty, weight=np.full(field.chip.shape, 1 / variance, "f4")))


def test_ordinary_exposure_is_not_doubted_and_counts_its_one_variable(field, ordinary):
    assert not ordinary.doubts | ordinary.failures
    assert not ordinary.counted
    m = ordinary.measurement
    inside = (np.abs(m.x - 200) < 150) & (np.abs(m.y - 200) < 150)
    bright = is_clean(m.sources, CleanOptions()) & inside & (m.fit.flux > 100 * m.fit.flux_err)
    star = np.flatnonzero(bright)[0]
    outcome = measure(field, with_variable(field.chip, ordinary, star, 2.0))
    assert not outcome.doubts
    assert outcome.counted == {int(m.sources["refsource_id"][star])}


def test_low_weight_everywhere_leaves_stars_to_calibrate_with(field, ordinary):
    outcome = measure(field, low_weight_everywhere(field.chip))
    n_usual = ordinary.figures["n_calibrators"]
    assert outcome.figures["n_calibrators"] == pytest.approx(n_usual, abs=2)
    assert not outcome.doubts
    assert not outcome.counted


def test_without_stars_to_calibrate_with_nothing_counts(field):
    spoilt = np.where(field.chip.mask == 0, np.uint8(64), field.chip.mask).astype("u1")
    chip = replace(field.chip, mask=spoilt, zero_point=np.nan)
    outcome = measure(replace(field, catalogue=None), chip)
    assert outcome.reduction.zero_point.source == "none"
    assert "n_calibrators" in outcome.doubts
    assert (outcome.changes.failed_cuts == 0).sum() > 10
    assert not outcome.counted


def bright_scatter(outcome):
    """Of stars of 50 sigma and more, mag; that of all rises with the number of faint ones."""
    m = outcome.measurement
    bright = (m.fit.flux > 50 * m.fit.flux_err) & (m.fit.flags == 0) & (m.sources["flags"] == 0)
    return mad_std((m.mag - m.sources["mag"])[bright])


@pytest.mark.parametrize("factor", [0.5, 1.04, 1.1, 1.3])
def test_step_between_amplifiers_is_measured_and_corrected(field, ordinary, factor):
    outcome = measure(field, gain_of_half(field.chip, factor))
    (step,) = outcome.measurement.correction.steps
    assert step.edge.column == 200
    assert step.mag == pytest.approx(2.5 * np.log10(factor), abs=5 * step.error)
    assert step.error < 0.01
    assert bright_scatter(outcome) < bright_scatter(ordinary) + 0.003
    assert not (outcome.changes.failed_cuts == 0).any()


def test_step_is_found_where_no_header_tells_of_it(field):
    outcome = measure(field, gain_of_half(field.chip, 1.2, column=115))
    (step,) = outcome.measurement.correction.steps
    assert step.edge.column == 115
    assert not outcome.counted


def test_step_on_the_reference_is_corrected_on_the_search_image(night):
    field = make_field(night, lambda chip: gain_of_half(chip, 1.3))
    outcome = measure(field, field.chip)
    (step,) = outcome.measurement.correction.steps
    assert step.edge.catalogue == 1
    assert step.mag == pytest.approx(-2.5 * np.log10(1.3), abs=0.03)
    assert not outcome.counted


def test_ordinary_exposure_has_no_step(ordinary):
    assert ordinary.measurement.correction.steps == ()
    assert not any("amplifiers" in note for note in ordinary.measurement.notes)


@pytest.mark.parametrize("spoil", [ring, trail_with_two_ends, bad_guiding, double_exposure])
def test_spoilt_reference_is_doubted(night, spoil):
    assert reference_doubts(make_field(night, spoil))


def test_psf_wider_than_its_stars_is_doubted_and_a_true_one_is_not(field):
    found = field.reference.detections
    stars = SimpleNamespace(
        x=found.x, y=found.y, flux=found.flux, is_clean=is_well_measured(found, CleanOptions())
    )
    residual = field.reference.data - found.model
    weight = field.reference.chip.weight
    assert psf_width(residual, weight, stars, found.psf) < 1.05
    wide = replace(found.psf, fwhm=1.4 * found.psf.fwhm, core=None)
    half, light = 20, np.pad(np.zeros(residual.shape), 20)
    for x, y, flux in zip(found.x, found.y, found.flux, strict=True):
        row, column = round(float(y)), round(float(x))
        near = slice(row, row + 2 * half + 1), slice(column, column + 2 * half + 1)
        light[near] += flux * wide.stamps(x, y, 2 * half + 1)[0]
    wrong = field.reference.data - light[half:-half, half:-half]
    assert QualityLimits().psf_width < psf_width(wrong, weight, stars, wide) < 1.6


def test_ordinary_reference_is_not_doubted(field):
    assert not reference_doubts(field)


def test_reference_without_clean_stars_is_doubted(field):
    sources = field.sources.copy()
    sources["flags"] |= 4
    figures = reference_figures(field.reference, sources)
    assert "n_calibrators" in {excess.name for excess in beyond(figures, QualityLimits())}


def test_one_lost_star_of_ten_is_no_tenth_lost():
    assert share_at_least(1, 10) < 0.03
    assert share_at_least(1000, 10_000) == pytest.approx(0.1, abs=0.01)
    assert np.isnan(share_at_least(0, 0))


def test_chance_pairs_of_a_crowded_field_are_no_double_exposure():
    rng = np.random.default_rng(3)
    x, y = rng.uniform(0, 700, (2, 4000))
    flux = rng.pareto(1, 4000) + 1
    clean_stars = np.ones(4000, bool)
    assert doubled_share(x, y, flux, clean_stars) < 0.02
    twice = [np.concatenate([a, a + shift]) for a, shift in ((x, 6), (y, -11), (flux, 0))]
    assert doubled_share(*twice, np.ones(8000, bool)) > 0.4


def test_each_figure_has_its_limits_its_name_and_its_doubt():
    limits = set(QualityLimits.__dataclass_fields__)
    assert limits == set(FIGURES)
    assert {doubt.value for doubt in Doubt} == limits | {"reference"}


def test_no_limit_of_failure_is_inside_that_of_doubt():
    options = QualityOptions()
    for name, figure in FIGURES.items():
        doubt, fail = getattr(options.doubt, name), getattr(options.fail, name)
        assert (fail <= doubt) if figure.is_least else (fail > doubt), name


def test_unknown_figures_are_beyond_no_limit():
    unknown = dict.fromkeys(FIGURES, np.nan)
    assert beyond(unknown, QualityLimits()) == ()
    assert beyond({}, QualityLimits()) == ()
    assert FigureOptions().bright_stars > 0


@pytest.mark.parametrize(("n_stars", "flux"), [(5, 300.0), (20, 1000.0), (200, 300.0)])
def test_noise_round_few_faint_stars_is_no_misfit(n_stars, flux):
    limit, found = QualityLimits().psf_misfit, []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        residual = rng.normal(size=(400, 400))
        x, y = rng.uniform(30, 370, (2, n_stars))
        stars = SimpleNamespace(
            x=x, y=y, flux=np.full(n_stars, flux), is_clean=np.ones(n_stars, bool)
        )
        found.append(psf_misfit(residual, np.ones_like(residual), stars))
    assert sum(value > limit for value in found) <= 1


def test_too_few_stars_tell_no_misfit():
    stars = SimpleNamespace(
        x=np.full(5, 50.0), y=np.full(5, 50.0), flux=np.ones(5), is_clean=np.ones(5, bool)
    )
    assert np.isnan(psf_misfit(np.ones((100, 100)), np.ones((100, 100)), stars))
