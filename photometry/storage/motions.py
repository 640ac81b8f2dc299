"""Proper motions of reference sources, in a table beside galsources."""

import numpy as np
from django.db import transaction

from exposures.binary_copy import copy_in, copy_out, names_of
from exposures.science.arrays import FloatArray, IntArray
from exposures.source_ids import catalogue_of, id_range
from photometry.models import GalMotion, GalReference
from photometry.science.motions import MotionOptions, Motions, positions_at
from photometry.storage.columns import MOTION_DTYPE

TABLE = "galmotions"
MOTION_COLUMNS = ("pm_ra", "pm_dec", "pm_ra_err", "pm_dec_err", "n_images")


def store_motions(refsource_ids: IntArray, motions: Motions) -> None:
    """Store the Motions (n,) of new sources, those that are known."""
    known = motions.are_known
    rows = np.zeros(int(known.sum()), MOTION_DTYPE)
    rows["refsource_id"] = refsource_ids[known]
    for name in MOTION_COLUMNS:
        rows[name] = getattr(motions, name)[known]
    copy_in(TABLE, rows)


def motions_of(refsource_ids: IntArray) -> Motions:
    """The Motions of sources (n,), in the order of their ids; NaN where unknown."""
    catalogues = np.unique(catalogue_of(refsource_ids)).tolist()
    stored = np.concatenate([np.zeros(0, MOTION_DTYPE), *map(_motions_in, catalogues)])
    place = np.searchsorted(stored["refsource_id"], refsource_ids)
    place[place == len(stored)] = 0
    is_known = np.zeros(len(refsource_ids), bool)
    if len(stored):
        is_known = stored["refsource_id"][place] == refsource_ids
    motions = Motions.unknown(len(refsource_ids))
    for name in MOTION_COLUMNS:
        getattr(motions, name)[is_known] = stored[name][place[is_known]]
    return motions


@transaction.atomic
def replace_measured_motions(
    catalogue: GalReference, refsource_ids: IntArray, motions: Motions
) -> int:
    """Replace the measured motions of a catalogue's sources by Motions (n,); returns their number.

    Those that a catalogue of stars has stay, and come first. One process at a time does this; none
    if the sources are gone.
    """
    if not GalReference.objects.select_for_update(no_key=True).filter(pk=catalogue.pk):
        return 0
    stored = GalMotion.objects.filter(refsource_id__range=catalogue.id_range)
    stored.filter(n_images__gt=0).delete()
    listed = np.array(stored.values_list("refsource_id", flat=True), "i8")
    new = ~np.isin(refsource_ids, listed)
    store_motions(refsource_ids[new], motions.select(new))
    return int(new.sum())


def source_positions_at(
    sources: np.ndarray, mjd: float, options: MotionOptions
) -> tuple[FloatArray, FloatArray]:
    """Right ascensions and declinations (n,) in degrees of reference sources at an MJD.

    ``sources`` are rows of SOURCE_DTYPE.
    """
    motions = motions_of(sources["refsource_id"])
    days = mjd - sources["mjd"]
    return positions_at(sources["ra"], sources["dec"], motions, days, options)


def _motions_in(catalogue_id: int) -> np.ndarray:
    """The motions of a catalogue's sources, MOTION_DTYPE in order of their ids."""
    first, last = id_range(catalogue_id)
    return copy_out(
        f"SELECT {', '.join(names_of(MOTION_DTYPE))} FROM {TABLE}"
        f" WHERE refsource_id BETWEEN {first} AND {last} ORDER BY refsource_id",
        MOTION_DTYPE,
    )
