"""What people said of a source carried along when another takes its place.

A reference that is made again gives its sources new ids. Which of them is the same star and filter
is told by ``photometry.crossmatch.joins``, where it can't be mistaken; here follow votes, flags and
campaigns.
"""

from django.db import connection, transaction

from variables.derived.refresh import refresh_candidates
from variables.models import CampaignObject, GalDecision, GalFlag, GalSuccession
from variables.votes.consensus import update_consensus

SAID_OF = "SELECT DISTINCT refsource_id FROM {table} WHERE refsource_id = ANY(%s::bigint[])"
MOVE = """
UPDATE {table} t SET refsource_id = p.new
FROM unnest(%s::bigint[], %s::bigint[]) AS p(old, new) WHERE t.refsource_id = p.old
"""
# Who has seen others' votes on a source has seen those on the one in its place.
REPEAT_UNBLINDINGS = """
INSERT INTO galunblindings (user_id, refsource_id, time)
SELECT u.user_id, p.new, u.time
FROM galunblindings u JOIN unnest(%s::bigint[], %s::bigint[]) AS p(old, new)
  ON p.old = u.refsource_id
ON CONFLICT DO NOTHING
"""
# An object is once in a campaign.
UNLESS_THERE = """
AND NOT EXISTS (
    SELECT FROM galcampaignobjects o WHERE o.campaign_id = t.campaign_id AND o.refsource_id = p.new
)
"""


@transaction.atomic
def carry_along(old, new) -> int:
    """Give sources ``new`` what hangs on ``old``, arrays of ids; how many had anything.

    Flags and places in campaigns move. Decisions are only ever added: each that stands is
    repeated on the new source, and the earlier one undone, so that it counts once. Somebody who
    has voted on the new source already keeps that vote.
    """
    place = _of_those_said(dict(zip(old.tolist(), new.tolist(), strict=True)))
    if not place:
        return 0
    _repeat_decisions(place)
    with connection.cursor() as cursor:
        columns = [list(place), list(place.values())]
        cursor.execute(MOVE.format(table="galflags"), columns)
        cursor.execute(MOVE.format(table="galcampaignobjects") + UNLESS_THERE, columns)
        cursor.execute(REPEAT_UNBLINDINGS, columns)
    GalSuccession.objects.bulk_create(
        [GalSuccession(old_refsource_id=a, new_refsource_id=b) for a, b in place.items()],
        ignore_conflicts=True,
    )
    _bring_up_to_date(place)
    return len(place)


def _of_those_said(place):
    """Of {old: new}, those on which a decision, a flag or a campaign hangs."""
    ids, found = f"{{{','.join(map(str, place))}}}", set()
    with connection.cursor() as cursor:
        for model in (GalDecision, GalFlag, CampaignObject):
            cursor.execute(SAID_OF.format(table=model._meta.db_table), [ids])
            found.update(pk for (pk,) in cursor.fetchall())
    return {pk: place[pk] for pk in sorted(found)}


def _repeat_decisions(place):
    standing = GalDecision.objects.filter(refsource_id__in=place, undone_by=None)
    standing = standing.exclude(action=GalDecision.Action.UNDO).order_by("pk")
    votes = GalDecision.objects.votes_standing().filter(refsource_id__in=place.values())
    voted = set(votes.values_list("user_id", "refsource_id"))
    rows = [row for row in standing if (row.user_id, place[row.refsource_id]) not in voted]
    GalDecision.objects.bulk_create(_repeated(row, place[row.refsource_id]) for row in rows)
    GalDecision.objects.bulk_create(_undone(row) for row in rows)


# What the keys of carried decisions begin with; no browser names its own so.
CARRIED_KEY = "carried-"
COMMON = ("ra", "dec", "filter", "user_id", "campaign_id")


def _repeated(row, refsource_id):
    return GalDecision(
        **{name: getattr(row, name) for name in (*COMMON, "action", "choice_id", "comment")},
        refsource_id=refsource_id,
        how=GalDecision.How.CARRIED,
        shown={**row.shown, "carried_from": row.pk},
        key=f"{CARRIED_KEY}{row.pk}",
    )


def _undone(row):
    return GalDecision(
        **{name: getattr(row, name) for name in COMMON},
        refsource_id=row.refsource_id,
        action=GalDecision.Action.UNDO,
        undoes=row,
        how=GalDecision.How.CARRIED,
    )


def _bring_up_to_date(place):
    """Derive anew what candidates show of flags and votes."""
    flagged = GalFlag.objects.filter(refsource_id__in=place.values())
    if ids := list(flagged.values_list("refsource_id", flat=True).distinct()):
        refresh_candidates(refsource_ids=ids)
    update_consensus([*place, *place.values()])
