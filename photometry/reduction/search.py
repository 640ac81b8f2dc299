"""Measurement of a search image: forced photometry of reference sources, calibrated."""

from dataclasses import dataclass, replace

import numpy as np

from exposures.chip import MaskBit
from exposures.errors import InputFileError
from exposures.science.astrometry import PixelCorrection, fit_pixel_correction
from exposures.science.registration import Agreement, StarList, matched_again, register_on_image
from photometry.reduction.added_sources import fit_with_added, is_added
from photometry.reduction.bright_stars import wing_flags
from photometry.reduction.errors import PlacedFit, expected_flux, measured_errors
from photometry.reduction.options import ReductionOptions
from photometry.reduction.reference_sky import sky_beside
from photometry.reduction.refraction import RefractedStars, SourcesAtEpoch, refracted
from photometry.science.bright_stars.wings import MeasuredStars
from photometry.science.calibration.calibration import (
    CalibrationStars,
    Correction,
    fit_magnitude_correction,
    magnitudes,
    with_floor,
)
from photometry.science.calibration.channels import edges_at
from photometry.science.calibration.error_model import ImageErrors
from photometry.science.calibration.local_zero_point import fit_local_zero_point
from photometry.science.detection.clean import has_no_flag, is_clean
from photometry.science.forced.forced import ForcedFit, ForcedStars
from photometry.science.trails.lines import Leftover, Trail
from photometry.science.trails.trails import find_trails


@dataclass(frozen=True)
class SearchMeasurement:
    """Reference sources on a search image; arrays (n,) in the order of ``sources``."""

    sources: np.ndarray  # the reference's rows that lie on the image
    x: np.ndarray  # pixels on the search image
    y: np.ndarray
    fit: ForcedFit
    mag: np.ndarray  # corrected; NaN where the flux is not positive
    mag_err: np.ndarray  # by the errors of the image
    expected_flux: np.ndarray  # ADU, what the reference predicts on this image
    flux_err: np.ndarray  # ADU, by the errors of the image; ``fit`` has those of the fit
    errors: ImageErrors
    error_scale: float  # errors of faint stars over those of the fit
    chi2_nu: float  # with errors of the fit and the floor
    correction: Correction
    calibrators: CalibrationStars  # with the difference before the correction
    registration: PixelCorrection
    refracted: RefractedStars  # by which x and y are shifted after the registration
    agreement: Agreement  # of bright sources expected on the image with those found there
    wcs_offset_arcsec: float  # by which the header is off; NaN where nothing was registered
    trails: tuple[Trail, ...]  # of satellites and aeroplanes; ``fit.flags`` say what they cover
    reference_skies: tuple[int, ...]  # reference images whose light beside sources was subtracted
    notes: tuple[str, ...]

    def is_far_off(self, options) -> bool:
        """Whether the image is farther off than the reference sources first read allow for."""
        ny, nx = self.registration.shape
        moved = np.hypot(*self.registration.displacement(np.array([nx / 2]), np.array([ny / 2])))
        return bool(moved[0] > options.registration.search_pixels)


def measure_search(
    reduction, sources, options=ReductionOptions(), reference_edges=(), at_epoch=None, skies=None
):
    """Measure the reference ``sources`` (rows read from galsources) on a reduced search image.

    ``reference_edges`` are the ChannelEdges of the references; ``at_epoch`` are the SourcesAtEpoch
    of the image, by default those on the reference. ``skies`` are the ReferenceSky by reference
    image, of those that have one to subtract.

    Raises InputFileError if none of them lies on usable pixels.
    """
    notes = []
    at_epoch = at_epoch or SourcesAtEpoch.as_on_reference(sources)
    by_wcs = reduction.to_pixels(at_epoch.ra, at_epoch.dec)
    registration, agreed = register_search_image(reduction, sources, by_wcs, options, notes)
    x, y = registration.apply(*by_wcs)
    bright = sources["flux"] > options.min_significance * sources["flux_err"]
    shifted = refracted(reduction, by_wcs, (x, y), bright, at_epoch.colours, options)
    x, y = x + shifted.dx, y + shifted.dy
    on_chip = _some_on_chip(reduction.chip, x, y, options.edge_pixels)
    beside = sky_beside(reduction, sources, (x, y), skies or {}, options, notes)
    fit = _force(reduction, beside, sources, (x, y), on_chip, options)
    x, y = x[on_chip] + fit.shift[0], y[on_chip] + fit.shift[1]
    sources = sources[on_chip]
    fit, trails = _mark_trails(reduction, fit, (x, y), options.trails, notes)
    fit = _mark_wings(reduction, fit, (x, y), options.bright_stars)
    edges = (*edges_at(reduction.channel_columns, reduction.fwhm_pixels), *reference_edges)
    stars = calibration_stars(reduction, sources, x, y, fit, options)
    correction = _fit_correction(stars, reduction.chip.shape, edges, options, notes)
    correction = _with_local_zero_point(correction, stars, options)
    to_add = correction.at(x, y, sources["galimage_id"], sources["x"])
    zero_point = reduction.zero_point.value + to_add
    expected = expected_flux(sources["mag"], zero_point)
    placed = PlacedFit(sources, x, y, fit, expected, correction.errors_at(x, y))
    errors = measured_errors(placed, reduction.fwhm_pixels, options, notes)
    mag, mag_err = magnitudes(fit.flux, errors.flux_err, zero_point)
    return SearchMeasurement(
        sources=sources,
        x=x,
        y=y,
        fit=fit,
        mag=mag,
        mag_err=mag_err,
        expected_flux=placed.expected,
        flux_err=errors.flux_err,
        errors=errors.image,
        error_scale=errors.scale,
        chi2_nu=errors.chi2_nu,
        correction=correction,
        calibrators=stars,
        registration=registration,
        refracted=shifted.select(on_chip),
        agreement=agreed,
        wcs_offset_arcsec=_wcs_offset(reduction, registration),
        trails=trails,
        reference_skies=beside.images,
        notes=tuple(notes),
    )


def _mark_trails(reduction, fit, place, options, notes):
    """Flag the stars under trails, which then calibrate nothing; returns fit and trails."""
    if not options.search:
        return fit, ()
    saturation = np.uint8(MaskBit.SATURATED | MaskBit.BLEED)
    left = Leftover(
        (reduction.data - fit.model).astype(np.float32),
        reduction.model_weight,
        fit.model,
        (reduction.chip.mask & saturation) != 0,
    )
    trails = tuple(find_trails(left, reduction.fwhm_pixels, options))
    if not trails:
        return fit, trails
    covered = np.any([trail.covers(*place) for trail in trails], axis=0)
    notes.append(f"trails: {len(trails)} found, and the {covered.sum()} sources under them flagged")
    return replace(fit, flags=fit.flags | np.where(covered, int(MaskBit.STREAK), 0)), trails


def _mark_wings(reduction, fit, place, options):
    """Flag the stars in saturated stars' wings, which then calibrate nothing."""
    stars = MeasuredStars(*place, fit.flux, fit.flux_err)
    return replace(fit, flags=fit.flags | wing_flags(reduction, stars, options))


def register_search_image(reduction, sources, by_wcs, options, notes):
    """Fit the PixelCorrection from sources to the image's detections; also its Agreement.

    ``by_wcs`` are the pixels x and y (n,) of the sources by the image's WCS, at its epoch.

    An absolute catalogue may be sparse or absent, and forced positions must be good to 0.02
    pixels: so bright sources are matched to bright detections, and a low-order polynomial takes
    all of them along. Where they don't match nearby, they are looked for as far as a telescope
    may miss.
    """
    x, y = by_wcs
    found, shape = reduction.detections, reduction.chip.shape
    bright = found.bright(options.min_significance, options.clean)
    significant = sources["flux"] > options.min_significance * sources["flux_err"]
    is_clean = has_no_flag(sources, options.clean)
    usable = significant & is_clean & _on_chip(x, y, shape, -options.registration.search_pixels)
    near = fit_pixel_correction(
        x[usable], y[usable], found.x[bright], found.y[bright], shape, options.registration
    )
    reach = options.registration.search_arcsec / reduction.scale_arcsec
    wide = significant & _on_chip(x, y, shape, -reach)
    expected = StarList(x[wide], y[wide], sources["mag"][wide].astype("f8"), is_clean[wide])
    registration, agreed = register_on_image(
        near,
        expected,
        found.as_stars(options.min_significance, options.clean),
        reduction.chip.weight > 0,
        reach,
        options.registration,
    )
    if registration.order >= 0 and registration is not near:
        if found.peaks is not None:
            # Those are where the highest pixels are; the stars were fitted.
            stars = found.measured_stars(options.min_significance, options.clean)
            registration = matched_again(
                expected.select(expected.is_clean),
                stars.select(stars.is_clean),
                registration,
                options.registration,
            )
        was_off = reduction.displacement(registration)
        notes.append(f"registration: {was_off.describe(reduction.scale_arcsec)}")
    elif registration.order < 0:
        notes.append("registration: no match with the reference; the WCS stands")
    if 0 <= registration.order < options.registration.max_order:
        notes.append(f"registration: order {registration.order} from {registration.n_used} stars")
    return registration, agreed


def _wcs_offset(reduction, registration):
    """The offset of the header's WCS in arcsec; NaN if unknown."""
    if registration.order < 0:
        return np.nan
    return reduction.displacement(registration).pixels * reduction.scale_arcsec


def _some_on_chip(chip, x, y, margin):
    """(n,) which sources lie on a chip; raises InputFileError if none does."""
    on_chip = _on_chip(x, y, chip.shape, margin)
    if not on_chip.any():
        raise InputFileError(
            chip.path,
            "no reference source lies on this chip",
            "Process a reference of this filter and field first (--reference)",
            hdu=chip.name,
        )
    return on_chip


def _on_chip(x, y, shape, margin):
    inside = np.isfinite(x) & np.isfinite(y)
    inside &= (x > margin - 0.5) & (x < shape[1] - 0.5 - margin)
    return inside & (y > margin - 0.5) & (y < shape[0] - 0.5 - margin)


def _force(reduction, beside, sources, place, wanted, options):
    """Fit the ``wanted`` sources, and take out the registration's remaining shift.

    The SkyBeside is taken out before, and is part of the model. Stars just off the chip take part:
    their light would go to those at the edge.
    """
    x, y = place
    near = _on_chip(x, y, reduction.chip.shape, -options.forced.max_half_pixels)
    share = np.maximum(sources["flux"], 1e-3 * np.median(sources["flux"])).astype("f8")
    stars = ForcedStars(x[near], y[near], share[near], sources["galimage_id"][near])
    fit = fit_with_added(
        beside.subtracted_from(reduction.image),
        reduction.detections.psf,
        stars,
        is_added(sources[near]),
        options,
    )
    return replace(fit.select(wanted[near]), model=beside.added_to(fit.model))


def calibration_stars(reduction, sources, x, y, fit, options):
    """The CalibrationStars: sources that are clean on both images."""
    mag, mag_err = magnitudes(fit.flux, fit.flux_err, reduction.zero_point.value)
    error = np.hypot(mag_err, sources["mag_err"])
    good = is_clean(sources, options.clean) & is_clean(fit, options.clean) & (fit.flux > 0)
    good &= error < options.calibration.max_stars_error
    return CalibrationStars(
        x=x[good],
        y=y[good],
        difference=(sources["mag"] - mag)[good].astype("f8"),
        error=error[good].astype("f8"),
        catalogue=sources["galimage_id"][good],
        reference_x=sources["x"][good],
    )


def _fit_correction(stars, shape, edges, options, notes):
    """Fit the correction to calibration stars; fallbacks are added to ``notes``."""
    correction = fit_magnitude_correction(stars, shape, options.calibration, edges)
    if correction.order < 0:
        notes.append("correction: no star is clean on both images; magnitudes as measured")
    elif correction.order < options.calibration.order:
        notes.append(f"correction: order {correction.order} from {correction.n_used} stars")
    for step in correction.steps:
        where = "the image" if step.edge.catalogue is None else f"reference {step.edge.catalogue}"
        notes.append(
            f"amplifiers: a step of {step.mag:+.3f} ± {step.error:.3f} mag at column "
            f"{step.edge.column:.0f} of {where}, corrected"
        )
    return correction


def _with_local_zero_point(correction, stars, options):
    """The correction with what it leaves of the stars' differences as a smooth surface."""
    if correction.order < 0:
        return correction
    applied = correction.at(stars.x, stars.y, stars.catalogue, stars.reference_x)
    sigma = with_floor(stars.error, max(options.calibration.error_floor, 1e-4))
    local = fit_local_zero_point(
        (stars.x, stars.y),
        stars.difference - applied,
        sigma,
        correction.shape,
        options.local_zero_point,
    )
    return replace(correction, local=local)


def is_detected(rows, min_quality):
    """(n,) whether rows belong in galsources: positive flux on enough usable pixels."""
    return (rows["flux"] > 0) & (rows["quality"] >= min_quality)
