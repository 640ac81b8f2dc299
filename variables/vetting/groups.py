"""Whole groups of a contact sheet: voted on in one stroke, by who has seen their extremes.

A group is what changed for the same likely cause on the same chip and exposure: where an exposure
is at fault there are hundreds, and a look at the least and the most significant tells of all.
"""

from dataclasses import dataclass, field
from itertools import accumulate, chain, pairwise, zip_longest

from django.core import signing
from django.db import transaction
from django.db.models import Count, Max

from variables.models import GalCandidate, GalDecision
from variables.vetting.cards import tiles_of
from variables.vetting.decisions import DecisionInput, VettingError, decide_all
from variables.vetting.leases import lease, objects_left
from variables.vetting.shown import stamps_for, what_was_seen
from variables.votes.consensus import lock_candidates

LEAST = 20  # candidates that are left in a group; fewer are as soon looked at one by one
EXTREMES = 24  # of a group that are shown, half of either end
LOOKS = 4  # times as many are looked through for those that have a picture
SALT = "variables.vetting.groups.told"  # another where the token has other members
DECIDES = (GalDecision.Action.VOTE, GalDecision.Action.SKIP)  # not what takes these back
HOURS_SECONDS = 12 * 3600  # for how long a look at a group lasts


@dataclass(frozen=True)
class Group:
    """A group in a user's hand."""

    name: str
    n: int  # candidates that are left to the user
    after: int  # rank of its last
    tiles: list[dict]  # of its extremes, the least significant first
    token: str  # proof of which they are, and of which tiles were sent

    def as_json(self) -> dict:
        """The group without its tiles, for JSON."""
        return {"name": self.name, "n": self.n, "token": self.token}


@dataclass(frozen=True)
class GroupStroke:
    """A submitted vote on all of a group."""

    token: str
    choice: str  # slug of a class; of a subtype "artifact/artifact-quality"
    key: str  # of the browser's: taken, and taken back, together
    seen: dict[int, dict] = field(default_factory=dict)  # {refsource_id: what was shown of it}


def lease_group(campaign, user, n_tiles, after=0) -> Group | None:
    """Lease the next large group of rank above ``after`` to a user, whole; None if there is none.

    Groups of which no candidate has a picture are passed over.
    """
    n_tiles = min(n_tiles, EXTREMES)
    while named := _next_group(campaign, user, after):
        name, after = named
        objects = lease(_left(campaign, user).filter(group=name), user)
        tiles = _extremes(objects, n_tiles, stamps_for(campaign, user))
        # Another user may have taken most of it just now.
        if len(objects) >= LEAST and tiles:
            token = token_of(campaign, user, name, tiles, objects)
            return Group(name, len(objects), after, tiles, token)
    return None


def _left(campaign, user):
    """Objects for strokes: what is looked at for a check of a model is looked at singly."""
    return objects_left(campaign, user).filter(check_rank=None)


def _next_group(campaign, user, after):
    """Name and last rank of the next group in which enough is left to a user, or None."""
    left = _left(campaign, user).filter(rank__gt=after).order_by()
    groups = left.values("group").annotate(n=Count("pk"), last=Max("rank"))
    large = groups.filter(n__gte=LEAST).order_by("last")
    return large.values_list("group", "last").first()


def _extremes(objects, n, stamp_of):
    """Tiles of the least and the most significant that have a picture, the least first."""
    ids = [one.refsource_id for one in objects]
    ranked = GalCandidate.objects.filter(pk__in=ids).order_by("max_significance", "pk")
    places = {pk: k for k, pk in enumerate(ranked.values_list("pk", flat=True))}
    by_place = sorted((o for o in objects if o.refsource_id in places), key=_by(places))
    half = (len(by_place) + 1) // 2
    both_ends = chain(*zip_longest(by_place[:half], reversed(by_place[half:])))
    both_ends = [one for one in both_ends if one is not None]
    chosen = []
    for first in range(0, min(len(both_ends), LOOKS * n), n):
        chunk = tiles_of(both_ends[first : first + n], stamp_of)
        chosen += [tile for tile in chunk if tile["cutouts"]][: n - len(chosen)]
        if len(chosen) == n:
            break
    chosen.sort(key=lambda tile: places[int(tile["refsource_id"])])
    return [
        tile | {"extreme": "least" if places[int(tile["refsource_id"])] < half else "most"}
        for tile in chosen
    ]


def _by(places):
    return lambda one: places[one.refsource_id]


@transaction.atomic
def decide_group(user, campaign, stroke) -> list[GalDecision]:
    """Vote on all candidates of a group that were told to a user and are left; the new votes.

    What came free since, or was held by another request then, is not voted on. Those of the
    extremes that are not decided by themselves must have been seen. Each candidate gets a vote of
    its own that says that it came from this stroke. Raises VettingError if the group was not sent
    to the user, or an extreme was not seen.
    """
    name, extremes, told = read_token(user, campaign, stroke.token)
    seen = _seen(user, campaign, stroke, extremes)
    here = _left(campaign, user).filter(group=name, refsource_id__in=told)
    ids = list(here.values_list("refsource_id", flat=True))
    # What others decided meanwhile is seen under the lock, and left out.
    lock_candidates(ids, campaign, user)
    ids = here.filter(refsource_id__in=ids).values_list("refsource_id", flat=True)
    shown = {"lane": campaign.lane, "batch": stroke.key, "group": name, "extremes": len(extremes)}
    inputs = [
        DecisionInput(
            pk,
            choice=stroke.choice,
            how=GalDecision.How.GROUP,
            shown=shown | seen.get(pk, {}),
            key=f"{stroke.key}:{pk}",
        )
        for pk in ids
    ]
    return decide_all(user, inputs, campaign)


def token_of(campaign, user, name, tiles, objects) -> str:
    """A group that is sent to a user, of CampaignObjects and the tiles of its extremes, signed."""
    extremes = [int(tile["refsource_id"]) for tile in tiles]
    ids = sorted(one.refsource_id for one in objects)
    # Of one chip they lie near each other: the differences are short.
    steps = [after - before for before, after in pairwise([0, *ids])]
    return signing.dumps([campaign.pk, user.pk, name, extremes, steps], salt=SALT, compress=True)


def read_token(user, campaign, token) -> tuple[str, list[int], list[int]]:
    """Name of the group that was sent to a user, the ids of its extremes, and of all.

    Raises VettingError if it was another's, of another campaign, or long ago.
    """
    try:
        campaign_id, user_id, name, extremes, steps = signing.loads(
            token, salt=SALT, max_age=HOURS_SECONDS
        )
    except signing.BadSignature as error:
        raise VettingError("This group was not shown to you of late: look at it again") from error
    if (campaign_id, user_id) != (campaign.pk, user.pk):
        raise VettingError("This group was shown to somebody else, or in another campaign")
    return name, extremes, list(accumulate(steps))


def _seen(user, campaign, stroke, extremes):
    """{refsource_id: image and seconds} of the extremes that were not decided by themselves."""
    standing = campaign.decisions.filter(user=user, undone_by=None, refsource_id__in=extremes)
    decided = set(standing.filter(action__in=DECIDES).values_list("refsource_id", flat=True))
    return {
        pk: what_was_seen(user, campaign, pk, stroke.seen.get(pk, {}))
        for pk in extremes
        if pk not in decided
    }
