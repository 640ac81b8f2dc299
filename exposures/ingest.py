"""Entry of exposures in the database: one row each, and one for each chip."""

import os
from pathlib import Path

from django.db import DataError, IntegrityError, transaction

from exposures.chip import ExposureFacts
from exposures.duplicates import check_is_no_other, lock_entries
from exposures.errors import GalprojectError, InputFileError
from exposures.fits import DEFAULTS, InputOptions
from exposures.fits.boundary import reading
from exposures.fits.source_files import archive_version
from exposures.models import GalExposure, GalImage

# What all cameras were called that had no reader of their own.
FORMER_TRIPLETS, FORMER_IMAGES = "decam", "plain"
SAME_TIME_DAYS = 1 / 86400  # files of one exposure give its time alike


def ingest_exposure(
    facts: ExposureFacts, ccds=None, options: InputOptions = DEFAULTS
) -> list[GalImage]:
    """Enter an exposure and the chips of one of its files; ``ccds`` limits them by number.

    An exposure may come in one file or in several, each with other chips. Raises InputFileError
    where a chip was entered from another file that is still there, where the exposure was
    entered under another number or name, or no chip is left.
    """
    chosen = [c for c in facts.chips if ccds is None or c.ccdnum in ccds]
    if not chosen:
        present = ", ".join(str(c.ccdnum) for c in facts.chips)
        raise InputFileError(
            facts.image_path,
            "it has none of the chips that were asked for",
            f"Choose --ccds from those it has: {present}",
        )
    try:
        with transaction.atomic():
            lock_entries(facts.instrument)
            exposure = _ingest_facts(facts, options)
            return [_ingest_chip(exposure, facts, entry) for entry in chosen]
    except (DataError, IntegrityError, UnicodeEncodeError) as error:
        raise InputFileError(
            facts.image_path,
            f"its name or its header doesn't fit the tables ({str(error).splitlines()[0]})",
            "Shorten the name, or mend the header",
        ) from error


def _ingest_facts(facts, options):
    """The exposure's row, updated if its header was corrected since."""
    name = {"instrument": facts.instrument, "identifier": facts.identifier}
    exposure = GalExposure.objects.filter(**name).first() or _under_former_name(facts)
    if exposure is None:
        check_is_no_other(GalExposure(**name), facts, options)
        exposure = GalExposure.objects.create(**name, **_columns(facts))
    elif _entered_from(exposure, facts.image_path):
        if exposure.mjd != facts.mjd:
            check_is_no_other(exposure, facts, options)
        _update(exposure, _columns(facts))
    elif abs(exposure.mjd - facts.mjd) > SAME_TIME_DAYS:
        raise InputFileError(
            facts.image_path,
            f"another exposure is called {exposure.identifier}, taken at MJD {exposure.mjd:.5f}",
            "Give this file another name",
        )
    elif not any(map(os.path.exists, _paths(exposure))):
        # Another version of a file that is gone.
        _update(exposure, _columns(facts))
    return exposure


def _entered_from(exposure, path):
    """Whether all chips of an exposure were entered from this file."""
    return all(_is_same_file(known, path) for known in _paths(exposure))


def _paths(exposure):
    return exposure.images.values_list("path", flat=True).distinct()


def _under_former_name(facts):
    """The exposure of this file if it was entered before cameras had their own names.

    It gets its camera's name.
    """
    former = FORMER_TRIPLETS if facts.is_triplet else FORMER_IMAGES
    if facts.instrument == former:
        return None
    exposure = GalExposure.objects.filter(instrument=former, identifier=facts.identifier).first()
    paths = exposure.images.values_list("path", flat=True).distinct() if exposure else ()
    is_same = paths and all(_is_same_file(known, facts.image_path) for known in paths)
    was_moved = paths and not any(Path(known).exists() for known in paths)
    is_then = exposure and abs(exposure.mjd - facts.mjd) <= SAME_TIME_DAYS
    if not (is_same or (was_moved and is_then)):
        return None
    _update(exposure, {"instrument": facts.instrument})
    return exposure


def _ingest_chip(exposure, facts, entry):
    # From whatever folder the next command is run.
    path = str(facts.image_path.absolute())
    known = GalImage.objects.filter(exposure=exposure, ccdnum=entry.ccdnum).first()
    # A file that was moved is the same chip; a second copy is somebody's mistake.
    if known and Path(known.path).exists() and not _is_same_file(known.path, path):
        raise InputFileError(
            path,
            f"exposure {exposure.identifier} was entered before, from {known.path}",
            _advice_on_two(Path(known.path), Path(path)),
            hdu=entry.name,
        )
    columns = {"chip_name": entry.name, "hdu": entry.hdu, "path": path}
    image, is_new = GalImage.objects.get_or_create(
        exposure=exposure, ccdnum=entry.ccdnum, defaults=columns
    )
    if not is_new:
        _update(image, columns)
    return image


def _advice_on_two(known, path):
    """The advice when two files of an exposure exist."""
    if archive_version(known) == archive_version(path):
        return "Remove one of the two files, or process that one"
    return "To have this version in its place, move that one and its siblings away"


def _update(row, columns):
    """Update the columns of a row that differ, without a lock if none does.

    Else whoever enters an exposure again would wait until its chips in work are stored.
    """
    changed = [name for name, value in columns.items() if getattr(row, name) != value]
    for name in changed:
        setattr(row, name, columns[name])
    if changed:
        row.save(update_fields=changed)


def _is_same_file(known, path):
    """Whether two paths lead to one file, by whatever links."""
    known, path = Path(known), Path(path)
    return known.exists() and path.exists() and known.samefile(path)


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
    """The distinct paths, and an error for each repeated one."""
    seen, errors = {}, []
    for path in paths:
        try:
            with reading(path, advice="Check the path, and the links in it"):
                resolved = Path(path).resolve()
        except InputFileError as error:
            errors.append(error)
            continue
        if resolved in seen:
            errors.append(GalprojectError(f"{path}: given twice. It is processed once"))
        seen.setdefault(resolved, Path(path))
    return list(seen.values()), errors
