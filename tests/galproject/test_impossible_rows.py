"""Rows that older versions stored of damaged headers: pages bear them, tables take no more."""

from importlib import import_module

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction

from exposures.models import GalExposure
from tests.builders.candidates import make_candidate
from tests.builders.survey_rows import make_image

pytestmark = pytest.mark.django_db

(OPERATION,) = import_module("exposures.migrations.0014_possible_times").Migration.operations
BAD = ["1e300", "NaN", "Infinity", "-1e300", "1e8"]


def query(statement, parameters=None):
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


@pytest.mark.parametrize("column", ["mjd", "exposure_seconds"])
@pytest.mark.parametrize("value", ["1e300", "NaN", "Infinity", "-1", "0"])
def test_times_that_cannot_be_are_refused_by_the_table(column, value):
    image = make_image()
    with pytest.raises(IntegrityError, match="galexposures_possible"), transaction.atomic():
        query(f"UPDATE galexposures SET {column} = %s WHERE id = %s", [value, image.exposure_id])


def test_the_migration_tells_of_old_rows_and_holds_the_new_ones():
    old, new = make_image("old"), make_image("new")
    query(OPERATION.reverse_sql)
    query("UPDATE galexposures SET mjd = 1e300 WHERE id = %s", [old.exposure_id])
    query(OPERATION.sql)
    assert "impossible times" in str(connection.connection.notices)
    assert GalExposure.objects.get(pk=old.exposure_id).mjd == 1e300
    with pytest.raises(IntegrityError, match="possible_time"), transaction.atomic():
        query("UPDATE galexposures SET mjd = 1e300 WHERE id = %s", [new.exposure_id])


@pytest.fixture
def candidate(client):
    client.force_login(User.objects.create_superuser("root"))
    return make_candidate(n_detections=3, n_epochs=10)


def spoil(value):
    """Impossible numbers in all the tables that have a time, as raw SQL."""
    query(OPERATION.reverse_sql)
    query(
        "UPDATE galexposures SET mjd = %s, exposure_seconds = %s WHERE id % 2 = 0".replace(
            "% 2", "%% 2"
        ),
        [value, value],
    )
    query("UPDATE galsources SET mjd = %s WHERE refsource_id %% 2 = 0", [value])
    query("UPDATE galcandidates SET first_mjd = %s, last_mjd = %s", [value, value])
    query(
        "UPDATE galimages SET zero_point = %s, sky = %s, fwhm_arcsec = %s, chi2_nu = %s",
        [value, value, value, value],
    )


@pytest.mark.parametrize("value", BAD)
def test_no_page_and_no_answer_dies_of_impossible_numbers(client, candidate, value):
    spoil(value)
    image = candidate.catalogue.image
    pages = [
        *(
            "/",
            "/working-status/",
            "/candidates/",
            "/candidates/repeated/",
            "/references/",
            "/flags/",
        ),
        f"/exposures/{image.exposure_id}/",
        f"/flags/images/{image.pk}/",
        *(f"/candidates/{candidate.pk}/{end}" for end in ("", "light-curves.json", "field.json")),
        f"/candidates/{candidate.pk}/periods.json",
        f"/candidates/{candidate.pk}/periodogram.json",
        *(f"/candidates/export/?format={form}" for form in ("csv", "parquet", "votable")),
        f"/api/sources/{candidate.refsource_id}/light-curve/",
        f"/api/cone/?ra={candidate.ra}&dec={candidate.dec}&radius=2",
        *(f"/api/{table}/" for table in ("exposures", "images", "candidates")),
        *(f"/api/exposures/?format={form}" for form in ("csv", "parquet")),
        f"/admin/exposures/galexposure/{image.exposure_id}/change/",
        "/admin/exposures/galexposure/",
    ]
    answers = {page: client.get(page) for page in pages}
    statuses = {page: answer.status_code for page, answer in answers.items()}
    assert {page: s for page, s in statuses.items() if s != 200} == {}
    for answer in answers.values():
        if answer["Content-Type"] == "application/json":
            answer.json()
            assert b"NaN" not in answer.content and b"Infinity" not in answer.content
