"""Light curves without the trends that stars share, however they are asked for."""

import csv
from io import StringIO

import numpy as np
import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.urls import reverse

from photometry.models import GalObjectSource, GalSource
from photometry.storage.light_curves import light_curve
from tests.builders.candidates import crossmatch_all, make_candidate
from tests.builders.people import make_person, token_header
from tests.builders.trends import make_trends
from variables.light_curves.detrending import detrended
from variables.light_curves.light_curve_data import light_curve_data
from variables.light_curves.light_curves import light_curves_at
from variables.variability.storage import stored_trends

pytestmark = pytest.mark.django_db
DIGITS = 2e-6  # of a magnitude in single precision


@pytest.fixture
def candidate():
    return make_candidate(4)


@pytest.fixture
def trends(candidate):
    """{image id: mag} of the candidate, of all but its first image."""
    return make_trends(candidate.pk)


@pytest.fixture
def true(candidate, trends):
    """{image id: magnitude without trends}."""
    rows = GalSource.objects.light_curve(candidate.pk)
    return {row.galimage_id: row.mag - trends.get(row.galimage_id, 0) for row in rows}


def select(query, *values):
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchall()


def test_trends_of_a_star_are_their_sum_and_absent_where_there_are_none(candidate, trends):
    stored = stored_trends([candidate.pk, candidate.pk + 1])
    assert stored == pytest.approx({(candidate.pk, i): mag for i, mag in trends.items()})
    assert len(trends) == 4 and stored_trends([]) == {}


def test_sql_gives_a_light_curve_without_trends_and_leaves_galsources_as_it_was(candidate, true):
    before = light_curve(candidate.pk)
    query = "SELECT galimage_id, mag, trend_mag FROM galsources_detrended(%s)"
    rows = select(query, candidate.pk)
    assert {i: mag for i, mag, _ in rows} == pytest.approx(true, abs=DIGITS)
    assert [trend is None for *_, trend in rows] == [True] + [False] * 4
    assert np.array_equal(light_curve(candidate.pk), before)
    # Of a star whose catalogue has none: as measured, and it says so.
    other = make_candidate(2)
    asked = "SELECT mag, trend_mag FROM galsources_detrended(%s) ORDER BY mjd"
    rows = GalSource.objects.light_curve(other.pk)
    assert select(asked, other.pk) == [(row.mag, None) for row in rows]


def test_python_takes_trends_off_and_says_so(candidate, true):
    (curve,) = light_curves_at(candidate.ra, candidate.dec, 0.1)
    clean = detrended(curve)
    assert dict(zip(clean.image_id.tolist(), clean.mag, strict=True)) == pytest.approx(
        true, abs=DIGITS
    )
    assert not curve.is_detrended and clean.is_detrended
    assert np.isnan(clean.trend_mag).tolist() == [True] + [False] * 4
    curves = light_curves_at(candidate.ra, candidate.dec, 3600)
    other = next(one for one in curves if one.refsource_id != candidate.pk)
    assert not detrended(other).is_detrended and np.array_equal(detrended(other).mag, other.mag)


def test_the_command_says_what_was_taken_off_in_its_table_and_its_csv(candidate, trends, capsys):
    place = (str(candidate.ra), str(candidate.dec), "--radius", "0.1", "--detrended")
    call_command("light_curve", *place)
    assert capsys.readouterr().out.splitlines()[0].endswith("mag  detrended")
    call_command("light_curve", *place, "--csv")
    rows = list(csv.DictReader(StringIO(capsys.readouterr().out)))
    told = {int(row["galimage_id"]): float(row["trend_mag"]) for row in rows if row["trend_mag"]}
    assert told == pytest.approx(trends, abs=DIGITS)


@pytest.mark.parametrize("address", ["sources", "candidates", "objects", "cone"])
def test_the_api_gives_light_curves_as_measured_or_without_trends(client, candidate, true, address):
    cache.clear()
    crossmatch_all()
    key = candidate.pk
    if address == "objects":
        key = GalObjectSource.objects.get(pk=candidate.pk).object_id
    url, headers = f"/api/{address}/{key}/light-curve/", token_header(make_person("annie"))
    asked = {}
    if address == "cone":
        url = "/api/cone/"
        asked = {"ra": candidate.ra, "dec": candidate.dec, "radius_arcsec": 0.1}
    measured = client.get(url, asked, headers=headers).json()
    assert {row["trend_mag"] for row in measured} == {None}
    rows = client.get(url, {**asked, "detrended": "1"}, headers=headers).json()
    assert {row["galimage_id"]: row["mag"] for row in rows} == pytest.approx(true, abs=DIGITS)
    restored = [round(row["mag"] + (row["trend_mag"] or 0), 4) for row in rows]
    assert restored == pytest.approx([row["mag"] for row in measured], abs=1e-4)
    refused = client.get(url, {**asked, "detrended": "perhaps"}, headers=headers)
    assert refused.status_code == 400 and "detrended" in refused.json()


def test_a_candidates_curves_come_without_trends_and_say_so(client, candidate, true):
    client.force_login(make_person("annie"))
    url = reverse("candidate_data", args=[candidate.pk])
    answers = [client.get(url, asked).json() for asked in ({}, {"detrended": 1})]
    measured, clean = (answer["filters"][0] for answer in answers)
    assert not measured["is_detrended"] and clean["is_detrended"]
    assert dict(zip(clean["image_id"], clean["mag"], strict=True)) == pytest.approx(true, abs=1e-4)
    assert {name for name in measured if measured[name] != clean[name]} == {"mag", "is_detrended"}


def test_its_page_offers_that_only_where_there_are_trends(client, candidate):
    client.force_login(make_person("annie"))
    shown = [client.get(reverse("candidate", args=[candidate.pk])).content]
    make_trends(candidate.pk)
    shown.append(client.get(reverse("candidate", args=[candidate.pk])).content)
    assert [b'id="detrend"' in page for page in shown] == [False, True]
    assert light_curve_data(candidate.pk)["filters"][0]["is_detrended"] is False
