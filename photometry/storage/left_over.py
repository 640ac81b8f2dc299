"""Storage of what references' own fits left over, packed into one value a catalogue."""

import zlib

import numpy as np

from photometry.models import GalLeftOver, GalReference
from photometry.storage.columns import STAR_COLUMNS, source_dtype

LEFT_OVER_DTYPE = source_dtype(("ra", "dec", *STAR_COLUMNS))
FASTEST = 1  # of zlib's levels


def store_left_over(catalogue: GalReference, rows: np.ndarray) -> None:
    """Store what was left over of a new catalogue's reference, LEFT_OVER_DTYPE (n,)."""
    # Bytes of one significance together, which are alike.
    octets = rows.astype(LEFT_OVER_DTYPE).view("u1").reshape(len(rows), LEFT_OVER_DTYPE.itemsize)
    GalLeftOver.objects.create(
        catalogue=catalogue, n=len(rows), stars=zlib.compress(octets.T.tobytes(), FASTEST)
    )


def left_over_of(catalogue: GalReference) -> np.ndarray | None:
    """LEFT_OVER_DTYPE (n,) of a catalogue; None where nothing is known of it."""
    stored = GalLeftOver.objects.filter(catalogue=catalogue).first()
    if stored is None:
        return None
    octets = np.frombuffer(zlib.decompress(bytes(stored.stars)), "u1")
    columns = octets.reshape(LEFT_OVER_DTYPE.itemsize, stored.n)
    return np.ascontiguousarray(columns.T).view(LEFT_OVER_DTYPE).reshape(stored.n)
