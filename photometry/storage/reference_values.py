"""Reference magnitudes of sources: the primary's, or means of its reference set."""

from dataclasses import dataclass

import numpy as np

from exposures.binary_copy import names_of
from exposures.science.arrays import IntArray
from photometry.science.stacking.reference_mean import DISAGREE, PRIMARY_AT_FAULT, PRIMARY_UNUSABLE
from photometry.storage.by_catalogue import rows_of_sources
from photometry.storage.catalogue_rows import rows_of_catalogues
from photometry.storage.columns import MEAN_DTYPE

TABLE = "galreferencemags"
MEAN_COLUMNS = ", ".join(names_of(MEAN_DTYPE))


@dataclass(frozen=True)
class ReferenceValues:
    """Reference magnitudes of sources, relative to which changes are measured; arrays (n,)."""

    mag: np.ndarray
    mag_err: np.ndarray
    is_mean: np.ndarray  # over several images; else the primary's own
    has_primary: np.ndarray  # the primary's measurement is part of it
    at_fault: np.ndarray  # the primary is off, and the others agree


def reference_values(sources: np.ndarray) -> ReferenceValues:
    """ReferenceValues of sources, rows of reference catalogues (SOURCE_DTYPE)."""
    means = _means_of(sources["refsource_id"])
    is_mean = (means["n_used"] > 1) & ((means["flags"] & DISAGREE) == 0)
    at_fault = is_mean & ((means["flags"] & PRIMARY_AT_FAULT) != 0)
    is_unusable = is_mean & ((means["flags"] & PRIMARY_UNUSABLE) != 0)
    return ReferenceValues(
        mag=np.where(is_mean, means["mag"], sources["mag"]),
        mag_err=np.where(is_mean, means["mag_err"], sources["mag_err"]),
        is_mean=is_mean,
        has_primary=~(at_fault | is_unusable),
        at_fault=at_fault,
    )


def _means_of(ids: IntArray) -> np.ndarray:
    """(n,) MEAN_DTYPE of sources; zeros without a mean."""
    known = rows_of_sources(TABLE, ids, MEAN_DTYPE)
    found = np.zeros(len(ids), MEAN_DTYPE)
    place = np.searchsorted(known["refsource_id"], ids)
    place[place == len(known)] = 0
    if len(known):
        is_known = known["refsource_id"][place] == ids
        found[is_known] = known[place[is_known]]
    return found


def means_in(catalogue_id: int) -> np.ndarray:
    """The means of a catalogue's sources, as an array of MEAN_DTYPE in order of their ids."""
    return rows_of_catalogues(TABLE, MEAN_COLUMNS, [catalogue_id], MEAN_DTYPE)
