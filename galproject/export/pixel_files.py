"""The Parquet file of a HEALPix pixel: its sources in order of their cells, all nested in them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from exposures.science.arrays import IntArray
from exposures.science.healpix_tiles import Tile
from exposures.source_ids import catalogue_of
from exposures.whole_files import whole_file
from galproject.export.columns import (
    LIGHT_CURVE,
    MATCHES,
    NESTED,
    NON_DETECTIONS,
    PERIODS,
    schema,
)
from galproject.export.measurements import MeasurementReader
from galproject.export.positions import Positions
from galproject.export.source_rows import SourceRows

DIGEST, N_MEASUREMENTS = b"galproject_digest", b"galproject_measurements"
GROUP_ROWS = 600_000  # measurements that are in memory at once: a group of rows of the file
GROUP_SOURCES = 50_000
# Of few values in a pixel, which an index of them tells in a byte or less.
REPEATED = {"mjd", "flags", "is_good", "image_id", "published", "state", "rank"}


@dataclass(frozen=True)
class PixelFile:
    """What a pixel's file has, by its footer."""

    path: Path
    digest: str
    n_sources: int
    n_measurements: int

    @classmethod
    def read(cls, path: Path) -> "PixelFile | None":
        """That of a path; None where there is no whole file of ours."""
        try:
            footer = pq.read_metadata(path)
        except (FileNotFoundError, pa.ArrowInvalid):
            return None
        said = footer.metadata or {}
        if DIGEST not in said:
            return None
        n_measurements = int(said.get(N_MEASUREMENTS, 0))
        return cls(path, said[DIGEST].decode(), footer.num_rows, n_measurements)


def pixel_path(catalogue: Path, tile: Tile) -> Path:
    """The file of a pixel within the folder of a HATS catalogue."""
    folder = tile.pixel // 10_000 * 10_000
    name = f"Norder={tile.order}/Dir={folder}/Npix={tile.pixel}.parquet"
    return catalogue / "dataset" / name


def tiles_in(catalogue: Path) -> list[Tile]:
    """The pixels of which there are files in the folder of a HATS catalogue."""
    names = catalogue.glob("dataset/Norder=*/Dir=*/Npix=*.parquet")
    return sorted(
        Tile(int(path.parts[-3].partition("=")[2]), int(path.stem.partition("=")[2]))
        for path in names
    )


def write_pixel(
    path: Path, positions: Positions, reader: MeasurementReader, rows: dict[int, int], digest: str
) -> int:
    """Write the file of a pixel, which appears under its name once it is whole.

    ``rows`` tell how many measurements a source of each catalogue may have. The number that was
    written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    n_measurements = 0
    with (
        whole_file(path) as partial,
        pq.ParquetWriter(partial, schema({DIGEST.decode(): digest}), **_encodings()) as writer,
    ):
        for group in _groups(positions, rows):
            table = _table(group, reader)
            n_measurements += len(table[LIGHT_CURVE].combine_chunks().field("mjd").flatten())
            writer.write_table(table, row_group_size=len(table))
        writer.add_key_value_metadata({N_MEASUREMENTS.decode(): str(n_measurements)})
    return n_measurements


def _groups(positions: Positions, rows: dict[int, int]) -> Iterator[Positions]:
    """Sources in order of their cells, in groups with a bounded number of measurements."""
    order = np.lexsort((positions.refsource_id, positions.cell))
    expected = np.array([rows[pk] for pk in catalogue_of(positions.refsource_id[order]).tolist()])
    group = np.maximum(np.cumsum(expected) // GROUP_ROWS, np.arange(len(order)) // GROUP_SOURCES)
    for places in np.split(order, np.flatnonzero(np.diff(group)) + 1):
        yield positions.at(places)


def _table(positions: Positions, reader: MeasurementReader) -> pa.Table:
    rows = SourceRows(positions, reader.catalogues)
    ids: IntArray = positions.refsource_id
    nested = {
        LIGHT_CURVE: reader.light_curves(ids),
        NON_DETECTIONS: reader.non_detections(ids),
        PERIODS: rows.periods(),
        MATCHES: rows.matches(),
    }
    table = rows.table()
    columns = [*table.columns, *nested.values()]
    return pa.Table.from_arrays(columns, schema=schema())


def _encodings() -> dict:
    """How Parquet stores the columns: bytes of the same rank side by side, as noise allows."""
    repeated, split = ["filter", "catalogue_id", "candidate_kind", "candidate_cause", "known"], {}
    for name, columns in NESTED.items():
        for column in columns:
            path = f"{name}.{column.name}.list.element"
            if column.name in REPEATED:
                repeated.append(path)
            elif pa.types.is_floating(column.type):
                split[path] = "BYTE_STREAM_SPLIT"
    return {
        # zstd makes 3 % less of bytes of the same rank, and takes a sixth more to write.
        "compression": "lz4",
        "use_dictionary": repeated,
        "column_encoding": split,
        "write_statistics": ["_healpix_29", "source_id", "object_id", "ra", "dec", "period_days"],
    }
