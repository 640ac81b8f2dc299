"""Figures of quality of a reduced chip, and of a search image against its references."""

from dataclasses import dataclass, replace

import numpy as np

from exposures.chip import MaskBit
from photometry.reduction.errors import USUAL_FLOOR
from photometry.science.calibration.calibration import magnitudes, with_floor
from photometry.science.calibration.depth import limiting_magnitude
from photometry.science.detection.clean import CleanOptions, has_no_flag, is_clean, is_well_measured
from photometry.science.quality.image_quality import FigureOptions
from photometry.science.quality.quality_figures import (
    doubled_share,
    expansion,
    local_offset,
    noise_ratio,
    psf_figures,
    psf_misfit,
    psf_width,
    share_at_least,
    share_at_most,
)


@dataclass(frozen=True)
class _Stars:
    """Stars on an image; (n,)."""

    x: np.ndarray
    y: np.ndarray
    flux: np.ndarray
    is_clean: np.ndarray


def reference_figures(
    reduction, sources, options=FigureOptions(), clean=CleanOptions()
) -> dict[str, float]:
    """The figures of a reference image, from its Reduction and its rows of galsources."""
    found = reduction.detections
    stars = _seen(found, clean)
    figures = _of_reduction(reduction, stars, options)
    figures |= _of_residual(reduction, found.model, stars, options)
    figures["n_calibrators"] = int(is_clean(sources, clean).sum())
    figures["catalogue_share"] = _share_at_positions(reduction.catalogue_agreement, options)
    if reduction.wcs.correction.order >= 0:
        figures["wcs_offset"] = reduction.displacement().pixels * reduction.scale_arcsec
    if reduction.zero_point.source == "catalogue":
        # The header's is a cross-check only, and absent as often as not.
        offset = reduction.zero_point.value - reduction.chip.zero_point
        figures["zero_point_offset"] = abs(offset)
    return figures


def search_figures(
    reduction, measurement, options=FigureOptions(), clean=CleanOptions()
) -> dict[str, float]:
    """The figures of a search image, from its Reduction and its SearchMeasurement.

    Those that need other images, or the changes that were selected, are not among them.
    """
    fit = measurement.fit
    # A trail brightens stars all along it, which then seem to have companions.
    alone = is_well_measured(fit, clean) & ((fit.flags & int(MaskBit.STREAK)) == 0)
    stars = _Stars(measurement.x, measurement.y, fit.flux, alone)
    figures = _of_reduction(reduction, _seen(reduction.detections, clean), options)
    figures |= _of_residual(reduction, fit.model, stars, options)
    figures |= _of_correction(reduction, measurement, options, clean)
    figures["n_registered"] = measurement.registration.n_used
    figures["registered_share"] = _share_at_positions(measurement.agreement, options)
    figures["wcs_offset"] = measurement.wcs_offset_arcsec
    figures["lost_share"] = _lost_share(measurement, options, clean)
    # Not a figure that has a limit: others are made of it.
    figures["brought_zero_point"] = brought_zero_point(reduction, measurement)
    return figures


def _seen(found, clean):
    """What Detections tell of stars that may be doubled: also those that no reference has."""
    if found.peaks is None:
        return _Stars(found.x, found.y, found.flux, is_well_measured(found, clean))
    peaks = found.peaks
    return _Stars(peaks.x, peaks.y, 10 ** (-0.4 * peaks.mag), peaks.is_clean)


def _share_at_positions(agreement, options):
    """The largest plausible share of bright stars at their positions, corrected for chance."""
    found = max(agreement.n_found - agreement.by_chance, 0)
    return share_at_most(found, agreement.n_tested, options)


def _of_reduction(reduction, found, options):
    chip = reduction.chip
    return {
        **psf_figures(reduction.detections.psf, chip.shape),
        "doubled_share": doubled_share(found.x, found.y, found.flux, found.is_clean, options),
        "sky_over_saturation": float(reduction.sky.level / chip.saturation),
    }


def _of_residual(reduction, model, stars, options):
    residual, weight = reduction.data - model, reduction.model_weight
    return {
        "psf_misfit": psf_misfit(residual, weight, stars, options),
        "psf_width": psf_width(residual, weight, stars, reduction.detections.psf, options),
        "noise_ratio": noise_ratio(residual, weight),
    }


def _of_correction(reduction, measurement, options, clean):
    m, stars = measurement, measurement.calibrators
    sources = m.sources
    applied = m.correction.at(stars.x, stars.y, stars.catalogue, stars.reference_x)
    left = stars.difference - applied
    smooth = replace(m.correction, steps=(), offsets={})
    everywhere = smooth.at(m.x, m.y, sources["galimage_id"])
    good = has_no_flag(sources, clean) & is_well_measured(m.fit, clean)
    # As the fit has them, or they would hide what the image has beside its photons' noise.
    _, photons = magnitudes(m.fit.flux, m.fit.flux_err, 0.0)
    error = np.hypot(with_floor(photons, USUAL_FLOOR), sources["mag_err"])
    pull = (m.mag - sources["mag"])[good] / error[good]
    shape = reduction.chip.shape
    return {
        "n_calibrators": m.correction.n_used,
        "chi2_nu": m.chi2_nu,
        "expansion": expansion(pull, sources["mag"][good], options),
        "correction_rms": m.correction.rms,
        "correction_range": float(np.ptp(np.percentile(everywhere, [1, 99]))),
        "channel_step": max((abs(step.mag) for step in m.correction.steps), default=0.0),
        "local_offset": local_offset(stars.x, stars.y, left, shape, options),
    }


def _lost_share(measurement, options, clean):
    """The share of sources on usable pixels, bright enough to be seen, that have no light."""
    fit, expected = measurement.fit, measurement.expected_flux
    is_expected = has_no_flag(measurement.sources, clean) & is_well_measured(fit, clean)
    is_expected &= expected > options.expected_sigma * fit.flux_err
    is_lost = is_expected & (fit.flux < options.lost_flux * expected)
    return share_at_least(int(is_lost.sum()), int(is_expected.sum()), options)


def brought_zero_point(reduction, measurement) -> float:
    """The zero point of a search image on its references' scale, as the median of sources."""
    m = measurement
    added = m.correction.at(m.x, m.y, m.sources["galimage_id"], m.sources["x"])
    return float(reduction.zero_point.value + np.median(added))


def depth_loss(image, reference, zero_point) -> float:
    """How much brighter the limiting magnitude of a search image is than its reference's.

    Both are rows of galimages; ``zero_point`` is that of the image, brought onto the reference.
    NaN where one was not measured.
    """
    own = limiting_magnitude(zero_point, image.sky_noise, image.fwhm_pixels)
    theirs = limiting_magnitude(reference.zero_point, reference.sky_noise, reference.fwhm_pixels)
    return float(theirs - own)


def changed_share(changes, n_sources, options=FigureOptions()) -> float:
    """The least plausible share of sources with accepted changes (``changes`` are Changes)."""
    return share_at_least(int((changes.failed_cuts == 0).sum()), n_sources, options)
