"""Light curves as arrays, against the querysets."""

import numpy as np
import pytest

from photometry.models import GalSource
from photometry.storage import storage
from photometry.storage.columns import SOURCE_DTYPE
from photometry.storage.light_curves import cone_light_curves, light_curve, light_curves
from tests.builders.survey_rows import make_image, make_sources

pytestmark = pytest.mark.django_db

COLUMNS = tuple(name for name in SOURCE_DTYPE.names if name not in ("refsource_id", "mjd"))


@pytest.fixture
def catalogues():
    """Catalogues in two filters, with epochs that were not stored in order of time."""
    made = []
    for band in "ig":
        image = make_image(band, filter=band, mjd=60001.5, is_reference=True)
        made.append(storage.create_catalogue(image, make_sources(1000), {}, "test"))
        for mjd in (60003.0, 60001.0, 60002.0):
            search = make_image(f"{band} {mjd}", filter=band, mjd=mjd)
            sources = storage.catalogue_sources(made[-1])[int(mjd) % 3 :: 2]
            sources["mag"] += mjd - 60000
            storage.replace_measurements(search, sources)
    return made


def by_queryset(ids, columns):
    return [
        tuple(row)
        for i in sorted(ids)
        for row in GalSource.objects.light_curve(i).values_list(*columns)
    ]


def same(rows, expected):
    """Whether rows of an array are those that Python has, NaN being NaN."""
    expected = np.array(expected, rows.dtype)
    return expected.shape == rows.shape and all(
        np.array_equal(expected[name], rows[name], equal_nan=rows.dtype[name].kind == "f")
        for name in rows.dtype.names
    )


def test_a_light_curve_is_what_was_measured_oldest_first(catalogues):
    i = catalogues[0].id_range[0] + 10
    found = light_curve(i)
    assert found.dtype.names == ("mjd", "mag", "mag_err")
    assert found["mjd"].tolist() == [60001.5, 60002.0, 60003.0]
    assert same(found, by_queryset([i], found.dtype.names))


def test_any_columns_can_be_asked_for_in_their_own_types(catalogues):
    ids = [c.id_range[0] + k for c in catalogues for k in (7, 3)]
    found = light_curves(ids, COLUMNS)
    assert found.dtype == np.dtype(
        [(name, SOURCE_DTYPE[name]) for name in ("refsource_id", "mjd", *COLUMNS)]
    )
    assert same(found, by_queryset(ids, found.dtype.names))
    assert same(
        cone_light_curves(266, -29, 30, COLUMNS),
        by_queryset([s.pk[0] for s in GalSource.objects.cone(266, -29, 30)], found.dtype.names),
    )


def test_a_cone_has_the_light_curves_of_its_sources_in_every_filter(catalogues):
    sources = list(GalSource.objects.cone(266, -29, 60))
    assert {s.filter for s in sources} == {"i", "g"}
    found = cone_light_curves(np.float32(266), -29, 60)
    assert same(found, by_queryset([s.refsource_id for s in sources], found.dtype.names))


def test_what_is_not_there_has_no_light_curve(catalogues):
    for found in (
        light_curve(1),
        light_curve(catalogues[0].id_range[1]),
        light_curves([]),
        cone_light_curves(100, 29, 60),
    ):
        assert len(found) == 0 and found.dtype["mag"] == np.float32


def test_a_column_that_there_is_not_is_named():
    with pytest.raises(KeyError, match="magnitude"):
        light_curve(1, ("magnitude",))
