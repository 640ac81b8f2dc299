"""Upper limits of stars that were not detected: by science, in storage, in SQL and as arrays."""

from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
from django.db import connection

from galproject.configuration.pipeline_options import PipelineOptions
from photometry.models import GalNonDetection
from photometry.science.calibration.calibration import Correction
from photometry.science.calibration.depth import upper_limit
from photometry.storage import storage
from photometry.storage.light_curves import epochs, light_curves
from tests.builders.survey_rows import make_image, make_sources

upper_limits = import_module("photometry.migrations.0014_upper_limits")
SIZE = {"width": 2000, "height": 4000, "zero_point": 30.0}


def test_a_limit_is_that_of_the_star_s_own_noise():
    assert upper_limit(-3.0, 20.0, 30.0) == pytest.approx(30 - 2.5 * np.log10(100))
    assert upper_limit(-3.0, 20.0, 30.0, 3.0) == pytest.approx(30 - 2.5 * np.log10(60))
    assert upper_limit(50.0, 20.0, 30.0) == pytest.approx(30 - 2.5 * np.log10(150))
    crowded, alone = upper_limit([0.0, 0.0], [40.0, 10.0], 30.0)
    assert alone - crowded == pytest.approx(2.5 * np.log10(4))


@pytest.mark.parametrize(
    ("flux", "flux_err", "zero_point"),
    [(0, 0, 30), (0, np.nan, 30), (0, np.inf, 30), (np.nan, 1, 30), (0, 1, np.nan), (0, -1, 30)],
)
def test_what_cannot_tell_has_no_limit(flux, flux_err, zero_point):
    assert np.isnan(upper_limit(flux, flux_err, zero_point))


@pytest.fixture
def measured(db):
    """A reference, and a search image with a correction on which half of its sources are gone."""
    reference = make_image("reference", is_reference=True, **SIZE)
    rng = np.random.default_rng(1)
    rows = make_sources(40)
    rows["x"], rows["y"] = rng.uniform(0, 1999, 40), rng.uniform(0, 3999, 40)
    storage.create_catalogue(reference, rows, {}, "test")
    sources = storage.reference_sources_in([reference])
    correction = Correction((4000, 2000), 4, rng.normal(0, 0.1, 15), {reference.pk: 0.25})
    stored = {**correction.as_json(), "error_scale": 1.5}
    image = make_image("search", mjd=60001.0, correction=stored, **SIZE)
    gone = sources[20:].copy()
    gone["flux"], gone["flux_err"], gone["mag"] = -rng.uniform(0, 9, 20), 20.0, np.nan
    gone["quality"][0], gone["flux_err"][1] = 0.05, np.inf
    gone["flux"][2] = 7.0
    storage.replace_measurements(image, sources[:20], gone)
    return image, sources, gone, correction


def limits():
    rows = GalNonDetection.objects.order_by("refsource_id").values_list("limit_mag", flat=True)
    return np.array(list(rows))


def test_limits_are_corrected_to_the_reference_as_magnitudes_are(measured):
    _image, sources, gone, correction = measured
    corrected = 30 + correction.at(gone["x"], gone["y"], sources["galimage_id"][20:])
    expected = corrected - 2.5 * np.log10(np.maximum(gone["flux"], 0) + 5 * 1.5 * 20.0)
    expected[:2] = np.nan
    assert np.ptp(correction.at(gone["x"], gone["y"], sources["galimage_id"][20:])) > 0.1
    assert limits() == pytest.approx(expected, abs=1e-4, nan_ok=True)
    kinds = [row.kind for row in GalNonDetection.objects.order_by("refsource_id")]
    assert kinds == ["unmeasured"] * 2 + ["non-detection"] * 18


def test_an_update_of_a_filled_database_gives_rows_the_same_limits(measured):
    before = limits()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE galimages ADD options jsonb")  # as it was at that time
        cursor.execute("ALTER TABLE galnondetections DROP COLUMN limit_mag")
        cursor.execute(upper_limits.LIMITS)
    assert limits() == pytest.approx(before, abs=2e-4, nan_ok=True)


def test_how_many_sigma_a_limit_has_is_an_option(measured):
    image, sources, gone, _ = measured
    before = limits()
    options = PipelineOptions()
    reduction = replace(options.reduction, limit_sigma=3.0)
    image.options = replace(options, reduction=reduction).as_json()
    gone["flux"] = -1.0
    storage.replace_measurements(image, sources[:20], gone)
    assert (limits() - before)[3:] == pytest.approx(2.5 * np.log10(5 / 3), abs=1e-4)


def test_epochs_are_all_at_which_a_source_was_looked_for(measured):
    _image, sources, gone, _ = measured
    ids = sources["refsource_id"][[3, 25]]
    rows = epochs(ids, ("mag", "flux"))
    assert rows["refsource_id"].tolist() == np.repeat(ids, 2).tolist()
    assert rows["mjd"].tolist() == [60000.0, 60001.0] * 2
    assert rows["is_detected"].tolist() == [True, True, True, False]
    assert np.isnan(rows["limit_mag"][:3]).all() and np.isnan(rows["mag"][3])
    assert rows["limit_mag"][3] == pytest.approx(limits()[5]) and rows["flux"][3] == gone["flux"][5]
    assert len(light_curves(ids)) == 3 and len(epochs([])) == 0


def test_sql_has_them_with_their_exposure(measured):
    _, sources, _gone, _ = measured
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT mjd, filter, limit_mag, flux_err, exposure"
            " FROM galnondetections_light_curve(%s)",
            [sources["refsource_id"][25].item()],
        )
        rows = cursor.fetchall()
    assert rows == [(60001.0, "i", pytest.approx(limits()[5]), 20.0, "search")]
