"""The pipeline from files to galvarobjs, the only code that uses every application."""

import logging
import os
import time
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import (
    InterfaceError,
    OperationalError,
    ProgrammingError,
    connection,
    transaction,
)
from django.utils import timezone

from exposures import made_from
from exposures.errors import GalprojectError, InputFileError
from exposures.fits import read_chip, read_exposure
from exposures.hosts import this_host
from exposures.locks import Claimed, ClaimLostError, claim
from exposures.models import OPEN, GalCheckpoint, GalImage, GalOptionSet, Status
from exposures.steps import LogStep, ProcessingStep
from galproject.configuration.loading import completed, load_options
from galproject.configuration.pipeline_options import DERIVED_LATER, PipelineOptions
from galproject.processing.chip_result import ChipResult, Outcome, result_of
from galproject.processing.locking import one_change, references_locked
from galproject.processing.measuring import measure_reference_image, measure_search_image
from galproject.processing.memory import keep_memory
from galproject.processing.search_references import covering_sources
from galproject.processing.sky_geometry import catalogues_under
from galproject.processing.storing import delete_results, describe, store_reference, store_search
from galproject.processing.version import RESULTS_VERSION
from photometry.models import GalReference
from photometry.reduction.reduction import reduce_chip
from variables.pictures.chips import keep_chip_picture

logger = logging.getLogger(__name__)

# A chip that takes its worker with it each time must not do so for ever.
MAX_ATTEMPTS = 3


def process_chip(
    image_id: int,
    options: PipelineOptions | None = None,
    again: bool = False,
    job_id: int | None = None,
) -> ChipResult:
    """Process one chip; errors become a result that tells them.

    Left as they are: a chip whose stored result was made with the same options, reference and
    results version, unless ``again``; a reference catalogue made with others, because a new one
    would give its sources new ids; a chip that another process is working on; and, with ``job_id``,
    a chip that this job is done with or a later job took over. Raises django.db.OperationalError or
    InterfaceError if the database is lost, and ProgrammingError if it lacks tables: no other chip
    would fare better.
    """
    keep_memory()
    options = options or load_options()
    started = time.monotonic()
    with claim(Claimed.CHIP, image_id) as is_claimed:
        image = GalImage.objects.select_related("exposure").get(pk=image_id)
        if not is_claimed:
            return result_of(image, Outcome.BUSY)
        if is_ended(image, job_id) or (not again and is_up_to_date(image, options)):
            return result_of(image, Outcome.UNCHANGED)
        try:
            if not _begin(image, job_id):
                return result_of(image, Outcome.UNCHANGED)
            _measure(image, options)
        except ClaimLostError as error:
            # Whoever has it now says what becomes of it; or, where nobody has, recover_lost_work.
            return ChipResult(image.pk, str(image), Outcome.FAILED, error=str(error))
        except GalprojectError as error:
            return record_failure(image, started, str(error), getattr(error, "figures", None))
        except OperationalError as error:
            if not connection.is_usable():
                raise
            return record_failure(image, started, f"{image}: {_refusal(error)}")
        except (InterfaceError, ProgrammingError):
            raise
        except Exception as error:  # the boundary of a chip: one that fails must not stop the night
            logger.exception("%s: unexpected error", image)
            return record_failure(
                image, started, f"{image}: unexpected {type(error).__name__}: {error}"
            )
        return result_of(image, Outcome.DONE, started)


def is_ended(image: GalImage, job_id: int | None) -> bool:
    """Whether a job is done with a chip, or a later job took it over."""
    return job_id is not None and (image.job_id != job_id or image.status not in OPEN)


def _refusal(error: OperationalError) -> str:
    """The message for a statement that the database refused, by a full disk or time limit."""
    return (
        f"the database refused it ({str(error).splitlines()[0]}). "
        "Mend that (free disk space, raise the limit), then run again what failed (--failed)"
    )


def make_references(images: Iterable[GalImage]) -> None:
    """Make search images references, deleting their results as search images.

    Raises GalprojectError if a worker is processing one of them.
    """
    images = list(images)
    with references_locked(images):
        for image in images:
            if not image.is_reference:
                with one_change([image]):
                    image.memberships.all().delete()
                    delete_results(image)
                    image.is_reference = True
                    image.save()


def is_up_to_date(image: GalImage, options: PipelineOptions) -> bool:
    """Whether the stored result is current; references always are, to keep their ids."""
    if image.is_reference:
        return image.status == Status.DONE
    return has_same_provenance(image, options, remember=True)


def has_same_provenance(image: GalImage, options: PipelineOptions, remember: bool = False) -> bool:
    """Whether a run with these options would make the same result as the stored one.

    This includes that the files are the same, see ``has_same_files``.
    """
    of = image.option_set_id, options, image.is_reference, is_by_database(image)
    return (
        is_of_this_code(image)
        and has_same_options(*of)
        and made_from.has_same_files(image, remember)
        and (image.is_reference or measured_with(image) == [c.pk for c in catalogues_under(image)])
    )


def is_of_this_code(image: GalImage) -> bool:
    """Whether an image has a result, by code that gives the same as this."""
    return image.status == Status.DONE and image.results_version == RESULTS_VERSION


def is_by_database(image: GalImage) -> bool:
    """Whether an image was placed by stars of the database."""
    return any(map(made_from.is_published, image.files or {}))


def measured_with(image: GalImage) -> list[int] | None:
    """Ids of the catalogues that a search image was measured with; None where it was with none."""
    return (image.correction or {}).get("catalogues")


@lru_cache(maxsize=1000)
def has_same_options(
    hash: UUID | None, options: PipelineOptions, is_reference: bool, by_database: bool
) -> bool:
    """Whether an image made with a set of options would be the same with these; once a set."""
    stored = {} if hash is None else GalOptionSet.objects.get(pk=hash).options
    made, wanted = (
        _relevant_options(of, is_reference, by_database)
        for of in (completed(stored), options.as_json())
    )
    return made == wanted


def _relevant_options(
    options: dict[str, Any], is_reference: bool, by_database: bool
) -> dict[str, Any]:
    """Stored options, without those whose change needs no new fit of the image.

    Cuts of a catalogue are of no matter where none was named nor taken from the database.
    """
    kept = {name: value for name, value in options.items() if name not in DERIVED_LATER}
    if not kept.get("catalogue") and not by_database:
        kept.pop("catalogue_cuts", None)
    new_sources = kept.pop("new_sources", {})
    if new_sources.get("search") and not is_reference:
        return kept | {"new_sources": new_sources}
    # Where nothing new is looked for, it doesn't matter how.
    reduction = kept.get("reduction", {})
    return kept | {"reduction": {k: v for k, v in reduction.items() if k != "residual"}}


def _begin(image: GalImage, job_id: int | None) -> bool:
    """Mark a chip as running; false if a later job has just taken it over.

    Raises GalprojectError if it was tried too often.
    """
    if job_id is not None and image.attempts >= MAX_ATTEMPTS:
        how = image.error or "its worker was killed, perhaps for want of memory"
        times = f"begun {image.attempts} times and never ended, last on {image.host}: {how}"
        raise GalprojectError(f"{image}: {times}. Run it again (--failed) with fewer workers")
    if image.attempts:
        warning = GalCheckpoint.Level.WARNING
        note = f"attempt {image.attempts + 1}, as that on {image.host} did not end"
        GalCheckpoint.objects.note(image, LogStep.BEGUN_AGAIN, note, level=warning)
    begun = {
        "status": Status.WORKING,
        "error": "",
        "notes": [],
        "attempts": image.attempts + 1,
        "step": ProcessingStep.READING,
        "host": this_host(),
        "pid": os.getpid(),
        "started": timezone.now(),
        "finished": None,
    }
    for name, value in begun.items():
        setattr(image, name, value)
    return GalImage.objects.filter(pk=image.pk, job_id=image.job_id).update(**begun) == 1


def _enter(image: GalImage, step: str) -> None:
    """Record a chip's current step, at once as no transaction is open."""
    image.step = step
    image.save(update_fields=["step"])


def record_failure(
    image: GalImage, started: float, message: str, figures: dict[str, Any] | None = None
) -> ChipResult:
    """Record a failure, deleting the chip's results; needs the claim; a ChipResult."""
    image.refresh_from_db()  # without what was filled in before it failed
    with transaction.atomic():
        kept = image.is_reference and GalReference.objects.filter(image=image, active=True).exists()
        if not kept:
            delete_results(image)
        image.status, image.step = (Status.DONE, "") if kept else (Status.FAILED, image.step)
        if figures is not None and not kept:
            image.figures = figures
        image.error, image.finished = message, timezone.now()
        image.save()
        GalCheckpoint.objects.note(image, LogStep.FAILED, message, level=GalCheckpoint.Level.ERROR)
    return ChipResult(
        image.pk,
        str(image),
        Outcome.FAILED,
        image.is_reference,
        error=message,
        seconds=time.monotonic() - started,
    )


def _measure(image: GalImage, options: PipelineOptions) -> None:
    """Read, reduce, measure and store a chip, without a transaction during the long steps."""
    facts = read_exposure(Path(image.path), options.input)
    entry = next((c for c in facts.chips if c.ccdnum == image.ccdnum), None)
    if entry is None:
        raise InputFileError(
            facts.image_path, f"chip {image.chip_name} is gone", "Restore the file as it was"
        )
    image.files, image.data_version = made_from.describe_files(image), made_from.data_version(facts)
    chip = read_chip(facts, entry, options.input)
    made_from.check_are_as_before(image.files)
    listed = None if image.is_reference else covering_sources(image, chip, options.reduction)
    GalCheckpoint.objects.note(image, LogStep.READ)
    _enter(image, ProcessingStep.REDUCING)
    catalogue = options.opened_catalogue()
    reduce = options.reduction
    depth = reduce.reference_detection if image.is_reference else reduce.search_detection
    guide = None if listed is None else listed.guide(chip)
    reduction = reduce_chip(chip, facts, catalogue, depth, reduce, guide)
    image.files |= made_from.describe_catalogue(catalogue)
    describe(image, reduction, options)
    GalCheckpoint.objects.note(
        image, LogStep.REDUCED, _placed_by(image), value=reduction.detections.n_found
    )
    _enter(image, ProcessingStep.MEASURING)
    if listed is None:
        store_reference(image, reduction, measure_reference_image(reduction, options), options)
    else:
        measured = measure_search_image(image, reduction, listed, options)
        store_search(image, reduction, measured, options)
    keep_chip_picture(image, reduction.chip)


def _placed_by(image: GalImage) -> str:
    """The catalogues whose stars a chip was placed by, for its log."""
    catalogues = made_from.placed_by(image.files)
    return f"placed by {', '.join(catalogues)}" if catalogues else ""
