"""Storage and deletion of an image's results, in one transaction with all that follows."""

import numpy as np
from django.db import transaction
from django.utils import timezone

from exposures.chip import Chip
from exposures.locks import Claimed, check_claimed
from exposures.models import GalCheckpoint, GalImage, Status
from exposures.plain_values import none_if_nan
from exposures.science.astrometry import PixelCorrection
from exposures.steps import LogStep
from galproject.configuration.pipeline_options import PipelineOptions
from galproject.configuration.stored import options_of
from galproject.processing.locking import lock_results
from galproject.processing.measuring import ReferenceResult, SearchResult
from galproject.processing.reference_choice import renew_sets_of
from galproject.processing.sky_geometry import catalogues_under, fill_sky_geometry
from galproject.processing.version import RESULTS_VERSION, code_version
from galproject.quality.judging import judge_reference, judge_search
from photometry.reduction.reduction import Reduction
from photometry.references.measured import measured_on_search
from photometry.storage import storage
from photometry.storage.left_over import store_left_over
from photometry.storage.reference_skies import store_reference_sky
from variables.changes.detection import (
    count_variables,
    find_changes,
    replace_variables,
    wider_fwhm,
)
from variables.derived.refresh import refresh_candidates
from variables.flags.marking import mark_changes
from variables.flags.trails import flag_trails
from variables.new_sources.association import replace_new_detections
from variables.new_sources.replacements import follow_new_sources


def describe(image: GalImage, reduction: Reduction, options: PipelineOptions) -> None:
    """Fill an image's columns from its reduction, without saving."""
    fill_sky_geometry(image, reduction.chip, reduction.wcs)
    image.fwhm_pixels = reduction.fwhm_pixels
    image.fwhm_arcsec = reduction.fwhm_pixels * reduction.scale_arcsec
    image.sky, image.sky_noise = float(reduction.sky.level), float(reduction.sky.noise)
    weight = reduction.chip.weight
    image.masked_fraction = (weight.size - np.count_nonzero(weight)) / weight.size
    image.zero_point = float(reduction.zero_point.value)
    image.zero_point_error = none_if_nan(float(reduction.zero_point.error))
    image.zero_point_source = reduction.zero_point.source
    image.channel_columns = list(reduction.channel_columns)
    image.n_detected = reduction.detections.n_found
    image.notes = list(reduction.notes)
    image.options = options.as_json()
    image.code_version, image.results_version = code_version(), RESULTS_VERSION
    image.astrometry = {"catalogue": reduction.wcs.correction.as_json()}


def _rms_mas(correction: PixelCorrection, scale_arcsec: float) -> float | None:
    rms: float | None = none_if_nan(1000 * scale_arcsec * float(correction.rms_pixels))
    return rms


def store_reference(
    image: GalImage, reduction: Reduction, result: ReferenceResult, options: PipelineOptions
) -> None:
    """Store a ReferenceResult as the image's catalogue, replacing an earlier one."""
    image.astrometric_rms_mas = _rms_mas(reduction.wcs.correction, reduction.scale_arcsec)
    with transaction.atomic():
        check_claimed(Claimed.CHIP, image.pk)
        catalogue = storage.create_catalogue(
            image,
            result.sources,
            options.as_json(),
            image.code_version,
            drop_previous=True,
            motions=result.motions,
        )
        store_reference_sky(catalogue, result.sky, options.reduction.reference_sky)
        if result.left_over is not None:
            store_left_over(catalogue, result.left_over, result.residual)
        image.n_sources = len(result.sources)
        judge_reference(image, reduction.chip, result.figures, options.quality)
        _finish(image)
        # By where the image lies, which is stored now.
        follow_new_sources(catalogue, options.new_sources)


def store_search(
    image: GalImage, reduction: Reduction, result: SearchResult, options: PipelineOptions
) -> None:
    """Store a SearchResult, replacing an earlier one, with all that follows.

    Locks are taken in the order that docs/architecture.md tells.
    """
    _describe_search(image, reduction, result)
    new_detections = result.new_detections
    with transaction.atomic():
        check_claimed(Claimed.CHIP, image.pk)
        lock_results([image], new_detections)
        before = _measured_with(image)
        storage.replace_measurements(
            image,
            result.rows[result.is_detected],
            result.rows[~result.is_detected],
            result.calibration,
            result.displacements,
        )
        _replace_changes(image, reduction.chip, result, options)
        replace_new_detections(image, new_detections, options.new_sources)
        flag_trails(image, result.measurement.trails)
        mark_changes(image)
        image.n_variables = 0 if image.is_doubted else count_variables(image)
        note = f"{len(new_detections)} detections that the reference does not have"
        _finish(image, note if new_detections else "")
        refresh_candidates({*before, *_measured_with(image)})
        for catalogue in catalogues_under(image) if new_detections else ():
            follow_new_sources(catalogue, options.new_sources)
        renew_sets_of(image)


def _describe_search(image: GalImage, reduction: Reduction, result: SearchResult) -> None:
    measurement = result.measurement
    image.notes = [*image.notes, *measurement.notes]
    registration = measurement.registration.as_json()
    image.astrometry = {
        **(image.astrometry or {}),
        "registration": registration,
        "refraction": measurement.refracted.refraction.as_json(),
    }
    image.astrometric_rms_mas = _rms_mas(measurement.registration, reduction.scale_arcsec)
    image.correction = {
        **measurement.correction.as_json(),
        "error_scale": measurement.error_scale,
        "errors": measurement.errors.as_json(),
        "catalogues": [c.pk for c in result.catalogues],
        "reference_skies": list(measurement.reference_skies),
    }
    image.chi2_nu = none_if_nan(float(measurement.chi2_nu))
    image.reference, image.n_sources = result.reference, result.n_detected


def _replace_changes(
    image: GalImage, chip: Chip, result: SearchResult, options: PipelineOptions
) -> None:
    """Judge an image's quality by its changes, and store the changes.

    It uses the means of reference sets as they are now, when their locks are held.
    """
    measured = measured_on_search(result.rows, result.measurement.sources, result.calibration)
    reference_shape = result.reference.height, result.reference.width
    fwhm = wider_fwhm(image, result.reference)
    changes = find_changes(measured, chip.shape, reference_shape, options.selection, fwhm)
    judge_search(image, chip, result.figures, changes, options.quality)
    replace_variables(image, measured, changes)


def _finish(image: GalImage, note: str = "") -> None:
    image.status, image.finished, image.step = Status.DONE, timezone.now(), ""
    image.save()
    GalCheckpoint.objects.note(image, LogStep.STORED, note, value=image.n_sources)


def _measured_with(image: GalImage) -> list[int]:
    """Ids of the catalogues measured on an image."""
    return list(image.coverages.values_list("catalogue_id", flat=True))


@transaction.atomic
def delete_results(image: GalImage, with_retired: bool = False) -> None:
    """Delete the results of an image from all tables, and from its own row.

    Retired catalogues made from it stay, unless ``with_retired``.
    """
    lock_results([image])
    before = _measured_with(image)
    storage.delete_image_results(image, with_retired)
    image.variables.all().delete()
    replace_new_detections(image, [], options_of(image).new_sources)
    renew_sets_of(image)
    refresh_candidates(before)
    image.clear_results()
    image.status = Status.PENDING
    image.save()
