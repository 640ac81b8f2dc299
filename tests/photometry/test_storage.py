"""Sources in and out of galsources, on PostgreSQL with q3c."""

import re
from importlib import import_module

import numpy as np
import pytest
from django.db import connection, models, transaction
from django.db.models import Count

from exposures.chip import MaskBit
from exposures.errors import GalprojectError
from exposures.models import GalCheckpoint, Status
from exposures.source_ids import MAX_SOURCES, catalogue_of
from photometry.models import GalCoverage, GalNonDetection, GalReference, GalSource
from photometry.reduction.added_sources import ADDED
from photometry.science.bright_stars.wings import IN_WINGS
from photometry.science.extended_sources import EXTENDED
from photometry.science.forced.forced import SHARP
from photometry.storage import storage
from photometry.storage.columns import SOURCE_DTYPE
from tests.builders.survey_rows import make_image, make_sources

pytestmark = pytest.mark.django_db
epochs_of_measurements = import_module("photometry.migrations.0011_epochs_of_measurements")

POSTGRESQL_TYPES = {
    "i8": "bigint",
    "f8": "double precision",
    "f4": "real",
    "i2": "smallint",
    "b1": "boolean",
}


@pytest.fixture
def reference_image():
    return make_image("reference", is_reference=True)


@pytest.fixture
def catalogue(reference_image):
    return storage.create_catalogue(reference_image, make_sources(500), {}, "test")


@pytest.fixture
def search_image():
    return make_image("search", mjd=60001.0)


@pytest.fixture
def reader():
    """A second connection to the same database."""
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SET lock_timeout = '300ms'")
            yield cursor
    finally:
        other.close()


def query(sql, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


def test_table_and_model_have_the_columns_that_are_copied():
    columns = query(
        "SELECT column_name, data_type, is_nullable FROM information_schema.columns"
        " WHERE table_name = 'galsources' ORDER BY ordinal_position"
    )
    expected = [
        (name, POSTGRESQL_TYPES[SOURCE_DTYPE[name].str[1:]], "NO") for name in SOURCE_DTYPE.names
    ]
    assert columns == expected
    fields = [f for f in GalSource._meta.local_fields if f.column]
    kinds = [(f.column, f.db_type(connection)) for f in fields]
    assert kinds == [(name, kind) for name, kind, _ in expected]
    assert isinstance(GalSource._meta.pk, models.CompositePrimaryKey)


def test_the_words_of_the_flags_name_every_bit():
    words = GalSource._meta.get_field("flags").help_text
    bits = [int(bit) for bit in re.findall(r"(\d+):", words)]
    assert bits == sorted([*MaskBit, SHARP, IN_WINGS, EXTENDED, ADDED])


def test_the_model_has_the_indexes_of_the_table():
    in_table = query("SELECT indexname FROM pg_indexes WHERE tablename = 'galsources'")
    in_model = {index.name for index in GalSource._meta.indexes}
    assert {name for (name,) in in_table} == in_model


def test_what_is_stored_is_what_is_read(reference_image, catalogue):
    stored = storage.reference_sources_in([reference_image])
    sources = make_sources(500)
    assert stored.dtype == SOURCE_DTYPE and len(stored) == 500
    assert np.all(stored["galimage_id"] == reference_image.pk) and np.all(stored["is_reference"])
    assert np.all(np.isnan(stored["rchi2"]))
    by_ra, stored_by_ra = np.argsort(sources["ra"]), np.argsort(stored["ra"])
    for name in ("ra", "dec", "x", "y", "flux", "mag", "mag_err", "quality"):
        assert np.array_equal(sources[name][by_ra], stored[name][stored_by_ra])


def test_ids_follow_the_catalogue_and_the_order_on_the_sky(catalogue):
    rows = query("SELECT refsource_id FROM galsources ORDER BY q3c_ang2ipix(ra, dec), refsource_id")
    first = catalogue.pk << 20
    assert [i for (i,) in rows] == list(range(first, first + 500))
    assert {catalogue_of(i) for (i,) in rows} == {catalogue.pk}


def test_an_empty_catalogue_can_be_stored_and_read(reference_image):
    storage.create_catalogue(reference_image, make_sources(0), {}, "test")
    assert len(storage.reference_sources_in([reference_image])) == 0
    assert len(storage.reference_sources_in([])) == 0


def test_too_many_sources_are_refused_with_advice(reference_image):
    one_too_many = np.zeros(MAX_SOURCES + 1, SOURCE_DTYPE)
    with pytest.raises(GalprojectError, match="detection threshold"):
        storage.create_catalogue(reference_image, one_too_many, {}, "test")
    assert GalReference.objects.count() == 0


def measure(image, reference_image, keep=slice(None)):
    sources = storage.reference_sources_in([reference_image])[keep]
    return storage.replace_measurements(image, sources)


def test_a_second_load_leaves_what_one_leaves(reference_image, catalogue, search_image):
    for _ in range(2):
        assert measure(search_image, reference_image) == 500
    assert GalSource.objects.measured_on(search_image).count() == 500
    assert measure(search_image, reference_image, slice(0, 100)) == 100
    assert GalSource.objects.measured_on(search_image).count() == 100
    assert GalCoverage.objects.get().n_sources == 100
    assert GalSource.objects.reference().count() == 500
    assert not GalSource.objects.measured_on(search_image).reference().exists()


def test_a_source_that_comes_twice_is_refused_and_nothing_stored(reference_image, search_image):
    storage.create_catalogue(reference_image, make_sources(20), {}, "test")
    sources = storage.reference_sources_in([reference_image])
    with pytest.raises(ValueError, match="a source comes twice"):
        storage.replace_measurements(search_image, sources[[0, 1, 2, 1]])
    assert not GalSource.objects.measured_on(search_image).exists()


def test_an_image_is_measured_on_several_catalogues(search_image):
    one = make_image("one", is_reference=True)
    two = make_image("two", ra=266.2, is_reference=True)
    storage.create_catalogue(one, make_sources(30), {}, "test")
    storage.create_catalogue(two, make_sources(40, ra=266.2), {}, "test")
    sources = storage.reference_sources_in([one, two])
    assert np.bincount(sources["galimage_id"])[[one.pk, two.pk]].tolist() == [30, 40]
    storage.replace_measurements(search_image, sources)
    assert GalSource.objects.measured_on(search_image).count() == 70
    storage.replace_measurements(search_image, sources[:30])
    assert GalSource.objects.measured_on(search_image).count() == 30
    assert GalCoverage.objects.count() == 1


def test_measurements_have_the_epoch_of_their_exposure_also_when_that_is_mended(
    reference_image, catalogue, search_image
):
    sources = storage.reference_sources_in([reference_image])
    storage.replace_measurements(search_image, sources[:400], sources[400:])
    for mjd in (60001.0, 60002.5):
        search_image.exposure.mjd = mjd
        search_image.exposure.save()
        by_image = {reference_image.pk: (60000.0, 500), search_image.pk: (mjd, 400)}
        rows = GalSource.objects.values_list("galimage_id", "mjd").annotate(n=Count("*"))
        assert {image: rest for image, *rest in rows} == {
            image: list(of) for image, of in by_image.items()
        }
        missed = GalNonDetection.objects.values_list("mjd", flat=True)
        assert list(missed) == 100 * [mjd]
    reference_image.exposure.mjd = 59999.5
    reference_image.exposure.save()
    assert set(GalSource.objects.values_list("mjd", flat=True)) == {59999.5, 60002.5}


def test_an_update_of_a_filled_database_gives_measurements_their_epochs(
    reference_image, catalogue, search_image
):
    sources = storage.reference_sources_in([reference_image])
    storage.replace_measurements(search_image, sources[:400], sources[400:])
    before = rows_with_epochs()
    with connection.cursor() as cursor:
        cursor.execute(epochs_of_measurements.NO_EPOCHS)
        cursor.execute(epochs_of_measurements.EPOCHS)
    assert rows_with_epochs() == before
    assert {mjd for *_, mjd in before} == {60000.0, 60001.0}


def rows_with_epochs():
    columns = "refsource_id", "galimage_id", "mjd"
    models = GalSource, GalNonDetection
    return sorted(row for model in models for row in model.objects.values_list(*columns))


def test_a_coverage_has_the_epoch_of_its_exposure_also_when_that_is_mended(
    reference_image, catalogue, search_image
):
    measure(search_image, reference_image)
    epochs = GalCoverage.objects.values_list("mjd", "filter", "identifier")
    assert epochs.get() == (60001.0, "i", "search")
    exposure = search_image.exposure
    exposure.mjd, exposure.filter, exposure.identifier = 60002.5, "r", "mended"
    exposure.save()
    assert epochs.get() == (60002.5, "r", "mended")
    [source, *_] = storage.catalogue_sources(catalogue)["refsource_id"].tolist()
    curve = query("SELECT mjd, filter, exposure FROM galsources_light_curve(%s)", source)
    assert curve == [(60000.0, "i", "reference"), (60002.5, "r", "mended")]


def test_a_crash_between_delete_and_copy_leaves_the_old_rows(
    reference_image, catalogue, search_image, monkeypatch
):
    measure(search_image, reference_image)
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(storage, "copy_in", lambda *_: 1 / 0)
        measure(search_image, reference_image)
    assert GalSource.objects.measured_on(search_image).count() == 500
    assert GalCoverage.objects.count() == 1


def test_a_crash_while_a_catalogue_is_stored_leaves_the_old_one(
    reference_image, catalogue, monkeypatch
):
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(storage, "copy_in", lambda *_: 1 / 0)
        storage.create_catalogue(reference_image, make_sources(7), {}, "test")
    assert GalReference.objects.get(active=True) == catalogue
    assert len(storage.reference_sources_in([reference_image])) == 500


def test_a_catalogue_made_again_has_new_ids_and_its_searches_are_pending(
    reference_image, catalogue, search_image
):
    measure(search_image, reference_image)
    again = storage.create_catalogue(reference_image, make_sources(600), {}, "later")
    catalogue.refresh_from_db()
    search_image.refresh_from_db()
    assert not catalogue.active and again.active
    assert search_image.status == Status.PENDING
    assert "replaced" in GalCheckpoint.objects.get(exposure=search_image.exposure).note
    sources = storage.reference_sources_in([reference_image])
    assert set(catalogue_of(sources["refsource_id"])) == {again.pk}
    measure(search_image, reference_image)
    assert GalSource.objects.measured_on(search_image).count() == 600
    assert GalSource.objects.filter(galimage_id=search_image.pk).count() == 600


def test_a_previous_catalogue_goes_only_when_asked(reference_image, catalogue, search_image):
    measure(search_image, reference_image)
    storage.create_catalogue(reference_image, make_sources(20), {}, "later", drop_previous=True)
    assert GalReference.objects.count() == 1
    assert GalSource.objects.count() == 20
    assert GalCoverage.objects.count() == 0


def test_rows_for_a_replaced_catalogue_are_refused(reference_image, catalogue, search_image):
    stale = storage.reference_sources_in([reference_image])
    storage.create_catalogue(reference_image, make_sources(20), {}, "later")
    with pytest.raises(GalprojectError, match="Process the image again"):
        storage.replace_measurements(search_image, stale)
    assert not GalSource.objects.filter(galimage_id=search_image.pk).exists()


def test_a_forgotten_image_leaves_nothing(reference_image, catalogue, search_image):
    measure(search_image, reference_image)
    storage.delete_image_results(search_image)
    assert GalSource.objects.count() == 500
    measure(search_image, reference_image)
    storage.delete_image_results(reference_image)
    search_image.refresh_from_db()
    assert GalSource.objects.count() == GalReference.objects.count() == 0
    assert search_image.status == Status.PENDING
    assert query("SELECT to_regclass(%s)", catalogue.partition) == [(None,)]


def test_an_image_with_measurements_cannot_be_deleted(reference_image, catalogue):
    with pytest.raises(models.ProtectedError):
        reference_image.exposure.delete()


def test_a_new_catalogue_waits_for_no_reader_and_no_reader_for_it(reference_image, reader):
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM galsources")
    with transaction.atomic():
        query("SELECT set_config('lock_timeout', '300ms', true)")
        storage.create_catalogue(reference_image, make_sources(100), {}, "test")
        reader.execute("SELECT count(*) FROM galsources")
        reader.execute("COMMIT")
        reader.execute("SELECT count(*) FROM galsources")
        assert reader.fetchall() == [(0,)]


def test_attaching_scans_no_rows_and_leaves_no_check_but_the_parent_s(catalogue):
    checks = "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'c'"
    assert query(checks, catalogue.partition) == [("galsources_on_the_sky",)]
    attached = query(
        "SELECT count(*) FROM pg_index i JOIN pg_inherits h ON h.inhrelid = i.indexrelid"
        " WHERE i.indrelid = %s::regclass",
        catalogue.partition,
    )
    assert attached == [(3,)]
