"""The sky that catalogues cover, how deep, and what is claimed of it."""

import numpy as np
import pytest
from astropy.table import Table

from exposures.errors import InputFileError
from exposures.published.coverage import is_covered
from exposures.published.definitions import known_definitions
from exposures.published.footprints import ALL_SKY, box_footprint, read_moc
from exposures.published.loading import LoadOptions, load_catalogue
from exposures.science.coverage import (
    COARSEST,
    StarCounts,
    cells_of,
    in_box,
    in_ranges,
    joined_ranges,
    moc_ranges,
)
from tests.builders.published_files import CENTRE, gaia_table, write_gaia

GAIA = known_definitions()["gaia_dr3"]


def stars_to(limit, n, width, seed=1, centre=CENTRE):
    """Positions in a square and magnitudes that grow in number, of which half are seen at a limit.

    Returns ra, dec, mag of those that are.
    """
    rng = np.random.default_rng(seed)
    mag = 12 + np.log10(1 + rng.uniform(size=n) * (10 ** (0.3 * 12) - 1)) / 0.3  # to 24
    is_seen = rng.uniform(size=n) < 1 / (1 + np.exp((mag - limit) / 0.15))
    ra = centre[0] + width * rng.uniform(-0.5, 0.5, n) / np.cos(np.radians(centre[1]))
    dec = centre[1] + width * rng.uniform(-0.5, 0.5, n)
    return ra[is_seen], dec[is_seen], mag[is_seen]


def counted(*parts):
    counts = StarCounts()
    for part in parts:
        counts.add(*part)
    return counts.coverage()


def test_depth_is_where_the_counts_fall():
    for limit in (18.0, 20.5):
        depth = counted(stars_to(limit, 800_000, 1.0)).depth
        assert np.all(np.abs(np.nanmedian(depth) - limit) < 0.5)
        # Below what half of the stars are seen at: a depth is to be relied on.
        assert np.nanmedian(depth) < limit


def test_parts_add_up_to_the_whole():
    ra, dec, mag = stars_to(19, 100_000, 0.5)
    whole = counted((ra, dec, mag))
    parts = counted(*((ra[k::7], dec[k::7], mag[k::7]) for k in range(7)))
    assert np.array_equal(whole.cells, parts.cells)
    np.testing.assert_array_equal(whole.depth, parts.depth)


def test_covered_is_the_square_where_stars_are_and_nothing_beyond():
    ra, dec, mag = stars_to(20, 2_000_000, 1.0)
    coverage = counted((ra, dec, mag))
    rng = np.random.default_rng(2)
    ra = CENTRE[0] + rng.uniform(-0.8, 0.8, 5000)
    dec = CENTRE[1] + rng.uniform(-0.8, 0.8, 5000)
    said = np.isin(cells_of(ra, dec, coverage.order), coverage.cells)
    size = 58.6 / 2**coverage.order  # degrees, a side of a cell
    away = np.maximum(
        np.abs(ra - CENTRE[0]) * np.cos(np.radians(CENTRE[1])), np.abs(dec - CENTRE[1])
    )
    assert said[away < 0.5 - 2 * size].all()
    # A cell at the edge holds most of its stars, or is not covered.
    assert not said[away > 0.5 + 0.5 * size].any()


def test_cells_are_as_fine_as_the_stars_are_dense():
    dense = counted(stars_to(20, 1_000_000, 0.3))
    sparse = counted(stars_to(20, 30_000, 2.0))
    assert dense.order > sparse.order >= COARSEST
    assert np.median(dense.n_stars) >= 30 <= np.median(sparse.n_stars)


def test_a_few_stars_tell_nothing_of_what_is_covered():
    assert len(counted(stars_to(20, 60, 10.0)).cells) == 0
    assert len(counted().cells) == 0


def test_without_magnitudes_there_is_no_depth():
    ra, dec, mag = stars_to(20, 50_000, 0.3)
    coverage = counted((ra, dec, np.full_like(mag, np.nan)))
    assert len(coverage.cells) > 0 and np.isnan(coverage.depth).all()


def test_a_catalogue_of_all_the_sky_takes_coarser_cells_than_memory_allows(monkeypatch):
    monkeypatch.setattr("exposures.science.coverage.MOST_CELLS", 2000)
    ra, dec, mag = stars_to(20, 100_000, 1.0)
    counts = StarCounts()
    counts.add(ra, dec, mag)
    assert counts.order < 12 and counts.by_cell.counts.sum() == len(ra)
    assert np.array_equal(counts.by_cell.keys, np.unique(cells_of(ra, dec, counts.order)))
    # What it then says of cells that are coarser still is the same.
    monkeypatch.undo()
    ra, dec, mag = ra[:20_000], dec[:20_000], mag[:20_000]
    forced, free = StarCounts(9), StarCounts()
    for one in (forced, free):
        one.add(ra, dec, mag)
    said, expected = forced.coverage(), free.coverage()
    assert np.array_equal(said.cells, expected.cells)
    np.testing.assert_array_equal(said.depth, expected.depth)


def test_boxes_reach_across_the_first_meridian():
    ra, dec = np.array([359.5, 0.5, 2.0, 358.0, 0.0]), np.array([0, 0, 0, 0, 5.0])
    assert in_box(ra, dec, (359, 1, -1, 1)).tolist() == [True, True, False, False, False]
    assert in_box(ra, dec, (0, 360, -1, 6)).all()


def test_mocs_hold_their_cells_and_no_others():
    cells = np.array([5, 6, 7, 100])
    ranges = moc_ranges(4 * 4**3 + cells, 5)
    every = np.arange(12 * 4**5)
    assert np.array_equal(np.unique(every[in_ranges(every, ranges)] >> 4), cells)
    # Neighbours are one range.
    assert len(ranges) == 2
    assert joined_ranges(np.zeros((0, 2), int)).shape == (0, 2)
    assert not in_ranges(every, np.zeros((0, 2), int)).any()


@pytest.mark.parametrize("kind", ["NUNIQ", "RANGE"])
def test_mocs_are_read_in_either_form(tmp_path, kind):
    cells = np.unique(cells_of(CENTRE[0] + np.array([0.0, 1, 2]), np.full(3, CENTRE[1]), 6))
    if kind == "NUNIQ":
        table = Table({"UNIQ": 4 * 4**6 + cells})
    else:
        step = 2 * (29 - 6)
        pairs = np.column_stack([cells << step, (cells + 1) << step])
        table = Table({"RANGE": pairs.ravel()})
    table.write(tmp_path / "moc.fits")
    ranges = np.array(read_moc(tmp_path / "moc.fits")["moc"]).reshape(-1, 2)
    ra, dec = CENTRE[0] + np.linspace(-3, 5, 100), np.full(100, CENTRE[1])
    expected = np.isin(cells_of(ra, dec, 6), cells)
    assert np.array_equal(in_ranges(cells_of(ra, dec, 12), ranges), expected)
    assert 0 < expected.sum() < 100


def test_another_table_is_no_moc(tmp_path):
    Table({"ra": [1.0]}).write(tmp_path / "stars.fits")
    with pytest.raises(InputFileError, match="no MOC"):
        read_moc(tmp_path / "stars.fits")


def loaded(tmp_path, **options):
    """A catalogue that is complete to about 20 mag, in a square of half a degree."""
    ra, dec, mag = stars_to(20, 400_000, 0.5)
    table = gaia_table(len(ra))
    table["ra"], table["dec"], table["phot_g_mean_mag"] = ra, dec, mag
    definition = GAIA.model_copy(update={"footprint": None})
    path = write_gaia(table, tmp_path / "gaia.parquet")
    return load_catalogue(definition, [path], LoadOptions(**options)).catalogue


@pytest.mark.django_db
def test_nothing_is_covered_beyond_depth_or_footprint(tmp_path):
    catalogue = loaded(tmp_path)
    ra, dec = np.full(4, CENTRE[0]), np.array([-29.0, -29.0, -29.0, -35.0])
    assert is_covered(catalogue, ra, dec).tolist() == [True, True, True, False]
    said = is_covered(catalogue, ra, dec, np.array([18.0, 22.0, np.nan, 18.0]))
    assert said.tolist() == [True, False, False, False]
    assert is_covered(catalogue, ra[:0], dec[:0]).tolist() == []
    assert catalogue.coverage.count() > 20


@pytest.mark.django_db
def test_a_stated_footprint_counts_instead_of_the_cells(tmp_path):
    box = box_footprint(264.9, 265.1, -29.1, -28.9)
    catalogue = loaded(tmp_path, footprint=box, depth=19.0)
    ra, dec = np.array([265.0, 265.2, 264.0]), np.full(3, -29.0)
    assert is_covered(catalogue, ra, dec).tolist() == [True, False, False]
    catalogue.footprint = ALL_SKY
    assert is_covered(catalogue, ra, dec).all()
    # Where its stars don't tell the depth, what is stated does.
    said = is_covered(
        catalogue, np.array([265.0, 265.0, 100.0, 100.0]), np.full(4, -29.0), [19.4, 21, 18.9, 19.4]
    )
    assert said.tolist() == [True, False, True, False]
