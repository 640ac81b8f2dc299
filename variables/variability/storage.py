"""Storage of the variability of a catalogue's sources, and of the trends that they share."""

from collections.abc import Iterable

import numpy as np
from django.db import transaction

from exposures.binary_copy import copy_in, copy_out, names_of
from exposures.science.arrays import IntArray
from photometry.models import GalReference
from photometry.storage.columns import dtype_of
from photometry.storage.storage import lock_against_drop
from variables.models import (
    GalTrend,
    GalTrendStar,
    GalVariability,
    GalVariabilityRun,
    VariabilityFlag,
)
from variables.science.variability.assessment import Assessment
from variables.science.variability.curves import CatalogueCurves
from variables.variability.binned_statistics import replace_bins

VARIABILITY_DTYPE = dtype_of(GalVariability)
TREND_DTYPE = dtype_of(GalTrend)
TREND_STAR_DTYPE = dtype_of(GalTrendStar)
STORED_TREND_DTYPE = np.dtype([("refsource_id", "i8"), ("galimage_id", "i8"), ("trend_mag", "f4")])
MEASURED = "measured_"
TRADING = -0.5  # correlation with the neighbours' light below which flux is traded


def replace_variability(
    catalogue: GalReference, curves: CatalogueCurves, found: Assessment, run: GalVariabilityRun
) -> int | None:
    """Replace what is stored of a catalogue's sources by an Assessment; the number of sources.

    None, and nothing is stored, where the catalogue is gone. Whoever calls has claimed it
    (Claimed.VARIABILITY), so that nobody else does so.
    """
    chosen = np.flatnonzero(np.isfinite(found.statistics.mean_mag))
    run.n_sources = len(chosen)
    with transaction.atomic():
        if not lock_against_drop(catalogue):
            return None
        delete_variability(catalogue)
        rows = _rows(curves.refsource_id, found, chosen)
        copy_in(GalVariability._meta.db_table, rows)
        replace_bins(catalogue, rows)
        if len(found.trends):
            copy_in(GalTrend._meta.db_table, _trends(catalogue, curves, found))
            copy_in(GalTrendStar._meta.db_table, _trend_stars(curves, found, chosen))
        run.save()
    return len(chosen)


def clear_variability(catalogue: GalReference, run: GalVariabilityRun) -> bool:
    """Store that a catalogue's sources have no statistics; false where the catalogue is gone."""
    run.n_sources = 0
    with transaction.atomic():
        if not lock_against_drop(catalogue):
            return False
        delete_variability(catalogue)
        replace_bins(catalogue, np.zeros(0, VARIABILITY_DTYPE))
        run.save()
    return True


def delete_variability(catalogue: GalReference) -> None:
    """Delete the statistics and trends of a catalogue's sources."""
    for model in (GalVariability, GalTrendStar):
        model.objects.in_catalogue(catalogue.pk).delete()
    GalTrend.objects.filter(catalogue_id=catalogue.pk).delete()


def _rows(refsource_id: IntArray, found: Assessment, chosen: IntArray) -> np.ndarray:
    """Rows of galvariability of ``chosen`` stars."""
    rows = np.zeros(len(chosen), VARIABILITY_DTYPE)
    rows["refsource_id"], rows["flags"] = refsource_id[chosen], _flags(found)[chosen]
    rows["followed_share"] = found.followed[chosen]
    rows["neighbour_correlation"] = found.correlation[chosen]
    rows["false_alarm"] = found.false_alarm[chosen]
    for name in names_of(VARIABILITY_DTYPE):
        of = found.measured if name.startswith(MEASURED) else found.statistics
        if hasattr(of, name.removeprefix(MEASURED)):
            rows[name] = getattr(of, name.removeprefix(MEASURED))[chosen]
    return rows


def _flags(found: Assessment) -> IntArray:
    """(n_stars,) bits of VariabilityFlag."""
    blended = np.zeros(len(found.fades), bool)
    blended[found.neighbours.star] = True
    with np.errstate(invalid="ignore"):
        trades = found.correlation < TRADING
    bits = {
        VariabilityFlag.FADING: found.fades,
        VariabilityFlag.BLENDED: blended,
        VariabilityFlag.FOLLOWS: found.follows,
        VariabilityFlag.TRADES: trades,
    }
    return sum((is_so * np.int16(bit) for bit, is_so in bits.items()), np.int16(0))


def _trends(catalogue: GalReference, curves: CatalogueCurves, found: Assessment) -> np.ndarray:
    number, image = (c.ravel() for c in np.indices(found.trends.of_images.shape))
    rows = np.zeros(len(number), TREND_DTYPE)
    rows["catalogue_id"], rows["number"] = catalogue.pk, number + 1
    rows["galimage_id"] = curves.image_id[image]
    rows["mag"] = found.trends.of_images.ravel()
    return rows


def _trend_stars(curves: CatalogueCurves, found: Assessment, chosen: IntArray) -> np.ndarray:
    rows = np.zeros(len(chosen), TREND_STAR_DTYPE)
    rows["refsource_id"] = curves.refsource_id[chosen]
    for column, values in enumerate(found.coefficients[chosen].T, 1):
        rows[f"coefficient_{column}"] = values
    return rows


def stored_trends(refsource_ids: Iterable[int]) -> dict[tuple[int, int], float]:
    """{(refsource_id, image id): mag} by which trends make sources fainter on images.

    Sources without trends are not in it, nor images that were not there when trends were last
    looked for.
    """
    ids = ", ".join(str(int(one)) for one in refsource_ids)
    rows = copy_out(f"SELECT * FROM galsources_trends(ARRAY[{ids}]::bigint[])", STORED_TREND_DTYPE)
    return {(source, image): mag for source, image, mag in rows.tolist()}
