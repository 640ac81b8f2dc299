"""Tables in VOTable."""

from contextlib import contextmanager

import numpy as np
import pyarrow as pa
from astropy.io.votable import parse
from astropy.io.votable.exceptions import VOTableSpecError

from exposures.errors import InputFileError
from exposures.published.files.opened import ROWS_AT_ONCE, OpenTable

# astropy reads a VOTable whole, at several times its size.
MOST_BYTES = 500_000_000
OTHER_FORMAT = "Get it as FITS, Parquet or CSV, which are read a part at a time"


@contextmanager
def open_votable(path):
    """An OpenTable of the first table in a VOTable, gzipped or not, which is read whole."""
    if path.stat().st_size > MOST_BYTES:
        problem = f"a VOTable of more than {MOST_BYTES // 10**6} MB, which can only be read whole"
        raise InputFileError(path, problem, OTHER_FORMAT)
    try:
        table = parse(str(path), verify="ignore").get_first_table()
    # What expat says of broken XML comes as a ValueError.
    except (ValueError, VOTableSpecError, IndexError, OSError, EOFError) as error:
        problem = f"not readable as VOTable: {error}"
        raise InputFileError(path, problem, "Get it again, or as FITS") from error
    # Archives name columns; what they call ID may be col1, col2.
    names = {field.name: field.ID for field in table.fields}
    units = {field.name: str(field.unit or "") for field in table.fields}

    def parts(wanted):
        for start in range(0, len(table.array), ROWS_AT_ONCE):
            rows = table.array[start : start + ROWS_AT_ONCE]
            yield pa.table({name: _arrow(rows[names[name]]) for name in wanted})

    yield OpenTable(path, tuple(names), parts, units, len(table.array))


def _arrow(values):
    mask = np.ma.getmaskarray(values)
    values = np.ma.getdata(values)
    if values.dtype.kind in "OSU":
        texts = [str(value) for value in values.tolist()]
        return pa.array(texts, pa.string(), mask=mask if mask.ndim == 1 else None)
    if values.ndim > 1:
        flat = pa.array(np.ascontiguousarray(values).ravel(), mask=mask.ravel())
        return pa.FixedSizeListArray.from_arrays(flat, values[0].size if len(values) else 1)
    return pa.array(np.ascontiguousarray(values), mask=mask)
