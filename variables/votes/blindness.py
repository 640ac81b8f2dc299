"""Blind votes: whoever was shown others' votes, or a model's, may not vote in an open campaign.

Visibility is decided by ``GalCandidate.objects.as_seen_by`` and ``GalDecision.objects.visible_to``.
"""

from django.db import connection
from django.db.models import Exists, OuterRef
from django.utils import timezone

from variables.models import CampaignObject, GalUnblinding

# Candidates of campaigns that go on, on which a vote of somebody stands and there is more to be
# seen; without those of which that is recorded since the campaign began, as more is never asked.
# Steps leave few rows for the next: people have some 100,000 votes. Which of them a campaign has is
# looked up in the order of the index of its objects, without these themselves.
NOTE = """
WITH going_on AS MATERIALIZED (
    SELECT id, created, shows_scores FROM galcampaigns WHERE closed IS NULL
),
own AS MATERIALIZED (
    SELECT d.id, d.user_id, d.refsource_id, d.time
    FROM galdecisions d
    WHERE d.user_id = %(user)s AND d.action = 'vote'
      AND d.time >= (SELECT min(created) FROM going_on)
      AND (%(ids)s::bigint[] IS NULL OR d.refsource_id = ANY(%(ids)s::bigint[]))
      AND NOT EXISTS (
          SELECT FROM galunblindings n
          WHERE n.user_id = d.user_id AND n.refsource_id = d.refsource_id
            AND n.time >= (SELECT max(created) FROM going_on)
      )
),
blind AS MATERIALIZED (
    SELECT d.*, c.created, c.shows_scores
    FROM going_on c CROSS JOIN LATERAL (
        SELECT refsource_id FROM galcampaignobjects
        WHERE campaign_id = c.id
          AND refsource_id = ANY(ARRAY(SELECT refsource_id FROM own ORDER BY refsource_id))
        OFFSET 0
    ) o
    JOIN own d ON d.refsource_id = o.refsource_id AND d.time >= c.created
)
INSERT INTO galunblindings (user_id, refsource_id, time)
SELECT DISTINCT d.user_id, d.refsource_id, %(now)s::timestamptz
FROM blind d
WHERE NOT EXISTS (SELECT FROM galdecisions u WHERE u.undoes_id = d.id)
  AND {seen}
  AND NOT EXISTS (
      SELECT FROM galunblindings n
      WHERE n.user_id = d.user_id AND n.refsource_id = d.refsource_id AND n.time >= d.created
  )
ON CONFLICT (user_id, refsource_id) DO UPDATE SET time = excluded.time
"""
# What others said, by votes and beside them; and what a model says, where the campaign doesn't show
# it before.
OTHERS = """
(EXISTS (
    SELECT FROM galdecisions e
    WHERE e.refsource_id = d.refsource_id AND e.user_id <> d.user_id
      AND e.action IN ('vote', 'comment')
      AND NOT EXISTS (SELECT FROM galdecisions u WHERE u.undoes_id = e.id)
)
OR EXISTS (
    SELECT FROM galcomments e
    WHERE e.refsource_id = d.refsource_id AND e.user_id <> d.user_id
)
OR EXISTS (
    SELECT FROM galtaggings e JOIN galtags t ON t.id = e.tag_id
    WHERE e.refsource_id = d.refsource_id AND e.user_id <> d.user_id AND t.owner_id IS NULL
))
"""
MODEL = "NOT d.shows_scores"


def note_shown(user, refsource_ids=None):
    """Record that a user is shown others' votes on these candidates, or on all they may see."""
    _note(OTHERS, user, None if refsource_ids is None else list(refsource_ids))


def note_score_shown(user, refsource_ids):
    """Record that a user is shown what a model says of these candidates."""
    if ids := list(refsource_ids):
        _note(MODEL, user, ids)


def _note(seen, user, ids):
    if user is None or not user.pk:
        return
    with connection.cursor() as cursor:
        values = {"user": user.pk, "ids": ids, "now": timezone.now()}
        cursor.execute(NOTE.format(seen=seen), values)


def unblinded(user):
    """A condition on candidates: the user has seen others' votes on it in an open campaign."""
    going_on = CampaignObject.objects.going_on().filter(
        refsource_id=OuterRef("refsource_id"), campaign__created__lte=OuterRef("time")
    )
    seen = GalUnblinding.objects.filter(user=user, refsource_id=OuterRef("pk"))
    return Exists(seen.filter(Exists(going_on)))
