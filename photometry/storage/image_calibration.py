"""How an image was calibrated, and the upper limits that follow from it."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Self

import numpy as np

from exposures.models import GalImage
from exposures.science.arrays import Float, FloatArray
from photometry.reduction.errors import expected_flux, with_zero_point_error
from photometry.reduction.options import ReductionOptions
from photometry.reduction.search import SearchMeasurement
from photometry.science.calibration.calibration import MAG_PER_LN, Correction
from photometry.science.calibration.channels import ChannelEdge, edges_at
from photometry.science.calibration.depth import upper_limit
from photometry.science.calibration.error_model import ErrorModel, ImageErrors

DEFAULTS = asdict(ReductionOptions())  # of images that were made before there was such an option


def channel_edges(references: Iterable[GalImage]) -> list[ChannelEdge]:
    """The read-out channels' edges of reference images, given as rows of galimages."""
    return [
        edge
        for reference in references
        if reference.fwhm_pixels is not None  # else nothing was measured on it
        for edge in edges_at(reference.channel_columns, reference.fwhm_pixels, reference.pk)
    ]


@dataclass(frozen=True)
class ImageCalibration:
    """How the magnitudes, errors and upper limits of a search image follow from its fluxes."""

    zero_point: float  # mag of 1 ADU, before the correction; NaN where unknown
    correction: Correction
    errors: ImageErrors
    error_scale: float  # errors of faint stars over those of the fit
    limit_sigma: float  # of an upper limit
    min_quality: float  # least share of the PSF on usable pixels for an upper limit

    @classmethod
    def measured(
        cls, zero_point: Float, measurement: SearchMeasurement, options: ReductionOptions
    ) -> Self:
        """That of an image just measured, from its SearchMeasurement and ReductionOptions."""
        return cls(
            zero_point=float(zero_point),
            correction=measurement.correction,
            errors=measurement.errors,
            error_scale=measurement.error_scale,
            limit_sigma=options.limit_sigma,
            min_quality=options.min_quality,
        )

    @classmethod
    def stored(cls, image: GalImage) -> Self:
        """That which the row of an image tells, with the options that it was made with."""
        options = DEFAULTS | (image.options or {}).get("reduction", {})
        stored = image.correction or {}
        shape = (image.height or 0, image.width or 0)  # no matter where nothing was corrected
        is_corrected = "order" in stored
        scale = stored.get("error_scale", 1.0)
        return cls(
            zero_point=np.nan if image.zero_point is None else image.zero_point,
            correction=(
                Correction.from_json(stored, shape) if is_corrected else Correction(shape, -1)
            ),
            errors=_stored_errors(stored, scale, options),
            error_scale=scale,
            limit_sigma=options["limit_sigma"],
            min_quality=options["min_quality"],
        )

    def zero_points(self, rows: np.ndarray, sources: np.ndarray) -> FloatArray:
        """(n,) magnitudes of 1 ADU at rows of the image, brought onto its references.

        ``sources`` are the same sources in their catalogues.
        """
        corrections = self.correction.at(rows["x"], rows["y"], sources["galimage_id"], sources["x"])
        return self.zero_point + corrections

    def flux_errors(self, rows: np.ndarray, sources: np.ndarray, mag: FloatArray) -> FloatArray:
        """(n,) errors in ADU of the fluxes of rows of the image; NaN where that of the fit is.

        ``sources`` are the same sources in their catalogues, and ``mag`` (n,) what they are
        expected to have.
        """
        expected = expected_flux(mag, self.zero_points(rows, sources))
        place = rows["x"].astype("f8"), rows["y"].astype("f8")
        near = self.errors.surroundings(sources, place, expected, rows["flux_err"])
        flux, fitted = rows["flux"].astype("f8"), rows["flux_err"].astype("f8")
        flux_err = self.errors.model.flux_errors(flux, fitted, near)
        zero_point_err = self.correction.errors_at(*place)
        with_it: FloatArray = with_zero_point_error(flux_err, flux, zero_point_err)
        return with_it

    def upper_limits(self, rows: np.ndarray, sources: np.ndarray) -> FloatArray:
        """(n,) upper limits in mag of rows of the image without a detection.

        ``sources`` are the same sources in their catalogues. NaN where too little of the PSF lies
        on usable pixels to tell, and without a zero point.
        """
        flux_err = self.error_scale * rows["flux_err"]
        zero_point = self.zero_points(rows, sources)
        limit = upper_limit(rows["flux"], flux_err, zero_point, self.limit_sigma)
        return np.where(rows["quality"] >= self.min_quality, limit, np.nan)


def _stored_errors(stored: dict, scale: float, options: dict) -> ImageErrors:
    """The ImageErrors of an image's stored correction; once there was one factor for all."""
    if "errors" in stored:
        return ImageErrors.from_json(stored["errors"])
    floor = options["calibration"]["error_floor"] / MAG_PER_LN
    return ImageErrors(ErrorModel(factor=scale, floor=scale * floor))
