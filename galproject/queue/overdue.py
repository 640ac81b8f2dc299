"""Work that is to be done though no message says so: each day, and where a catalogue was loaded."""

from functools import partial
from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete, post_save

from exposures.models import GalPublishedCatalogue
from galproject.processing.calibration import uncalibrated_references
from galproject.processing.matches import references_in_use, unmatched_references
from galproject.processing.variability import overdue_catalogues
from galproject.queue.jobs import (
    send_calibrations,
    send_matches,
    send_motions,
    send_variability,
)
from photometry.models import GalReference


def send_overdue_variability() -> list[int]:
    """Enqueue the measurement of catalogues of which that was lost; their ids.

    A catalogue that is sent twice is measured once.
    """
    overdue = [catalogue.pk for catalogue in overdue_catalogues()]
    send_variability(overdue)
    return overdue


def send_unmatched() -> list[int]:
    """Enqueue the matching of all references that are to be matched; their ids.

    A published catalogue was loaded, or a message was lost, or its worker died. A reference that is
    sent twice is matched once.
    """
    references = [reference.pk for reference in unmatched_references(references_in_use())]
    send_matches(references)
    return references


def send_uncalibrated() -> list[int]:
    """Enqueue the calibration of fields that were matched since; a reference's id of each.

    A message was lost, or its worker died, or a field waits for a reference that is never matched:
    it is calibrated without. One that is sent twice is calibrated once.
    """
    references = uncalibrated_references()
    send_calibrations(references, wait=False)
    return references


def follow_published(instance: GalPublishedCatalogue, **_: Any) -> None:
    """Have references matched with a published catalogue that is in use now."""
    if instance.in_use:
        transaction.on_commit(partial(send_unmatched))


def follow_lost(**_: Any) -> None:
    """Have sources given other motions that had those of a published catalogue that is gone."""
    transaction.on_commit(partial(send_lost_motions))


def send_lost_motions() -> None:
    """Enqueue the motions of references that lost the stars of some; also those of before."""
    lost = GalReference.objects.filter(active=True, lost_motions=True).order_by("pk")
    send_motions(lost.values_list("pk", flat=True))


def install() -> None:
    """Follow up published catalogues from now on."""
    for signal, follow in ((post_save, follow_published), (post_delete, follow_lost)):
        signal.connect(follow, sender=GalPublishedCatalogue, dispatch_uid="published catalogues")
