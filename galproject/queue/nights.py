"""Nightly processing of new exposures of monitored fields."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from django.conf import settings

from exposures.archive import Archive, ArchiveExposure, Query, fetch, find
from exposures.errors import GalprojectError
from exposures.models import GalCheckpoint, GalExposure, GalField, GalImage, GalJob
from exposures.science.angles import wrap_ra
from exposures.steps import LogStep
from galproject.queue.asking import enqueue
from galproject.queue.runs import prepare
from galproject.queue.waiting import references_near

INSTRUMENT = "decam"


def last_night() -> date:
    """The last complete night, named as in the archive by the date of sunset in Chile."""
    return (datetime.now(UTC) - timedelta(days=1)).date()


def new_exposures(
    field: GalField, first: date, last: date, archive: Archive | None = None
) -> list[ArchiveExposure]:
    """Complete exposures of a field in the archive that were not entered yet."""
    found: dict[int | None, ArchiveExposure] = {}
    for name in field.filters or [""]:
        query = Query(
            first_night=first,
            last_night=last,
            region=(wrap_ra(field.ra), field.dec, field.radius),
            filter=name,
            proposal=field.proposal,
        )
        found |= {exposure.expnum: exposure for exposure in find(query, archive)}
    known = set(
        GalExposure.objects.filter(
            instrument=INSTRUMENT, identifier__in=[str(number) for number in found]
        ).values_list("identifier", flat=True)
    )
    return [e for n, e in found.items() if n and e.is_complete and str(n) not in known]


def expnums_to_fetch(first: date, last: date, archive: Archive | None = None) -> list[int]:
    """EXPNUMs of all new exposures of monitored fields."""
    fields = GalField.objects.filter(is_active=True)
    new = (e for field in fields for e in new_exposures(field, first, last, archive))
    return sorted({exposure.expnum for exposure in new if exposure.expnum is not None})


def fetch_and_enqueue(expnum: int, archive: Archive | None = None) -> list[GalJob]:
    """Fetch one exposure into its night's folder, enter it and enqueue it; the jobs.

    Without a reference of its field and filter it is only entered, which the log says. Raises
    GalprojectError if the archive lacks a part of it, or the file can't be used.
    """
    found = find(Query(expnums=(expnum,)), archive)
    if not found:
        raise GalprojectError(f"exposure {expnum} is not in the archive any more")
    (exposure,) = found
    folder = Path(settings.GALPROJECT_EXPOSURES) / (exposure.start[:10] or "unknown")
    plan = prepare([fetch(exposure, folder, archive=archive)])
    if plan.errors:
        raise plan.errors[0]
    images = GalImage.objects.filter(pk__in=plan.image_ids)
    entered = images[0].exposure
    if not references_near(entered).exists():
        GalCheckpoint.objects.create(
            exposure=entered,
            step=LogStep.ENTERED,
            level=GalCheckpoint.Level.WARNING,
            note=f"no reference in filter {entered.filter} here: choose one, then process this",
        )
        return []
    return enqueue(images, requested_by="each night")
