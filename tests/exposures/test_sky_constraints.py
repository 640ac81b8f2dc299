"""Positions in the tables: right ascensions from 0 to 360, in whatever table, and since when."""

from importlib import import_module

import numpy as np
import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction

from exposures.models import GalExposure, GalField, GalImage
from photometry.models import GalObject, GalSource
from photometry.storage import storage
from photometry.storage.storage import catalogue_sources
from tests.builders.survey_rows import make_image, make_sources, square

pytestmark = pytest.mark.django_db

MIGRATIONS = [
    import_module(name)
    for name in (
        "exposures.migrations.0010_on_the_sky",
        "photometry.migrations.0013_on_the_sky",
        "variables.migrations.0015_on_the_sky",
        "exposures.migrations.0013_possible_footprints",
    )
]
# As the migrations run them, whatever later ones have changed of other columns.
OPERATIONS = [operation for module in MIGRATIONS for operation in module.Migration.operations]


def query(statement, parameters=None):
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []


def test_every_table_with_positions_holds_them_to_the_sky():
    tables = query(
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " WHERE c.relkind IN ('r', 'p') AND c.relname LIKE 'gal%%' AND NOT a.attisdropped"
        " AND a.attname IN ('ra', 'dec') GROUP BY 1 HAVING count(*) = 2"
    )
    held = query(
        "SELECT conrelid::regclass::text FROM pg_constraint WHERE conname LIKE %s AND convalidated",
        ["gal%_on_the_sky"],
    )
    assert len(tables) >= 12
    assert set(tables) <= set(held)


@pytest.mark.parametrize(
    "place",
    [
        *({"ra": -95.0}, {"ra": 360.0}, {"ra": np.nan}, {"dec": 90.1}, {"dec": -95.0}),
        {"footprint": [-95, 10, -94, 10, -94, 11, -95, 11]},
        {"footprint": [265, 10, 266, 10, 266, 11, 265, 95]},
        {"footprint": [265, 10, 266, 10]},
    ],
)
def test_a_chip_on_another_turn_of_the_sky_is_refused_by_the_table(place):
    image = make_image()
    with pytest.raises(IntegrityError, match="on_the_sky"), transaction.atomic():
        GalImage.objects.filter(pk=image.pk).update(**place)


def test_sources_on_another_turn_are_refused_by_their_partition():
    image = make_image(is_reference=True)
    catalogue = storage.create_catalogue(image, make_sources(5), {}, "test")
    for ra in (-95.0, 360.0):
        with pytest.raises(IntegrityError, match="galsources_on_the_sky"), transaction.atomic():
            query(f"UPDATE {catalogue.partition} SET ra = %s", [ra])


def test_a_field_at_360_degrees_is_at_0():
    field = GalField(name="north of Pisces", ra=360.0, dec=0.0)
    field.full_clean()
    field.save()
    assert GalField.objects.get().ra == 0.0
    with pytest.raises(ValidationError, match="less than or equal to 360"):
        GalField(name="elsewhere", ra=400.0, dec=0.0).full_clean()


def test_what_was_stored_on_another_turn_is_mended():
    """Rows of the version before, as a negative CRVAL1 and exchanged axes made them."""
    for operation in OPERATIONS:
        query(operation.reverse_sql or "SELECT")
    negative, exchanged, broken, wide = (
        make_image(name, 265.0, -29.0, is_reference=True) for name in "abcd"
    )
    catalogue = storage.create_catalogue(negative, make_sources(20, ra=265.0), {}, "test")
    true = catalogue_sources(catalogue)
    turn = np.array([-360.0, 0] * 4)
    footprint = np.array(square(265.0, -29.0))
    update("galimages", negative, ra=-95.0, footprint=(footprint + turn).tolist())
    swapped = np.reshape(footprint + turn, (4, 2))[:, ::-1].ravel()
    update("galimages", exchanged, ra=-29.0, dec=265.0, footprint=swapped.tolist())
    update("galimages", broken, footprint=[0.0, 0, 90, 0, 90, 95, 0, 95])
    update("galimages", wide, footprint=[0.0, 0, 90, 0, 90, 80, 0, 80])
    update("galexposures", negative.exposure, ra=-95.0)
    update("galexposures", exchanged.exposure, ra=-29.0, dec=265.0)
    query(f"UPDATE {catalogue.partition} SET ra = ra - 360")
    GalObject.objects.create(ra=360.0, dec=1.0, n_sources=1, n_filters=1, kind=1)
    query("SET CONSTRAINTS ALL IMMEDIATE")  # as at the end of a transaction
    for operation in OPERATIONS:
        query(operation.sql)
    for image in (negative, exchanged):
        image.refresh_from_db()
        assert (image.ra, image.dec) == pytest.approx((265.0, -29.0))
        assert image.footprint == pytest.approx(square(265.0, -29.0))
    for image in (broken, wide):
        image.refresh_from_db()
        assert image.footprint is None
    places = set(GalExposure.objects.values_list("ra", "dec"))
    assert places == {(265.0, -29.0)}
    assert GalObject.objects.get().ra == 0.0
    mended = catalogue_sources(catalogue)
    assert mended["ra"] == pytest.approx(true["ra"], abs=1e-9)
    star = mended[3]
    assert GalSource.objects.cone(star["ra"], star["dec"], 1.0).first().refsource_id == star[0]


def update(table, row, **columns):
    names = ", ".join(f"{name} = %s" for name in columns)
    query(f"UPDATE {table} SET {names} WHERE id = %s", [*columns.values(), row.pk])
