"""The changes of one image's sources, found and stored."""

from dataclasses import replace

import numpy as np
from django.db import transaction

from exposures.plain_values import nullable_rows
from photometry.science.calibration.calibration import MAG_PER_LN
from photometry.science.extended_sources import EXTENDED
from photometry.science.forced.forced import SHARP
from photometry.storage.columns import FIT_COLUMNS
from variables.models import Cut, GalVarObj
from variables.science.close_pairs import NO_PAIRS, find_close_pairs
from variables.science.extended_objects import find_members
from variables.science.selection import (
    Changes,
    Photometry,
    SelectionOptions,
    distance_to_saturated,
    select_changes,
)


def find_changes(
    measured, shape, reference_shape, options=SelectionOptions(), fwhm_pixels=np.nan
) -> Changes:
    """Changes among Measured sources of an image of ``shape`` (ny, nx), and of its reference's.

    ``fwhm_pixels`` is that of the wider of the two, on the image: sources nearer to each other may
    trade flux. NaN if unknown, when none do.
    """
    rows, values = measured.rows, measured.values
    x, y = rows["x"], rows["y"]
    radius = options.pair_fwhm * fwhm_pixels
    search = _photometry(
        rows,
        rows["mag"],
        rows["mag_err"],
        edge_distance(x, y, shape),
        distance_to_saturated(x, y, rows["flags"], options.saturated_pixels),
        find_close_pairs(x, y, measured.sources["galimage_id"], radius),
    )
    search = replace(search, members=_members_of_extended(measured.sources, options))
    sources = _judged(measured.sources, values)
    reference = _photometry(
        sources,
        values.mag,
        values.mag_err,
        _listed_distance(measured, (shape, reference_shape), fwhm_pixels, options),
        # By search positions, which are those of one image where there are two references.
        distance_to_saturated(x, y, measured.sources["flags"], options.saturated_pixels),
    )
    return select_changes(
        search,
        reference,
        measured.expected_flux,
        measured.flux_err,
        options,
        values.is_mean & (values.at_fault | (values.mag_err > MAG_PER_LN / options.faint_sigma)),
    )


def _listed_distance(measured, shapes, fwhm_pixels, options):
    """(n,) pixels from sources to the edge of the reference; 0 where no star is known too near.

    Beyond that edge the image may go on, with stars that are on no list: those take light and sky
    of sources nearer than ``unlisted_fwhm``, more the wider the seeing.
    """
    rows, sources = measured.rows, measured.sources
    on_image = edge_distance(rows["x"], rows["y"], shapes[0])
    on_reference = edge_distance(sources["x"], sources["y"], shapes[1])
    goes_on = on_image > on_reference + options.edge_pixels
    is_near = on_reference < options.unlisted_fwhm * fwhm_pixels
    return np.where(goes_on & is_near, 0, on_reference)


def _judged(sources, values):
    """The reference's measurements as Photometry for the cuts.

    Where the primary says nothing of how bright a star is, its pixels there don't matter: several
    images that agree do. But what saturates or lies at an edge is doubtful on any of them.
    """
    sources = sources.copy()
    without = ~values.has_primary
    sources["rchi2"][without], sources["fracflux"][without] = 0, 1
    sources["quality"][without] = 1
    sources["flags"][without] &= ~SHARP
    return sources


def _members_of_extended(sources, options):
    """(k, 2) the members of sources that the reference has flagged as extended."""
    is_extended = (sources["flags"] & EXTENDED) != 0
    columns = (sources[name] for name in ("ra", "dec", "flux", "galimage_id"))
    return find_members(*columns, is_extended, options.extended_arcsec)


def _photometry(rows, mag, mag_err, edge, saturated, close_pairs=NO_PAIRS):
    return Photometry(
        mag=mag,
        mag_err=mag_err,
        edge_distance=edge,
        saturated_distance=saturated,
        close_pairs=close_pairs,
        **{name: rows[name] for name in FIT_COLUMNS},
    )


def wider_fwhm(image, reference) -> float:
    """The FWHM of the wider of two GalImages in pixels of the first; NaN where either has none."""
    if not (image.fwhm_pixels and image.fwhm_arcsec and reference.fwhm_arcsec):
        return np.nan
    return image.fwhm_pixels * max(1.0, reference.fwhm_arcsec / image.fwhm_arcsec)


def edge_distance(x, y, shape):
    """(n,) pixels to the nearest edge of an image of ``shape`` (ny, nx)."""
    return np.min([x, y, shape[1] - 1 - x, shape[0] - 1 - y], axis=0)


def replace_variables(image, measured, changes, keep=()) -> int:
    """Replace an image's stored changes of reference sources; returns how many there are.

    Of those it had, the ids in ``keep`` stay, and those of new sources.
    """
    rows, i = measured.rows[changes.index], changes.index
    kinds = np.where(
        changes.vanished,
        GalVarObj.Kind.VANISHED,
        np.where(changes.delta_mag < 0, GalVarObj.Kind.BRIGHTER, GalVarObj.Kind.FAINTER),
    )
    columns = {
        **{name: rows[name] for name in ("refsource_id", "ra", "dec", "x", "y")},
        "kind": kinds,
        "delta_mag": changes.delta_mag,
        "delta_mag_err": changes.delta_mag_err,
        "significance": changes.significance,
        "reference_mag": measured.values.mag[i],
        "flux": rows["flux"],
        "flux_err": rows["flux_err"],
        "failed_cuts": changes.failed_cuts | (Cut.DOUBTED_IMAGE if image.is_doubted else 0),
    }
    objects = [GalVarObj(image=image, **row) for row in nullable_rows(columns)]
    with transaction.atomic():
        before = GalVarObj.objects.filter(image=image).of_reference()
        before.exclude(pk__in=keep).delete()
        GalVarObj.objects.bulk_create(objects, batch_size=1000)
    return len(objects)


def count_variables(image) -> int:
    """The number of accepted changes of reference sources on an image."""
    return image.variables.of_reference().accepted().count()
