"""What is done to every chip, reference or search: sky, PSF, sources, WCS and zero point."""

from dataclasses import dataclass, replace

import numpy as np

from exposures.chip import Chip
from exposures.errors import InputFileError
from exposures.science.astrometry import (
    PixelCorrection,
    RefinedWcs,
    fit_correction,
    match,
    pixel_scale_arcsec,
)
from photometry.options import ReductionOptions
from photometry.science.calibration import ZeroPoint, fit_zero_point, magnitudes
from photometry.science.detection import Detections, find_sources
from photometry.science.sky import Sky
from photometry.science.sky_channels import channel_columns, fit_sky_by_channel


@dataclass(frozen=True)
class Reduction:
    """A chip's calibration and its sources."""

    chip: Chip
    sky: Sky
    detections: Detections
    wcs: RefinedWcs
    zero_point: ZeroPoint
    scale_arcsec: float  # a pixel
    channel_columns: tuple[int, ...]  # pixels, where read-out channels may begin
    notes: tuple[str, ...]  # steps that fell back, and how

    @property
    def fwhm_pixels(self) -> float:
        """Seeing at the middle of the chip."""
        ny, nx = self.chip.shape
        return float(self.detections.psf.fwhm_at(nx / 2, ny / 2))

    @property
    def data(self) -> np.ndarray:
        """(ny, nx) ADU without the sky."""
        return self.chip.data - self.sky.image

    def model_weight(self) -> np.ndarray:
        """(ny, nx) inverse variance with the photon noise of the model, not of the data.

        A weight map that holds each pixel's own noise weighs low pixels up, and biases fluxes
        low; the part ``data / gain`` of its variance is replaced by ``model / gain``.
        """
        weight = self.chip.weight
        gain, read_noise = self.chip.gain_map(), self.chip.read_noise_map()
        variance = 1 / np.where(weight > 0, weight, 1)
        variance = variance + (self.detections.model - self.data) / gain
        floor = (np.maximum(self.sky.image, 0) / gain + (read_noise / gain) ** 2) / 2
        return np.where(weight > 0, 1 / np.maximum(variance, np.maximum(floor, 1e-12)), 0)


def reduce_chip(chip, observation, catalogue, detection, options=ReductionOptions()):
    """Reduce a Chip; ``observation`` is its ExposureFacts, ``catalogue`` may be None.

    Raises InputFileError where there is nothing to measure.
    """
    notes = list(chip.notes)
    if not np.any(chip.weight > 0):
        raise InputFileError(
            chip.path, "all pixels are masked", "Leave this chip out with --ccds", hdu=chip.name
        )
    known = [amplifier.x_start for amplifier in chip.amplifiers][1:]
    columns = channel_columns(chip.data, chip.weight, known, options.sky)
    sky = _sky(chip, columns, options, notes)
    detections = find_sources(
        chip.data - sky.image, chip.weight, chip.mask, chip.fwhm_pixels, detection, options.psf
    )
    if len(detections) == 0:
        raise InputFileError(
            chip.path,
            "no source was found",
            "Look at the image: if it is blank or trailed, leave it out",
            hdu=chip.name,
        )
    if detections.psf.core is None:
        notes.append("psf: too few stars for its core; a Moffat profile alone")
    stars = _catalogue_stars(chip, observation, catalogue, notes)
    wcs = _refine(chip, detections, stars, options, notes)
    zero_point = _zero_point(chip, detections, stars, wcs, options, notes)
    scale = pixel_scale_arcsec(chip.wcs, chip.shape)
    return Reduction(chip, sky, detections, wcs, zero_point, scale, columns, tuple(notes))


def _sky(chip, columns, options, notes):
    noise = chip.gain_map(), chip.read_noise_map()
    sky = fit_sky_by_channel(chip.data, chip.weight, *noise, columns, options.sky)
    if sky.fallback:
        notes.append(f"sky: {sky.fallback}")
    return sky


def _catalogue_stars(chip, observation, catalogue, notes):
    """Catalogue stars on the chip at its epoch, or None."""
    if catalogue is None:
        notes.append("astrometry: no catalogue; the header's WCS stands")
        return None
    ny, nx = chip.shape
    ra, dec = chip.wcs.all_pix2world([nx / 2], [ny / 2], 0)
    radius = np.hypot(ny, nx) / 2 * pixel_scale_arcsec(chip.wcs, chip.shape) / 3600
    stars = catalogue.stars(
        float(ra[0]), float(dec[0]), 1.05 * radius, observation.mjd, observation.filter
    )
    if len(stars.ra) == 0:
        notes.append("astrometry: no catalogue star on the chip; the header's WCS stands")
        return None
    return stars


def _refine(chip, detections, stars, options, notes):
    """The header's WCS behind a correction that brings bright sources onto the catalogue."""
    nothing = RefinedWcs(chip.wcs, PixelCorrection(chip.shape, -1))
    if stars is None:
        return nothing
    x0, y0 = nothing.to_pixels(stars.ra, stars.dec)
    # As deep as the catalogue and no deeper: faint sources would only match by chance.
    bright = _brightest(detections, stars, options)
    correction = fit_correction(
        detections.x[bright],
        detections.y[bright],
        x0,
        y0,
        chip.shape,
        options.catalogue_astrometry,
    )
    if correction.order < 0:
        notes.append("astrometry: no match with the catalogue; the header's WCS stands")
    elif correction.order < options.catalogue_astrometry.max_order:
        notes.append(
            f"astrometry: order {correction.order} from {correction.n_used} catalogue stars"
        )
    return replace(nothing, correction=correction)


def _brightest(detections, stars, options):
    """Indices of the brightest clean detections, a number for each catalogue star."""
    n = int(np.ceil(options.detections_per_star * len(stars.ra)))
    return detections.brightest(options.min_significance, n, options.clean)


def _zero_point(chip, detections, stars, wcs, options, notes):
    """From the catalogue, else from the header, else a default."""
    measured = None
    if stars is not None:
        x0, y0 = wcs.to_pixels(stars.ra, stars.dec)
        bright = _brightest(detections, stars, options)
        index, index0 = match(
            detections.x[bright], detections.y[bright], x0, y0, options.zero_point_pixels
        )
        flux = detections.flux[bright][index]
        instrumental, _ = magnitudes(flux, np.ones(len(flux)), 0.0)
        measured = fit_zero_point(instrumental, stars.magnitudes[index0], options.calibration)
    if measured is not None:
        return measured
    if np.isfinite(chip.zero_point):
        notes.append("zero point: from the header")
        return ZeroPoint(chip.zero_point, np.nan, 0, "header")
    notes.append(f"zero point: neither catalogue nor header; {options.default_zero_point} mag")
    return ZeroPoint(options.default_zero_point, np.nan, 0, "none")
