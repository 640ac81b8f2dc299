"""Storage of periods, of a catalogue's stars all at once or of some of them."""

import numpy as np
from django.db import transaction

from exposures.binary_copy import copy_in, names_of
from exposures.science.arrays import IntArray
from photometry.models import GalReference
from photometry.storage.columns import dtype_of
from photometry.storage.storage import lock_against_drop
from variables.models import GalPeriod, GalPeriodRun
from variables.science.periodicity.curve_matrices import CurveMatrix
from variables.science.periodicity.search import StarPeriods
from variables.variability.binned_statistics import replace_period_bins

PERIOD_DTYPE = dtype_of(GalPeriod)


def replace_periods(
    catalogue: GalReference, rows: np.ndarray, run: GalPeriodRun | None, only: IntArray | None
) -> bool:
    """Replace the periods of a catalogue's stars, or of ``only`` some sources, by rows.

    ``run`` is stored where it is all of them. False, and nothing is stored, where the catalogue is
    gone.
    """
    with transaction.atomic():
        if not lock_against_drop(catalogue):
            return False
        stored = GalPeriod.objects.in_catalogue(catalogue.pk)
        if only is not None:
            stored = stored.filter(refsource_id__in=only.tolist())
        stored.delete()
        copy_in(GalPeriod._meta.db_table, rows)
        replace_period_bins(catalogue)
        if run is not None:
            run.save()
    return True


def delete_periods(catalogue: GalReference) -> None:
    """Delete the periods of a catalogue's stars."""
    GalPeriod.objects.in_catalogue(catalogue.pk).delete()


def period_rows(refsource_ids: IntArray, found: StarPeriods, curves: CurveMatrix) -> np.ndarray:
    """Rows of galperiods of sources (n_stars,), those that there are."""
    star, rank = np.nonzero(np.isfinite(found.days))
    rows = np.zeros(len(star), PERIOD_DTYPE)
    for name in names_of(PERIOD_DTYPE):
        if hasattr(found, name):
            rows[name] = getattr(found, name)[star, rank]
    measured = curves.is_measured
    bands = [measured[:, curves.band == band].any(axis=1) for band in range(curves.n_bands)]
    rows["refsource_id"], rows["rank"] = refsource_ids[star], rank + 1
    rows["n_epochs"] = measured.sum(axis=1)[star]
    rows["n_filters"] = np.sum(bands, axis=0)[star]
    return rows
