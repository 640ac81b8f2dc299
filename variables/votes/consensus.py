"""The consensus on candidates, derived from the votes that were not undone."""

import numpy as np
from django.db import connection, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from exposures.options_in_force import options_in_force
from variables.models import GalCandidate
from variables.science.consensus import agreed_period, consensus_of
from variables.votes.blindness import unblinded
from variables.votes.class_notices import TELL_OF_CLASSES

BATCH = 5000
# The last vote of each person on each candidate that was not undone: the class, its parent's id
# where it is a subtype, and the votes that the most demanding of its campaigns wants.
CURRENT = """
SELECT DISTINCT ON (d.refsource_id, d.user_id) d.refsource_id, k.parent_id, k.id, d.period_days, (
    SELECT max(c.votes_wanted)
    FROM galcampaignobjects o JOIN galcampaigns c ON c.id = o.campaign_id
    WHERE o.refsource_id = d.refsource_id
)
FROM galdecisions d LEFT JOIN galdecisions u ON u.undoes_id = d.id
JOIN galclasses k ON k.id = d.choice_id
WHERE d.action = 'vote' AND u.id IS NULL AND d.refsource_id = ANY(%s)
ORDER BY d.refsource_id, d.user_id, d.id DESC
"""
FREQUENCY_ERRORS = """
SELECT refsource_id, error_days / days ^ 2 FROM galperiods
WHERE rank = 1 AND refsource_id = ANY(%s)
"""
STORE = f"""
WITH stored AS (
    UPDATE galcandidates c SET consensus_id = v.choice, n_votes = v.n, is_disputed = v.disputed,
      agreed_period_days = v.period, agreed_period_err = v.error
    FROM unnest(
        %(ids)s::bigint[], %(choices)s::bigint[], %(n_votes)s::smallint[],
        %(disputed)s::boolean[], %(periods)s::float8[], %(errors)s::float8[]
    ) AS v(refsource_id, choice, n, disputed, period, error)
    JOIN galcandidates o ON o.refsource_id = v.refsource_id
    WHERE c.refsource_id = v.refsource_id
      AND (c.consensus_id, c.n_votes, c.is_disputed, c.agreed_period_days, c.agreed_period_err)
      IS DISTINCT FROM (v.choice, v.n, v.disputed, v.period, v.error)
    RETURNING c.refsource_id, c.consensus_id AS choice_id, o.consensus_id AS before_id
),
changed AS (
    SELECT refsource_id, choice_id FROM stored WHERE choice_id IS DISTINCT FROM before_id
),
{TELL_OF_CLASSES}
"""


def lock_candidates(refsource_ids, campaign=None, voter=None) -> dict[int, GalCandidate]:
    """Lock candidates against other votes until the transaction ends.

    With a ``voter`` each has ``is_unblinded``: whether the voter has seen others' votes on it.
    """
    locked = GalCandidate.objects.select_for_update(no_key=True, of=["self"])
    if voter is not None:
        locked = locked.annotate(is_unblinded=unblinded(voter))
    if campaign is not None:
        here = campaign.objects_in.filter(refsource_id=OuterRef("pk"))
        locked = locked.filter(Exists(here))
    # In one order everywhere, so that nobody waits for each other.
    return {c.pk: c for c in locked.filter(pk__in=refsource_ids).order_by("pk")}


def update_consensus(refsource_ids, by=None):
    """Lock candidates and derive their consensus again, after what the user ``by`` did."""
    ids = sorted(set(refsource_ids))
    for first in range(0, len(ids), BATCH):
        with transaction.atomic():
            store_consensus(lock_candidates(ids[first : first + BATCH]), by)


def store_consensus(refsource_ids, by=None):
    """Derive and store the consensus of candidates that are already locked.

    Whom a new class concerns is told of it, but for the user ``by`` whose vote it comes from.
    """
    ids = list(refsource_ids)
    ballots, periods, wanted = {pk: [] for pk in ids}, {pk: [] for pk in ids}, {}
    with connection.cursor() as cursor:
        cursor.execute(CURRENT, [ids])
        for pk, parent, choice, period, most in cursor.fetchall():
            ballots[pk].append((choice,) if parent is None else (parent, choice))
            periods[pk].append(np.nan if period is None else period)
            wanted[pk] = most
        options = options_in_force().consensus
        found = [consensus_of(ballots[pk], wanted.get(pk) or 1, options) for pk in ids]
        agreed = [
            _agreed(one, ballots[pk], periods[pk], options)
            for pk, one in zip(ids, found, strict=True)
        ]
        errors = _frequency_errors(cursor, ids) if any(agreed) else {}
        columns = {
            "ids": ids,
            "choices": [one.choice[-1] if one.choice else None for one in found],
            "n_votes": [one.n_votes for one in found],
            "disputed": [one.is_disputed for one in found],
            "periods": [one and one.days for one in agreed],
            "errors": [
                one and _error(one, errors.get(pk)) for pk, one in zip(ids, agreed, strict=True)
            ],
        }
        cursor.execute(STORE, columns | {"by": by and by.pk, "now": timezone.now()})


def _frequency_errors(cursor, refsource_ids):
    """{refsource_id: error in cycles a day} of sources with stored periods."""
    cursor.execute(FREQUENCY_ERRORS, [refsource_ids])
    return dict(cursor.fetchall())


def _error(period, frequency_error):
    """The error of an AgreedPeriod in days, of its votes and its light curves; None if unknown.

    By the error in cycles a day of the likeliest period that is stored: that of another one of the
    same light curves is about the same.
    """
    of_curves = np.nan if frequency_error is None else frequency_error * period.days**2
    error = float(np.fmax(period.scatter, of_curves))
    return error if np.isfinite(error) else None


def _agreed(consensus, ballots, periods, options):
    """The AgreedPeriod of those who voted for the class of a Consensus; None without one."""
    if not consensus.choice:
        return None
    depth = len(consensus.choice)
    chose = [ballot[:depth] == consensus.choice for ballot in ballots]
    of_class = [period for period, did in zip(periods, chose, strict=True) if did]
    return agreed_period(of_class, options)
