"""The reference sources that are cross-matched, read as arrays."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from exposures.binary_copy import copy_out
from exposures.models import GalExposure
from exposures.science.arrays import FloatArray, IntArray
from exposures.science.footprints import unit_vectors
from exposures.source_ids import catalogue_of
from photometry.crossmatch.catalogues import CatalogueArea
from photometry.science.crossmatch.matching import position_error
from photometry.storage.catalogue_rows import in_order_of_ids
from photometry.storage.columns import source_dtype
from photometry.storage.reference_values import reference_values

COLUMNS = ("refsource_id", "ra", "dec", "mag", "mag_err", "flux", "flux_err")
# By the partition's own name: its plan takes a third of what one by ids takes.
SOURCES = """
SELECT {columns} FROM galsources_{catalogue} WHERE is_reference AND galimage_id = {image}
"""
# Of catalogues that are read by one statement, which keeps locks of each of them.
MAX_CATALOGUES, MAX_SOURCES = 64, 400_000


@dataclass(frozen=True)
class Sources:
    """Reference sources of catalogues in use, in order of their ids; arrays (n,)."""

    filters: tuple[str, ...]
    refsource_id: np.ndarray
    ra: np.ndarray  # ICRS degrees
    dec: np.ndarray
    mag: np.ndarray
    flux: np.ndarray  # ADU
    error: np.ndarray  # of the position along an axis, arcsec
    filter: np.ndarray  # index in ``filters``
    chip: np.ndarray  # index of the catalogue among those that were read

    def __len__(self):
        return len(self.refsource_id)

    @cached_property
    def places(self) -> FloatArray:
        """(n, 3) unit vectors of the positions."""
        return unit_vectors(np.column_stack([self.ra, self.dec]))

    def arrays(self):
        """The arrays, in the order of the fields."""
        return [getattr(self, name) for name in self.__dataclass_fields__ if name != "filters"]

    def at(self, chosen):
        """Some of the sources, by their indices or a mask (n,)."""
        some = Sources(self.filters, *(array[chosen] for array in self.arrays()))
        some.__dict__["places"] = self.places[chosen]
        return some

    @classmethod
    def none(cls, filters):
        """No sources, in filters of these names."""
        return cls(filters, *(np.zeros(0, kind) for kind in ("i8", *["f8"] * 5, "i2", "i4")))


def read_sources(chips: list[CatalogueArea]) -> Sources:
    """Read the sources of catalogues, which are in order of their ids."""
    names = GalExposure.objects.order_by().values_list("filter", flat=True).distinct()
    filters = tuple(sorted(names))
    parts = [_read(chips, numbers, filters) for numbers in read_together(chips)]
    none = Sources.none(filters).arrays()
    return Sources(filters, *map(np.concatenate, zip(none, *parts, strict=True)))


def read_together(chips: list[CatalogueArea]) -> Iterator[IntArray]:
    """Numbers of catalogues that are read by one statement, so that its rows fit into memory."""
    start, n_sources = 0, 0
    for end, chip in enumerate(chips):
        n_sources += chip.n_sources
        if end > start and (n_sources > MAX_SOURCES or end - start == MAX_CATALOGUES):
            yield np.arange(start, end)
            start, n_sources = end, chip.n_sources
    if chips:
        yield np.arange(start, len(chips))


def _read(chips, numbers, filters):
    """The arrays of Sources of some of the catalogues."""
    some = [chips[number] for number in numbers.tolist()]
    columns = ", ".join(COLUMNS)
    queries = (
        SOURCES.format(columns=columns, catalogue=chip.catalogue, image=chip.image) for chip in some
    )
    rows = in_order_of_ids(copy_out(" UNION ALL ".join(queries), source_dtype(COLUMNS)))
    rows["mag"] = reference_values(rows).mag
    catalogue = catalogue_of(rows["refsource_id"])
    own = np.searchsorted([chip.catalogue for chip in some], catalogue)
    fwhm = np.array([chip.fwhm for chip in some])[own]
    codes = np.array([filters.index(chip.filter) for chip in some], "i2")[own]
    error = position_error(rows["flux"], rows["flux_err"], fwhm, fwhm)
    arrays = (rows[name] for name in ("refsource_id", "ra", "dec", "mag", "flux"))
    return (*arrays, error, codes, numbers[own].astype("i4"))
