"""Transfer of votes, flags, comments and campaigns from a source to its replacement.

A reference that is made again gives its sources new ids. ``photometry.crossmatch`` finds which new
source is the same star in the same filter, where no other can be meant.
"""

from django.db import connection, transaction

from variables.derived.refresh import refresh_candidates
from variables.models import (
    CampaignObject,
    GalComment,
    GalDecision,
    GalFavourite,
    GalFlag,
    GalSuccession,
    GalTagging,
)
from variables.votes.consensus import update_consensus

ANNOTATIONS = (GalDecision, GalFlag, CampaignObject, GalComment, GalFavourite, GalTagging)
ANNOTATED = "SELECT DISTINCT refsource_id FROM {table} WHERE refsource_id = ANY(%s::bigint[])"
MOVE = """
UPDATE {table} t SET refsource_id = p.new
FROM unnest(%s::bigint[], %s::bigint[]) AS p(old, new) WHERE t.refsource_id = p.old
"""
# Whoever has seen others' votes on a source has seen them on the one that replaces it.
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
# A person's favourite, and a tag, is once on a candidate.
UNLESS_FAVOURITE = """
AND NOT EXISTS (
    SELECT FROM galfavourites o WHERE o.user_id = t.user_id AND o.refsource_id = p.new
)
"""
UNLESS_TAGGED = """
AND NOT EXISTS (
    SELECT FROM galtaggings o WHERE o.tag_id = t.tag_id AND o.refsource_id = p.new
)
"""
LEFT_BEHIND = "DELETE FROM {table} WHERE refsource_id = ANY(%s)"
# Lists of stars that have any of them.
MOVE_IN_LISTS = """
WITH pairs AS (SELECT * FROM unnest(%s::bigint[], %s::bigint[]) AS p(old, new))
UPDATE galstarlists l SET refsource_ids = ARRAY(
    SELECT DISTINCT coalesce(p.new, star)
    FROM unnest(l.refsource_ids) AS star LEFT JOIN pairs p ON p.old = star ORDER BY 1
)
WHERE EXISTS (SELECT FROM unnest(l.refsource_ids) AS star JOIN pairs p ON p.old = star)
"""


@transaction.atomic
def transfer_annotations(old, new) -> int:
    """Transfer votes, flags, comments and campaigns from sources ``old`` to ``new``, arrays of ids.

    They take their places in lists of stars, too.

    Returns the number of sources that had any. Flags, comments, tags and rows of campaigns are
    changed. Decisions are only ever added: each that holds is repeated on the new source, and the
    earlier one undone, so that it counts once. A person who has voted on the new source already
    keeps that vote.
    """
    with connection.cursor() as cursor:
        cursor.execute(MOVE_IN_LISTS, [old.tolist(), new.tolist()])
    new_of = _annotated(dict(zip(old.tolist(), new.tolist(), strict=True)))
    if not new_of:
        return 0
    _repeat_decisions(new_of)
    with connection.cursor() as cursor:
        columns = [list(new_of), list(new_of.values())]
        cursor.execute(MOVE.format(table="galflags"), columns)
        cursor.execute(MOVE.format(table="galcomments"), columns)
        cursor.execute(MOVE.format(table="galfavourites") + UNLESS_FAVOURITE, columns)
        cursor.execute(MOVE.format(table="galtaggings") + UNLESS_TAGGED, columns)
        cursor.execute(MOVE.format(table="galcampaignobjects") + UNLESS_THERE, columns)
        cursor.execute(MOVE.format(table="galnotices"), columns)
        for table in ("galfavourites", "galtaggings"):
            cursor.execute(LEFT_BEHIND.format(table=table), [list(new_of)])
        cursor.execute(REPEAT_UNBLINDINGS, columns)
    GalSuccession.objects.bulk_create(
        [GalSuccession(old_refsource_id=a, new_refsource_id=b) for a, b in new_of.items()],
        ignore_conflicts=True,
    )
    _bring_up_to_date(new_of)
    return len(new_of)


def _annotated(new_of):
    """The part of {old: new} whose sources have any of ANNOTATIONS."""
    ids, found = f"{{{','.join(map(str, new_of))}}}", set()
    with connection.cursor() as cursor:
        for model in ANNOTATIONS:
            cursor.execute(ANNOTATED.format(table=model._meta.db_table), [ids])
            found.update(pk for (pk,) in cursor.fetchall())
    return {pk: new_of[pk] for pk in sorted(found)}


def _repeat_decisions(new_of):
    standing = GalDecision.objects.filter(refsource_id__in=new_of, undone_by=None)
    standing = standing.exclude(action=GalDecision.Action.UNDO).order_by("pk")
    votes = GalDecision.objects.votes_standing().filter(refsource_id__in=new_of.values())
    voted = set(votes.values_list("user_id", "refsource_id"))
    rows = [row for row in standing if (row.user_id, new_of[row.refsource_id]) not in voted]
    GalDecision.objects.bulk_create(_repeated(row, new_of[row.refsource_id]) for row in rows)
    GalDecision.objects.bulk_create(_undone(row) for row in rows)


# What the keys of transferred decisions begin with; no browser gives such a key.
TRANSFERRED_KEY = "carried-"
COMMON = ("ra", "dec", "filter", "user_id", "campaign_id")
REPEATED = ("action", "choice_id", "period_days", "comment")


def _repeated(row, refsource_id):
    return GalDecision(
        **{name: getattr(row, name) for name in (*COMMON, *REPEATED)},
        refsource_id=refsource_id,
        how=GalDecision.How.TRANSFERRED,
        shown={**row.shown, "carried_from": row.pk},
        key=f"{TRANSFERRED_KEY}{row.pk}",
    )


def _undone(row):
    return GalDecision(
        **{name: getattr(row, name) for name in COMMON},
        refsource_id=row.refsource_id,
        action=GalDecision.Action.UNDO,
        undoes=row,
        how=GalDecision.How.TRANSFERRED,
    )


def _bring_up_to_date(new_of):
    """Derive flags and consensus of candidates again."""
    flagged = GalFlag.objects.filter(refsource_id__in=new_of.values())
    if ids := list(flagged.values_list("refsource_id", flat=True).distinct()):
        refresh_candidates(refsource_ids=ids)
    update_consensus([*new_of, *new_of.values()])
