"""Flags on trails of satellites and aeroplanes, in force until somebody undoes them."""

import numpy as np
from django.db import transaction
from django.db.models import Q

from exposures.models import GalImage
from variables.flags.proposals import is_same_region
from variables.models import Artifact, GalFlag
from variables.regions.coverage import area
from variables.science.artifacts import clipped

State = GalFlag.State


@transaction.atomic
def flag_trails(image: GalImage, trails) -> int:
    """Flag a search image's trails in place of those found before; returns how many.

    These flags are in force at once, since what moves across an image is no variable star. A trail
    at a place on which somebody has decided is left as they decided. The caller has to mark the
    changes again.
    """
    own = GalFlag.objects.filter(image=image, artifact=Artifact.TRAIL, made_by=None)
    is_decided = Q(decided_by__isnull=False)
    own.exclude(is_decided).delete()
    decided = [flag.region for flag in own.filter(is_decided)]
    flags = []
    for trail in trails:
        corners = clipped(trail.corners(), (image.height, image.width))
        region = np.round(corners, 2).ravel().tolist()
        if area(corners) >= 1 and not any(is_same_region(region, other) for other in decided):
            flags.append(_flag(image, trail, region))
    GalFlag.objects.bulk_create(flags)
    return len(flags)


def _flag(image, trail, region):
    (x0, y0), (x1, y1) = trail.ends
    return GalFlag(
        image=image,
        region=region,
        artifact=Artifact.TRAIL,
        reason=f"a trail from x {x0:.0f}, y {y0:.0f} to x {x1:.0f}, y {y1:.0f}, "
        f"{trail.fwhm:.0f} pixels wide, lit along {trail.lit:.0%} of it",
        group=f"{Artifact.TRAIL.label}, {image.exposure}"[:100],
        state=State.STANDING,
    )
