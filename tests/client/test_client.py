"""The client for notebooks: what it asks, how patient it is, and what it says of errors."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import galproject_client
import numpy as np
import pytest
import requests
from astropy import units
from astropy.io import fits
from django.http import HttpResponse
from galproject_client import (
    NotAllowedError,
    NotThereError,
    RefusedError,
    Survey,
    SurveyError,
    UnreachableError,
    connection,
)
from galproject_client.columns import OF_CONE

from exposures.tables import ColumnKind
from galproject.api import views
from galproject.api.columns import columns_of
from galproject.api.serializers import ConeMeasurementSerializer
from photometry.storage.light_curves import light_curve
from tests.builders.candidates import crossmatch_all, make_candidate, make_candidates
from variables.models import GalDecision

pytestmark = pytest.mark.django_db
FOLDER = Path(galproject_client.__file__).parent
TYPES = {
    ColumnKind.INTEGER: "i8",
    ColumnKind.DOUBLE: "f8",
    ColumnKind.SINGLE: "f4",
    ColumnKind.TEXT: "U",
    ColumnKind.BOOLEAN: "?",
}


def test_columns_of_light_curves_are_the_servers():
    said = columns_of(ConeMeasurementSerializer())
    assert {c.name: (TYPES[c.kind], c.unit, c.description) for c in said} == OF_CONE


def test_light_curves_come_by_cone_by_source_and_by_star(survey):
    candidate = make_candidate(3)
    crossmatch_all()
    near = survey.cone(candidate.ra, candidate.dec, 60)
    (own,) = [curve for curve in near if curve.refsource_id == candidate.pk]
    distances = [curve.table["distance_arcsec"][0] for curve in near]
    assert distances == sorted(distances) and near[0] is own
    stored = light_curve(candidate.pk)
    np.testing.assert_allclose(own.table["mag"], stored["mag"], rtol=1e-6)
    assert own.table["mag"].dtype == "f4" and own.table["ra"].unit == units.deg
    alone = survey.light_curve(candidate.pk)
    assert len(alone) == len(own) == 4 and (alone.ra, alone.filter) == (own.ra, "i")
    (of_star,) = survey.object_light_curves(survey.candidate(candidate.pk)["object_id"])
    assert of_star.refsource_id == candidate.pk
    assert survey.cone(10.0, 20.0) == []


def test_a_light_curve_folds_as_a_time_series(survey):
    curve = survey.light_curve(make_candidate(3).pk)
    series = curve.to_timeseries()
    assert series.time.scale == "tdb" and series["mag"].unit == units.mag
    np.testing.assert_array_equal(series.time.jd, curve.detections["bjd_tdb"])
    assert len(series.fold(period=0.5 * units.day)) == len(curve.detections) == 4


def test_a_light_curve_is_a_data_frame(survey):
    pytest.importorskip("pandas", reason="pandas is not installed")
    curve = survey.light_curve(make_candidate(3).pk)
    assert curve.to_pandas()["mag"].tolist() == curve.table["mag"].tolist()


def test_all_stars_near_a_position_come_with_their_magnitudes(survey, monkeypatch):
    candidate = make_candidate(3)
    crossmatch_all()
    stars = survey.objects(candidate.ra, candidate.dec, 0.1)
    sources = survey.sources(candidate.ra, candidate.dec, 0.1)
    assert stars["mag_i"].unit == units.mag and len(stars) == len(sources) > 1
    assert sources["id"][0] == str(candidate.pk)
    with pytest.raises(RefusedError, match="SR: the number has to be from 0"):
        survey.objects(candidate.ra, candidate.dec, 1)
    monkeypatch.setattr("galproject.virtual_observatory.cone_query.MAX_ROWS", 1)
    with pytest.warns(UserWarning, match="more than these 1, the nearest"):
        assert len(survey.sources(candidate.ra, candidate.dec, 0.1)) == 1


def test_pages_are_read_as_they_are_needed(survey, server, monkeypatch):
    ids = [candidate.pk for candidate in make_candidates(9)]
    monkeypatch.setattr(connection, "PAGE_ROWS", 4)
    assert survey.candidates()["refsource_id"].tolist() == ids
    assert len(server.asked) == 3
    assert len(survey.candidates(limit=3)) == 3 and len(server.asked) == 4
    assert len(survey.candidates(detections_min=3)) == 3
    assert len(survey.candidates(line="detections:>=3")) == 3
    assert len(survey.candidates(detections_min=99)) == 0


def test_unknown_values_are_masked_or_nan(survey):
    make_candidates(2)
    table = survey.candidates()
    assert np.isnan(table["period_days"]).all() and table["reference_mag"].unit == units.mag
    assert table["is_flagged"].dtype == bool


def test_a_vote_is_cast_and_read(survey_of):
    survey = survey_of("annie", "vetters")
    candidate = make_candidate(3)
    made = survey.vote(candidate.pk, "rr-lyrae", period_days=0.5)
    assert (made["user"], made["choice"]) == ("annie", "rr-lyrae")
    assert GalDecision.objects.get().period_days == 0.5
    assert survey.votes()["refsource_id"].tolist() == [candidate.pk]


def test_cutouts_come_as_a_fits_file(survey, server, monkeypatch):
    candidate = make_candidate(3)
    with pytest.raises(NotThereError, match="404"):
        survey.cutouts(candidate.pk)
    asked = []

    def answer(candidate, images):
        asked.extend(images)
        response = HttpResponse(content_type="application/fits")
        fits.HDUList([fits.PrimaryHDU(np.ones((3, 4)))]).writeto(response)
        return response

    monkeypatch.setattr(views, "cutouts_answer", answer)
    assert survey.cutouts(candidate.pk, [5, 6])[0].data.shape == (3, 4) and asked == ["5", "6"]


# --- Errors


def test_what_is_wrong_is_said_in_the_servers_words(survey, survey_of):
    with pytest.raises(NotThereError, match="no measurement of a source 77"):
        survey.light_curve(77)
    with pytest.raises(RefusedError, match=r"answered 400: position: .*is no position"):
        survey.candidates(position="nowhere")
    with pytest.raises(NotAllowedError, match="add_galdecision"):
        survey.vote(make_candidate(3).pk, "rr-lyrae")
    with pytest.raises(NotThereError, match="there are exposures, images"):
        survey.table("stars")
    with pytest.raises(RefusedError, match="no class “no-such-class”"):
        survey_of("bo", "vetters").vote(make_candidate(3).pk, "no-such-class")


def test_without_a_good_token_nothing_opens(server, monkeypatch):
    monkeypatch.delenv("GALPROJECT_TOKEN", raising=False)
    session = requests.Session()
    session.mount("http://localhost", server)
    with pytest.raises(NotAllowedError, match="make one at http://localhost/api/tokens/"):
        Survey("http://localhost", session=session).candidates()
    with pytest.raises(NotAllowedError, match="no such token"):
        Survey("http://localhost", "gal_wrong", session=session).candidates()


def test_a_token_is_neither_shown_nor_sent_in_the_clear(monkeypatch):
    with pytest.raises(SurveyError, match="write https"):
        Survey("http://survey.example.org", "gal_secret")
    survey = Survey("https://survey.example.org", "gal_secret")
    assert "secret" not in repr(survey) + repr(survey.connection)
    monkeypatch.delenv("GALPROJECT_URL", raising=False)
    for url in (None, "survey.example.org"):
        with pytest.raises(SurveyError, match="address"):
            Survey(url)


# --- Patience

BUSY = (503, {}, b'{"detail": "busy"}')


def test_a_busy_server_is_asked_again_and_not_for_ever(survey, server):
    make_candidate(3)
    server.troubles = [BUSY, requests.ConnectionError("reset")]
    assert len(survey.candidates()) == 1 and len(server.asked) == 3
    server.troubles = [BUSY] * 9
    with pytest.raises(UnreachableError, match="503: busy"):
        survey.candidates()
    assert len(server.troubles) == 6


def test_a_wait_that_the_server_asks_for_is_kept_up_to_a_limit(survey, server, monkeypatch):
    waited = []
    monkeypatch.setattr(connection.time, "sleep", waited.append)
    server.troubles = [(429, {"Retry-After": "7"}, b"{}")]
    survey.candidates()
    assert waited == [7]
    server.troubles = [(429, {"Retry-After": "3000"}, b'{"detail": "too often"}')]
    with pytest.raises(UnreachableError, match=r"too often \(ask again in 3000 s\)"):
        survey.candidates()


def test_a_vote_is_never_sent_twice(survey_of, server):
    survey = survey_of("annie", "vetters")
    candidate = make_candidate(3)
    for trouble in (requests.ConnectionError("reset"), (502, {}, b"")):
        server.troubles = [trouble]
        with pytest.raises(UnreachableError):
            survey.vote(candidate.pk, "rr-lyrae")
    server.troubles = [BUSY]  # it was refused before anything was done
    survey.vote(candidate.pk, "rr-lyrae")
    assert GalDecision.objects.count() == 1


def test_a_token_follows_no_redirect(survey, server):
    server.troubles = [(302, {"Location": "https://elsewhere.example.org/"}, b"")]
    with pytest.raises(SurveyError, match="leads on to"):
        survey.candidates()
    assert len(server.asked) == 1


# --- The package


def test_it_takes_only_what_it_declares():
    project = tomllib.loads((FOLDER.parent / "pyproject.toml").read_text())["project"]
    extras = [one for own in project["optional-dependencies"].values() for one in own]
    declared = {re.match(r"[\w-]+", one)[0] for one in [*project["dependencies"], *extras]}
    imported = {
        name.split(".")[0]
        for file in FOLDER.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported - sys.stdlib_module_names - {"galproject_client"} <= declared
