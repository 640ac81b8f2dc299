"""Robust mean magnitudes over the images of a reference set."""

from typing import NamedTuple

import numpy as np
from django.db import connection, transaction
from django.utils import timezone

from exposures.binary_copy import copy_in
from exposures.chip import MaskBit
from photometry.crossmatch.object_storage import renew_magnitudes
from photometry.models import GalReference, GalReferenceSet
from photometry.science.calibration.calibration import MAG_PER_LN
from photometry.science.stacking.reference_mean import PRIMARY_AT_FAULT, reference_means
from photometry.storage.columns import MEAN_DTYPE
from photometry.storage.image_calibration import ImageCalibration
from photometry.storage.reference_values import TABLE, means_in
from photometry.storage.storage import catalogue_sources, measurements_on

ZERO_POINT = 25.0  # mag, of the fluxes that are compared
SATURATION = MaskBit.SATURATED | MaskBit.BLEED


class _FluxScale(NamedTuple):
    """What makes fluxes of an image those of its reference set."""

    zero_points: np.ndarray | float  # mag of 1 ADU, of all rows or (n,) of each
    error_scale: float  # factor on the errors


@transaction.atomic
def renew_means(reference_set, options, code_version) -> bool:
    """Compute a set's means again from stored measurements; returns whether any changed.

    ``options`` are ReferenceSetOptions. To be called with the catalogue locked.
    """
    catalogue = active_catalogue(reference_set.image)
    if catalogue is None:  # the primary is still to be measured
        return False
    before, means = means_in(catalogue.pk), _make(reference_set, catalogue, options)
    if means.tobytes() == before.tobytes():
        return False
    with connection.cursor() as cursor:
        within = f"DELETE FROM {TABLE} WHERE refsource_id BETWEEN %s AND %s"
        cursor.execute(within, catalogue.id_range)
    copy_in(TABLE, means)
    renew_magnitudes(catalogue)
    GalReferenceSet.objects.filter(pk=reference_set.pk).update(
        code_version=code_version,
        updated=timezone.now(),
        n_sources=int((means["n_used"] > 1).sum()),
        n_at_fault=int(((means["flags"] & PRIMARY_AT_FAULT) != 0).sum()),
    )
    return True


def active_catalogue(image) -> GalReference | None:
    """The catalogue in use of a reference image."""
    return image.catalogues.filter(active=True).first()


def lock_catalogues(catalogue_ids):
    """Lock catalogues and their means until the end of the transaction.

    Who stores measurements takes a shared lock: it either sees the means after this
    transaction, or is stored before, and then selected anew by it.
    """
    locked = GalReference.objects.select_for_update(no_key=True).filter(pk__in=list(catalogue_ids))
    list(locked.order_by("pk").values_list("pk", flat=True))


def _make(reference_set, catalogue, options):
    """Compute MEAN_DTYPE for sources measured well on at least two images."""
    sources = catalogue_sources(catalogue)
    members = reference_set.members.filter(image__coverages__catalogue=catalogue)
    images = [member.image for member in members.select_related("image")]
    shape = len(sources), 1 + len(images)
    table = np.zeros(shape), np.ones(shape), np.zeros(shape, bool)
    own = _FluxScale(ZERO_POINT, 1.0)
    _fill([column[:, 0] for column in table], sources, sources, own, options)
    for number, image in enumerate(images, 1):
        rows = measurements_on(image, [catalogue])
        row = np.searchsorted(sources["refsource_id"], rows["refsource_id"])
        calibration = ImageCalibration.stored(image)
        scale = _FluxScale(calibration.zero_points(rows, sources[row]), calibration.error_scale)
        _fill([column[:, number] for column in table], sources, rows, scale, options)
    found = reference_means(*table, ZERO_POINT, options)
    image_ids = np.array([catalogue.image_id, *(image.pk for image in images)])
    means = np.zeros(len(sources), MEAN_DTYPE)
    means["refsource_id"] = sources["refsource_id"]
    means["outlying_image_id"] = np.where(found.outlying < 0, 0, image_ids[found.outlying])
    for name in ("mag", "mag_err", "scatter", "n_images", "n_used", "flags"):
        means[name] = getattr(found, name)
    return means[found.n_images > 1]


def _fill(table, sources, rows, scale, options):
    """Fill one image's column of the table: flux, error, and usability."""
    row = np.searchsorted(sources["refsource_id"], rows["refsource_id"])
    with np.errstate(invalid="ignore", divide="ignore"):
        mag_flux = 10 ** (-0.4 * (rows["mag"].astype("f8") - ZERO_POINT))
        flux_scale = 10 ** (-0.4 * (scale.zero_points - ZERO_POINT))
        is_positive = rows["flux"] > 0
        flux = np.where(is_positive, mag_flux, flux_scale * rows["flux"])
        # Noise does at least what the fit says: a curve of errors by few stars may say less.
        share = np.maximum(rows["mag_err"] / MAG_PER_LN, rows["flux_err"] / rows["flux"])
        flux_err = np.where(
            is_positive,
            mag_flux * share,
            flux_scale * scale.error_scale * rows["flux_err"],
        )
        usable = (rows["quality"] >= options.min_quality) & ((rows["flags"] & SATURATION) == 0)
    known = np.isfinite(flux) & np.isfinite(flux_err) & (flux_err > 0)
    for column, values in zip(table, (flux, flux_err, usable), strict=True):
        column[row[known]] = values[known]
