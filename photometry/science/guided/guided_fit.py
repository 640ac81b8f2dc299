"""The PSF and the bright stars of an image, from where a reference lists its stars.

Stars are fitted with small shifts, the PSF is fitted to them without their neighbours, and both
again, as in a search for sources (Schlafly et al. 2018, ApJS 234, 39). But neighbours are known
beforehand: the faint ones keep the flux that the reference predicts. Free, they would take up what
a first guess of the PSF leaves of a bright star.
"""

from dataclasses import dataclass, replace

import numpy as np

from exposures.science.arrays import FloatArray, IntArray, Shape
from exposures.science.astrometry import AstrometryOptions, PixelCorrection, fit_polynomial
from photometry.science.detection.detection import DetectionOptions, Detections
from photometry.science.detection.fit_quality import fit_quality
from photometry.science.detection.fit_stamps import Stamps, cut_out
from photometry.science.detection.joint_fit import JointFit, Sweeps, fit_jointly
from photometry.science.detection.psf_refit import refitted_psf
from photometry.science.guided.choice import ChosenStars, ReferenceStars, choose_stars
from photometry.science.guided.options import GuidedOptions
from photometry.science.guided.unlisted import add_changes, add_unlisted
from photometry.science.psf.psf import ChipPsf
from photometry.science.psf.stamps import add_profiles
from photometry.science.quality.quality_figures import psf_figures, stacked_light
from photometry.science.sky.residual_sky import residual_sky
from photometry.science.weighted_image import WeightedImage

CELL = 16  # pixels, side of the cells by which stars are sorted before they are drawn
EVERY = 2  # along each axis, one pixel of so many tells the sky beside the stars
N_PASSES = 2  # of fitting stars and PSF: the first starts from a round PSF without a wing
LARGEST_ELONGATION = 1.8  # axis ratio of the PSF, anywhere on the image
# Stars at most whose residuals are stacked, side of their stamps in pixels, and sigma of the light
# that is left which are granted to chance.
MISFIT_STARS, MISFIT_SIDE, MISFIT_CONFIDENCE = 200, 41, 2.0
CHANGE_REACH = 1.5  # FWHM, half the side of the stamp by which changes of faint stars are seen
SCALE_ROUNDS = 2  # of fitting the bright stars and scaling their faint neighbours


# Ratio of a star's flux to what is expected, or its inverse, up to which it is as bright.
LARGEST_CHANGE = 2.0


class UnguidedError(Exception):
    """Why an image can't be calibrated by the stars of its reference."""


@dataclass(frozen=True)
class FitSettings:
    """Options of all that takes part in a fit."""

    guided: GuidedOptions
    detection: DetectionOptions
    registration: AstrometryOptions


@dataclass(frozen=True)
class _Fitted:
    """The state after a pass: where all n stars are, the PSF, and k free stars' fluxes."""

    listed: ReferenceStars
    psf: ChipPsf
    flux: np.ndarray  # (k,) ADU
    scale: float  # ADU for one unit of the reference's flux
    whole: np.ndarray  # (j,) those of the free that are whole and hardly blended, by number


def fit_listed(
    image: WeightedImage, noise: float, listed: ReferenceStars, psf: ChipPsf, settings: FitSettings
) -> Detections:
    """The PSF and the bright ones of ReferenceStars on an image, as Detections.

    ``image`` is a WeightedImage (ny, nx) of float32 in ADU, without its sky; ``noise`` is the sigma
    of its pixels in ADU. ``psf`` is a first guess. The model of the Detections has all listed
    stars, as bright as expected where they were not fitted, the sky beside them, and the light that
    is there beyond doubt and not listed.

    Raises UnguidedError where this can't be right: too few stars, of too many not the flux that is
    expected, or a PSF that leaves too much of them.
    """
    guided = settings.guided
    chosen = choose_stars(image, noise, listed, psf, guided, settings.detection)
    _check_number(len(chosen.own), guided)
    flux = chosen.scale * listed.flux[chosen.free]
    fitted = _Fitted(listed, psf, flux, chosen.scale, np.zeros(0, int))
    for _ in range(N_PASSES):
        fitted = _one_pass(image, chosen, fitted, settings)
    _check_psf(fitted.psf, image.data.shape)
    _check_fluxes(chosen, fitted, guided)
    return _measured(image, chosen, fitted, settings)


def _check_number(n: int, guided: GuidedOptions) -> None:
    if n < guided.min_stars:
        raise UnguidedError(f"{n} of the reference's stars are bright and whole here")


def _check_psf(psf: ChipPsf, shape: Shape) -> None:
    """Raise UnguidedError if there is no PSF of all stars, or stars are long."""
    if psf.is_round or psf.core is None:
        raise UnguidedError("the stars are not alike enough to tell the PSF")
    # By a jump of the telescope: its two ends may be fitted by one star each, or by one PSF.
    if psf_figures(psf, shape)["elongation"] > LARGEST_ELONGATION:
        raise UnguidedError("the stars are elongated")


def _one_pass(
    image: WeightedImage, chosen: ChosenStars, fitted: _Fitted, settings: FitSettings
) -> _Fitted:
    """Fit the free stars with their shifts, and the PSF to those of the own that are whole."""
    listed, psf = fitted.listed, fitted.psf
    x, y = listed.x[chosen.free], listed.y[chosen.free]
    own = np.searchsorted(chosen.free, chosen.own)
    stamps = Stamps.render(psf, x, y, chosen.half[chosen.free])
    faint = _light(image.data.shape, chosen.fixed, chosen, fitted, listed.flux)
    flux, scale = fitted.flux, fitted.scale
    for _ in range(SCALE_ROUNDS):
        data = image.data - np.float32(scale) * faint
        fit = fit_jointly(data, image.weight, stamps, flux, Sweeps(settings.detection.n_sweeps))
        flux = fit.flux
        scale = float(np.median(flux[own] / listed.flux[chosen.own]))
    psf, whole = refitted_psf((image.data, image.weight), (x, y), psf, fit, own)
    _check_number(len(whole), settings.guided)
    moved = _moved(listed, chosen.free, fit, whole, image, settings)
    return _Fitted(moved, psf, np.maximum(flux, 0), scale, whole)


def _light(
    shape: Shape,
    index: IntArray,
    chosen: ChosenStars,
    fitted: _Fitted,
    flux: FloatArray,
) -> FloatArray:
    """(ny, nx) float32 light of listed stars by ``index``, in the unit of their ``flux`` (n,)."""
    row, column = (np.rint(c[index]).astype(int) for c in (fitted.listed.y, fitted.listed.x))
    order = np.lexsort((column // CELL, row // CELL))
    index = index[order]
    squares = np.column_stack([row[order], column[order], chosen.half[index]])
    profiles = fitted.psf.profiles(fitted.listed.x[index], fitted.listed.y[index])
    light = np.zeros(shape, np.float32)
    add_profiles(light, squares, flux[index].astype("f4"), profiles)
    return light


def _moved(
    listed: ReferenceStars,
    free: IntArray,
    fit: JointFit,
    whole: IntArray,
    image: WeightedImage,
    settings: FitSettings,
) -> ReferenceStars:
    """All stars moved as those that are whole were, and the free ones as far as they were."""
    largest = settings.detection.max_step_pixels
    near = whole[np.hypot(fit.dx[whole], fit.dy[whole]) < largest]
    x, y = listed.x[free], listed.y[free]
    correction = PixelCorrection(image.data.shape, -1)
    if len(near) >= settings.registration.min_matches:
        correction = fit_polynomial(
            x[near],
            y[near],
            fit.dx[near],
            fit.dy[near],
            image.data.shape,
            settings.registration,
        )
    new_x, new_y = correction.apply(listed.x, listed.y)
    step = np.hypot(fit.dx, fit.dy)
    scale = np.where(step > largest, largest / np.maximum(step, largest), 1)
    new_x[free], new_y[free] = x + scale * fit.dx, y + scale * fit.dy
    return replace(listed, x=new_x, y=new_y)


def _check_fluxes(chosen: ChosenStars, fitted: _Fitted, guided: GuidedOptions) -> None:
    """Raise UnguidedError if too few stars are as bright as the reference says."""
    own = np.searchsorted(chosen.free, chosen.own)
    expected = fitted.scale * fitted.listed.flux[chosen.own]
    ratio = fitted.flux[own] / expected
    is_found = (ratio > 1 / LARGEST_CHANGE) & (ratio < LARGEST_CHANGE)
    if not is_found.mean() >= guided.min_found:
        raise UnguidedError(f"{is_found.mean():.0%} of the stars are as bright as expected")


def _measured(
    image: WeightedImage, chosen: ChosenStars, fitted: _Fitted, settings: FitSettings
) -> Detections:
    """The bright stars at their places as Detections; the others as bright as expected."""
    weight, detection = image.weight, settings.detection
    everything = fitted.scale * fitted.listed.flux
    everything[chosen.free] = fitted.flux
    every = np.arange(len(everything))
    left = image.data - _light(image.data.shape, every, chosen, fitted, everything)
    sky = _sky_beside(left, weight, detection.sky_box_pixels)
    x, y = fitted.listed.x[chosen.free], fitted.listed.y[chosen.free]
    stamps = Stamps.render(fitted.psf, x, y, chosen.half[chosen.free])
    nothing = np.zeros(len(x))
    sweeps = Sweeps(detection.n_sweeps, shifts=False)
    change = fit_jointly(left - sky, weight, stamps, nothing, sweeps)
    fit = replace(change, flux=fitted.flux + change.flux)
    _check_misfit(fit, weight, (x, y), fitted.whole, settings.guided)
    figures = fit_quality(image.data - sky, weight, stamps, fit)
    own = np.searchsorted(chosen.free, chosen.own)
    own = own[np.isfinite(figures.flux_err[own])]
    model = image.data - fit.residual
    everything[chosen.free] = fit.flux
    left = fit.residual.copy()
    add_changes(model, left, weight, *_as_seen(fitted, everything), settings.guided.unlisted_sigma)
    add_unlisted(model, left, weight, settings.guided.unlisted_sigma)
    return Detections(
        x=x[own],
        y=y[own],
        flux=fit.flux[own],
        flux_err=figures.flux_err[own],
        rchi2=figures.rchi2[own],
        fracflux=figures.fracflux[own],
        quality=figures.quality[own],
        flags=image.mask[np.rint(y[own]).astype(int), np.rint(x[own]).astype(int)].astype("i4"),
        psf=fitted.psf,
        model=model,
    )


def _as_seen(
    fitted: _Fitted, flux: FloatArray
) -> tuple[tuple[IntArray, IntArray, FloatArray], FloatArray]:
    """Rows, columns and fluxes (n,) of all stars, in pixels and ADU, and a stamp of the PSF."""
    x, y = fitted.listed.x, fitted.listed.y
    column, row = np.rint(np.median(x)), np.rint(np.median(y))
    side = 2 * int(np.ceil(CHANGE_REACH * fitted.psf.fwhm_at(column, row))) + 1
    stamp = fitted.psf.stamps(column, row, side)[0]
    return (np.rint(y).astype(int), np.rint(x).astype(int), flux.astype("f8")), stamp


def _sky_beside(left: FloatArray, weight: FloatArray, box_pixels: int) -> FloatArray:
    """(ny, nx) the sky that the stars leave, by some of the pixels in each box; ADU."""
    thin = slice(None, None, EVERY), slice(None, None, EVERY)
    sky = residual_sky(left[thin], weight[thin], max(box_pixels // EVERY, 1))
    ny, nx = left.shape
    return sky.repeat(EVERY, 0).repeat(EVERY, 1)[:ny, :nx]


def _check_misfit(
    fit: JointFit,
    weight: FloatArray,
    place: tuple[FloatArray, FloatArray],
    whole: IntArray,
    guided: GuidedOptions,
) -> None:
    """Raise UnguidedError if the PSF leaves too much of the stars that it was fitted to."""
    brightest = whole[np.argsort(-fit.flux[whole], kind="stable")[:MISFIT_STARS]]
    x, y = (c[brightest] for c in place)
    left, seen = (cut_out(pixels, x, y, MISFIT_SIDE) for pixels in (fit.residual, weight))
    stamps = left / fit.flux[brightest, None, None]
    misfit = stacked_light(stamps, seen > 0, MISFIT_CONFIDENCE)
    if not misfit <= guided.max_misfit:
        raise UnguidedError(f"the PSF leaves {misfit:.0%} of the light round bright stars")
