"""Which chips share sky, on PostgreSQL with q3c."""

from importlib import import_module

import numpy as np
import pytest
from django.db import connection

from exposures.models import GalImage
from exposures.science.footprints import (
    contains,
    count_containing,
    is_in_any,
    overlap,
    overlap_fraction,
)
from tests.builders.survey_rows import from_tangent_plane, make_image, square


def overlapping(image):
    return set(GalImage.objects.overlapping(image))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("ra", "neighbour_ra"), [(266.0, 266.15), (0.05, 359.95), (359.95, 0.05), (0.0, 0.15)]
)
def test_neighbours_overlap_also_across_ra_zero(ra, neighbour_ra):
    image = make_image("image", ra=ra, dec=10.0)
    neighbour = make_image("neighbour", ra=neighbour_ra, dec=10.05)
    make_image("far", ra=(ra + 0.5) % 360, dec=10.0)
    make_image("antipode", ra=(ra + 180) % 360, dec=-10.0)
    assert overlapping(image) == {neighbour}
    assert overlapping(neighbour) == {image}


@pytest.mark.django_db
@pytest.mark.parametrize("pole", [90.0, -90.0])
def test_neighbours_overlap_at_the_poles(pole):
    image = make_image("image", ra=0.0, dec=pole)
    neighbour = make_image("neighbour", ra=123.0, dec=pole * (1 - 0.1 / 90))
    make_image("far", ra=303.0, dec=pole * (1 - 1.0 / 90))
    assert overlapping(image) == {neighbour}


@pytest.mark.django_db
def test_a_small_chip_overlaps_the_large_one_round_it():
    place = {"ra": 266.05, "dec": -29.05}
    small = make_image("small", **place, radius=0.014, footprint=square(266.05, -29.05, 0.01))
    large = make_image("large")
    assert overlapping(small) == {large}
    assert overlapping(large) == {small}


@pytest.mark.django_db
def test_chips_without_a_footprint_overlap_nothing():
    image = make_image("image")
    raw = make_image("raw")
    unknown = {"ra": None, "dec": None, "radius": None, "footprint": None}
    GalImage.objects.filter(pk=raw.pk).update(**unknown)
    raw.refresh_from_db()
    assert overlapping(image) == set()
    assert overlapping(raw) == set()


def test_the_overlap_is_the_share_of_the_area():
    assert overlap_fraction(square(266, -29), square(266, -29)) == pytest.approx(1.0)
    half = overlap_fraction(square(266, -29), square(266, -28.9))
    assert half == pytest.approx(0.5, abs=0.02)
    quarter = overlap_fraction(square(266, -29, 0.1), square(266, -29, 0.05))
    assert quarter == pytest.approx(0.25, abs=0.02)
    assert overlap_fraction(square(266, -29, 0.05), square(266, -29, 0.1)) == 1.0


@pytest.mark.parametrize(
    ("one", "other"), [((0.02, 5.0), (359.92, 5.0)), ((10.0, 90.0), (0.0, 89.9))]
)
def test_the_overlap_holds_at_ra_zero_and_at_the_pole(one, other):
    assert overlap_fraction(square(*one), square(*other)) == pytest.approx(0.5, abs=0.2)


def test_chips_on_opposite_sides_of_the_sky_share_nothing():
    assert overlap_fraction(square(10, 20), square(190, -20)) == 0.0
    assert overlap_fraction(square(10, 20), square(11, 20)) == 0.0


@pytest.mark.parametrize("centre", [(266.0, -29.0), (0.0, 5.0), (10.0, 90.0)])
def test_a_position_is_in_a_footprint_or_not(centre):
    offsets = 0.099 * np.array([-1.0, 0, 1]), 0.05 * np.array([1.0, 0, 1])
    inside = from_tangent_plane(*offsets, *centre)
    outside = from_tangent_plane(np.array([0.101, 0, 20]), np.array([0, -0.101, 5]), *centre)
    assert contains(square(*centre, 0.1), *inside).all()
    assert not contains(square(*centre, 0.1), *outside).any()
    assert not contains(square(*centre, 0.1), [centre[0] + 180], [-centre[1]]).any()


@pytest.mark.django_db
def test_results_from_before_numbers_had_versions_are_of_the_first():
    by_older_code = {"code_version": "0.1.0+abc", "options": {}}
    made = [make_image(f"{n}", **columns) for n, columns in enumerate(({}, by_older_code))]
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; ALTER TABLE galimages ADD options jsonb")
        cursor.execute("UPDATE galimages SET options = '{}' WHERE code_version <> ''")
        cursor.execute(import_module("exposures.migrations.0007_results_version").FIRST)
        cursor.execute(import_module("exposures.migrations.0009_files_of_results").PATHS)
    versions = GalImage.objects.filter(pk__in=[i.pk for i in made]).order_by("pk")
    assert list(versions.values_list("results_version", flat=True)) == [0, 1]
    files = [{}, {"image": {"path": "1.fits"}}]
    assert list(versions.values_list("files", flat=True)) == files


@pytest.mark.parametrize(("ra", "dec"), [(266.0, -29.0), (0.0, 5.0), (30.0, 89.9)])
def test_footprints_overlap_where_a_share_of_one_lies_in_the_other(ra, dec):
    rng = np.random.default_rng(5)
    stretch = np.cos(np.radians(dec))
    pairs = []
    for _ in range(300):
        d_ra, d_dec = rng.uniform(-0.25, 0.25, 2)
        at = (ra + d_ra / stretch) % 360, float(np.clip(dec + d_dec, -89.99, 89.99))
        pairs.append((square(ra, dec, rng.choice([0.03, 0.1])), square(*at, 0.1)))
    expected = np.array([overlap_fraction(*one) + overlap_fraction(*one[::-1]) for one in pairs])
    found = overlap(*np.array(pairs).transpose(1, 0, 2))
    assert np.all(found[expected > 0]) and np.mean(found & (expected == 0)) < 0.02
    assert 0.1 < found.mean() < 0.9 and not overlap([square(10, 20)], [square(190, -20)]).any()


def test_crossed_footprints_overlap_though_no_corner_of_one_lies_in_the_other():
    long, high = [9.7, 0.0, 10.3, 0.0, 10.3, 0.1, 9.7, 0.1], [9.8, -1, 9.9, -1, 9.9, 1, 9.8, 1]
    assert overlap(np.array([long]), np.array([high])).all()


def test_positions_are_counted_in_as_many_footprints_as_contain_them():
    rng = np.random.default_rng(6)
    footprints = np.array([square(*at) for at in rng.uniform(-0.1, 0.1, (20, 2)) % 360])
    ra, dec = rng.uniform(-0.2, 0.2, (2, 500))
    expected = sum(contains(footprint, ra % 360, dec).astype(int) for footprint in footprints)
    assert np.array_equal(count_containing(footprints, ra % 360, dec), expected)
    assert np.array_equal(is_in_any(footprints, ra % 360, dec), expected > 0)
    assert not is_in_any(footprints[:0], ra, dec).any()
    assert expected.max() > 10 and len(count_containing(footprints[:0], ra, dec)) == 500
