"""Stars by which images are placed: of the database as of tiles, and the same ones later."""

from dataclasses import fields

import numpy as np
import pytest
from django.db import connection, transaction

from exposures.catalogues import CatalogueCuts, Cone, open_catalogue
from exposures.errors import GalprojectError
from exposures.published import astrometric
from exposures.published.astrometric import (
    PublishedCatalogue,
    StarCatalogues,
    astrometric_names,
    has_same_stars,
)
from exposures.published.definitions import known_definitions
from exposures.published.loading import LoadOptions, load_catalogue, remove_catalogue
from exposures.published.stored import drop_catalogue
from tests.builders.published_files import CENTRE, gaia_table, write_gaia
from tests.exposures.test_catalogues import write_tiles

GAIA = known_definitions()["gaia_dr3"]
MJD = 61_000.0
REACH = 0.12  # degrees
HERE = Cone(*CENTRE, REACH)


def table_with_faults(**how):
    """A part of gaia_source with doubles and stars that scatter, in places of their own each."""
    table = gaia_table(800, **how)
    rng = np.random.default_rng(2)
    table["duplicated_source"] = rng.random(len(table)) < 0.1
    table["astrometric_excess_noise"] = rng.uniform(0, 6, len(table))
    table["astrometric_excess_noise_sig"] = rng.uniform(0, 4, len(table))
    return table.filled(np.nan)


def load(table, path, **options):
    return load_catalogue(GAIA, [write_gaia(table, path)], LoadOptions(**options)).catalogue


def in_order(stars):
    order = np.lexsort((stars.dec, stars.ra))
    return {field.name: getattr(stars, field.name)[order] for field in fields(stars)}


@pytest.mark.parametrize("band", ["g", "r", "z", "N662"])
@pytest.mark.parametrize("cuts", [CatalogueCuts(), CatalogueCuts(max_excess_noise=0.5)])
def test_the_stars_of_the_database_are_those_of_the_file_they_are_from(db, tmp_path, band, cuts):
    path = tmp_path / "gaia.fits"
    table = table_with_faults()
    load(table, path)
    asked = (*CENTRE, REACH, MJD, band)
    expected = in_order(open_catalogue(path, cuts).stars(*asked))
    found = in_order(PublishedCatalogue("gaia_dr3", cuts).stars(*asked))
    assert 50 < len(expected["ra"]) < 0.9 * len(table)
    for name, values in expected.items():
        # In the database positions are of double precision, all else is of single.
        near = {"rtol": 0, "atol": 1e-11} if name in ("ra", "dec") else {"rtol": 1e-6, "atol": 3e-6}
        np.testing.assert_allclose(found[name], values, **near, err_msg=name)


def sources(catalogues, cone=HERE):
    """The kinds of catalogues that are asked, in order."""
    return [type(one).__name__ for one in catalogues.sources(cone)]


def test_tiles_come_first_where_all_are_there_and_else_the_database(db, tmp_path):
    table = gaia_table()
    tiles = write_tiles(tmp_path, {name: np.asarray(table[name]) for name in ("ra", "dec")})
    assert sources(StarCatalogues(tiles)) == ["TileCatalogue"]
    load(table, tmp_path / "gaia.parquet")
    assert astrometric_names() == ["gaia_dr3"]
    both = StarCatalogues(tiles)
    assert sources(both) == ["TileCatalogue", "PublishedCatalogue"]
    next(tmp_path.glob("chunk-*.fits")).unlink()
    assert sources(both) == ["PublishedCatalogue", "TileCatalogue"]
    assert sources(StarCatalogues(None)) == ["PublishedCatalogue"]
    remove_catalogue("gaia_dr3")
    assert sources(StarCatalogues(None)) == []


def reads_of(catalogue):
    """What was read of the catalogue in use, as a result keeps it."""
    published = PublishedCatalogue("gaia_dr3")
    published.stars(*CENTRE, REACH, MJD, "r")
    (read,) = published.stars_read
    assert (read.catalogue_id, read.version) == (catalogue.pk, catalogue.version)
    return read.name, read.catalogue_id, [(read.cone, read.digest)]


def test_another_version_counts_where_its_stars_are_others(db, tmp_path):
    table = gaia_table(400)
    read = reads_of(load(table, tmp_path / "first.fits"))
    assert has_same_stars(*read)
    # In another order, with other ids, and with more of the sky.
    more = gaia_table(100, seed=5, centre=(268.0, -29.0))
    more["source_id"] += 1000
    load(table[::-1], tmp_path / "again.fits")
    assert has_same_stars(*read)
    load_catalogue(
        GAIA, [write_gaia(t, tmp_path / f"{k}.parquet") for k, t in enumerate((table, more))]
    )
    assert has_same_stars(*read)
    table["pmra"][7] += 0.5
    load(table, tmp_path / "DR4.fits", version="DR4")
    assert not has_same_stars(*read)
    remove_catalogue("gaia_dr3")
    assert has_same_stars(*read)


def test_a_version_that_goes_while_it_is_read_is_read_in_its_successor(db, tmp_path, monkeypatch):
    load(gaia_table(300), tmp_path / "old.fits")
    lock, n_locks = astrometric.lock_published, []

    def replaced_meanwhile(catalogue):
        n_locks.append(catalogue.pk)
        if len(n_locks) == 1:
            load(gaia_table(200), tmp_path / "new.fits", version="DR4")
        return lock(catalogue)

    monkeypatch.setattr(astrometric, "lock_published", replaced_meanwhile)
    published = PublishedCatalogue("gaia_dr3")
    assert len(published.stars(*CENTRE, 1.0, MJD, "r")) == 200
    assert [read.version for read in published.stars_read] == ["DR4"]
    assert len(n_locks) == 2


@pytest.mark.django_db(transaction=True)
def test_two_processes_read_a_version_at_once_and_it_goes_after_both(tmp_path):
    catalogue = load(gaia_table(300), tmp_path / "gaia.fits")
    other = connection.copy()
    try:
        with transaction.atomic(), other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute(
                "SELECT FROM galpublishedcatalogues WHERE id = %s FOR KEY SHARE", [catalogue.pk]
            )
            with connection.cursor() as own:
                own.execute("SET LOCAL lock_timeout = '2s'")
            assert len(PublishedCatalogue("gaia_dr3").stars(*CENTRE, 1.0, MJD, "r")) == 300
        with pytest.raises(GalprojectError, match="can't be dropped, as a long query reads"):
            drop_catalogue(catalogue, lock_seconds=0.1)
        other.close()
        drop_catalogue(catalogue, lock_seconds=2)
    finally:
        other.close()
    assert astrometric_names() == []


def test_where_nothing_is_loaded_there_are_no_stars_and_nothing_was_read(db):
    published = PublishedCatalogue("gaia_dr3")
    assert len(published.stars(*CENTRE, REACH, MJD, "r")) == 0
    assert published.stars_read == []
