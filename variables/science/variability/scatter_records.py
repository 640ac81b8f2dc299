"""Rows as the database sends them, put into matrices of stars and images without a sort."""

import numpy as np

from exposures.science.arrays import FloatArray, IntArray
from exposures.source_ids import RANK_BITS
from photometry.science.compiled import compiled

IDS = ("refsource_id", "galimage_id")  # 8 bytes each
RANK = (1 << RANK_BITS) - 1


def put_records(records: np.ndarray, columns: IntArray, matrices: dict[str, FloatArray]) -> None:
    """Put each record's values into ``matrices``, (n_stars, n_images) float32 by name.

    ``records`` (n,) have IDS and the fields of the matrices in any unit, big-endian, in whatever
    order they come: the rank of a source in its catalogue is its row. ``columns`` (n_images, 2) are
    the ids of images, ascending, each with its column; records of other images are left out.
    """
    if len(records) == 0:
        return
    fields = dict(records.dtype.fields or {})
    offsets = [fields[name][1] for name in (*IDS, *matrices)]
    rows = records.view(np.uint8).reshape(len(records), records.dtype.itemsize)
    source, image, *of_values = offsets
    ids, places = np.ascontiguousarray(columns[:, 0]), np.ascontiguousarray(columns[:, 1])
    for offset, matrix in zip(of_values, matrices.values(), strict=True):
        _put(rows, np.array([source, image, offset]), ids, places, matrix.view(np.uint32))


@compiled
def _put(
    rows: IntArray, offsets: IntArray, ids: IntArray, places: IntArray, bits: IntArray
) -> None:
    source, image, value = offsets
    last, column = np.int64(-1), np.int64(-1)
    for k in range(len(rows)):
        row = rows[k]
        star = np.int64(0)
        number = np.int64(0)
        for i in range(8):
            star = (star << 8) | row[source + i]
            number = (number << 8) | row[image + i]
        if number != last:
            last, column = number, np.int64(-1)
            place = np.searchsorted(ids, number)
            if place < len(ids) and ids[place] == number:
                column = places[place]
        star &= RANK
        if column >= 0 and star < len(bits):
            word = np.uint32(0)
            for i in range(4):
                word = (word << np.uint32(8)) | np.uint32(row[value + i])
            bits[star, column] = word
