"""Sources of all filters cross-matched in the database: right, rebuilt, and in nobody's way."""

from dataclasses import replace

import numpy as np
import pytest
from django.db import connection

from exposures.models import GalImage
from photometry.crossmatch import area, crossmatching, neighbours, sources
from photometry.crossmatch.catalogues import catalogues_around
from photometry.crossmatch.crossmatching import crossmatch_filters, fields_of, passes_of
from photometry.crossmatch.neighbours import nearby, pairs_sharing_sky
from photometry.crossmatch.object_storage import sources_replaced
from photometry.crossmatch.sources import read_sources
from photometry.models import GalObject, GalObjectSource, GalReference, GalSource
from photometry.querysets.objects import MatchKind, matches_of
from photometry.science.crossmatch.options import CrossMatchOptions
from photometry.storage import storage
from tests.builders.reference_catalogues import (
    add_catalogue,
    everything,
    ids_at,
    make_reference,
    object_of,
)
from tests.builders.survey_rows import from_tangent_plane

pytestmark = pytest.mark.django_db
PLACES = [(266.0, -29.0), (0.0, 10.0), (359.999, -60.0), (45.0, 90.0), (10.0, -90.0)]
# Stars at least 5 arcsec from each other.
GRID = np.stack(np.meshgrid(np.arange(-40, 40, 5.0), np.arange(-40, 40, 5.0)), -1).reshape(-1, 2)


def grid(rng=None, scatter=0.03):
    x, y = GRID.T
    return (x, y) if rng is None else (x + rng.normal(0, scatter, len(x)), y)


def crossmatch(*catalogues, **options):
    return crossmatch_filters([catalogue.image_id for catalogue in catalogues], **options)


@pytest.mark.parametrize(("ra", "dec"), PLACES)
def test_stars_are_matched_one_to_one_at_any_place_of_the_sky(ra, dec):
    rng = np.random.default_rng(1)
    catalogues = [make_reference(f, f, *grid(rng), ra=ra, dec=dec) for f in "gri"]
    counts = crossmatch(*catalogues)
    assert counts.n_one_to_one == counts.n_new == len(GRID)
    assert (counts.n_single, counts.n_blends, counts.n_sources) == (0, 0, 3 * len(GRID))
    for own in matches_of(
        storage.catalogue_sources(catalogues[0])["refsource_id"].tolist()
    ).values():
        assert {m.filter for m in own.members} == {"g", "r", "i"}
        assert max(m.distance_arcsec for m in own.members) < 0.2
    for one in GalObject.objects.all()[:5]:
        assert GalSource.objects.cone(one.ra, one.dec, 0.2).count() == 3


def test_two_in_one_filter_and_one_in_another_are_a_blend_with_all_three():
    g = make_reference("g", "g", [0.0, 0.55], [0.0, 0.0])
    r = make_reference("r", "r", [0.2], [0.0])
    counts = crossmatch(g, r)
    assert (counts.n_blends, counts.n_one_to_one, counts.n_single) == (1, 0, 0)
    (own,) = GalObject.objects.blends()
    assert own.n_sources == 3 and own.n_filters == 2
    (match,) = matches_of(ids_at(r, [0.2], [0.0])).values()
    assert match.is_blend and len(match.in_other_filters("r")) == 2


def test_a_faint_neighbour_of_a_bright_star_makes_no_blend_of_it():
    g = make_reference("g", "g", [0.0, 0.5], [0.0, 0.0], [16.0, 21.0])
    r = make_reference("r", "r", [0.0], [0.0], 15.5)
    assert crossmatch(g, r).n_one_to_one == 1
    assert object_of(ids_at(g, [0.5], [0.0])[0]).kind == MatchKind.SINGLE


def test_stars_further_apart_than_their_errors_are_not_matched():
    apart = make_reference("g", "g", [0.0], [0.0]), make_reference("r", "r", [0.7], [0.0])
    assert crossmatch(*apart).n_single == 2
    faint = make_reference("i", "i", [0.7], [0.0], error=0.2)
    assert crossmatch(*apart, faint).n_one_to_one == 1  # with the one at its place, or none


def test_the_same_star_in_overlapping_catalogues_of_a_filter_is_no_blend():
    rng = np.random.default_rng(2)
    one, two = (make_reference(n, "g", *grid(rng)) for n in ("one", "two"))
    r = make_reference("r", "r", *grid(rng))
    counts = crossmatch(one, two, r)
    assert counts.n_one_to_one == len(GRID) and counts.n_blends == 0
    assert set(GalObject.objects.values_list("n_sources", "n_filters")) == {(3, 2)}


def test_a_pass_that_finds_nothing_new_writes_nothing():
    rng = np.random.default_rng(3)
    catalogues = [make_reference(f, f, *grid(rng)) for f in "gr"]
    crossmatch(*catalogues)
    before = everything()
    again = crossmatch(*catalogues)
    assert (again.n_new, again.n_changed, again.n_removed) == (0, 0, 0)
    one_alone = crossmatch(catalogues[0])
    assert (one_alone.n_new, one_alone.n_changed, one_alone.n_removed) == (0, 0, 0)
    assert everything() == before


def test_objects_whose_ids_lie_far_apart_are_found_again():
    x, y = grid()
    g = make_reference("g", "g", x, y)
    crossmatch(g)
    with connection.cursor() as cursor:
        cursor.execute("SELECT setval(pg_get_serial_sequence('galobjects', 'id'), 1 << 30)")
    r = make_reference("r", "r", [*x, *(x + 2.5)], [*y, *y])
    assert crossmatch(r).n_new == len(x)
    before = everything()
    again = crossmatch(g, r)
    assert (again.n_new, again.n_changed, again.n_removed) == (0, 0, 0)
    assert everything() == before


def test_a_magnitude_that_changed_is_stored_and_nothing_else_of_its_object():
    g, r = (make_reference(f, f, *grid()) for f in "gr")
    crossmatch(g, r)
    (own,) = ids_at(g, [0.0], [0.0])
    before = dict(GalObjectSource.objects.values_list("pk", "object_id"))
    GalObjectSource.objects.filter(pk=own).update(mag=12)
    again = crossmatch(g)
    assert (again.n_new, again.n_changed, again.n_removed) == (0, 0, 0)
    assert GalObjectSource.objects.get(pk=own).mag == 18
    assert dict(GalObjectSource.objects.values_list("pk", "object_id")) == before


def test_a_dry_run_counts_and_writes_nothing():
    g = make_reference("g", "g", *grid())
    assert crossmatch(g, dry_run=True).n_new == len(GRID)
    assert not GalObject.objects.exists()


def test_objects_keep_their_ids_when_a_filter_is_added_and_when_a_reference_is_made_again():
    rng = np.random.default_rng(4)
    g = make_reference("g", "g", *grid(rng))
    crossmatch(g)
    before = set(GalObject.objects.values_list("pk", flat=True))
    r = make_reference("r", "r", *grid(rng))
    assert crossmatch(r).n_one_to_one == len(GRID)
    assert set(GalObject.objects.values_list("pk", flat=True)) == before
    places = {o.pk: (o.ra, o.dec) for o in GalObject.objects.all()}
    # Both are made anew, one after the other was dropped: nothing is left but the objects.
    for catalogue in (g, r):
        storage.retire_catalogue(catalogue.image, drop=True)
        crossmatch(catalogue)
    assert set(GalObject.objects.values_list("pk", "kind")) == {
        (pk, MatchKind.GONE) for pk in before
    }
    for catalogue in (g, r):
        add_catalogue(catalogue.image, *grid(rng))
        crossmatch(catalogue)
    assert set(GalObject.objects.values_list("pk", "kind")) == {
        (pk, MatchKind.ONE_TO_ONE) for pk in before
    }
    moved = [abs(o.dec - places[o.pk][1]) for o in GalObject.objects.all()]
    assert max(moved) * 3600 < 0.3
    assert GalObjectSource.objects.count() == 2 * len(GRID)


def test_sources_that_take_the_place_of_others_are_told_once():
    heard = []

    def hear(old, new, **_):
        heard.append(dict(zip(old.tolist(), new.tolist(), strict=True)))

    sources_replaced.connect(hear)
    try:
        rng = np.random.default_rng(5)
        x, y = grid(rng)
        g = make_reference("g", "g", x, y)
        crossmatch(g)
        old = ids_at(g, x, y)
        # One star is not found again, and there is one more.
        again = add_catalogue(g.image, [*(x[1:] + 0.02), 100.0], [*y[1:], 0.0])
        assert crossmatch(again).n_replacements == len(x) - 1
        crossmatch(again)
    finally:
        sources_replaced.disconnect(hear)
    assert heard == [dict(zip(old[1:], ids_at(again, x[1:] + 0.02, y[1:]), strict=True))]
    assert not GalObjectSource.objects.filter(pk__in=old).exists()


def test_a_star_that_could_be_two_succeeds_nobody():
    g = make_reference("g", "g", [0.0], [0.0])
    crossmatch(g)
    again = add_catalogue(g.image, [-0.2, 0.25], [0.0, 0.0])
    assert crossmatch(again).n_replacements == 0


def test_a_blend_that_comes_apart_keeps_one_object_and_gets_another():
    g = make_reference("g", "g", [0.0, 0.55], [0.0, 0.0])
    r = make_reference("r", "r", [0.2], [0.0])
    crossmatch(g, r)
    (blend,) = GalObject.objects.all()
    add_catalogue(r.image, [0.0, 0.55], [0.0, 0.0])
    counts = crossmatch(r)
    assert (counts.n_one_to_one, counts.n_blends, counts.n_new) == (2, 0, 1)
    assert GalObject.objects.filter(pk=blend.pk).exists()


def test_matching_one_chip_at_a_time_is_the_same_as_matching_all_at_once():
    rng = np.random.default_rng(6)
    x, y = rng.uniform(-500, 500, 4000), rng.uniform(-350, 350, 4000)
    chips = []
    for number, (filter, ra) in enumerate([("g", 266.0), ("r", 266.05), ("i", 265.98)]):
        shift = (ra - 266.0) * 3600 * np.cos(np.radians(-29.0))
        on_chip = np.abs(x - shift) < 350
        noise = rng.normal(0, 0.05, (2, on_chip.sum()))
        places = x[on_chip] + noise[0], y[on_chip] + noise[1]
        chips.append(make_reference(number, filter, *places, ra=266.0))
        image = chips[-1].image
        image.footprint = [v + (ra - 266.0) * (i % 2 == 0) for i, v in enumerate(image.footprint)]
        image.ra = ra
        image.save()
    for chip in chips:
        crossmatch(chip)
    one_by_one = groups()
    GalObject.objects.all().delete()
    GalObjectSource.objects.all().delete()
    crossmatch(*chips)
    assert groups() == one_by_one


def groups():
    """The sources of each object, whatever its id."""
    found = {}
    for pk, object_id in GalObjectSource.objects.values_list("pk", "object_id"):
        found.setdefault(object_id, set()).add(pk)
    kinds = dict(GalObject.objects.values_list("pk", "kind"))
    return {(frozenset(of), kinds[object_id]) for object_id, of in found.items()}


def test_the_light_curve_of_an_object_has_all_filters_by_sql_and_by_python():
    rng = np.random.default_rng(7)
    g, r = (make_reference(f, f, *grid(rng)) for f in "gr")
    crossmatch(g, r)
    own = GalObject.objects.first()
    with connection.cursor() as cursor:
        cursor.execute("SELECT refsource_id, filter, mag FROM galobjects_light_curve(%s)", [own.pk])
        by_sql = cursor.fetchall()
    assert [f for _, f, _ in by_sql] == ["g", "r"]
    by_python = GalSource.objects.of_object(own.pk)
    assert [(s.refsource_id, s.filter, s.mag) for s in by_python] == by_sql


NEAR_BY_Q3C = """
SELECT a.refsource_id, b.refsource_id FROM galsources a JOIN galsources b
    ON q3c_join(a.ra, a.dec, b.ra, b.dec, %s) AND b.galimage_id = %s AND b.is_reference
WHERE a.galimage_id = %s AND a.is_reference ORDER BY 1, 2
"""


@pytest.mark.parametrize(("ra", "dec"), PLACES)
def test_neighbours_are_those_that_the_database_finds(ra, dec):
    rng = np.random.default_rng(8)
    x, y = rng.uniform(-60, 60, (2, 2000))
    catalogues = [make_reference(f, f, x + d, y, ra=ra, dec=dec) for f, d in (("g", 0), ("r", 0.3))]
    chips = catalogues_around([c.image_id for c in catalogues])
    rows = read_sources(chips)
    pairs = replace(pairs_sharing_sky(chips, CrossMatchOptions()), reach=np.array([1.5]))
    near = nearby(pairs, rows, np.ones(4000, bool))
    with connection.cursor() as cursor:
        cursor.execute(NEAR_BY_Q3C, [1.5 / 3600, *(c.image_id for c in reversed(catalogues))])
        expected = cursor.fetchall()
    ids = rows.refsource_id
    assert list(zip(ids[near.a].tolist(), ids[near.b].tolist(), strict=True)) == expected
    assert len(expected) > 3000 and 1.4 < near.distance.max() <= 1.5


def test_catalogues_without_sources_have_no_neighbours():
    g, r = make_reference("g", "g", [0.0], [0.0]), make_reference("r", "r", [], [])
    assert crossmatch(g, r).n_single == 1
    assert crossmatch().n_sources == 0


@pytest.mark.parametrize(("ra", "dec"), PLACES)
def test_read_in_parts_and_matched_in_parts_it_is_the_same(ra, dec, monkeypatch):
    """As catalogues of a crowded field are, which don't fit into memory together."""
    rng = np.random.default_rng(9)
    x, y = rng.uniform(-60, 60, (2, 500))
    catalogues = [
        make_reference(f"{f}{n}", f, x + rng.normal(0, 0.1, 500), y, ra=ra, dec=dec)
        for f in "gri"
        for n in range(2)
    ]
    whole = crossmatch(*catalogues, dry_run=True)
    for module, limit in ((sources, "MAX_SOURCES"), (neighbours, "AT_ONCE"), (area, "AT_ONCE")):
        monkeypatch.setattr(module, limit, 700)
    assert crossmatch(*catalogues) == whole
    assert whole.n_catalogues == 6 and whole.n_new > 400


def test_what_a_dry_run_counts_is_what_the_run_then_does():
    rng = np.random.default_rng(10)
    stars, chips = rng.uniform(-90, 90, (2, 300)), []
    for number, (filter, shift) in enumerate([("g", 0), ("r", 0), ("g", 40), ("r", 40), ("i", 20)]):
        x, y = stars + rng.normal(0, 0.08, (2, 300))
        own = np.abs(x - shift) < 45
        chips.append(make_reference(number, filter, x[own] - shift, y[own], ra=shift / 3600))
    for these in ([chips[0]], chips[:3], chips, [chips[4]]):
        told = crossmatch(*these, dry_run=True)
        assert crossmatch(*these) == told
        again = crossmatch(*these, dry_run=True)
        assert (again.n_new, again.n_changed, again.n_removed) == (0, 0, 0)
    add_catalogue(chips[1].image, *rng.uniform(-45, 45, (2, 50)))
    told = crossmatch(chips[1], dry_run=True)
    assert told.n_changed > 0 and told.n_new > 0
    assert crossmatch(chips[1]) == told


def test_fields_are_of_images_that_lie_together():
    here = [make_reference(f, f, [0.0], [0.0]) for f in "gr"]
    there = make_reference("far", "g", [0.0], [0.0], ra=280.0)
    assert sorted(map(sorted, fields_of())) == [
        sorted(c.image_id for c in here),
        [there.image_id],
    ]


def test_neighbouring_fields_are_of_one_pass_while_their_sources_fit_into_memory(monkeypatch):
    names = ["a", "b", "c", "far"]
    own = {
        name: make_reference(name, "g", [0.0, 9.0], [0.0, 0.0], ra=ra).image_id
        for name, ra in zip(names, (0.0, 2.0, 4.0, 280.0), strict=True)
    }

    def together():
        return [[one for images in fields for one in images] for fields in passes_of()]

    assert together() == [[own[name] for name in "abc"], [own["far"]]]
    monkeypatch.setattr(crossmatching, "PASS_SOURCES", 4)
    assert together() == [[own["a"], own["b"]], [own["c"]], [own["far"]]]


def test_what_a_flat_sky_gives_is_what_the_sphere_gives():
    ra, dec = from_tangent_plane(np.array([0.1]), np.array([0.0]), 266.0, -29.0)
    g = make_reference("g", "g", [360.0], [0.0])
    assert GalReference.objects.get(pk=g.pk).active and GalImage.objects.count() == 1
    crossmatch(g)
    own = GalObject.objects.get()
    assert own.ra == pytest.approx(float(ra[0])) and own.dec == pytest.approx(float(dec[0]))
