"""Measurements of sources as nested columns: read by COPY, put in order of source and time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from exposures.binary_copy import copy_out_records, names_of
from exposures.models import GalImage
from exposures.science.arrays import FloatArray, IntArray
from exposures.source_ids import catalogue_of
from galproject.export.columns import LIGHT_CURVE, MEASURED, MISSED, NESTED, NON_DETECTIONS
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

    def place_of(self, image_id: IntArray) -> IntArray:
        """(n,) the places of images in the order of time."""
        by_id = np.argsort(self.image_id)
        found: IntArray = by_id[np.searchsorted(self.image_id, image_id, sorter=by_id)]
        return found


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
        order = np.argsort(refsource_id)
        ids = records["refsource_id"].astype("i8")
        source = order[np.searchsorted(refsource_id, ids, sorter=order)]
        key = source * n_images + self.epochs.place_of(records["galimage_id"].astype("i8"))
        rows, key = _sorted(key, n * n_images)
        source, image = np.divmod(key, n_images)
        offsets = np.searchsorted(source, np.arange(n + 1)).astype("i4")
        values = {column: _native(records[column][rows]) for column in columns}
        values["is_good"] = records["is_good"][rows] != 0
        values["mjd"] = self.epochs.mjd[image]
        values["image_id"] = self.epochs.image_id[image]
        return nested_column(name, offsets, values)


def nested_column(name: str, offsets: IntArray, values: dict) -> pa.StructArray:
    """A nested column of n sources whose rows lie between ``offsets`` (n + 1,); ``values`` (m,)."""
    starts = pa.array(offsets, pa.int32())
    lists = [
        pa.ListArray.from_arrays(starts, _column(values[column.name], column.type))
        for column in NESTED[name]
    ]
    return pa.StructArray.from_arrays(lists, fields=[column.list_field for column in NESTED[name]])


def _column(values, type: pa.DataType) -> pa.Array:
    return values if isinstance(values, pa.Array) else pa.array(values, type)


def _sorted(key: IntArray, n_places: int) -> tuple[IntArray, IntArray]:
    """The order of keys (m,) below ``n_places``, each of which is there once, and the sorted ones.

    Where they are dense they are put into their places, which takes less time than to sort them.
    """
    if n_places > PLACES_A_ROW * len(key):
        order = np.argsort(key)
        return order, key[order]
    place = np.full(n_places, -1, "i4")
    place[key] = np.arange(len(key), dtype="i4")
    ordered = np.flatnonzero(place >= 0)
    return place[ordered], ordered


def _native(values: np.ndarray) -> np.ndarray:
    return values.astype(values.dtype.newbyteorder("="))
