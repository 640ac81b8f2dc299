"""Tables in Parquet, alone or in a HATS catalogue.

A HATS catalogue is a folder of Parquet files, ``dataset/Norder=K/Dir=D/Npix=N.parquet``, with text
files about them. Its files are read as they lie there: the hats library would bring pandas, dask
and nested-pandas for no more than their names.
"""

import re
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

from exposures.errors import InputFileError
from exposures.published.files.opened import ROWS_AT_ONCE, OpenTable

UNIT = b"unit"  # in the metadata of a column
CELL = re.compile(r"Norder=(\d+)/.*Npix=(\d+)")
FINEST = 29  # order of HEALPix


@contextmanager
def open_parquet(path):
    """An OpenTable of a Parquet file."""
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            schema = file.schema_arrow

            def parts(names):
                for batch in file.iter_batches(ROWS_AT_ONCE, columns=names):
                    yield pa.Table.from_batches([batch])

            units = {field.name: (field.metadata or {}).get(UNIT, b"").decode() for field in schema}
            yield OpenTable(path, tuple(schema.names), parts, units, file.metadata.num_rows)
    except pa.ArrowInvalid as error:
        raise InputFileError(path, f"not readable as Parquet: {error}", "Get it again") from error


def parquet_files_in(folder: Path) -> list[Path]:
    """The Parquet files of a HATS catalogue or another folder; metadata is none of them."""
    found = (path for path in folder.rglob("*.parquet") if not path.name.startswith(("_", ".")))
    return sorted(found, key=_place)


def _place(path):
    """What sorts the cells of a HATS catalogue in the order of the sky, others by name."""
    cell = CELL.search(str(path))
    if not cell:
        return 0, str(path)
    order, pixel = map(int, cell.groups())
    return pixel << 2 * max(FINEST - order, 0), str(path)
