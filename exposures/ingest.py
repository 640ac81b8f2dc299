"""Exposures entered in the database: one row each, and one for each of its chips."""

from pathlib import Path

from django.db import transaction

from exposures.chip import ExposureFacts
from exposures.errors import GalprojectError, InputFileError
from exposures.models import GalExposure, GalImage


@transaction.atomic
def ingest_exposure(facts: ExposureFacts, ccds=None) -> list[GalImage]:
    """Enter an exposure and the chips of one of its files; ``ccds`` limits them by number.

    An exposure may come in one file or in several, each with other chips. Raises InputFileError
    where a chip was entered from another file that is still there, or no chip is left.
    """
    chosen = [c for c in facts.chips if ccds is None or c.ccdnum in ccds]
    if not chosen:
        present = ", ".join(str(c.ccdnum) for c in facts.chips)
        raise InputFileError(
            facts.image_path,
            "it has none of the chips that were asked for",
            f"Choose --ccds from those it has: {present}",
        )
    exposure, _ = GalExposure.objects.get_or_create(
        instrument=facts.instrument, identifier=facts.identifier, defaults=_columns(facts)
    )
    return [_ingest_chip(exposure, facts, entry) for entry in chosen]


def _ingest_chip(exposure, facts, entry):
    path = str(facts.image_path)
    known = GalImage.objects.filter(exposure=exposure, ccdnum=entry.ccdnum).first()
    # A file that was moved is the same chip; a second copy is somebody's mistake.
    if known and known.path != path and Path(known.path).exists():
        raise InputFileError(
            path,
            f"exposure {exposure.identifier} was entered before, from {known.path}",
            "Remove one of the two files, or process that one",
            hdu=entry.name,
        )
    image, _ = GalImage.objects.update_or_create(
        exposure=exposure,
        ccdnum=entry.ccdnum,
        defaults={"chip_name": entry.name, "hdu": entry.hdu, "path": path},
    )
    return image


def _columns(facts):
    return {
        "filter": facts.filter,
        "mjd": facts.mjd,
        "exposure_seconds": facts.exposure_seconds,
        "object_name": facts.object_name,
        "proposal": facts.proposal,
        "pipeline_version": facts.pipeline_version,
        "ra": facts.ra,
        "dec": facts.dec,
    }


def distinct(paths):
    """The paths without repetitions, and an error for each that is given twice."""
    seen, errors = {}, []
    for path in paths:
        resolved = Path(path).resolve()
        if resolved in seen:
            errors.append(GalprojectError(f"{path}: given twice. It is processed once"))
        seen.setdefault(resolved, Path(path))
    return list(seen.values()), errors
