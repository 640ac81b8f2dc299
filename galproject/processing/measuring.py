"""Measurement of a reduced chip, as a reference or against references; writes nothing."""

from dataclasses import dataclass

import numpy as np

from exposures.models import GalImage
from exposures.science.footprints import overlap_fraction
from galproject.configuration.pipeline_options import PipelineOptions
from galproject.processing.search_references import ListedSources, measure_on_references
from galproject.processing.sky_geometry import catalogues_under
from photometry.models import GalReference
from photometry.reduction.added_sources import is_added
from photometry.reduction.displacements import measured_displacements
from photometry.reduction.image_quality import reference_figures, search_figures
from photometry.reduction.reduction import Reduction
from photometry.reduction.search import SearchMeasurement, is_detected
from photometry.references.left_over import kept_residual, left_over_stars
from photometry.references.motions import reference_motions
from photometry.references.reference import measure_reference_errors
from photometry.science.motion_fit import Displacements
from photometry.science.motions import Motions
from photometry.science.reference_residual import ReferenceResidual
from photometry.science.reference_sky import ReferenceSky
from photometry.storage.columns import measured_rows
from photometry.storage.image_calibration import ImageCalibration
from photometry.storage.left_over import catalogues_with_residual
from variables.models import GalNewDetection
from variables.new_sources.detection import find_new_detections


@dataclass(frozen=True)
class ReferenceResult:
    """Measurements on a reference image, to be stored."""

    sources: np.ndarray  # SOURCE_DTYPE, without ids
    motions: Motions  # of the sources
    sky: ReferenceSky  # beside the sources
    left_over: np.ndarray | None  # LEFT_OVER_DTYPE beside the sources; None for nothing to keep
    residual: ReferenceResidual | None  # of the fit of the sources, likewise
    figures: dict[str, float]  # of quality


@dataclass(frozen=True)
class SearchResult:
    """Measurements on a search image, to be stored."""

    measurement: SearchMeasurement
    calibration: ImageCalibration
    rows: np.ndarray  # SOURCE_DTYPE, of all sources in the order of the measurement
    displacements: Displacements  # of bright ones
    is_detected: np.ndarray  # (n,) which rows galsources keeps; the others are non-detections
    figures: dict[str, float]  # of quality
    reference: GalImage  # of the references under the image, that which covers most of it
    catalogues: list[GalReference]  # in use under the image
    new_detections: list[GalNewDetection]  # not yet saved

    @property
    def n_detected(self) -> int:
        """The number of sources that galsources keeps, without those added to a reference.

        Their rows come and go with what is believed of them, on images of before too.
        """
        return int((self.is_detected & ~is_added(self.measurement.sources)).sum())


def measure_reference_image(reduction: Reduction, options: PipelineOptions) -> ReferenceResult:
    """Measure the sources found on a reduced reference image.

    ``options`` are PipelineOptions.
    """
    measured = measure_reference_errors(reduction, options.reduction)
    sources = measured.sources
    figures = reference_figures(
        reduction, sources, options.quality.measure, options.reduction.clean
    )
    motions = reference_motions(reduction, sources, options.reduction)
    left_over = residual = None
    if options.new_sources.search:
        left_over = left_over_stars(reduction, measured, options.reduction)
    if left_over is not None:
        residual = kept_residual(reduction, measured, options.reduction)
    return ReferenceResult(sources, motions, measured.sky, left_over, residual, figures)


def measure_search_image(
    image: GalImage, reduction: Reduction, listed: ListedSources, options: PipelineOptions
) -> SearchResult:
    """Measure the reference sources on a search image, and find new sources.

    ``image`` may get another position, see ``measure_on_references``; ``listed`` are the
    ListedSources under it, ``options`` are PipelineOptions.
    """
    references, measurement = measure_on_references(image, reduction, options.reduction, listed)
    measured = measured_rows(measurement)
    new_detections = []
    if options.new_sources.search:
        new_detections = find_new_detections(
            reduction,
            measurement,
            references,
            options.reduction,
            catalogues_with_residual(references),
        )
    return SearchResult(
        measurement=measurement,
        calibration=ImageCalibration.measured(
            reduction.zero_point.value, measurement, options.reduction
        ),
        rows=measured,
        displacements=measured_displacements(reduction, measurement, options.reduction),
        is_detected=is_detected(measured, options.reduction.min_quality),
        figures=search_figures(
            reduction, measurement, options.quality.measure, options.reduction.clean
        ),
        reference=max(references, key=lambda r: _covered_share(image, r)),
        catalogues=catalogues_under(image),
        new_detections=new_detections,
    )


def _covered_share(image: GalImage, reference: GalImage) -> float:
    """Share of an image that lies on a reference; 0 if either is not placed."""
    if image.footprint is None or reference.footprint is None:
        return 0.0
    return overlap_fraction(image.footprint, reference.footprint)
