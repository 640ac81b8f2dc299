"""What is told of a candidate whose source the reference missed."""

from dataclasses import dataclass
from datetime import datetime

from exposures.models import GalExposure
from variables.models import GalNewSource


@dataclass(frozen=True)
class AddedSource:
    """When a source was added to its reference, and by what."""

    when: datetime
    by: str  # a person; empty for the pipeline
    exposures: tuple[GalExposure, ...]  # whose detections it was added by, in order of time


def added_source(refsource_id: int) -> AddedSource | None:
    """The AddedSource with an id; None if it is none."""
    source = GalNewSource.objects.added().filter(pk=refsource_id).first()
    if source is None or source.added is None:
        return None
    exposures = GalExposure.objects.filter(images__in=source.added_images).order_by("mjd")
    return AddedSource(source.added, source.added_by, tuple(exposures.distinct()))
