"""Indexes of candidates: for the orders of their lists, and for what is asked of them."""

from django.db import models
from django.db.models.functions import Collate, Upper
from django.db.models.lookups import Exact

SAMPLED_OF = 127  # one in as many is in the sample; a prime, which goes with no order of ids
IN_SAMPLE = models.Q(Exact(models.F("refsource_id") % SAMPLED_OF, 0))
# Whatever its case, in an order in which those that begin alike follow one another.
KNOWN_CLASS = Collate(Upper("known_class"), "C")
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
    "galcandidates_by_first": ["first_mjd"],
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
    "galcandidates_known_name": (["known_name"], models.Q(known_name__isnull=False)),
    "galcandidates_kind": (["kind", "star_detections"], ~models.Q(kind="changed")),
    "galcandidates_flagged": ([], models.Q(is_flagged=True)),
    "galcandidates_disputed": ([], models.Q(is_disputed=True)),
}
# What filters ask for, which the indexes of the sample have beside the id: they are read like small
# tables, while the candidates themselves are each on a page of their own. PostgreSQL's indexes have
# 32 columns at most, so that lists in one filter have an index of their own.
OF_SAMPLE = (
    *("kind", "catalogue", "filter", "ccdnum", "ra", "dec", "is_flagged", "varies"),
    *("n_detections", "n_changes", "object_id", "object_part", "star_sources", "cause"),
    *("reference_mag", "max_delta_mag", "max_significance", "excess_mag", "false_alarm"),
    *("period_days", "period_agreement", "colour_mag", "absolute_mag", "known", "known_class"),
    *("consensus", "is_disputed", "n_votes"),
)
SAMPLES = {
    "galcandidates_sample": ["star_detections", "star_changes"],
    "galcandidates_in_filter": ["star_detections_in_filter", "star_changes_in_filter"],
}
# Candidates with votes, of which more are needed; they are read without their pages, too.
UNDECIDED = models.Q(n_votes__gt=0, consensus__isnull=True, is_disputed=False)


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
    samples = [
        models.Index(
            fields=["refsource_id"],
            include=[*OF_SAMPLE, *of_stars],
            condition=IN_SAMPLE,
            name=name,
        )
        for name, of_stars in SAMPLES.items()
    ]
    undecided = models.Index(
        fields=["refsource_id"],
        include=[*OF_SAMPLE, *SAMPLES["galcandidates_sample"]],
        condition=UNDECIDED,
        name="galcandidates_undecided",
    )
    known_class = models.Index(
        KNOWN_CLASS,
        "refsource_id",
        condition=models.Q(known_class__isnull=False),
        name="galcandidates_known_class",
    )
    return [*whole, *partial, *samples, undecided, known_class]
