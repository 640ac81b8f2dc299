"""Flags proposed by the pipeline, which hide nothing until somebody accepts them."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from django.db import transaction
from django.db.models import Q

from exposures.locks import Claimed, lock_to_end
from exposures.models import GalExposure
from exposures.options_in_force import options_in_force
from variables.flags.findings import Proposal, sources_at_fault, sources_that_changed
from variables.flags.survey_findings import findings
from variables.models import Artifact, GalFlag
from variables.regions.coverage import RegionError, check_region
from variables.science.artifacts import in_polygon

State = GalFlag.State


def propose(exposures: Sequence[GalExposure], progress=None) -> int:
    """Propose flags on exposures by the current options; returns how many are new.

    Proposals that were made before, declined or undone are not made again. What is found on some
    exposures, on a block of catalogues, or on a detector, is stored by itself; ``progress`` is told
    of each such part, by ``update(1)``, and of their number as its ``total``.
    """
    parts, n_new = findings(exposures, options_in_force().artifacts), 0
    if progress is not None:
        progress.reset(total=len(parts))
    for part in parts:
        n_new += store_proposals(part())
        if progress is not None:
            progress.update(1)
    return n_new


@transaction.atomic
def renew_reference_proposals(catalogue) -> int:
    """Propose again which sources of a reference are wrong after its set changed; returns how many.

    Undecided proposals that no longer hold are removed.
    """
    undecided = GalFlag.objects.proposed().filter(
        artifact=Artifact.REFERENCE, made_by=None, refsource_id__range=catalogue.id_range
    )
    undecided.delete()
    options = options_in_force().artifacts
    table = sources_that_changed([catalogue], options)
    return store_proposals(sources_at_fault([catalogue], table, options))


@transaction.atomic
def store_proposals(proposals: list[Proposal]) -> int:
    """Store the proposals that were neither made nor decided before."""
    if not proposals:
        return 0
    lock_to_end(Claimed.PROPOSALS, [0])  # one transaction at a time adds some
    known = KnownFlags(proposals)
    flags = []
    for proposal in proposals:
        flag = _flag(proposal)
        if flag is not None and not known.covers(flag):
            known.add(flag)
            flags.append(flag)
    GalFlag.objects.bulk_create(flags, batch_size=500)
    return len(flags)


def _flag(proposal):
    """The flag of a proposal; None if its region lies beside the chip."""
    region = proposal.region
    try:
        region = region and check_region(list(region), proposal.image)
    except RegionError:
        return None
    return GalFlag(
        image=proposal.image,
        region=region,
        refsource_id=proposal.refsource_id,
        artifact=proposal.artifact,
        reason=proposal.reason,
        group=proposal.group,
        state=State.PROPOSED,
    )


class KnownFlags:
    """The existing flags, in any state, on the images and sources of proposals."""

    def __init__(self, proposals):
        sources = {p.refsource_id for p in proposals if p.refsource_id is not None}
        images = {p.image.pk for p in proposals if p.image is not None}
        self.by_position = defaultdict(list)
        for flag in GalFlag.objects.filter(Q(refsource_id__in=sources) | Q(image__in=images)):
            self.add(flag)

    def add(self, flag):
        self.by_position[flag.image_id, flag.refsource_id].append(flag)

    def covers(self, flag):
        """Whether an existing flag says the same or covers the same place."""
        return any(
            (other.artifact == flag.artifact or other.state == State.STANDING)
            and is_same_region(flag.region, other.region)
            for other in self.by_position[flag.image_id, flag.refsource_id]
        )


def is_same_region(region, other) -> bool:
    """Whether the centre of one region lies in the other, where None means the whole chip."""
    if region is None or other is None:
        return other is None
    pairs = ((region, other), (other, region))
    return any(_holds(np.reshape(a, (-1, 2)), np.reshape(b, (-1, 2))) for a, b in pairs)


def _holds(corners, others):
    centre = others.mean(axis=0)[:, None]
    return bool(in_polygon(*centre, corners)[0])
