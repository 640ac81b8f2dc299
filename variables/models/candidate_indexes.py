"""Indexes of candidates: for the orders of their lists, and for what is asked of them."""

from django.db import models
from django.db.models.lookups import Exact

SAMPLED_OF = 127  # one in as many is in the sample; a prime, which goes with no order of ids
IN_SAMPLE = models.Q(Exact(models.F("refsource_id") % SAMPLED_OF, 0))
# The columns of indexes by which lists are sorted, each before the id, by the indexes' names.
ORDERS = {
    "galcandidates_by_detections": ["n_detections"],
    "galcandidates_by_star": ["star_detections"],
    "galcandidates_by_in_filter": ["filter", "star_detections_in_filter"],
    "galcandidates_by_changes": ["n_changes"],
    "galcandidates_by_star_changes": ["star_changes"],
    "galcandidates_by_chip": ["ccdnum"],
    "galcandidates_by_filter": ["filter"],
    "galcandidates_by_epochs": ["n_epochs"],
    "galcandidates_mag": ["reference_mag"],
    "galcandidates_by_change": ["max_delta_mag"],
    "galcandidates_by_sigma": ["max_significance"],
    "galcandidates_by_last": ["last_mjd"],
    "galcandidates_by_rms": ["rms_mag"],
    "galcandidates_by_neumann": ["von_neumann"],
    "galcandidates_alarm": ["false_alarm"],
    "galcandidates_by_excess": ["excess_mag"],
    "galcandidates_by_known": ["known"],
    "galcandidates_by_cause": ["cause"],
    "galcandidates_by_votes": ["n_votes"],
}
# Columns of which not all candidates have a value, or one that is looked for; and what those are.
PARTIAL = {
    "galcandidates_by_period": (["period_days"], models.Q(period_days__isnull=False)),
    "galcandidates_by_colour": (["colour_mag"], models.Q(colour_mag__isnull=False)),
    "galcandidates_by_absolute": (["absolute_mag"], models.Q(absolute_mag__isnull=False)),
    "galcandidates_agreement": (["period_agreement"], ~models.Q(period_agreement="none")),
    "galcandidates_known_class": (["known_class"], models.Q(known_class__isnull=False)),
    "galcandidates_known_name": (["known_name"], models.Q(known_name__isnull=False)),
    "galcandidates_kind": (["kind", "star_detections"], ~models.Q(kind="changed")),
    "galcandidates_flagged": ([], models.Q(is_flagged=True)),
    "galcandidates_disputed": ([], models.Q(is_disputed=True)),
    "galcandidates_sample": ([], IN_SAMPLE),
}


def indexes_of_lists():
    """Indexes that end by the id, so that pages are found by key in both directions.

    They find what is asked for from a value to another, too.
    """
    whole = [
        models.Index(fields=[*columns, "refsource_id"], name=name)
        for name, columns in ORDERS.items()
    ]
    partial = [
        models.Index(fields=[*columns, "refsource_id"], condition=these, name=name)
        for name, (columns, these) in PARTIAL.items()
    ]
    return whole + partial
