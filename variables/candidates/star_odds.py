"""Which star changes, with its odds, as exports and the API show it of candidates."""

import json
from collections.abc import Iterable, Iterator

from exposures.tables import batched
from variables.candidates.columns import Column
from variables.models import GalChangePosition
from variables.science.changed_star import Doubt

CANDIDATES_AT_ONCE, FIRST_CANDIDATES = 2000, 200  # the first are there soon
UNKNOWN = (None,) * 7
DIGITS = 4  # after the decimal point
NAMES = {
    Doubt.ONE_EPOCH: "one image",
    Doubt.MASKED: "masked pixels",
    Doubt.SECOND: "another change",
    Doubt.MOVES: "a star moved",
    Doubt.EDGE: "at the edge",
    Doubt.FAINT: "too faint",
}
# Exports have them, lists don't.
COLUMNS = (
    Column(
        "likeliest_star",
        "changes",
        "id of the source that changes most likely, this one or a neighbour; none: no place can be "
        "told, or none of those listed is likeliest",
    ),
    Column("likeliest_star_odds", "odds", "of likeliest_star, or of none of those listed", "", 4),
    Column("own_odds", "its own odds", "that it is this source that changes", "", 4),
    Column("odds_of_no_star", "odds of none", "that it is none of the sources listed", "", 4),
    Column(
        "star_odds",
        "odds of each",
        "[id, odds, significance of a change fitted there alone in sigma] of this source and its "
        "neighbours",
    ),
    Column(
        "star_doubts",
        "doubts",
        "what speaks against these odds: one image, masked pixels, another change, a star moved, "
        "at the edge, too faint",
    ),
    Column(
        "are_odds_trusted", "trusted", "nothing speaks against the odds, but for a single image"
    ),
)
MEANINGS = {column.name: column.meaning for column in COLUMNS}


def star_odds_columns(refsource_ids: Iterable[int]) -> dict[int, tuple]:
    """{id: values of COLUMNS in their order} of candidates; all None where none was fitted."""
    ids = list(refsource_ids)
    rows = GalChangePosition.objects.in_bulk(ids)
    return {pk: _columns(rows[pk]) if pk in rows else UNKNOWN for pk in ids}


def star_odds_texts(refsource_ids: Iterable[int]) -> dict[int, tuple]:
    """As ``star_odds_columns``, for files that hold numbers and texts: each one's odds as JSON."""
    return {
        pk: tuple(json.dumps(one) if isinstance(one, list) else one for one in columns)
        for pk, columns in star_odds_columns(refsource_ids).items()
    }


def with_star_odds(candidates: Iterable) -> Iterator:
    """The same candidates, each with its ``star_odds``, values of COLUMNS by their names."""
    for some in batched(candidates, CANDIDATES_AT_ONCE, FIRST_CANDIDATES):
        columns = star_odds_columns(candidate.pk for candidate in some)
        for candidate in some:
            candidate.star_odds = dict(zip(MEANINGS, columns[candidate.pk], strict=True))
        yield from some


def _columns(row):
    doubts = row.doubted
    return (
        row.likeliest_id,
        *(round(odds, DIGITS) for odds in (row.likeliest_odds, row.own_odds, row.odds_of_none)),
        [[pk, round(odds, DIGITS), round(sigma, 1)] for pk, odds, sigma in row.neighbours],
        ", ".join(name for doubt, name in NAMES.items() if doubt in doubts),
        not doubts & ~Doubt.ONE_EPOCH,
    )
