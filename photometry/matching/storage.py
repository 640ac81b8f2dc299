"""Storage of matches: those of two catalogues replaced whole."""

from collections.abc import Iterable

import numpy as np
from django.db import transaction
from django.dispatch import Signal

from exposures.binary_copy import copy_in
from exposures.models import GalPublishedCatalogue
from exposures.published.stored import lock_published
from exposures.published_catalogues import PublishedKind
from exposures.science.arrays import IntArray
from photometry.match_model import GalMatch, GalMatchRun
from photometry.models import GalReference
from photometry.science.matching.decisions import N_RANKS, Matches
from photometry.science.matching.states import MatchState
from photometry.storage.columns import column_names, dtype_of
from photometry.storage.storage import lock_against_drop

# Sent in the transaction in which matches of reference catalogues were stored or deleted, with
# their ``reference_ids``.
matches_changed = Signal()

MATCH_DTYPE = dtype_of(GalMatch)
OF_STAR = ("star_id", "separation", "probability")  # null where there is none
STATES = {
    "n_matched": MatchState.MATCHED,
    "n_cant_be_told": MatchState.CANT_BE_TOLD,
    "n_no_counterpart": MatchState.NO_COUNTERPART,
    "n_not_covered": MatchState.NOT_COVERED,
}


def replace_matches(
    run: GalMatchRun, refsource_ids: IntArray, star_ids: IntArray, matches: Matches
) -> GalMatchRun | None:
    """Replace the matches of a reference catalogue with a published one, and the run itself.

    ``refsource_ids`` (n,) are those of the sources of the Matches, ``star_ids`` (m,) those of the
    stars. None, and nothing is stored, where one of both catalogues is gone.
    """
    rows = match_rows(refsource_ids, star_ids, matches, run.published_id)
    has_star = rows["star_id"] > 0
    without = [name for name in column_names(GalMatch) if name not in OF_STAR]
    for name, state in STATES.items():
        setattr(run, name, int((matches.state == state).sum()))
    with transaction.atomic():
        if not lock_against_drop(run.reference) or not lock_published(run.published):
            return None
        delete_matches(run.reference, run.published_id)
        copy_in(GalMatch._meta.db_table, rows[has_star])
        copy_in(GalMatch._meta.db_table, _columns(rows[~has_star], without))
        run.save()
        matches_changed.send(GalMatch, reference_ids=[run.reference_id])
    return run


def match_rows(
    refsource_ids: IntArray, star_ids: IntArray, matches: Matches, published_id: int
) -> np.ndarray:
    """Rows of galmatches: one of each source, and those of the next best; star_id 0 for none."""
    told = matches.state[:, None] <= MatchState.CANT_BE_TOLD
    is_told = (matches.star >= 0) & told
    source, rank = np.nonzero(is_told | (np.arange(N_RANKS) == 0))
    rows = np.zeros(len(source), MATCH_DTYPE)
    with_star = is_told[source, rank]
    rows["refsource_id"], rows["rank"] = refsource_ids[source], rank + 1
    rows["catalogue_id"] = published_id
    rows["star_id"][with_star] = star_ids[matches.star[source, rank][with_star]]
    for name in ("separation", "probability"):
        rows[name] = getattr(matches, name)[source, rank]
    for name in ("n_possible", "state"):
        rows[name] = getattr(matches, name)[source]
    return rows


def _columns(rows: np.ndarray, names: list[str]) -> np.ndarray:
    chosen = np.empty(len(rows), [(name, rows.dtype[name]) for name in names])
    for name in names:
        chosen[name] = rows[name]
    return chosen


def delete_matches(reference: GalReference, published_id: int | None = None) -> None:
    """Delete the matches of a reference catalogue: all, or those with one published catalogue."""
    matches = GalMatch.objects.in_reference(reference.pk)
    runs = GalMatchRun.objects.filter(reference=reference)
    if published_id is not None:
        matches = matches.filter(catalogue_id=published_id)
        runs = runs.filter(published_id=published_id)
    matches.delete()
    runs.delete()


def delete_runs(reference: GalReference, names: Iterable[str] | None = None) -> None:
    """Forget that a reference was matched, with all catalogues or some; matches stay."""
    runs = GalMatchRun.objects.filter(reference=reference)
    if names is not None:
        runs = runs.filter(published__name__in=list(names))
    runs.delete()


def delete_published_matches(published: GalPublishedCatalogue) -> None:
    """Delete all matches with a published catalogue.

    References whose sources may have the motions of its stars are to be given others.
    """
    runs = GalMatchRun.objects.filter(published=published)
    reference_ids = list(runs.values_list("reference_id", flat=True))
    for reference in GalReference.objects.all():  # an index has sources first
        delete_matches(reference, published.pk)
    if published.kind == PublishedKind.ASTROMETRIC:
        # After the runs, in whose order a measurement of motions has its locks, too.
        GalReference.objects.filter(pk__in=reference_ids).update(lost_motions=True)
    matches_changed.send(GalMatch, reference_ids=reference_ids)
