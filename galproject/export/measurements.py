"""Measurements of sources as nested columns: read by COPY, put in order of source and time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from exposures.binary_copy import copy_out_records, names_of
from exposures.models import GalImage
from exposures.science.arrays import FloatArray, IntArray
from exposures.source_ids import catalogue_of
from galproject.export.columns import (
    LIGHT_CURVE,
    MEASURED,
    MISSED,
    NON_DETECTIONS,
    nested_field,
)
from photometry.models import GalReference
from photometry.storage.columns import NON_DETECTION_DTYPE, source_dtype
from variables.science.variability.options import VariabilityOptions
from variables.variability.curves import CatalogueImages, good_measurements

IDS = ("refsource_id", "galimage_id")
MEASURED_DTYPE = np.dtype([*source_dtype((*IDS, *MEASURED)).descr, ("is_good", "?")])
MISSED_DTYPE = np.dtype(
    [*((name, NON_DETECTION_DTYPE[name]) for name in (*IDS, *MISSED)), ("is_good", "?")]
)
HAS_LIMIT = "NOT flux > 0 AND limit_mag < 'Infinity'"
# Of rows in their order of source and time: so many places a row are looked through, else sorted.
PLACES_A_ROW = 32
MOST_PLACES = 4_000_000  # of a table, where fewer are asked for


@dataclass(frozen=True)
class Epochs:
    """The images of some catalogues in order of time; arrays (n_images,)."""

    image_id: IntArray
    mjd: FloatArray
    good: dict[int, IntArray]  # of each catalogue, the images that statistics are of

    @classmethod
    def of(cls, catalogues: Sequence[GalReference]) -> "Epochs":
        """Those on which sources of the catalogues may have been measured."""
        ids = [catalogue.pk for catalogue in catalogues]
        images = GalImage.objects.filter(coverages__catalogue__in=ids)
        own = GalImage.objects.filter(catalogues__in=ids)
        rows = dict((images | own).values_list("pk", "exposure__mjd").distinct())
        order = sorted(rows, key=lambda pk: (rows[pk], pk))
        good = {one.pk: np.sort(CatalogueImages.of(one).ids) for one in catalogues}
        return cls(np.array(order, "i8"), np.array([rows[pk] for pk in order], "f8"), good)


@dataclass(frozen=True)
class MeasurementReader:
    """Reads what is nested in sources of catalogues in use."""

    catalogues: dict[int, GalReference]
    epochs: Epochs
    options: VariabilityOptions

    def light_curves(self, refsource_id: IntArray) -> pa.StructArray:
        """The measurements of sources (n,), nested, each in order of time."""
        tables = (
            (catalogue.partition, ids, self._is_good(catalogue))
            for catalogue, ids in self._by_catalogue(refsource_id)
        )
        return self._nested(LIGHT_CURVE, MEASURED_DTYPE, MEASURED, tables, refsource_id)

    def non_detections(self, refsource_id: IntArray) -> pa.StructArray:
        """The epochs at which sources (n,) were not detected, nested, each in order of time."""
        tables = (
            ("galnondetections", ids, f"{self._is_good(catalogue)} AND {HAS_LIMIT}")
            for catalogue, ids in self._by_catalogue(refsource_id)
        )
        return self._nested(NON_DETECTIONS, MISSED_DTYPE, MISSED, tables, refsource_id)

    def _by_catalogue(self, refsource_id: IntArray) -> Iterator[tuple[GalReference, IntArray]]:
        ordered = np.sort(refsource_id)
        of = catalogue_of(ordered)
        for pk in np.unique(of).tolist():
            yield self.catalogues[pk], ordered[of == pk]

    def _is_good(self, catalogue: GalReference) -> str:
        images = ",".join(map(str, self.epochs.good[catalogue.pk].tolist()))
        good = good_measurements(catalogue.image, self.options)
        return f"{good} AND galimage_id = ANY('{{{images}}}'::bigint[])"

    def _nested(self, name, dtype, columns, tables, refsource_id):
        selected = ", ".join(names_of(dtype)[:-1])
        parts = []
        for table, ids, is_good in tables:
            listed = ",".join(map(str, ids.tolist()))
            query = (
                f"SELECT {selected}, coalesce({is_good}, false) FROM {table}"
                f" WHERE refsource_id = ANY('{{{listed}}}'::bigint[])"
            )
            parts.append(copy_out_records(query, dtype))
        records = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return self._in_order(name, records, columns, refsource_id)

    def _in_order(self, name, records, columns, refsource_id):
        """Records of sources (n,) as a nested column of them."""
        n, n_images = len(refsource_id), max(len(self.epochs.image_id), 1)
        source = _places(refsource_id, records["refsource_id"].astype("i8"))
        key = source * n_images
        key += _places(self.epochs.image_id, records["galimage_id"].astype("i8"))
        rows, n_of_source, image = _sorted(key, n, n_images)
        offsets = np.concatenate(([0], np.cumsum(n_of_source))).astype("i4")
        values = {column: _native(records[column])[rows] for column in columns}
        values["is_good"] = records["is_good"][rows] != 0
        values["mjd"] = self.epochs.mjd[image]
        values["image_id"] = self.epochs.image_id[image]
        return nested_column(name, offsets, values)


def nested_column(name: str, offsets: IntArray, values: dict) -> pa.StructArray:
    """A nested column of n sources whose rows lie between ``offsets`` (n + 1,); ``values`` (m,)."""
    starts, fields = pa.array(offsets, pa.int32()), list(nested_field(name).type)
    lists = [
        pa.ListArray.from_arrays(
            starts, _column(values[field.name], field.type.value_type), type=field.type
        )
        for field in fields
    ]
    return pa.StructArray.from_arrays(lists, fields=fields)


def _column(values, type: pa.DataType) -> pa.Array:
    return values if isinstance(values, pa.Array) else pa.array(values, type)


def _places(ids: IntArray, wanted: IntArray) -> IntArray:
    """(m,) the places in ``ids`` (n,) of those that are wanted (m,), which all are in it.

    By a table of all numbers between, where that is no larger than what it is asked for.
    """
    if not len(wanted):
        return np.zeros(0, "i8")
    first = ids.min()
    span = ids.max() - first + 1
    if span > max(len(wanted), MOST_PLACES):
        order = np.argsort(ids)
        found: IntArray = order[np.searchsorted(ids, wanted, sorter=order)]
        return found
    table = np.zeros(span, "i8")
    table[ids - first] = np.arange(len(ids))
    return table[wanted - first]


def _sorted(key: IntArray, n: int, n_images: int) -> tuple[IntArray, IntArray, IntArray]:
    """The order (m,) of keys (m,), how many each source (n,) has, and the images (m,) in order.

    A key is the place of the source times ``n_images`` and that of the image, and is there once.
    Where they are dense they are put into their places, which takes less time than to sort them.
    """
    if n * n_images > PLACES_A_ROW * len(key):
        order = np.argsort(key)
        source, image = np.divmod(key[order], n_images)
        return order, np.bincount(source, minlength=n), image
    place = np.full((n, n_images), -1, "i4")
    place.ravel()[key] = np.arange(len(key), dtype="i4")
    is_there = place >= 0
    image = np.broadcast_to(np.arange(n_images), place.shape)[is_there]
    return place[is_there], np.count_nonzero(is_there, axis=1), image


def _native(values: np.ndarray) -> np.ndarray:
    return values.astype(values.dtype.newbyteorder("="))
