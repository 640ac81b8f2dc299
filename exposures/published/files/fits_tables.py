"""Tables in FITS."""

from contextlib import contextmanager

import numpy as np
import pyarrow as pa

from exposures.fits.files import open_table
from exposures.published.files.opened import ROWS_AT_ONCE, OpenTable
from exposures.published.files.streams import unfolded_file


@contextmanager
def open_fits(path):
    """An OpenTable of the first table in a FITS file, gzipped or not."""
    # astropy would have all of a gzipped table in memory.
    with unfolded_file(path) as unfolded, open_table(unfolded) as records:
        columns = {column.name: column for column in records.columns}

        def parts(names):
            for start in range(0, len(records), ROWS_AT_ONCE):
                part = records[start : start + ROWS_AT_ONCE]
                yield pa.table({name: _arrow(part[name], columns[name].null) for name in names})

        units = {name: column.unit or "" for name, column in columns.items()}
        yield OpenTable(path, tuple(columns), parts, units, len(records))


def _arrow(values, null):
    """A column as an Arrow array; of lists where its elements are arrays."""
    values = np.asarray(values)
    if values.dtype.kind in "SU":
        return pa.array(np.char.rstrip(values.astype(str)).tolist())
    values = np.ascontiguousarray(values, values.dtype.newbyteorder("="))
    if values.ndim > 1:
        flat = pa.array(values.reshape(len(values), -1).ravel())
        return pa.FixedSizeListArray.from_arrays(flat, values[0].size if len(values) else 1)
    return pa.array(values, mask=None if null is None else values == null)
