"""Votes moved from a candidate to the neighbour that changes in its place."""

from dataclasses import dataclass, replace

from exposures.errors import GalprojectError
from photometry.models import GalReference, GalSource
from variables.models import (
    CampaignObject,
    GalChangePosition,
    GalUnblinding,
    TaxonomyClass,
)

# Of the decision on the neighbour, after the key of that on the candidate.
MOVED_KEY = ">"
BLENDS = ("artifact-blend", "blend")


class MoveError(GalprojectError):
    """A vote that can't be moved."""


@dataclass(frozen=True)
class VotedSource:
    """A source that is no candidate, as far as a vote on it needs."""

    pk: int
    ra: float  # ICRS degrees
    dec: float
    filter: str
    is_unblinded: bool  # whether the voter has seen others' votes on it


def with_moves(inputs, classes):
    """DecisionInputs with two in place of each that is moved.

    The candidate is marked as a blend, and the vote is for the neighbour; both are taken back
    together. ``classes`` are those of the taxonomy by their paths. Raises MoveError where the
    neighbour is none of those that the candidate's change may be of.
    """
    moved = [one for one in inputs if one.moved_to is not None]
    if not moved:
        return inputs
    rows = GalChangePosition.objects.in_bulk([one.refsource_id for one in moved])
    for one in moved:
        row = rows.get(one.refsource_id)
        near = {pk for pk, *_ in row.neighbours[1:]} if row else ()
        if one.moved_to not in near:
            raise MoveError(
                f"Source {one.moved_to} is no neighbour of candidate {one.refsource_id} any more. "
                "Load the page again"
            )
    blend = blend_of(classes)
    return [part for one in inputs for part in _parts(one, blend)]


def _parts(one, blend):
    if one.moved_to is None:
        return [one]
    batch = one.shown.get("batch") or one.key or f"{one.refsource_id}>{one.moved_to}"
    of_candidate = {**one.shown, "batch": batch, "moved_to": str(one.moved_to)}
    of_neighbour = {**one.shown, "batch": batch, "moved_from": str(one.refsource_id)}
    return [
        replace(one, choice=blend, comment="", moved_to=None, shown=of_candidate),
        replace(
            one,
            refsource_id=one.moved_to,
            moved_to=None,
            key=one.key and one.key + MOVED_KEY,
            shown=of_neighbour,
        ),
    ]


def blend_of(classes) -> str:
    """The path of the class of blends, of {path: class}, or else of artifacts of any kind."""
    artifacts = {k: c for k, c in classes.items() if c.kind == TaxonomyClass.Kind.ARTIFACT}
    blends = (path for path, one in artifacts.items() if one.slug in BLENDS)
    top = (path for path, one in artifacts.items() if one.parent_id is None)
    path = next(blends, None) or next(top, None)
    if path is None:
        raise MoveError("This taxonomy has no class of artifacts, so that no vote can be moved")
    return path


def moved_keys(keys) -> list[str]:
    """Keys of decisions, and of those on neighbours that go with them."""
    return [*keys, *(key + MOVED_KEY for key in keys)]


def sources_of(user, refsource_ids) -> dict[int, VotedSource]:
    """Sources of catalogues by their ids that are no candidates, for a user's votes."""
    sources = GalSource.objects.filter(refsource_id__in=list(refsource_ids), is_reference=True)
    rows = list(sources.values_list("refsource_id", "ra", "dec", "galimage_id"))
    images = {row[3] for row in rows}
    references = GalReference.objects.filter(image__in=images)
    filters = dict(references.values_list("image_id", "image__exposure__filter"))
    going_on = CampaignObject.objects.going_on().filter(refsource_id__in=list(refsource_ids))
    seen = GalUnblinding.objects.filter(
        user=user, refsource_id__in=going_on.values("refsource_id")
    ).values_list("refsource_id", flat=True)
    unblinded = set(seen)
    return {
        pk: VotedSource(pk, ra, dec, filters[image], pk in unblinded)
        for pk, ra, dec, image in rows
        if image in filters
    }


def outside_of(campaign, refsource_ids) -> set[int]:
    """Ids of those that are not in a campaign."""
    there = campaign.objects_in.filter(refsource_id__in=refsource_ids)
    return set(refsource_ids) - set(there.values_list("refsource_id", flat=True))
