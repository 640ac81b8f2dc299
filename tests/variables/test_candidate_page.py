"""The page of one candidate, and the data that it draws."""

import json

import numpy as np
import pytest
from django.contrib.auth.models import Permission, User
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from photometry.storage import catalogue_sources
from tests.variables.candidates import add_epoch, make_candidate, make_candidates, make_catalogue
from variables.candidates.light_curve_data import light_curve_data, light_curves_data
from variables.candidates.refresh import refresh_candidates
from variables.models import GalCandidate, GalVarObj
from variables.pictures.sprite import TILE, Sprite, cutout_layout, read_sprite, write_sprite
from variables.science.periods import find_periods

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader(client, settings, tmp_path):
    settings.GALPROJECT_PICTURES = str(tmp_path)
    cache.clear()
    client.force_login(User.objects.create_user("annie"))
    return client


def page(reader, candidate, **asked):
    response = reader.get(reverse("candidate", args=[candidate.pk]), asked)
    assert response.status_code == 200
    return response.content.decode()


def two_filters():
    """A candidate in i whose star has a source in g, too."""
    catalogues = [make_catalogue(30, name, seed=4) for name in ("i", "g")]
    for k in range(4):
        add_epoch(catalogues[0], 60001.0 + k, {3: 0.6} if k < 2 else {})
        add_epoch(catalogues[1], 60001.5 + k)
    refresh_candidates()
    return GalCandidate.objects.get()


def test_the_page_tells_what_is_known(reader):
    candidate = make_candidate(3)
    shown = page(reader, candidate)
    assert str(candidate.pk) in shown and "simbad" in shown and "Not rendered yet" in shown
    assert shown.count("yes</td>") == 3


def test_light_curves_of_all_filters_are_those_of_the_tables():
    candidate = two_filters()
    data = light_curve_data(candidate.pk)
    own, other = data["filters"]
    assert (own["filter"], other["filter"]) == ("i", "g")
    assert own["mjd"] == sorted(own["mjd"]) and len(own["mjd"]) == len(other["mjd"]) == 5
    assert sum(own["is_detection"]) == 2 and own["is_reference"].count(True) == 1
    assert [s is not None for s in own["significance"]] == own["is_detection"]
    assert not any(other["is_detection"])
    json.dumps(data, allow_nan=False)


def test_epochs_at_which_it_vanished_have_no_magnitude():
    catalogue = make_catalogue(4)
    add_epoch(catalogue, 60001.0, {1: 0.8})
    image = add_epoch(catalogue, 60002.0)
    row = catalogue_sources(catalogue)[1]
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM galsources WHERE galimage_id = %s", [image.pk])
    GalVarObj.objects.create(
        image=image,
        refsource_id=int(row["refsource_id"]),
        ra=1,
        dec=1,
        kind="vanished",
        significance=30,
        reference_mag=17,
        flux=-1,
        flux_err=1,
    )
    refresh_candidates()
    data = light_curve_data(GalCandidate.objects.get().pk)
    assert data["filters"][0]["vanished_mjd"] == [60002.0]


def test_many_light_curves_take_as_few_queries_as_one():
    ids = [c.pk for c in make_candidates(8)]
    with CaptureQueriesContext(connection) as queries:
        many = light_curves_data(ids)
    assert len(queries) <= 4
    assert many == {i: light_curve_data(i) for i in ids}


def test_a_page_takes_few_queries(reader):
    candidate = two_filters()
    with CaptureQueriesContext(connection) as queries:
        page(reader, candidate, list="detections_min=1")
    assert len(queries) <= 15


def test_next_and_previous_lead_through_the_list(reader):
    ids = sorted(c.pk for c in make_candidates(5))
    middle = GalCandidate.objects.get(pk=ids[2])
    shown = page(reader, middle, list="sort=refsource_id")
    for other in (ids[1], ids[3]):
        assert f'href="/candidates/{other}/?list=sort%3Drefsource_id"' in shown


def test_the_field_is_drawn_by_colour_where_there_is_another_filter(reader):
    candidate = two_filters()
    data = reader.get(reverse("candidate_field", args=[candidate.pk])).json()
    assert (data["kind"], data["x"]) == ("colour", "g − i (mag)")
    assert len(data["points"]) == 30 and len(data["itself"]) == 1
    assert reader.get(reverse("candidate_field", args=[candidate.pk])).json() == data


def test_and_else_by_scatter(reader):
    candidate = make_candidates(6)[0]
    data = reader.get(reverse("candidate_field", args=[candidate.pk])).json()
    assert data["kind"] == "scatter" and len(data["points"]) == 6 and len(data["itself"]) == 1


def test_too_few_epochs_have_no_period(reader):
    candidate = make_candidate(2)
    found = reader.get(reverse("candidate_periods", args=[candidate.pk])).json()
    assert found["periods"] == [] and found["n_epochs"] < found["min_epochs"]


def test_an_injected_period_is_found():
    rng = np.random.default_rng(5)
    curves = []
    for n, mean in ((40, 18.0), (35, 16.5)):
        mjd = np.sort(rng.uniform(60000, 60060, n))
        mag = mean + 0.3 * np.sin(2 * np.pi * mjd / 0.6173) + rng.normal(0, 0.02, n)
        curves.append((mjd, mag, np.full(n, 0.02)))
    best = find_periods(curves)[0]
    assert best.days == pytest.approx(0.6173, rel=1e-3)
    assert best.power > 0.9 and best.false_alarm < 1e-6


def test_noise_has_no_period_that_is_unlikely():
    rng = np.random.default_rng(6)
    mjd = np.sort(rng.uniform(60000, 60030, 40))
    noise = (mjd, 17 + rng.normal(0, 0.05, 40), np.full(40, 0.05))
    assert find_periods([noise])[0].false_alarm > 0.001


def test_cutouts_are_shown_where_they_are_rendered(reader):
    candidate = make_candidate(2)
    images = [change.image_id for change in GalVarObj.objects.order_by("image__exposure__mjd")]
    tiles = tuple(np.full((TILE, TILE), 40 + k, "u1") for k in range(2))
    write_sprite(candidate.pk, Sprite(np.zeros((TILE, TILE), "u1"), tuple(images), tiles, tiles))
    assert cutout_layout(candidate.pk).image_ids == tuple(images)
    assert read_sprite(candidate.pk).search[1][0, 0] == 41
    shown = page(reader, candidate)
    assert shown.count("data-detected") == 2 and f"/pictures/cutouts/{candidate.pk}.png?v=" in shown
    picture = reader.get(reverse("cutouts", args=[candidate.pk]))
    assert picture["Content-Type"] == "image/png" and "immutable" in picture["Cache-Control"]
    assert reader.get(reverse("cutouts", args=[candidate.pk + 1])).status_code == 404


def test_only_those_who_may_flag_see_how(reader):
    candidate = make_candidate(2)
    assert "Flag as artifact" not in page(reader, candidate)
    user = User.objects.get()
    user.user_permissions.add(Permission.objects.get(codename="add_galflag"))
    assert "Flag as artifact" in page(reader, candidate)


def test_what_is_no_candidate_is_not_found(reader):
    for name in ("candidate", "candidate_data", "candidate_field", "candidate_periods"):
        assert reader.get(reverse(name, args=[12345])).status_code == 404
