"""The page of one candidate, and the data that it draws."""

import re
from functools import partial

import numpy as np
import pytest
from django.contrib.auth.models import Permission, User
from django.core.cache import cache
from django.db import connection
from django.urls import reverse

from exposures.models import GalImage
from photometry.models import GalMotion, GalObject, GalObjectSource, GalSource
from photometry.querysets.objects import MatchKind
from photometry.science.extended_sources import EXTENDED
from photometry.storage import storage
from tests.builders.candidates import (
    add_epoch,
    crossmatch_all,
    make_candidate,
    make_candidates,
    make_catalogue,
)
from tests.builders.known_variables import make_known, make_variables
from tests.builders.people import make_person
from tests.builders.published_stars import make_published
from tests.builders.queries import n_queries_of
from tests.variables.test_light_curve_data import two_filters
from variables.candidates.colours import field_diagram
from variables.candidates.neighbours import neighbourhood
from variables.candidates.page import links
from variables.derived.refresh import refresh_candidates
from variables.flags.marking import flag_source
from variables.models import GalCandidate, GalVarObj
from variables.models.causes import Cause
from variables.pictures.sprite import TILE, Sprite, cutout_layout, read_sprite, write_sprite

pytestmark = pytest.mark.django_db
FLAG_FORM = 'id="artifact"'
DRAWN = ("candidate_data", "candidate_field", "candidate_periodogram", "candidate_periods")


@pytest.fixture
def reader(client, settings, tmp_path):
    settings.GALPROJECT_PICTURES = str(tmp_path)
    cache.clear()
    client.force_login(make_person("annie"))
    return client


@pytest.fixture
def curator(reader):
    user = User.objects.get(username="annie")
    user.user_permissions.add(Permission.objects.get(codename="add_galflag"))
    return reader


def page(reader, candidate, **asked):
    response = reader.get(reverse("candidate", args=[candidate.pk]), asked)
    assert response.status_code == 200
    # With one blank wherever a browser shows one.
    return " ".join(response.content.decode().split())


def field_of(reader, candidate):
    return reader.get(reverse("candidate_field", args=[candidate.pk])).json()


def draw_cutouts_of(candidate):
    images = GalVarObj.objects.order_by("image__exposure__mjd").values_list("image_id", flat=True)
    tiles = tuple(np.full((TILE, TILE), 40 + k, "u1") for k in range(len(images)))
    write_sprite(candidate.pk, Sprite(np.zeros((TILE, TILE), "u1"), tuple(images), tiles, tiles))
    return images


def test_the_page_tells_what_is_known(reader):
    candidate = make_candidate(3)
    shown = page(reader, candidate)
    assert str(candidate.pk) in shown and "3 of 4 epochs" in shown
    assert shown.count("<td>yes</td>") == 3
    assert all(
        f'<a href="{reverse("image", args=[c.image_id])}">' in shown
        for c in GalVarObj.objects.all()
    )


def test_the_cuts_that_a_change_failed_are_named(reader):
    candidate = make_candidate(2)
    GalVarObj.objects.filter(pk=GalVarObj.objects.first().pk).update(failed_cuts=4 + 16)
    assert "no: masked pixels under the source, blended" in page(reader, candidate)


def test_a_page_takes_few_queries_however_much_there_is(curator):
    n_queries = []
    for n_detections in (2, 12):
        candidate = make_candidate(n_detections)
        draw_cutouts_of(candidate)
        for number in range(n_detections // 2):
            make_known(candidate, make_variables(f"variables {n_detections} {number}"))
        n_queries.append(n_queries_of(partial(page, curator, candidate, list="detections_min=1")))
    # Three of them are of published catalogues: these, the matches and their stars; twelve are the
    # settings and savepoints under which its neighbours in the list are looked for.
    assert n_queries == [43, 43]


@pytest.mark.parametrize(
    ("name", "exactly"),
    [
        ("candidate_data", 7),
        ("candidate_field", 9),
        ("candidate_periods", 11),
        ("candidate_periodogram", 12),
    ],
)
def test_what_it_draws_takes_few_queries(reader, name, exactly):
    candidate = two_filters()

    def draw():
        cache.clear()
        assert reader.get(reverse(name, args=[candidate.pk])).status_code == 200

    n_queries = [n_queries_of(draw)]
    for epoch in range(10):
        add_epoch(candidate.catalogue, 60100.0 + epoch)
    n_of_permissions = 2  # of the person's own and of their groups, whatever is asked for
    assert [*n_queries, n_queries_of(draw)] == [exactly + n_of_permissions] * 2


def test_nothing_is_inline_and_nothing_is_fetched_from_elsewhere(curator):
    candidate = make_candidate(2)
    draw_cutouts_of(candidate)
    shown = page(curator, candidate)
    assert not re.search(r"<style|\sstyle=|\son\w+=", shown)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", shown))
    assert not re.findall(r'src="(?:https?:)?//', shown)
    leaving = re.findall(r'<a href="https?:[^>]*>', shown)
    assert len(leaving) == 4 and all('rel="noopener noreferrer"' in link for link in leaving)
    ids = re.findall(r' id="([^"]+)"', shown)
    assert len(ids) == len(set(ids))


def test_links_to_other_archives_have_the_position():
    addresses = dict(links(266.5, -29.25))
    assert list(addresses) == ["SIMBAD", "VSX", "Gaia DR3", "Aladin"]
    assert all("266.500000+-29.250000" in address for address in addresses.values())


def test_next_and_previous_lead_through_the_list(reader):
    ids = sorted(c.pk for c in make_candidates(5))
    middle = GalCandidate.objects.get(pk=ids[2])
    shown = page(reader, middle, list="sort=refsource_id")
    for other in (ids[1], ids[3]):
        assert f'href="/candidates/{other}/?list=sort%3Drefsource_id"' in shown
    first = page(reader, GalCandidate.objects.get(pk=ids[0]), list="sort=refsource_id")
    assert "First of the list" in first and 'id="next"' in first


def test_sources_of_one_star_in_several_filters_are_one_neighbour():
    candidate = two_filters(0.15)
    found = neighbourhood(candidate, radius_arcsec=1500)
    assert found.filters == ("g", "i")
    assert found.itself.first.refsource_id == candidate.pk and set(found.itself.sources) == {
        "g",
        "i",
    }
    assert [match.filter for match in found.matches(candidate)] == ["g"]
    assert len(found.others) == 29 and all(len(star.sources) == 2 for star in found.others)
    distances = [star.first.distance_arcsec for star in found.others]
    assert distances == sorted(distances)


def test_offsets_of_neighbours_are_to_the_east_and_north():
    candidate = two_filters()
    star = neighbourhood(candidate, radius_arcsec=720).others[0]
    distance = np.hypot(star.east_arcsec, star.north_arcsec)
    assert distance == pytest.approx(star.first.distance_arcsec, rel=1e-3)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ra, dec FROM galsources WHERE refsource_id = %s", [star.first.refsource_id]
        )
        ra, dec = cursor.fetchone()
    assert np.sign(star.east_arcsec) == np.sign(ra - candidate.ra)
    assert np.sign(star.north_arcsec) == np.sign(dec - candidate.dec)


def test_neighbours_are_found_across_the_beginning_of_right_ascension():
    candidate = make_candidate(2, ra=359.9999)
    found = neighbourhood(candidate, radius_arcsec=900)
    assert len(found.others) == 4
    assert all(abs(star.east_arcsec) < 900 for star in found.others)


def test_neighbours_at_the_pole_lie_as_far_off_as_they_are():
    candidate = make_candidate(2, ra=10.0, dec=90.0)
    found = neighbourhood(candidate, radius_arcsec=900)
    assert len(found.others) == 4
    for star in found.others:
        offset = np.hypot(star.east_arcsec, star.north_arcsec)
        assert offset == pytest.approx(star.first.distance_arcsec, rel=1e-3)


def test_without_a_match_in_another_filter_the_page_says_so(reader):
    candidate = make_candidate(2)
    assert "Not cross-matched with other filters yet" in page(reader, candidate)
    crossmatch_all()
    assert "In no other filter" in page(reader, candidate)
    shown = page(reader, two_filters())
    assert "In no other filter" not in shown and "not a candidate" in shown


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (MatchKind.ONE_TO_ONE, None),
        (MatchKind.DOUBTFUL, "Perhaps a blend"),
        (MatchKind.BLEND, "not one star"),
    ],
)
def test_what_is_perhaps_or_surely_a_blend_is_called_so(reader, kind, said):
    candidate = two_filters()
    GalObject.objects.filter(sources=candidate.pk).update(kind=kind)
    shown = page(reader, candidate)
    assert {words for words in ("Perhaps a blend", "not one star") if words in shown} == (
        {said} if said else set()
    )


def test_in_other_filters_a_star_is_as_bright_as_its_object_has_it(reader):
    candidate = two_filters()
    GalObjectSource.objects.filter(filter="g").update(mag=12.34)
    (match,) = neighbourhood(candidate).matches(candidate)
    assert match.mag == pytest.approx(12.34) and "<b>g</b> 12.34" in page(reader, candidate)


def test_a_candidate_of_a_catalogue_that_was_replaced_is_still_shown(reader):
    candidate = make_candidate(2)
    storage.retire_catalogue(candidate.catalogue.image)
    shown = page(reader, candidate)
    assert "of a catalogue that was replaced" in shown and "No catalogue in use" in shown


def test_a_candidate_without_another_epoch_left_has_a_page(reader):
    candidate = make_candidate(1)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM galsources WHERE NOT is_reference")
    GalVarObj.objects.all().delete()
    page(reader, candidate)
    for name in DRAWN:
        assert reader.get(reverse(name, args=[candidate.pk])).status_code == 200


def test_the_field_is_drawn_by_colour_where_there_is_another_filter(reader):
    candidate = two_filters()
    data = field_of(reader, candidate)
    assert (data["kind"], data["x"], data["y"]) == ("colour", "g − i (mag)", "i (mag)")
    assert len(data["points"]) == 30 and len(data["itself"]) == 1
    assert field_of(reader, candidate) == data


def test_a_star_of_the_field_is_paired_with_the_nearest_of_the_other_filter():
    candidate = two_filters()
    # The same magnitudes in both filters: all colours are 0, unless a neighbour was taken.
    assert {colour for colour, _ in field_diagram(candidate)["points"]} == {0.0}


def test_fields_are_kept_for_a_while_and_the_candidate_is_not(reader):
    candidate = two_filters()
    field_of(reader, candidate)
    GalObjectSource.objects.update(mag=12)
    again = field_of(reader, candidate)
    assert again["itself"] == [[0.0, 12.0]] and [0.0, 12.0] not in again["points"]


def test_and_by_scatter_where_there_is_none(reader):
    candidate = make_candidates(6)[0]
    data = field_of(reader, candidate)
    assert data["kind"] == "scatter" and data["filters"] == ["i"]
    assert len(data["points"]) == 5 and len(data["itself"]) == 1


def test_a_filter_without_the_star_gives_way_to_one_that_has_it():
    in_i, _in_r = (make_catalogue(30, name, seed=4) for name in ("i", "r"))
    make_catalogue(30, "g", seed=9)
    add_epoch(in_i, 60001.0, {3: 0.6})
    refresh_candidates()
    crossmatch_all()
    diagram = field_diagram(GalCandidate.objects.get())
    assert diagram["x"] == "r − i (mag)" and len(diagram["itself"]) == 1


def test_too_few_epochs_have_no_period_and_are_told_so(reader):
    candidate = make_candidate(2)
    found = reader.get(reverse("candidate_periods", args=[candidate.pk])).json()
    assert found["periods"] == [] and "Too few epochs" in found["note"]


def test_a_period_in_the_tables_is_found_in_all_filters_together(reader):
    rng = np.random.default_rng(3)
    catalogues = [make_catalogue(2, name, seed=4) for name in ("i", "g")]
    for k, mjd in enumerate(60001 + np.sort(rng.uniform(0, 40, 48))):
        change = 0.4 * np.sin(2 * np.pi * mjd / 0.6173)
        add_epoch(catalogues[k % 2], float(mjd), {1: float(change)})
    refresh_candidates()
    crossmatch_all()
    candidate = GalCandidate.objects.get(catalogue=catalogues[0])
    found = reader.get(reverse("candidate_periods", args=[candidate.pk])).json()
    assert found["periods"][0]["days"] == pytest.approx(0.6173, rel=2e-3)
    assert found["n_epochs"] == 50 and "stands out" not in found["note"]


def test_cutouts_are_shown_where_they_are_rendered(reader):
    candidate = make_candidate(2)
    assert "Not rendered yet" in page(reader, candidate)
    images = draw_cutouts_of(candidate)
    assert cutout_layout(candidate.pk).image_ids == tuple(images)
    assert read_sprite(candidate.pk).search[1][0, 0] == 41
    shown = page(reader, candidate)
    assert shown.count('class="detected"') == 2
    assert f"/pictures/cutouts/{candidate.pk}.png?v=" in shown
    picture = reader.get(reverse("cutouts", args=[candidate.pk]))
    assert picture["Content-Type"] == "image/png" and "immutable" in picture["Cache-Control"]
    assert reader.get(reverse("cutouts", args=[candidate.pk + 1])).status_code == 404


def test_cutouts_of_doubtful_changes_are_told_from_detections(reader):
    candidate = make_candidate(2)
    draw_cutouts_of(candidate)
    GalVarObj.objects.filter(pk=GalVarObj.objects.first().pk).update(is_flagged=True)
    shown = page(reader, candidate)
    assert shown.count('class="detected"') == shown.count('class="doubtful"') == 1


def test_only_those_who_may_flag_see_how(reader):
    assert FLAG_FORM not in page(reader, make_candidate(2))


def test_a_flag_is_made_seen_and_can_be_undone(curator):
    candidate = make_candidate(2)
    assert FLAG_FORM in page(curator, candidate)
    flag_source(candidate.pk, "cosmic", "round, and sharp", User.objects.get())
    shown = page(curator, candidate)
    assert "Cosmic ray: round, and sharp" in shown and 'value="undo"' in shown


def test_what_is_no_candidate_is_not_found(reader):
    for name in (*DRAWN, "candidate"):
        assert reader.get(reverse(name, args=[12345])).status_code == 404


def test_the_page_of_a_moving_star_says_how_fast_it_is(reader):
    candidate = make_candidate(2)
    address = reverse("candidate", args=[candidate.pk])
    assert "proper motion" not in reader.get(address).content.decode()
    motion = GalMotion.objects.create(
        refsource_id=candidate.pk, pm_ra=-30, pm_dec=40, pm_ra_err=0.2, pm_dec_err=0.3, n_images=0
    )
    text = " ".join(reader.get(address).content.decode().split())
    assert "50.0 mas/yr" in text and "-30.0 ± 0.2 in RA" in text and "by the catalogue" in text
    motion.n_images = 7
    motion.save()
    assert "measured on 7 images" in reader.get(address).content.decode()
    gaia = make_published("gaia_dr3", "astrometric")
    motion.n_images, motion.star_id = 0, gaia.id_range[0] + 5
    motion.save()
    assert "by gaia_dr3 1" in reader.get(address).content.decode()


def test_the_page_of_a_part_of_an_extended_source_says_what_it_is(reader):
    candidate = make_candidate(2)
    assert "wider than the PSF" not in page(reader, candidate)
    GalSource.objects.filter(refsource_id=candidate.pk, is_reference=True).update(flags=EXTENDED)
    text = page(reader, candidate)
    assert "wider than the PSF" in text
    assert text.count('<span class="badge">extended</span>') == 1  # the others nearby are stars


def test_a_star_of_80_mas_a_year_is_said_to_move_and_is_a_variable_no_more(reader):
    catalogue = make_catalogue(9)
    catalogue.refresh_from_db()
    GalImage.objects.filter(pk=catalogue.image_id).update(fwhm_arcsec=1.1)
    for years in (8, 9):
        add_epoch(catalogue, catalogue.mjd + 365.25 * years, {2: 0.6})
    refresh_candidates()
    (candidate,) = GalCandidate.objects.filter(cause=Cause.REAL)
    motion = {"pm_ra": 48, "pm_dec": 64, "pm_ra_err": 0.5, "pm_dec_err": 0.5, "n_images": 8}
    GalMotion.objects.create(refsource_id=candidate.pk, **motion)
    refresh_candidates()
    text = page(reader, candidate)
    assert "high proper motion" in text.lower() and "80.0 mas/yr" in text
    assert not GalCandidate.objects.filter(cause=Cause.REAL).exists()
