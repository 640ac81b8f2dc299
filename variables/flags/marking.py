"""Flags made, accepted, declined and undone, each marking its changes in the same transaction."""

from django.db import transaction
from django.utils import timezone

from exposures.errors import GalprojectError
from exposures.models import GalImage
from exposures.source_ids import catalogue_of
from photometry.models import GalReference
from variables.derived.refresh import refresh_candidates
from variables.models import GalFlag, GalFlagDecision
from variables.regions.coverage import candidates_inside, check_region, mark

State = GalFlag.State
# From which states a flag comes to each that somebody decides on.
BEFORE = {
    State.STANDING: (State.PROPOSED,),
    State.DECLINED: (State.PROPOSED,),
    State.UNDONE: (State.STANDING,),
}


class FlagError(GalprojectError):
    """A flag that can't be made, or can't be decided on any more."""


def flag_source(refsource_id, artifact, reason, user) -> GalFlag:
    """Flag a source as an artifact, on all images."""
    catalogue_id = catalogue_of(refsource_id)
    if not GalReference.objects.filter(pk=catalogue_id).exists():
        raise FlagError(f"There is no source {refsource_id}: its catalogue was removed")
    return _flag({"refsource_id": refsource_id}, artifact, reason, user)


@transaction.atomic
def flag_sources(artifacts, reason, user) -> list[GalFlag]:
    """Flag many sources at once, given as {refsource_id: artifact}; returns the new flags."""
    alike = GalFlag.objects.filter(refsource_id__in=artifacts)
    proposed = [flag for flag in alike.proposed() if artifacts[flag.refsource_id] == flag.artifact]
    accept_all([flag.pk for flag in proposed], user, reason)
    there = set(alike.standing().values_list("refsource_id", "artifact"))
    flags = GalFlag.objects.bulk_create(
        GalFlag(refsource_id=pk, artifact=artifact, reason=reason, made_by=user)
        for pk, artifact in artifacts.items()
        if (pk, artifact) not in there
    )
    _apply(flags)
    return flags


def flag_image(image, artifact, reason, user, region=None) -> GalFlag:
    """Flag all of an image, or a region given as a flat list of x, y in pixels."""
    where = {"image": image, "region": check_region(region, image)}
    return _flag(where, artifact, reason, user)


def accept(flag, user, reason="") -> GalFlag:
    """Accept a proposed flag."""
    return accept_all([flag.pk], user, reason)[0]


def decline(flag, user, reason="") -> GalFlag:
    """Decline a proposed flag, which is then not proposed again."""
    return decline_all([flag.pk], user, reason)[0]


def undo_flag(flag, user, reason="") -> GalFlag:
    """Undo a flag, which brings back what it hid."""
    return undo_all([flag.pk], user, reason)[0]


def accept_all(flag_ids, user, reason="") -> list[GalFlag]:
    """Accept proposed flags, all or none."""
    return _decide(flag_ids, State.STANDING, user, reason)


def decline_all(flag_ids, user, reason="") -> list[GalFlag]:
    """Decline proposed flags, all or none."""
    return _decide(flag_ids, State.DECLINED, user, reason)


def undo_all(flag_ids, user, reason="") -> list[GalFlag]:
    """Undo flags, all or none."""
    return _decide(flag_ids, State.UNDONE, user, reason)


def covering(image) -> list[GalFlag]:
    """The flags in force on an image."""
    return list(GalFlag.objects.standing().filter(image=image).order_by("pk"))


@transaction.atomic
def mark_changes(image) -> set[int]:
    """Set ``is_flagged`` of an image's changes by the flags in force; returns sources that differ.

    The pipeline calls it after it replaced an image's changes, because flags outlive them.
    """
    return mark(image, covering(image))


@transaction.atomic
def _flag(where, artifact, reason, user):
    """Make a flag, or accept the proposal that says the same."""
    if image := where.get("image"):
        _lock([image.pk])
    alike = GalFlag.objects.filter(artifact=artifact, **_same_target(where))
    if standing := alike.standing().first():
        return standing
    if proposed := alike.proposed().first():
        return accept(proposed, user, reason)
    flag = GalFlag.objects.create(**where, artifact=artifact, reason=reason, made_by=user)
    _apply([flag])
    return flag


def _same_target(where):
    """Lookups of flags on the same region or source, in which null is found by ``isnull``."""
    region = where.get("region")
    place = {"region__isnull": True} if region is None else {"region": region}
    return {**{k: v for k, v in where.items() if k != "region"}, **place}


@transaction.atomic
def _decide(flag_ids, state, user, reason):
    """Change the state of flags and mark again what they cover."""
    images = GalFlag.objects.filter(pk__in=flag_ids).exclude(image=None)
    _lock(images.values_list("image_id", flat=True))
    locked = GalFlag.objects.select_for_update(no_key=True, of=["self"])
    flags = locked.select_related("image", "decided_by")
    flags = list(flags.filter(pk__in=flag_ids).order_by("pk"))
    if len(flags) != len(set(flag_ids)):
        raise FlagError("A flag is not there any more: its image was removed. Load the page anew")
    moved = [flag for flag in flags if flag.state != state]
    decision = {"state": state, "decided_by": user, "decided": timezone.now()}
    decision["decision_reason"] = reason
    for flag in moved:
        _check(flag, state)
        for name, value in decision.items():
            setattr(flag, name, value)
    GalFlag.objects.filter(pk__in=[flag.pk for flag in moved]).update(**decision)
    GalFlagDecision.objects.bulk_create(
        GalFlagDecision(flag=flag, state=state, user=user, reason=reason) for flag in moved
    )
    if state != State.DECLINED:  # a proposal hid nothing
        _apply(moved)
    return flags


def _check(flag, state):
    if flag.state not in BEFORE[state]:
        who = f" by {flag.decided_by}" if flag.decided_by else ""
        raise FlagError(
            f"{flag} is {flag.state}{who} and can't become {state}. Make a new flag, if need be"
        )


def _lock(image_ids):
    """Lock the marking of images' changes, in the order in which the pipeline locks them."""
    locked = GalImage.objects.select_for_update(no_key=True).filter(pk__in=list(image_ids))
    list(locked.order_by("pk").values_list("pk", flat=True))


def _apply(flags):
    """Mark what these flags cover by all flags in force, and refresh the candidates there."""
    sources = {flag.refsource_id for flag in flags if flag.refsource_id is not None}
    images = {flag.image_id: flag.image for flag in flags if flag.image_id is not None}
    for image in images.values():
        sources |= mark_changes(image)
    for flag in flags:
        if flag.image_id is not None and flag.image.is_reference:
            inside = candidates_inside(flag.image, flag.region)
            sources.update(inside.values_list("pk", flat=True))
    if sources:
        refresh_candidates(refsource_ids=sorted(sources))
