"""The cross-matched objects of candidates, as exports and the API show them."""

from photometry.querysets.objects import MatchKind, matches_of

NOT_MATCHED = None, None, None
NAMES = {
    MatchKind.GONE: "gone",
    MatchKind.SINGLE: "single",
    MatchKind.ONE_TO_ONE: "one-to-one",
    MatchKind.DOUBTFUL: "doubtful",
    MatchKind.BLEND: "blend",
}


def object_columns(refsource_ids) -> dict[int, tuple]:
    """(object id, kind, magnitudes in other filters as text) by source; None if not matched yet."""
    found = matches_of(refsource_ids)
    return {pk: _columns(pk, found[pk]) if pk in found else NOT_MATCHED for pk in refsource_ids}


def _columns(refsource_id, match):
    own = next((m for m in match.members if m.refsource_id == refsource_id), None)
    others = match.in_other_filters(own.filter) if own else list(match.members)
    mags = " ".join(f"{m.filter} {m.mag:.3f}" for m in sorted(others, key=lambda m: m.filter))
    return match.object_id, NAMES[match.kind], mags
