"""Stars in the residual of a search image's forced fit."""

from dataclasses import dataclass, fields

import numpy as np
from scipy.spatial import cKDTree

from exposures.plain_values import plain_rows
from exposures.source_ids import catalogue_of
from photometry.reduction.options import ReductionOptions
from photometry.reduction.reduction import Reduction
from photometry.reduction.search import SearchMeasurement
from photometry.science.calibration.calibration import magnitudes, with_floor
from photometry.science.detection.peak_fit import Residual
from photometry.science.detection.peak_image import ListedStars
from photometry.science.detection.residual_options import ResidualOptions
from photometry.science.detection.residual_peaks import SATURATION, NewStars, find_new_stars
from photometry.science.forced.forced import SHARP
from photometry.science.pixel_positions import PixelPositions
from photometry.storage.columns import column_names
from variables.changes.detection import edge_distance
from variables.models import Cut, GalNewDetection
from variables.science.chip_map import fit_chip_map

# What NewStars have of the columns of GalNewDetection.
OF_STARS = {field.name for field in fields(NewStars)} & {*column_names(GalNewDetection)}
N_MAPPED = 2000  # stars of a reference, about, by which a position is found on its image


@dataclass(frozen=True)
class _SearchImage:
    """A search image that is measured, with the options of its reduction."""

    reduction: Reduction
    measurement: SearchMeasurement
    options: ReductionOptions


@dataclass(frozen=True)
class _Found:
    """NewStars of an image in the frame of its references, to which it is registered."""

    stars: NewStars
    ra: np.ndarray  # (n,) ICRS degrees
    dec: np.ndarray
    by_reference: np.ndarray  # (n,) bits of the cut beside what the references couldn't fit

    def select(self, chosen):
        columns = self.ra[chosen], self.dec[chosen], self.by_reference[chosen]
        return _Found(self.stars.select(chosen), *columns)


def find_new_detections(
    reduction, measurement, references, options, with_residual=frozenset()
) -> list[GalNewDetection]:
    """Unsaved detections of stars that the ``references`` (GalImages) should show and don't.

    ``measurement`` is a SearchMeasurement, ``options`` ReductionOptions, ``with_residual`` are
    the ids of the catalogues whose reference's residual is kept. What lies beyond the
    edges of all references is not new: nobody has looked there before.
    """
    search = _SearchImage(reduction, measurement, options)
    left = _found(search)
    detections = []
    for reference in references:
        sources = measurement.sources[measurement.sources["galimage_id"] == reference.pk]
        position = _reference_pixels(sources, left)
        if position is None:
            continue
        inside = edge_distance(*position, (reference.height, reference.width))
        inside = inside >= options.residual.edge_pixels
        catalogue_id = catalogue_of(int(sources["refsource_id"][0]))
        columns = _columns(search, left, reference, position)
        columns["failed_cuts"] = left.by_reference | failed_cuts_of_new_stars(
            left.stars, options.residual, catalogue_id in with_residual
        )
        detections += _rows(columns, np.flatnonzero(inside), catalogue_id)
        left = left.select(~inside)
    return detections


def _found(search):
    reduction, measurement, options = search.reduction, search.measurement, search.options
    model = measurement.fit.model
    residual = Residual(reduction.data - model, reduction.model_weight, reduction.chip.mask, model)
    listed = ListedStars(measurement.x, measurement.y, measurement.fit.flux)
    stars = find_new_stars(
        residual, reduction.detections.psf, listed, options.residual, options.forced
    )
    if len(stars) == 0:
        return _Found(stars, *np.zeros((2, 0)), np.zeros(0, int))
    position = reduction.wcs.to_sky(*measurement.registration.undo(stars.x, stars.y))
    cuts = cuts_by_reference(stars, measurement, reduction.fwhm_pixels, options.residual)
    return _Found(stars, *position, cuts)


def failed_cuts_of_new_stars(stars, options=ResidualOptions(), has_residual=False):
    """(n,) bits of the cuts that NewStars fail; their reference's residual is kept, or not."""
    least = options.min_displacement_known if has_residual else options.min_displacement
    fails = {
        Cut.SEARCH_RCHI2: stars.rchi2 > options.max_rchi2,
        Cut.BLENDED: stars.displacement < least,
        Cut.MASKED: stars.quality < options.min_quality,
        Cut.SATURATED: (stars.flags & SATURATION) != 0,
        Cut.SHARP: (stars.flags & SHARP) != 0,
        Cut.NEAR_SATURATED: stars.saturated_distance < options.saturated_pixels,
    }
    return sum(np.where(failed, int(cut), 0) for cut, failed in fails.items())


def cuts_by_reference(stars, measurement, fwhm_pixels, options=ResidualOptions()):
    """(n,) bits of the cut that NewStars fail beside sources which the reference couldn't fit."""
    sources = measurement.sources
    misfit = (sources["flags"] & SHARP) != 0
    misfit |= sources["rchi2"] > options.max_reference_rchi2
    if not misfit.any():
        return np.zeros(len(stars), int)
    tree = cKDTree(np.column_stack([measurement.x[misfit], measurement.y[misfit]]))
    distance, _ = tree.query(np.column_stack([stars.x, stars.y]))
    return np.where(distance < options.misfit_fwhm * fwhm_pixels, int(Cut.REFERENCE_RCHI2), 0)


def _reference_pixels(sources, found):
    """PixelPositions on the image that has the sources; None if these are too few to tell."""
    step = max(1, len(sources) // N_MAPPED)
    chip_map = fit_chip_map(*(sources[name][::step] for name in ("ra", "dec", "x", "y")))
    return None if chip_map is None else PixelPositions(*chip_map.to_pixel(found.ra, found.dec))


def _columns(search, found, reference, position):
    """Columns of GalNewDetection, (n,) each, of what lies at ``position`` on the reference."""
    stars, measurement = found.stars, search.measurement
    number = np.full(len(stars), reference.pk)
    correction = measurement.correction.at(stars.x, stars.y, number, position.x)
    zero_point = search.reduction.zero_point.value + correction
    mag, mag_err = magnitudes(stars.flux, stars.flux_err, zero_point)
    mag_err = measurement.error_scale * with_floor(mag_err, search.options.calibration.error_floor)
    return {
        "ra": found.ra,
        "dec": found.dec,
        "reference_x": position.x,
        "reference_y": position.y,
        **{name: getattr(stars, name) for name in OF_STARS},
        "mag": mag,
        "mag_err": mag_err,
    }


def _rows(columns, chosen, catalogue_id):
    own = {name: column[chosen] for name, column in columns.items()}
    return [GalNewDetection(catalogue_id=catalogue_id, **row) for row in plain_rows(own)]
