"""Statistics over all epochs, as candidates are derived from them."""

from dataclasses import dataclass

import numpy as np

from exposures.science.arrays import IntArray
from photometry.models import GalReference
from photometry.storage.by_catalogue import reference_places
from variables.derived.columns import columns_of
from variables.models import (
    CampaignObject,
    GalCandidate,
    GalVariability,
    StarList,
)
from variables.science.variability.options import VariabilityOptions


@dataclass(frozen=True)
class AllEpochs:
    """What statistics over all epochs say of sources; arrays (n,), NaN where they have none."""

    varies: np.ndarray  # bool: as few constant stars seem to
    false_alarm: np.ndarray  # share of constant stars that seem to vary as much
    excess_mag: np.ndarray  # scatter beyond the errors
    largest_sigma: np.ndarray  # largest deviation from the mean


def varying_sources(catalogue: GalReference, options: VariabilityOptions) -> IntArray:
    """Ids (n,), in order, of sources that are candidates whether an image shows a change or not.

    Those that vary by the ``options``, those that people chose for a list, and those that were
    candidates for either and that people have voted on since, or are to vote on.
    """
    of_catalogue = GalVariability.objects.in_catalogue(catalogue.pk)
    vary = of_catalogue.filter(false_alarm__lte=options.max_false_alarm)
    before = GalCandidate.objects.filter(catalogue=catalogue, kind=GalCandidate.Kind.VARIES)
    n_votes = dict(before.values_list("pk", "n_votes"))
    ids = {*vary.values_list("pk", flat=True), *(pk for pk, n in n_votes.items() if n)}
    if unsaid := n_votes.keys() - ids:
        # Asked of these alone: of all that campaigns are about it took longer than all the rest.
        asked = CampaignObject.objects.going_on().filter(refsource_id__in=unsaid)
        ids |= set(asked.values_list("refsource_id", flat=True))
    ids |= set(StarList.objects.sources_between(*catalogue.id_range))
    return np.array(sorted(_still_there(catalogue, ids)), "i8")


def _still_there(catalogue, ids):
    """Those of some ids that a catalogue has on its reference.

    New sources are candidates by their changes, and gone without them.
    """
    there = reference_places([catalogue], np.array(sorted(ids), "i8"))
    return set(there["refsource_id"].tolist())


def all_epochs_of(refsource_ids: IntArray, options: VariabilityOptions) -> AllEpochs:
    """The AllEpochs of sources (n,), in the order of their ids."""
    columns = ("false_alarm", "excess_mag", "deviation_sigma")
    false_alarm, excess, sigma = columns_of(GalVariability._meta.db_table, refsource_ids, columns)
    return AllEpochs(false_alarm <= options.max_false_alarm, false_alarm, excess, sigma)
