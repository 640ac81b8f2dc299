"""Storage of the statistics of a catalogue's sources."""

import numpy as np
from django.db import transaction

from photometry.models import GalReference
from photometry.storage.binary_copy import copy_in, names_of
from photometry.storage.columns import dtype_of
from photometry.storage.storage import lock_against_drop
from variables.models import GalVariability, GalVariabilityRun
from variables.science.variability.statistics import CurveStatistics

TABLE = "galvariability"
VARIABILITY_DTYPE = dtype_of(GalVariability)


def variability_rows(
    refsource_id: np.ndarray, statistics: CurveStatistics, flags: np.ndarray
) -> np.ndarray:
    """Rows of galvariability (n,) of the sources with statistics, of n_stars."""
    chosen = np.isfinite(statistics.mean_mag)
    rows = np.zeros(int(chosen.sum()), VARIABILITY_DTYPE)
    rows["refsource_id"], rows["flags"] = refsource_id[chosen], flags[chosen]
    rows["false_alarm"] = np.nan
    for name in names_of(VARIABILITY_DTYPE):
        if hasattr(statistics, name):
            rows[name] = getattr(statistics, name)[chosen]
    return rows


@transaction.atomic
def replace_variability(catalogue: GalReference, rows: np.ndarray, run: GalVariabilityRun) -> bool:
    """Replace the statistics of a catalogue's sources; false, and nothing, where it is gone.

    Whoever calls has claimed the catalogue (Claimed.VARIABILITY), so that nobody else does so.
    """
    if not lock_against_drop(catalogue):
        return False
    GalVariability.objects.in_catalogue(catalogue.pk).delete()
    copy_in(TABLE, rows)
    run.save()
    return True
