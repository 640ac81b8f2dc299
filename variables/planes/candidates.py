"""Candidates on a plane, by the class that people agree on."""

import numpy as np

from exposures.source_ids import rank_of
from variables.models import GalCandidate
from variables.science.binned_statistics import UNKNOWN
from variables.votes.blindness import note_shown

MOST = 5000  # that are drawn: the most significant
BLIND, DISPUTED, NO_CLASS = "blind until you vote", "disputed", "no class yet"


def candidates_on(x, y, stars, user) -> dict:
    """The candidates among stars by class, for JSON: ``{"candidates", "n_candidates"}``.

    ``stars`` are the bins on the axes ``x`` and ``y`` of the stars of each catalogue, by its id.
    Of more than MOST candidates only the most significant are there, and those alone that have
    both statistics; ``n_candidates`` counts all that are accepted.
    """
    accepted = GalCandidate.objects.accepted().filter(catalogue__in=list(stars))
    shown = accepted.as_seen_by(user).select_related("consensus__parent")
    groups = {}
    candidates = list(shown.order_by("-max_significance", "pk")[:MOST])
    for candidate, place in zip(candidates, _places(candidates, x, y, stars), strict=True):
        if None not in place:
            groups.setdefault(_class_of(candidate), []).append((candidate.pk, *place))
    note_shown(user, [pk for rows in groups.values() for pk, *_ in rows])
    return {
        "candidates": [
            {"label": label, "kind": kind, "rows": rows}
            for (label, kind), rows in sorted(groups.items(), key=lambda group: -len(group[1]))
        ],
        "n_candidates": accepted.count(),
    }


def _places(candidates, x, y, stars):
    """The values of each candidate on both axes; None where one is not known, as of new sources."""
    bins = np.full((len(candidates), 2), UNKNOWN)
    for k, candidate in enumerate(candidates):
        rank, of_catalogue = rank_of(candidate.pk), stars[candidate.catalogue_id]
        if rank < min(map(len, of_catalogue)):
            bins[k] = [of_axis[rank] for of_axis in of_catalogue]
    values = (_values(axis, column) for axis, column in zip((x, y), bins.T, strict=True))
    return list(zip(*values, strict=True))


def _values(axis, bins):
    """Values at bins (n,), of as many digits as bins tell; None for UNKNOWN."""
    coordinates = axis.scale.values(bins).tolist()
    return [None if c != c else float(f"{axis.value(c):.5g}") for c in coordinates]


def _class_of(candidate):
    """The label of its class, or of the one that it is a subtype of, and the kind."""
    if not candidate.shows_class:
        return BLIND, ""
    if candidate.is_disputed:
        return DISPUTED, ""
    if candidate.consensus is None:
        return NO_CLASS, ""
    choice = candidate.consensus.parent or candidate.consensus
    return choice.label, choice.kind
