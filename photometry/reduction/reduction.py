"""The reduction of every chip, reference or search: sky, PSF, sources, WCS and zero point."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from exposures.catalogues import CatalogueStars
from exposures.chip import Chip
from exposures.errors import InputFileError
from exposures.science.astrometry import RefinedWcs, mutual_neighbours, pixel_scale_arcsec
from exposures.science.registration import Agreement, Displacement
from photometry.reduction.catalogue_astrometry import brightest, match_catalogue, wcs_displacement
from photometry.reduction.guided import Guide, guided_sources
from photometry.reduction.options import ReductionOptions
from photometry.science.calibration.calibration import ZeroPoint, fit_zero_point, magnitudes
from photometry.science.detection.detection import Detections, find_sources
from photometry.science.guided.guided_fit import UnguidedError
from photometry.science.model_weight import model_weight
from photometry.science.parts_of_chip import evenly_spread
from photometry.science.sky.sky import Sky
from photometry.science.sky.sky_channels import channel_columns, fit_sky_by_channel
from photometry.science.weighted_image import WeightedImage


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
    catalogue_stars: CatalogueStars | None  # at the epoch of the image; None without any
    catalogue_agreement: Agreement  # of bright stars of the catalogue with those found
    notes: tuple[str, ...]  # steps that fell back, and how
    guide: Guide | None = None  # the reference's sources that it was given

    @property
    def fwhm_pixels(self) -> float:
        """Seeing at the middle of the chip."""
        ny, nx = self.chip.shape
        return float(self.detections.psf.fwhm_at(nx / 2, ny / 2))

    @cached_property
    def data(self) -> np.ndarray:
        """(ny, nx) ADU without the sky."""
        return self.chip.data - self.sky.image

    @property
    def image(self) -> WeightedImage:
        """The image for fits of stars: without the sky, with the weight of the model."""
        return WeightedImage(self.data, self.model_weight, self.chip.mask)

    def to_pixels(self, ra: np.ndarray, dec: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pixels (n,) of ``ra, dec`` (n,) degrees by the WCS; known already where the guide's."""
        if self.guide is None:
            return self.wcs.to_pixels(ra, dec)
        return self.guide.pixels(self.wcs, ra, dec)

    def displacement(self, registration=None) -> Displacement:
        """The Displacement of the header's WCS by the catalogue and a following registration."""
        return wcs_displacement(self.wcs.correction, registration)

    @cached_property
    def model_weight(self) -> np.ndarray:
        """(ny, nx) inverse variance with the photon noise of the model, not of the data."""
        noise = np.array([self.chip.gain_map(), self.chip.read_noise_map()])
        model, sky = self.detections.model, self.sky.image
        return model_weight(self.data, self.chip.weight, model, sky, noise)


SMALLEST_SIDE = 16  # pixels: a star's core, and some sky on either side
EVERY = 16  # one row of so many is looked at first


def reduce_chip(chip, observation, catalogue, detection, options=ReductionOptions(), guide=None):
    """Reduce a Chip; ``observation`` is its ExposureFacts, ``catalogue`` may be None.

    With a Guide its bright sources are those of the reference; else, and where these don't tell,
    sources are searched for as DetectionOptions say.

    Raises InputFileError if there is nothing to measure.
    """
    notes = list(chip.notes)
    if not np.any(chip.weight > 0):
        raise InputFileError(
            chip.path, "all pixels are masked", "Leave this chip out with --ccds", hdu=chip.name
        )
    _check_is_image(chip)
    known = [amplifier.x_start for amplifier in chip.amplifiers][1:]
    columns = channel_columns(chip.data, chip.weight, known, options.sky)
    sky = _sky(chip, columns, options, notes)
    detections = _bright_sources(chip, sky, detection, guide, options, notes)
    if len(detections) == 0:
        raise InputFileError(
            chip.path,
            "no source was found",
            "Look at the image: if it is blank or trailed, leave it out",
            hdu=chip.name,
        )
    _tell_of_psf(detections.psf, notes)
    matched = match_catalogue(chip, observation, catalogue, detections, options, notes)
    wcs = RefinedWcs(chip.wcs, matched.correction)
    zero_point = _zero_point(chip, detections, matched.stars, wcs, options, notes)
    return Reduction(
        chip=chip,
        sky=sky,
        detections=detections,
        wcs=wcs,
        zero_point=zero_point,
        scale_arcsec=pixel_scale_arcsec(chip.wcs, chip.shape),
        channel_columns=columns,
        catalogue_stars=matched.stars,
        catalogue_agreement=matched.agreement,
        notes=tuple(notes),
        guide=guide,
    )


def _bright_sources(chip, sky, detection, guide, options, notes):
    """The Detections of a chip, by a Guide if there is one and it can be followed."""
    data = chip.data - sky.image
    if guide is not None and options.guided.use:
        try:
            return guided_sources(chip, data, guide, options)
        except UnguidedError as reason:
            notes.append(f"sources: searched for, not taken from the reference, as {reason}")
    return find_sources(data, chip.weight, chip.mask, chip.fwhm_pixels, detection, options.psf)


def _tell_of_psf(psf, notes):
    if psf.is_round:
        notes.append(f"psf: no stars that it could be fitted to; round, {psf.fwhm[0]:.1f} pixels")
    elif psf.core is None:
        notes.append("psf: no core, by too few stars or stars that differ; a Moffat profile alone")
    if not psf.is_round and psf.beta == psf.options.beta:
        notes.append(f"psf: stars don't tell its exponent, which is held at {psf.beta:g}")


def _check_is_image(chip):
    """Raise InputFileError if there is no room for a star, or all pixels are the same."""
    ny, nx = chip.shape
    if min(ny, nx) < SMALLEST_SIDE:
        problem = f"it has {nx} x {ny} pixels, too few for a star and its sky"
        advice = f"Give images of {SMALLEST_SIDE} x {SMALLEST_SIDE} pixels or more"
        raise InputFileError(chip.path, problem, advice, hdu=chip.name)
    # Of nearly all images a few rows tell that they vary.
    few = chip.data[::EVERY][chip.weight[::EVERY] > 0]
    if len(few) > 0 and few.min() < few.max():
        return
    usable = chip.data[chip.weight > 0]
    if usable.min() == usable.max():
        problem = f"all its usable pixels are {usable[0]:g}: this is no image of the sky"
        raise InputFileError(chip.path, problem, "Leave it out", hdu=chip.name)


def _sky(chip, columns, options, notes):
    noise = chip.gain_map(), chip.read_noise_map()
    sky = fit_sky_by_channel(chip.data, chip.weight, *noise, columns, options.sky)
    if sky.fallback:
        notes.append(f"sky: {sky.fallback}")
    return sky


def _zero_point(chip, detections, stars, wcs, options, notes):
    """The ZeroPoint from the catalogue, else from the header, else the default."""
    measured = None
    if stars is not None:
        x0, y0 = wcs.to_pixels(stars.ra, stars.dec)
        bright = brightest(detections, stars, options)
        index, index0 = mutual_neighbours(
            detections.x[bright], detections.y[bright], x0, y0, options.zero_point_pixels
        )
        matched = bright[index]
        even = evenly_spread(detections.x[matched], detections.y[matched], chip.shape)
        flux = detections.flux[matched][even]
        instrumental, _ = magnitudes(flux, np.ones(len(flux)), 0.0)
        measured = fit_zero_point(instrumental, stars.magnitudes[index0[even]], options.calibration)
    if measured is not None:
        return measured
    if np.isfinite(chip.zero_point):
        notes.append("zero point: from the header")
        return ZeroPoint(chip.zero_point, np.nan, 0, "header")
    notes.append(f"zero point: neither catalogue nor header; {options.default_zero_point} mag")
    return ZeroPoint(options.default_zero_point, np.nan, 0, "none")
