import io
import os
import signal
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from astropy.stats import mad_std
from astropy.table import Table
from django.core.management import CommandError, call_command
from django.db import connection
from PIL import Image

from exposures.errors import GalprojectError
from exposures.fits import read_exposure
from galproject.models import InjectionSummary
from galproject.queue.runs import prepare
from galproject.validation.injection import run, temporary_database
from galproject.validation.injection.chips import ChipTask
from galproject.validation.injection.comparison import REFERENCE_DTYPE, SEARCH_DTYPE, Comparison
from galproject.validation.injection.expected import Neighbours, expected_sigma, saved_errors
from galproject.validation.injection.options import InjectionOptions, number_of_stars, range_of
from galproject.validation.injection.plot import plot_summary
from galproject.validation.injection.report import lines, summary_rows
from galproject.validation.injection.summary import summarise
from photometry.reduction.errors import PlacedFit, measured_errors
from photometry.reduction.options import ReductionOptions
from photometry.science.calibration.calibration import MAG_PER_LN, magnitudes
from photometry.science.calibration.error_model import Curve, ErrorModel, ImageErrors
from photometry.science.calibration.halos import Wings
from photometry.science.forced.forced import ForcedStars, fit_fluxes
from photometry.science.injection import (
    ExpectedErrors,
    Stars,
    expected_errors,
    free_positions,
    light_of,
)
from photometry.storage.columns import SOURCE_DTYPE
from tests.builders.candidates import make_candidate
from tests.builders.crowded_scene import GAIN, observe, star_list, varying_psf
from variables.learning.injected import kept_examples
from variables.models import InjectedExamples
from variables.science.learning.features import FEATURES
from variables.science.selection import Photometry, SelectionOptions, select_changes

# What a run adds to the survey, and nothing else.
KEPT = {InjectionSummary._meta.db_table, InjectedExamples._meta.db_table}

# ---- numbers from tables made by hand


def comparison():
    """Four stars, the faintest not found; three of them varied on each of two images."""
    stars = np.zeros(4, REFERENCE_DTYPE)
    stars["star"] = [1, 2, 3, 4]
    stars["mag"] = [18.2, 18.7, 20.5, 22.5]
    stars["fracflux"] = [1.0, 0.95, 0.7, 0.3]
    stars["amplitude"] = [0.0, 0.5, 0.5, 2.0]
    stars["refsource_id"] = [11, 12, 13, 0]
    stars["measured_err"] = 0.01
    stars["measured"] = [18.2, 18.7, 20.5, np.nan]
    epochs = np.zeros(8, SEARCH_DTYPE)
    for name in ("star", "mag", "amplitude"):
        epochs[name] = np.tile(stars[name], 2)
    epochs["reference_fracflux"] = np.tile(stars["fracflux"], 2)
    epochs["is_found"] = np.tile(stars["refsource_id"] > 0, 2)
    epochs["delta"] = epochs["amplitude"] * np.repeat([1, -1], 4)
    epochs["mag_err"], epochs["reference_err"] = 0.016, 0.012  # of a difference: 0.02
    epochs["expected_sigma"] = epochs["amplitude"] / 0.02
    epochs["reference_measured"] = np.tile(stars["measured"], 2)
    epochs["measured"] = np.where(epochs["is_found"], epochs["mag"] + epochs["delta"], np.nan)
    epochs["measured_err"] = 0.016
    epochs["is_changed"] = [True, True, False, False, False, True, True, False]
    survey_mag = np.array([18.1] * 9 + [20.1] * 5, "f4")
    return Comparison(stars, epochs, survey_mag, np.arange(14) == 3)


def test_stars_and_changes_are_counted_by_hand():
    summary = summarise(comparison())
    found = {
        row.magnitude: (row.value, row.n) for row in summary.of("completeness", crowding="all")
    }
    assert found == {(18, 19): (1, 2), (20, 21): (1, 1), (22, 23): (0, 1)}
    (crowded,) = summary.of("completeness", crowding="crowded")
    assert (crowded.magnitude, crowded.value, crowded.n) == ((20, 21), 1, 1)
    half, two = (
        {row.magnitude: row.value for row in summary.of("variables_found", amplitude=a)}
        for a in (0.5, 2.0)
    )
    assert half == {(18, 19): 1, (20, 21): 0.5}
    assert two == {(22, 23): 0}
    by_sigma = [row for row in summary.of("variables_found", crowding="all") if row.sigma[0] >= 0]
    # 0.5 mag at 0.02 are 25 sigma; the star that is not on the reference is not among them.
    assert [(row.sigma, row.value, row.n) for row in by_sigma] == [((20, 30), 0.75, 4)]
    purity = {row.magnitude: row.value for row in summary.of("purity")}
    assert purity == {(18, 19): pytest.approx(2 / 3), (20, 21): 1}
    own = {row.magnitude: (row.value, row.n) for row in summary.of("survey_changed")}
    assert own == {(18, 19): (pytest.approx(1 / 9), 9), (20, 21): (0, 5)}


def test_headlines_are_counted_by_hand():
    s = summarise(comparison())
    assert (s.n_stars, s.n_measurements) == (4, 8)
    assert (s.false_constant, s.n_constant) == (1, 2)
    assert (s.survey_changed, s.n_survey) == (1, 14)
    assert (s.found_above_20_sigma, s.n_above_20_sigma) == (0.5, 6)
    assert s.half_complete_mag == pytest.approx(21.5)


def many(bias, n=400):
    """Constant stars that are all measured too faint, with errors half as large as they should."""
    rng = np.random.default_rng(1)
    made = comparison()
    epochs = np.repeat(made.on_searches[:1], n)
    epochs["measured"] = epochs["mag"] + bias + rng.normal(0, 0.02, n)
    epochs["measured_err"] = 0.01
    return Comparison(made.on_reference, epochs, made.survey_mag, made.survey_changed)


def test_bias_and_underestimated_errors_show():
    summary = summarise(many(0.03))
    (bias,) = summary.of("search_bias_mag", crowding="all")
    assert bias.value == pytest.approx(0.03, abs=0.004)
    assert 0.0005 < bias.high - bias.value < 0.002
    (pull,) = summary.of("search_pull_sigma", crowding="all")
    assert pull.value == pytest.approx(2, rel=0.12)


def test_pulls_of_changes_are_by_the_expected_errors_of_both_images():
    made = comparison()
    epochs = np.repeat(made.on_searches[1:2], 400)
    epochs["measured"] = 19.2 + np.random.default_rng(2).normal(0, 0.03, 400)
    summary = summarise(Comparison(made.on_reference, epochs, made.survey_mag, np.zeros(14, bool)))
    (pull,) = summary.of("change_pull_sigma", crowding="all")
    assert pull.value == pytest.approx(1.5, rel=0.12)


@pytest.mark.parametrize("change", [-0.8, -0.4, 0.4, 1.0, 3.0])
def test_of_changes_that_are_expected_at_the_threshold_half_are_selected(change):
    rng, n, reference_err, flux = np.random.default_rng(3), 2000, 0.012, 1e4
    options, ratio = SelectionOptions(), 10 ** (-0.4 * change)
    size = abs(ratio - 1) * flux / options.threshold_sigma
    flux_err = np.sqrt(size**2 - (flux * reference_err / MAG_PER_LN) ** 2)
    mag_err = MAG_PER_LN * flux_err / (ratio * flux)
    significance = expected_sigma(change, mag_err, reference_err)
    assert significance == pytest.approx(options.threshold_sigma)
    expected = flux * rng.normal(1, reference_err / MAG_PER_LN, n)
    search = stars_of(rng.normal(ratio * flux, flux_err, n), mag_err)
    reference = stars_of(expected, reference_err)
    found = select_changes(search, reference, expected, np.full(n, flux_err), options)
    assert len(found) / n == pytest.approx(0.5, abs=0.05)


def stars_of(flux, mag_err):
    """Clean Photometry of stars (n,) that are alone."""
    one = np.ones(len(flux))
    clean = dict.fromkeys(("rchi2", "fracflux", "quality"), one)
    clean |= dict.fromkeys(("edge_distance", "saturated_distance"), 200 * one)
    mag, no_flags = magnitudes(flux, flux, 0.0)[0], np.zeros(len(flux), int)
    return Photometry(mag, mag_err * one, flux, flux, flags=no_flags, **clean)


def test_in_magnitudes_a_change_is_expected_as_it_is_selected_there():
    assert expected_sigma(1.0, 0.03, 0.04, in_flux=False) == pytest.approx(20)


def test_saved_errors_are_by_the_model_of_the_image_and_what_it_knows_of_the_star():
    stars = Stars(np.array([50.0, 300.0]), np.full(2, 50.0), np.array([1e4, 1e4]))
    near = Neighbours(Stars(np.array([65.0]), np.array([50.0]), np.array([1e7])), np.array([50.0]))
    fitted = ExpectedErrors(np.array([40.0, 40.0]), np.array([0.5, 1.0]))
    crowded = Curve((0.6, 0.9), (np.log(2), 0.0))
    model = ErrorModel(1.5, 0.01, 0.1, by_fracflux=crowded)
    wings = Wings(4.0, 2.5)
    on_reference = np.full(2, 15.0), fitted.fracflux
    (beside, alone) = saved_errors(ImageErrors(model, wings), stars, near, fitted, on_reference)
    own = np.hypot(1.5 * 40, 0.01 * 1e4) / 1e4
    halo = 0.1 * 1e7 * wings.share_at(np.array([15.0]))[0] / 1e4
    assert alone == pytest.approx(MAG_PER_LN * own)
    assert beside == pytest.approx(MAG_PER_LN * np.hypot(2 * own, halo))
    assert halo > own


FACTOR, FLOOR = 1.5, 0.01  # of the fit's errors, and of flux: what the model has to find


def test_artificial_stars_scatter_by_the_errors_that_are_expected_of_an_image_like_that():
    shape, psf, rng = (500, 460), varying_psf(), np.random.default_rng(4)
    x, y, flux = star_list(900, shape, 1)
    place = free_positions(np.ones(shape, bool), 150, 4, rng)
    stars = Stars(*place, 10 ** rng.uniform(3.2, 4.8, len(place[0])))
    everyone, n = stars.with_others(Stars(x, y, flux)), len(stars)
    fit = fitted_with_errors(everyone, psf, shape, rng)
    rows, nothing = np.zeros(len(everyone), SOURCE_DTYPE), np.zeros(len(everyone))
    rows["mag"], rows["fracflux"] = -2.5 * np.log10(everyone.flux), fit.fracflux
    placed = PlacedFit(rows, everyone.x, everyone.y, fit, everyone.flux, nothing)
    saved = measured_errors(placed, 4.0, ReductionOptions(), [])
    near = Neighbours(Stars(x, y, flux), fit.flux_err[n:])
    there = observe((x, y, flux), psf, shape, 2).image
    there = there._replace(data=light_of(psf, near.stars, shape, 0.1))
    fitted = expected_errors(there, psf, stars, near.stars, np.full(shape[1], GAIN))
    on_reference = rows["mag"][:n].astype("f8"), fitted.fracflux
    expected = saved_errors(saved.image, stars, near, fitted, on_reference) / MAG_PER_LN
    clear = fit.quality[:n] > 0.9
    ratio = (expected * stars.flux / saved.flux_err[:n])[clear]
    assert 0.95 < np.median(ratio) < 1.05
    pulls = (fit.flux[:n] - stars.flux) / (expected * stars.flux)
    bright, alone = stars.flux > np.median(stars.flux), fitted.fracflux > 0.8
    for part in (bright, ~bright, alone, ~alone):
        assert 0.85 < mad_std(pulls[part & clear]) < 1.15


def fitted_with_errors(stars, psf, shape, rng):
    """The ForcedFit of an image of ``stars``, with errors of FACTOR and FLOOR."""
    everything = ForcedStars(stars.x, stars.y, stars.flux, np.zeros(len(stars), int))
    fit = fit_fluxes(observe((stars.x, stars.y, stars.flux), psf, shape, 2).image, psf, everything)
    flux = stars.flux + FACTOR * (fit.flux - stars.flux) + rng.normal(0, FLOOR * stars.flux)
    return replace(fit, flux=flux)


def test_report_and_plot_take_whatever_there_is(tmp_path):
    whole = comparison()
    nothing = Comparison(
        whole.on_reference[:0], whole.on_searches[:0], np.zeros(0), np.zeros(0, bool)
    )
    for i, tables in enumerate((whole, nothing)):
        summary = summarise(tables)
        assert all(len(row) == 11 for row in summary_rows(summary))
        assert any("artificial stars" in line for line in lines(summary))
        path = tmp_path / f"{i}.png"
        plot_summary(summary, path, "title", 15.0)
        assert Image.open(path).size == (1300, 1430)


# ---- which stars


def test_never_so_many_that_they_change_the_crowding():
    shape, options = (4094, 2046), InjectionOptions()
    assert number_of_stars(options, 100_000, shape, 4.0) == 3000
    assert number_of_stars(options, 10, shape, 4.0) == shape[0] * shape[1] // 120**2
    assert number_of_stars(InjectionOptions(n_stars=4000), 100_000, shape, 4.0) == 4000
    with pytest.raises(GalprojectError, match="Ask for at most 5000"):
        number_of_stars(InjectionOptions(n_stars=6000), 100_000, shape, 4.0)


def test_default_magnitudes_reach_from_saturation_beyond_the_limit():
    assert range_of(InjectionOptions(), 15.0, 23.0) == (16.0, 24.0)
    low, high = range_of(InjectionOptions(), -np.inf, 23.0)
    assert (low, high) == (14.0, 24.0)
    assert range_of(InjectionOptions(magnitudes=(17, 19)), 15.0, 23.0) == (17, 19)


def test_what_makes_no_sense_is_refused():
    for wrong in ({"amplitudes": (0.0,)}, {"variable_fraction": 2}, {"magnitudes": (20, 18)}):
        with pytest.raises(GalprojectError, match="can't be injected"):
            InjectionOptions(**wrong)


# ---- the whole of it, beside a survey


@contextmanager
def fingerprint(paths):
    """Every table of the survey and every file are as they were, and no database is left."""
    before = contents(paths)
    yield
    assert contents(paths) == before
    assert databases_beside() == []


def databases_beside():
    with connection.cursor() as cursor:
        name = f"{connection.settings_dict['NAME']}_injection_%"
        cursor.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", [name])
        return cursor.fetchall()


def contents(paths):
    with connection.cursor() as cursor:
        tables = {}
        for name in set(connection.introspection.table_names(cursor)) - KEPT:
            cursor.execute(f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {name} t")
            tables[name] = cursor.fetchone()
        return tables, [path.read_bytes() for path in paths]


def run_command(night, *extra, **options):
    written = io.StringIO()
    call_command(
        "inject",
        *map(str, (night.reference, night.searches[0], *extra)),
        **{"catalogue": night.options.catalogue, "ccds": [{35}], "stdout": written} | options,
    )
    return written.getvalue()


def make_leftover():
    """What a run that was killed leaves; the next removes it."""
    if not databases_beside():
        with connection.cursor() as cursor:
            cursor.execute(f'CREATE DATABASE "{connection.settings_dict["NAME"]}_injection_1"')


@pytest.fixture
def copied_database(template, monkeypatch):
    """Artificial stars are measured in a copy of migrated tables, which spares to migrate again.

    An injection that migrates its own runs beside a pipeline in test_locks.
    """
    make = temporary_database._make

    def make_copy(cursor, name):
        make(cursor, name)
        cursor.execute(f'DROP DATABASE "{name}"')
        cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')

    monkeypatch.setattr(temporary_database, "_make", make_copy)


@pytest.mark.django_db(transaction=True)
def test_stars_are_recovered_and_the_survey_is_not_touched(night, copied_database, tmp_path):
    prepare([night.reference], night.options, is_reference=True)
    make_candidate(3)
    make_leftover()
    outputs = {"csv": "stars.csv", "ecsv": "stars.ecsv", "plot": "stars.png"}
    outputs = {name: str(tmp_path / path) for name, path in outputs.items()}
    with fingerprint(sorted(night.reference.parent.glob("*.fits"))):
        report = run_command(night, **outputs, stars=28)
    assert "artificial stars" in report
    kept = InjectionSummary.objects.get()
    assert kept.n_searches == 1 and kept.rows and kept.filter == "i"
    table = Table.read(outputs["ecsv"])
    bright = table[table["mag"] < 20.5]
    assert len(bright) >= 8
    assert bright["is_found"].all()
    pulls = (bright["measured"] - bright["mag"] - bright["delta"]) / bright["measured_err"]
    assert np.median(np.abs(pulls)) < 1.5
    assert np.mean(table["is_changed"][table["expected_sigma"] > 25]) > 0.7
    assert np.isfinite(table["expected_sigma"]).all()
    assert not table["is_changed"][table["amplitude"] == 0].any()
    # What models learn from: the stars that vary and are candidates, by their features.
    examples = InjectedExamples.objects.get()
    changed = np.unique(table["star"][table["is_changed"] & table["is_found"]])
    assert (examples.n_real, examples.n_artifacts) == (len(changed), 0) and len(changed) > 2
    found = kept_examples()
    mag = np.sort(found.features[:, FEATURES.index("reference_mag")])
    measured = table["reference_measured"][np.isin(table["star"], changed)]
    assert found.is_real.all() and mag == pytest.approx(np.sort(measured), abs=1e-3)
    assert Image.open(outputs["plot"]).size == (1300, 1430)


def test_worker_processes_inject_and_tell_of_a_chip_that_is_gone(night, tmp_path):
    facts = read_exposure(night.reference)
    gone = replace(facts, image_path=tmp_path / "gone.fits")
    (entry,) = (chip for chip in facts.chips if chip.ccdnum == 35)
    task = ChipTask(gone, entry, 0, 1, tmp_path, InjectionOptions(), night.options)
    ((outcome, error),) = run.run_in_pool([task], workers=2)
    assert outcome is None
    assert "gone.fits" in error
    assert "ended by" not in error


@pytest.mark.django_db(transaction=True)
def test_an_interrupted_run_leaves_nothing(night, monkeypatch, tmp_path):
    def be_killed(task):
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(run, "inject_chip", be_killed)
    monkeypatch.setattr(temporary_database, "call_command", lambda *_, **__: None)  # takes seconds
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    with fingerprint([]), pytest.raises(CommandError, match="nothing is kept"):
        run_command(night)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.django_db(transaction=True)
def test_a_role_that_may_not_make_databases_is_told_what_to_do(tmp_path):
    with connection.cursor() as cursor:
        cursor.execute("DROP ROLE IF EXISTS injection_guest")
        cursor.execute("CREATE ROLE injection_guest LOGIN")
    user = connection.settings_dict["USER"]
    connection.close()
    connection.settings_dict["USER"] = "injection_guest"
    try:
        wanted = pytest.raises(GalprojectError, match="ALTER ROLE injection_guest CREATEDB")
        with wanted, temporary_database.temporary_database(tmp_path):
            pass
    finally:
        connection.close()
        connection.settings_dict["USER"] = user
        with connection.cursor() as cursor:
            cursor.execute("DROP ROLE injection_guest")


def test_exposures_of_two_filters_are_refused(night):
    facts = [read_exposure(path) for path in (night.reference, night.searches[0])]
    with pytest.raises(GalprojectError, match="given twice"):
        run.check_are_alike([facts[0], facts[0]])
    other = replace(facts[1], filter="z")
    with pytest.raises(GalprojectError, match="in filter z, the reference in i"):
        run.check_are_alike([facts[0], other])
