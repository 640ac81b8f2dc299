"""Exposures entered in the database: one row each, and one for each of its chips."""

from pathlib import Path

from django.db import transaction

from exposures.chip import ExposureFacts
from exposures.errors import GalprojectError, InputFileError
from exposures.models import GalExposure, GalImage


@transaction.atomic
def ingest_exposure(facts: ExposureFacts, ccds=None) -> list[GalImage]:
    """Enter an exposure and its chips, or find them; ``ccds`` limits the chips by number.

    Raises InputFileError where another file was entered as this exposure, or no chip is left.
    """
    exposure = _exposure(facts)
    chosen = [c for c in facts.chips if ccds is None or c.ccdnum in ccds]
    if not chosen:
        present = ", ".join(str(c.ccdnum) for c in facts.chips)
        raise InputFileError(
            facts.image_path,
            "it has none of the chips that were asked for",
            f"Choose --ccds from those it has: {present}",
        )
    return [
        GalImage.objects.update_or_create(
            exposure=exposure,
            ccdnum=entry.ccdnum,
            defaults={"chip_name": entry.name, "hdu": entry.hdu},
        )[0]
        for entry in chosen
    ]


def _exposure(facts):
    exposure, created = GalExposure.objects.get_or_create(
        instrument=facts.instrument, identifier=facts.identifier, defaults=_columns(facts)
    )
    if not created and exposure.image_path != str(facts.image_path):
        # A file that was moved is the same exposure; a second copy is somebody's mistake.
        if Path(exposure.image_path).exists():
            raise InputFileError(
                facts.image_path,
                f"exposure {facts.identifier} was entered before, from {exposure.image_path}",
                "Remove one of the two files, or process that one",
            )
        for name, value in _columns(facts).items():
            setattr(exposure, name, value)
        exposure.save()
    return exposure


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
        "image_path": str(facts.image_path),
        "weight_path": str(facts.weight_path or ""),
        "mask_path": str(facts.mask_path or ""),
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
