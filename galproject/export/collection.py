"""The files of a HATS collection that tell what is in it: properties, pixels, footers."""

import csv
import io
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq

from exposures.science.healpix_tiles import FINEST, Tile
from exposures.whole_files import whole_file
from galproject.export.columns import CELL, LIGHT_CURVE, schema
from galproject.export.pixel_files import PixelFile, pixel_path
from galproject.processing.version import RESULTS_VERSION, code_version

HATS_VERSION = "v1.0"
# What LSDB reads where nobody says which columns.
DEFAULT_COLUMNS = (
    *("source_id", "object_id", "filter", "ra", "dec", "mean_mag", "n_epochs", "chi2_nu"),
    *("excess_mag", "false_alarm", "period_days", "class", LIGHT_CURVE),
)


def write_catalogue_files(
    folder: Path, files: Mapping[Tile, PixelFile], said: Mapping[str, object]
) -> None:
    """Write what tells of the pixels of a HATS catalogue, ``said`` among its properties."""
    dataset = folder / "dataset"
    dataset.mkdir(parents=True, exist_ok=True)
    tiles = sorted(files, key=lambda tile: (tile.order, tile.pixel))
    with whole_file(dataset / "_common_metadata") as partial:
        pq.write_metadata(schema(), partial)
    with whole_file(dataset / "_metadata") as partial:
        pq.write_metadata(schema(), partial, _footers(folder, tiles))
    _write_text(folder / "partition_info.csv", _partition_info(tiles))
    sizes = [files[tile].path.stat().st_size for tile in tiles]
    n_sources = [files[tile].n_sources for tile in tiles]
    properties = {
        "obs_collection": folder.name,
        "hats_nrows": sum(n_sources),
        "hats_col_ra": "ra",
        "hats_col_dec": "dec",
        "hats_cols_default": " ".join(DEFAULT_COLUMNS),
        "hats_col_healpix": CELL,
        "hats_col_healpix_order": FINEST,
        "hats_npix_suffix": ".parquet",
        "hats_order": max((tile.order for tile in tiles), default=0),
        "hats_max_rows": max(n_sources, default=0),
        "hats_max_bytes": max(sizes, default=0),
        "hats_estsize": sum(sizes) // 1024,
        "moc_sky_fraction": f"{sum(1 / (12 * 4**tile.order) for tile in tiles):.5g}",
        **_made(),
        **said,
    }
    _write_properties(folder / "hats.properties", properties)
    _write_properties(folder / "properties", properties)  # as HATS was before 0.4


def write_collection_file(folder: Path, primary: str, margins: Iterable[str]) -> None:
    """Write the properties of the collection of a catalogue and its margin caches."""
    margins = list(margins)
    properties = {"obs_collection": primary, "hats_primary_table_url": primary}
    if margins:
        properties |= {"all_margins": " ".join(margins), "default_margin": margins[0]}
    _write_properties(folder / "collection.properties", properties | _made())


def _made() -> dict[str, object]:
    return {
        "hats_builder": f"galproject {code_version()}",
        "hats_creation_date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M%Z"),
        "hats_version": HATS_VERSION,
        "galproject_results_version": RESULTS_VERSION,
        "galproject_provenance": "../provenance.json",
    }


def _footers(folder: Path, tiles: Iterable[Tile]) -> list[pq.FileMetaData]:
    footers = []
    for tile in tiles:
        path = pixel_path(folder, tile)
        footer = pq.read_metadata(path)
        footer.set_file_path(path.relative_to(folder / "dataset").as_posix())
        footers.append(footer)
    return footers


def _partition_info(tiles: Iterable[Tile]) -> str:
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(("Norder", "Npix"))
    lines.writerows(tiles)
    return text.getvalue()


def _write_properties(path: Path, properties: Mapping[str, object]) -> None:
    """In the form of Java's properties; values are numbers, names and words."""
    lines = [f"{key}={_escaped(value)}" for key, value in properties.items()]
    _write_text(path, "\n".join(["# HATS", *lines, ""]))


def _escaped(value: object) -> str:
    return " ".join(str(value).replace("\\", "\\\\").split())


def _write_text(path: Path, text: str) -> None:
    with whole_file(path) as partial:
        partial.write_text(text)
