"""Proper motions of reference sources, in a table beside galsources."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.db import transaction

from exposures.binary_copy import copy_in
from exposures.science.arrays import FloatArray, Index, IntArray
from photometry.models import GalMotion, GalReference
from photometry.science.motions import MotionOptions, Motions, positions_at
from photometry.storage.by_catalogue import rows_of_sources
from photometry.storage.columns import MOTION_DTYPE

TABLE = "galmotions"
MOTION_COLUMNS = ("pm_ra", "pm_dec", "pm_ra_err", "pm_dec_err", "n_images")


@dataclass(frozen=True)
class SourceMotions:
    """Proper motions of n sources that are of one kind."""

    refsource_id: np.ndarray  # (n,) int64
    star_id: np.ndarray  # (n,) int64, the published star that each is of; 0 where it is of none
    motions: Motions

    @classmethod
    def of_no_star(cls, refsource_ids: IntArray, motions: Motions) -> "SourceMotions":
        """Those of sources (n,) by images, or by tiles."""
        return cls(refsource_ids, np.zeros(len(refsource_ids), np.int64), motions)

    def select(self, index: Index) -> "SourceMotions":
        """Those of a selection: indices (k,), or a mask (n,) of bool."""
        chosen = self.motions.select(index)
        return SourceMotions(self.refsource_id[index], self.star_id[index], chosen)


def store_motions(of_sources: SourceMotions) -> None:
    """Store the motions of new sources, those that are known."""
    known = of_sources.select(of_sources.motions.are_known)
    rows = np.zeros(len(known.refsource_id), MOTION_DTYPE)
    rows["refsource_id"], rows["star_id"] = known.refsource_id, known.star_id
    for name in MOTION_COLUMNS:
        rows[name] = getattr(known.motions, name)
    copy_in(TABLE, rows)


def motions_of(refsource_ids: IntArray) -> Motions:
    """The Motions of sources (n,), in the order of their ids; NaN where unknown."""
    stored = rows_of_sources(TABLE, refsource_ids, MOTION_DTYPE)
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
def replace_later_motions(catalogue: GalReference, kinds: Sequence[SourceMotions]) -> list[int]:
    """Replace motions of a catalogue's sources that came after it was made; numbers of each kind.

    Those of tiles stay, and come first; then those of the ``kinds``, the first that a source has.
    One process at a time does this; none if the sources are gone.
    """
    if not GalReference.objects.select_for_update(no_key=True).filter(pk=catalogue.pk):
        return [0] * len(kinds)
    stored = GalMotion.objects.filter(refsource_id__range=catalogue.id_range)
    stored.exclude(n_images=0, star_id=0).delete()
    have_one = np.array(stored.values_list("refsource_id", flat=True), "i8")
    numbers = []
    for kind in kinds:
        new = kind.select(~np.isin(kind.refsource_id, have_one))
        store_motions(new)
        have_one = np.union1d(have_one, new.refsource_id)
        numbers.append(len(new.refsource_id))
    return numbers


def source_positions_at(
    sources: np.ndarray, mjd: float, options: MotionOptions
) -> tuple[FloatArray, FloatArray]:
    """Right ascensions and declinations (n,) in degrees of reference sources at an MJD.

    ``sources`` are rows of SOURCE_DTYPE.
    """
    motions = motions_of(sources["refsource_id"])
    days = mjd - sources["mjd"]
    return positions_at(sources["ra"], sources["dec"], motions, days, options)
