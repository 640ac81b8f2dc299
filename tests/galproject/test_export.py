"""The survey as a HATS collection: complete, equal to the database, and no more than changed."""

import errno
import json
import os
import subprocess

import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy.coordinates import SkyCoord
from astropy.units import Unit
from astropy_healpix import HEALPix
from django.core.management import CommandError, call_command

from exposures.errors import GalprojectError
from exposures.science.healpix_tiles import finest_cells
from galproject.backup.bars import bar as silent
from galproject.export import exporting
from galproject.export.columns import NESTED, schema
from galproject.export.exporting import ExportOptions, export, plan_of
from galproject.export.folders import alone_in
from galproject.export.pixel_files import PixelFile, pixel_path, tiles_in
from galproject.processing.variability import measure_catalogue
from photometry.storage import storage
from photometry.storage.light_curves import light_curves
from tests.builders.campaigns import ids_of, make_campaign, make_voter, vote
from tests.builders.survey_rows import make_image, make_sources
from variables.models import GalCandidate, GalVariability
from variables.vetting.campaigns import close

N = 100
OPTIONS = ExportOptions(margin_arcsec=10.0, max_rows=400)


def make_field(name, ra, filter="i", n=N, n_epochs=6, seed=1):
    """A catalogue of n sources, measured on images of as many days."""
    reference = make_image(f"{name} reference", ra, filter=filter, is_reference=True)
    catalogue = storage.create_catalogue(reference, make_sources(n, ra, seed=seed), {}, "test")
    rows, rng = storage.catalogue_sources(catalogue), np.random.default_rng(seed)
    for day in range(1, n_epochs):
        rows["mag"] += rng.normal(0, 0.02, n)
        rows["flags"] = np.where(rng.random(n) < 0.05, 4, 0)
        image = make_image(f"{name} {day}", ra, filter=filter, mjd=60000.0 + day)
        storage.replace_measurements(image, rows)
    return catalogue


@pytest.fixture
def survey(db):
    """Two neighbouring chips in i, the first in g, too."""
    return [make_field("a", 266.0), make_field("b", 266.2, seed=2), make_field("g", 266.0, "g")]


def one_more(catalogue):
    """Measure a catalogue on another image."""
    image = make_image(f"more {catalogue.pk}", catalogue.image.exposure.ra, mjd=60100.0)
    storage.replace_measurements(image, storage.catalogue_sources(catalogue))


def failing_after(n):
    """Writes n pixels, then the disk is full."""
    left, write = iter(range(n)), exporting.write_pixel

    def write_or_fail(path, *arguments):
        if next(left, None) is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return write(path, *arguments)

    return write_or_fail


def ids_in(path):
    return pq.ParquetFile(path).read(columns=["source_id"])["source_id"].to_pylist()


def exported_rows(folder, name=OPTIONS.name):
    """{source: row} of all pixels, by Arrow alone."""
    rows = {}
    for path in folder.glob(f"{name}/dataset/*/*/*.parquet"):
        for row in pq.ParquetFile(path).read().to_pylist():
            assert row["source_id"] not in rows
            rows[row["source_id"]] = row
    return rows


def test_an_export_has_every_light_curve_bit_for_bit_and_its_statistics(survey, tmp_path):
    measure_catalogue(survey[0].pk)
    done = export(tmp_path, OPTIONS, silent)
    rows = exported_rows(tmp_path)
    ids = [pk for one in survey for pk in range(one.id_range[0], one.id_range[0] + N)]
    assert sorted(rows) == ids
    columns = ("mag", "mag_err", "flux", "flux_err", "flags")
    stored = light_curves(ids, columns)
    curves = [rows[pk]["lightcurve"] for pk in ids]
    assert done.n_measurements == len(stored) == 3 * N * 6
    for name in ("mjd", *columns):
        values = np.array([value for curve in curves for value in curve[name]], stored.dtype[name])
        assert values.tobytes() == stored[name].tobytes()
    statistics = dict(GalVariability.objects.values_list("pk", "excess_mag"))
    assert len(statistics) == N
    nans = {pk for pk in ids if np.isnan(rows[pk]["excess_mag"])}
    assert nans == set(ids) - statistics.keys()
    assert all(rows[pk]["excess_mag"] == np.float32(excess) for pk, excess in statistics.items())


def pixels(folder, name=OPTIONS.name):
    return {
        tile: PixelFile.read(pixel_path(folder / name, tile)) for tile in tiles_in(folder / name)
    }


def inodes(folder):
    return {path: path.stat().st_ino for path in folder.glob("*/dataset/*/*/*.parquet")}


def test_each_source_is_in_one_pixel_and_pixels_are_no_larger_than_asked(survey, tmp_path):
    export(tmp_path, OPTIONS, silent)
    found = pixels(tmp_path)
    assert len(found) > 5 and max(one.n_measurements for one in found.values()) <= 400
    assert sum(one.n_sources for one in found.values()) == len(exported_rows(tmp_path))
    for tile in found:
        table = pq.read_table(pixel_path(tmp_path / OPTIONS.name, tile), partitioning=None)
        cells = table["_healpix_29"].to_numpy()
        assert np.array_equal(cells, np.sort(cells))
        assert tile.cells[0] <= cells[0] and cells[-1] < tile.cells[1]
        assert np.array_equal(cells, finest_cells(table["ra"].to_numpy(), table["dec"].to_numpy()))


def test_a_margin_has_all_sources_of_others_within_its_width(survey, tmp_path):
    export(tmp_path, OPTIONS, silent)
    sources = exported_rows(tmp_path)
    places = SkyCoord(
        *np.array([[row["ra"], row["dec"]] for row in sources.values()]).T, unit="deg"
    )
    cells = np.array([row["_healpix_29"] for row in sources.values()])
    margin = f"{OPTIONS.name}_10arcs"
    for tile in tiles_in(tmp_path / OPTIONS.name):
        edge = HEALPix(2**tile.order, "nested").boundaries_lonlat([tile.pixel], 2000)
        edge = SkyCoord(*(angle.ravel() for angle in edge))
        distance = places.match_to_catalog_sky(edge)[1].arcsec
        outside = (cells < tile.cells[0]) | (cells >= tile.cells[1])
        near = set(np.array(list(sources))[outside & (distance < 9.9)].tolist())
        path = pixel_path(tmp_path / margin, tile)
        there = pq.read_table(path, partitioning=None).to_pylist() if path.exists() else []
        assert near <= {row["source_id"] for row in there}
        far = set(np.array(list(sources))[~outside | (distance > 13.1)].tolist())
        assert not far & {row["source_id"] for row in there}
        assert all(str(row) == str(sources[row["source_id"]]) for row in there)


def test_an_increment_writes_what_it_touches_and_an_interrupted_export_goes_on(
    survey, tmp_path, monkeypatch
):
    export(tmp_path, OPTIONS, silent)
    before, rows = inodes(tmp_path), exported_rows(tmp_path)
    assert export(tmp_path, OPTIONS, silent).n_written == 0
    assert inodes(tmp_path) == before
    one_more(survey[1])
    monkeypatch.setattr(exporting, "write_pixel", failing_after(3))
    with pytest.raises(GalprojectError, match=r"No space left on device.*Free some room"):
        export(tmp_path, OPTIONS, silent)
    assert not list(tmp_path.rglob("writing.*"))
    half = inodes(tmp_path)
    assert sum(half[path] != inode for path, inode in before.items()) == 3
    monkeypatch.undo()
    planned = plan_of(tmp_path, OPTIONS, silent)
    done = export(tmp_path, OPTIONS, silent)
    assert 0 < done.n_written < done.n_pixels
    assert len(planned.to_write) + 3 < len(planned.parts)
    first, last = survey[1].id_range
    for path, inode in before.items():
        touched = any(first <= pk <= last for pk in ids_in(path))
        assert touched == (inodes(tmp_path)[path] != inode)
    assert all(
        len(row["lightcurve"]["mjd"]) - len(rows[pk]["lightcurve"]["mjd"]) == (first <= pk <= last)
        for pk, row in exported_rows(tmp_path).items()
    )


def test_a_pixel_that_has_grown_too_large_is_divided(survey, tmp_path):
    export(tmp_path, ExportOptions(max_rows=100_000), silent)
    assert len(pixels(tmp_path)) == 1
    export(tmp_path, OPTIONS, silent)
    assert len(pixels(tmp_path)) > 5
    lines = (tmp_path / OPTIONS.name / "partition_info.csv").read_text().split()
    assert len(lines) == 1 + len(pixels(tmp_path))


def test_classes_in_an_open_campaign_are_not_exported(db, tmp_path):
    campaign = make_campaign(3)
    ids = ids_of(campaign)
    for name in ("ann", "bob"):
        vote(make_voter(name), ids[0], "rr-lyrae", campaign)
    assert GalCandidate.objects.get(pk=ids[0]).consensus is not None
    export(tmp_path, OPTIONS, silent)
    assert {exported_rows(tmp_path)[pk]["class"] for pk in ids} == {None}
    assert export(tmp_path, OPTIONS, silent).n_written == 0
    close(campaign)
    assert export(tmp_path, OPTIONS, silent).n_written == 1
    assert [exported_rows(tmp_path)[pk]["class"] for pk in ids] == ["rr-lyrae", None, None]


def test_two_exports_do_not_write_to_one_folder(survey, tmp_path):
    with alone_in(tmp_path), pytest.raises(CommandError, match="another export writes there"):
        call_command("export_catalogue", tmp_path)
    assert not list(tmp_path.rglob("*.parquet"))


def test_a_survey_without_references_has_no_pixels_and_no_release(db, tmp_path):
    words = ("--title=x", "--creator=x", "--publisher=x", "--rights=x", "--release=dr1")
    with pytest.raises(CommandError, match="no sources are exported there"):
        call_command("export_catalogue", tmp_path, *words)
    assert (tmp_path / "galproject/partition_info.csv").read_text() == "Norder,Npix\n"


def test_a_margin_of_another_width_takes_the_place_of_the_first(survey, tmp_path):
    for margin, folders in ((10, ["galproject_10arcs"]), (5, ["galproject_5arcs"]), (0, [])):
        call_command("export_catalogue", tmp_path, "--rows=1000", f"--margin={margin}")
        assert [path.name for path in tmp_path.glob("*arcs")] == folders
        assert ("all_margins" in (tmp_path / "collection.properties").read_text()) == bool(folders)


def test_names_lead_to_no_other_folder(db, tmp_path):
    with pytest.raises(CommandError, match="is no name of a catalogue"):
        call_command("export_catalogue", tmp_path, "--name=../elsewhere")


def test_a_dry_run_writes_nothing(survey, tmp_path, capsys):
    call_command("export_catalogue", tmp_path / "new", "--dry-run", "--rows=1000")
    assert "files would be written, with up to 1,800 measurements" in capsys.readouterr().out
    assert not (tmp_path / "new").exists()


def test_a_release_stays_as_it_was_and_can_be_checked(survey, tmp_path, capsys):
    words = ("--title=Light curves", "--creator=A. Nother", "--publisher=X", "--rights=CC-BY-4.0")
    with pytest.raises(CommandError, match="A release needs --title, --creator"):
        call_command("export_catalogue", tmp_path, "--release=dr1")
    call_command("export_catalogue", tmp_path, "--release=dr1", "--rows=1000", *words)
    release = tmp_path / "releases/dr1"
    one_more(survey[0])
    call_command("export_catalogue", tmp_path, "--rows=1000")
    subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=release, check=True)
    frozen, now = exported_rows(release), exported_rows(tmp_path)
    assert {len(row["lightcurve"]["mjd"]) for row in frozen.values()} == {6}
    assert {len(row["lightcurve"]["mjd"]) for row in now.values()} == {6, 7}
    cited = json.loads((release / "datacite.json").read_text())
    assert cited["titles"] == [{"title": "Light curves"}] and cited["version"] == "dr1"
    assert {"date": "2023-02-25/2023-03-02", "dateType": "Collected"} in cited["dates"]
    with pytest.raises(CommandError, match="is there already"):
        call_command("export_catalogue", tmp_path, "--release=dr1", "--rows=1000", *words)


def test_columns_have_units_ucds_and_descriptions(survey, tmp_path):
    export(tmp_path, OPTIONS, silent)
    stored = pq.read_schema(tmp_path / OPTIONS.name / "dataset/_common_metadata")
    assert stored.names == schema().names
    nested = [stored.field(name).type.field(i) for name in NESTED for i in range(len(NESTED[name]))]
    flat = [field for field in stored if field.name not in NESTED]
    for field in (*flat, *nested):
        told = {key.decode(): value.decode() for key, value in field.metadata.items()}
        assert told["description"] and told["ucd"]
        Unit(told.get("unit", ""), format="vounit")
    images = pq.read_table(tmp_path / "images.parquet").to_pylist()
    assert len(images) == 3 * 6
    provenance = json.loads((tmp_path / "provenance.json").read_text())
    assert [one["catalogue_id"] for one in provenance["catalogues"]] == [c.pk for c in survey]
    assert provenance["options"]["variability"]["min_epochs"] == 5


def test_lsdb_opens_an_export_and_crossmatches_it(survey, tmp_path):
    lsdb = pytest.importorskip("lsdb", reason="needs requirements-bulk.txt")
    from hats.io.validation import is_valid_collection

    export(tmp_path, OPTIONS, silent)
    assert is_valid_collection(tmp_path, strict=True)
    catalogue = lsdb.open_catalog(tmp_path, columns=["source_id", "ra", "dec", "lightcurve"])
    opened = catalogue.compute()
    flat = opened.set_index("source_id")["lightcurve"].nest.to_flat()
    stored = light_curves(opened["source_id"].tolist(), ("mag", "flux_err"))
    flat = flat.reset_index().sort_values(["source_id", "mjd"])
    for name, values in (("source_id", "refsource_id"), ("mag", "mag"), ("flux_err", "flux_err")):
        assert flat[name].to_numpy().tobytes() == stored[values].tobytes()
    matched = catalogue.crossmatch(catalogue, radius_arcsec=0.5, n_neighbors=2).compute()
    # The stars of the first chip are there in g, too.
    assert len(matched) == 5 * N and matched["_dist_arcsec"].max() == 0
