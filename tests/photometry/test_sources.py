"""Cones and light curves out of galsources: what they find, and how they are planned."""

import numpy as np
import pytest
from django.db import connection, transaction

from photometry.models import GalSource
from photometry.storage import storage
from photometry.storage.light_curves import cone_light_curves, light_curve
from tests.builders.survey_rows import from_tangent_plane, make_image, make_sources

pytestmark = pytest.mark.django_db


def query(sql, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else None


def make_catalogue(name, n, ra, dec, **columns):
    image = make_image(name, ra=ra, dec=dec, is_reference=True, **columns)
    storage.create_catalogue(image, make_sources(n, ra, dec), {}, "test")
    return image


def distances_arcsec(sources, ra, dec):
    """The slow way: by the chord between unit vectors."""

    def vector(a, d):
        a, d = np.radians(a), np.radians(d)
        return np.stack([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)])

    chord = np.linalg.norm(vector(sources["ra"], sources["dec"]).T - vector(ra, dec), axis=1)
    return np.degrees(2 * np.arcsin(chord / 2)) * 3600


ONE_CURVE = "SELECT {} FROM galsources_light_curve(%s)"
CENTRES = [(266.0, -29.0), (0.0, 10.0), (359.999, -60.0), (0.0, 90.0), (45.0, -90.0)]


@pytest.mark.parametrize(("ra", "dec"), CENTRES)
@pytest.mark.parametrize("offset", [0.0, 0.099])
def test_a_cone_finds_what_a_slow_search_finds(ra, dec, offset):
    image = make_catalogue("reference", 3000, ra, dec)
    centre = [float(v) for v in from_tangent_plane(offset, -offset, ra, dec)]
    sources = storage.reference_sources_in([image])
    expected = np.sort(distances_arcsec(sources, *centre))
    expected = expected[expected < 60]
    found = list(GalSource.objects.cone(*centre, 60))
    assert len(found) == len(expected) > 0
    assert np.allclose([s.distance_arcsec for s in found], expected, atol=1e-4)
    by_sql = query("SELECT refsource_id, distance_arcsec FROM galsources_cone(%s, %s, 60)", *centre)
    assert [i for i, _ in by_sql] == [s.refsource_id for s in found]


def test_a_cone_finds_the_sources_of_every_filter_and_chip():
    make_catalogue("i", 1000, 266.0, -29.0)
    make_catalogue("g", 1000, 266.0, -29.0, filter="g")
    make_catalogue("next", 1000, 266.2, -29.0)
    edge_ra = float(from_tangent_plane(0.1, 0.0, 266.0, -29.0)[0])
    found = list(GalSource.objects.cone(edge_ra, -29.0, 120))
    assert {s.filter for s in found} == {"i", "g"}
    assert len({s.galimage_id for s in found}) == 3


def test_a_cone_takes_numpy_scalars_and_finds_nothing_on_empty_sky():
    make_catalogue("reference", 100, 266.0, -29.0)
    centre = np.array([266.0, -29.0], "f4")
    assert GalSource.objects.cone(*centre, np.float32(600)).exists()
    assert not GalSource.objects.cone(100.0, 29.0, 600).exists()
    assert query("SELECT count(*) FROM galsources_cone(100, 29, 600)") == [(0,)]


def test_replaced_catalogues_are_left_out_of_cones():
    image = make_catalogue("reference", 100, 266.0, -29.0)
    storage.create_catalogue(image, make_sources(100), {}, "later")
    assert GalSource.objects.cone(266.0, -29.0, 2000).count() == 100


def test_a_light_curve_is_in_order_of_time_with_the_reference_in_it():
    image = make_catalogue("reference", 50, 266.0, -29.0, mjd=60002.0)
    sources = storage.reference_sources_in([image])
    for mjd in (60003.5, 60001.5, 60000.5):
        search = make_image(mjd, mjd=mjd)
        sources["mag"] = mjd - 60000
        storage.replace_measurements(search, sources)
    curve = list(GalSource.objects.light_curve(sources["refsource_id"][7]))
    assert [s.mjd for s in curve] == [60000.5, 60001.5, 60002.0, 60003.5]
    assert [s.is_reference for s in curve] == [False, False, True, False]
    assert curve[0].mag == 0.5 and curve[0].filter == "i"
    by_sql = query(
        "SELECT mjd, filter, mag, galimage_id, is_reference FROM galsources_light_curve(%s)",
        curve[0].refsource_id,
    )
    assert by_sql == [(s.mjd, s.filter, s.mag, s.galimage_id, s.is_reference) for s in curve]


def test_the_light_curves_of_a_cone_are_those_of_its_sources_in_every_catalogue():
    catalogues = [make_catalogue(band, 2000, 266.0, -29.0, filter=band) for band in "ig"]
    for epoch in range(3):
        rows = storage.reference_sources_in(catalogues)[epoch::2]
        storage.replace_measurements(make_image(epoch, mjd=60001.0 + epoch), rows)
    columns = "mjd, filter, mag, galimage_id, exposure, is_reference"
    found = query(f"SELECT refsource_id, {columns} FROM galsources_cone_light_curves(266, -29, 60)")
    ids = [i for (i,) in query("SELECT refsource_id FROM galsources_cone(266, -29, 60)")]
    each = [(i, *row) for i in sorted(ids) for row in query(ONE_CURVE.format(columns), i)]
    assert found == each and len(ids) > 20 and len(found) > 2 * len(ids)
    assert not query("SELECT * FROM galsources_cone_light_curves(100, 29, 60)")


@pytest.fixture
def three_fields():
    return make_three_fields()


def make_three_fields():
    """Three catalogues a degree apart, of a size at which an index pays."""
    images = [make_catalogue(f"field {i}", 5000, 260.0 + i, -29.0) for i in range(3)]
    return [image.catalogues.get() for image in images]


def test_a_cone_is_planned_on_the_partial_index_of_the_touched_partition(three_fields):
    plan = GalSource.objects.cone(261.0, -29.0, 2.0).explain()
    before, touched, after = (c.partition for c in three_fields)
    assert f"{touched}_q3c_ang2ipix_idx" in plan
    assert before not in plan and after not in plan
    assert "Seq Scan on galsources" not in plan


def test_a_light_curve_is_planned_on_the_index_of_one_partition(three_fields):
    source = storage.catalogue_sources(three_fields[1])["refsource_id"][9]
    plan = GalSource.objects.light_curve(source).explain()
    before, own, after = (c.partition for c in three_fields)
    assert f"{own}_refsource_id_idx" in plan
    assert before not in plan and after not in plan


def test_an_images_measurements_are_planned_on_its_partitions(three_fields):
    plan = GalSource.objects.measured_on(three_fields[1].image).explain()
    assert three_fields[1].partition in plan
    assert three_fields[0].partition not in plan and three_fields[2].partition not in plan


def test_catalogues_round_a_position_are_found_without_a_look_at_every_reference():
    images = [make_image(f"{ra}", ra=float(ra), is_reference=True) for ra in range(0, 360, 4)]
    for image in images:
        storage.create_catalogue(image, make_sources(1, image.ra, image.dec), {}, "test")
    # A table as small is read whole else; earlier tests leave plans, and statistics of their rows.
    query("ANALYZE galexposures, galimages, galreferences; SET LOCAL enable_seqscan = off")
    query("DISCARD PLANS")
    looked_at = "SELECT pg_stat_get_xact_tuples_returned('galimages_references_q3c'::regclass)"
    [(before,)] = query(looked_at)
    found = query("SELECT galreferences_touching(%s, %s, 1)", images[30].ra, images[30].dec)
    assert found == [(images[30].catalogues.get().pk,)]
    assert 1 <= query(looked_at)[0][0] - before < 5


@pytest.fixture(scope="module")
def three_fields_in_time(django_db_setup, django_db_blocker):
    """The same, each measured on two more epochs, for the last tests, which only read them."""
    with django_db_blocker.unblock(), transaction.atomic():
        catalogues = make_three_fields()
        for epoch in range(2):
            image = make_image(f"epoch {epoch}", mjd=60001.0 + epoch)
            sources = np.concatenate([storage.catalogue_sources(c) for c in catalogues])
            storage.replace_measurements(image, sources)
        query("ANALYZE")
        yield catalogues
        transaction.set_rollback(True)


QUERIES = {
    "cone": lambda source: list(GalSource.objects.cone(source["ra"], source["dec"], 1)),
    "light curve": lambda source: list(GalSource.objects.light_curve(source["refsource_id"])),
    "SQL cone": lambda source: query(
        "SELECT refsource_id FROM galsources_cone(%s, %s, 1)",
        float(source["ra"]),
        float(source["dec"]),
    ),
    "SQL light curve": lambda source: query(
        "SELECT mag FROM galsources_light_curve(%s)", int(source["refsource_id"])
    ),
    "array": lambda source: len(light_curve(source["refsource_id"])),
    "arrays of a cone": lambda source: len(cone_light_curves(source["ra"], source["dec"], 1)),
    "SQL cone with its light curves": lambda source: query(
        "SELECT mag FROM galsources_cone_light_curves(%s, %s, 1)",
        float(source["ra"]),
        float(source["dec"]),
    ),
}


def scans(catalogues):
    """{partition: (sequential scans, index scans)} in this transaction so far."""
    found = {}
    for catalogue in catalogues:
        [(sequential, by_index)] = query(
            "SELECT pg_stat_get_xact_numscans(%s::regclass), sum(pg_stat_get_xact_numscans("
            "indexrelid)) FROM pg_index WHERE indrelid = %s::regclass",
            catalogue.partition,
            catalogue.partition,
        )
        found[catalogue.partition] = np.array([sequential, int(by_index)])
    return found


@pytest.mark.parametrize("name", QUERIES)
def test_what_people_ask_scans_indexes_of_one_partition_and_no_table(three_fields_in_time, name):
    source = storage.catalogue_sources(three_fields_in_time[1])[2500]
    before = scans(three_fields_in_time)
    assert QUERIES[name](source)
    after = scans(three_fields_in_time)
    sequential, by_index = np.transpose([after[p] - before[p] for p in before])
    assert not sequential.any()
    assert by_index[1] > 0 and by_index[0] == by_index[2] == 0
