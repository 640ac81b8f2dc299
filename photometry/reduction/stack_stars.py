"""Photometry of the first exposure's stars on every exposure of a stack, on one scale."""

from dataclasses import dataclass, replace

import numpy as np

from photometry.science.calibration.calibration import CalibrationStars, magnitudes
from photometry.science.detection.clean import is_clean
from photometry.science.forced.forced import ForcedFit, ForcedStars, fit_fluxes
from photometry.science.stacking.homogenise import (
    AddedStars,
    add_light,
    flux_to_common_brightness,
    is_usable,
)


@dataclass(frozen=True)
class StarsOnFrame:
    """The first frame's stars on one frame; arrays (n,) in the order of its detections."""

    x: np.ndarray  # pixels on the frame's own grid, where its PSF is that of the star
    y: np.ndarray
    flux: np.ndarray  # ADU; NaN where nothing is known
    flux_err: np.ndarray
    rchi2: np.ndarray
    is_usable: np.ndarray  # bool
    is_clean: np.ndarray  # bool, whole and mostly the star's own light: fit to calibrate
    psf: object  # ChipPsf

    def scaled(self, scale):
        """The same with fluxes times ``scale`` (n,)."""
        return replace(self, flux=scale * self.flux, flux_err=scale * self.flux_err)


def measure_stars(reduction, x, y, first, settings) -> StarsOnFrame:
    """Force the stars of the ``first`` Reduction at ``x, y`` (n,) on a Reduction's own pixels.

    All of them together, so that a blend is parted alike in any seeing.
    """
    found, options = first.detections, settings.reduction
    near = _near(x, y, reduction.chip.shape, options.forced.max_half_pixels)
    share = np.maximum(found.flux, found.flux_err)[near]
    fit = fit_fluxes(
        reduction.image,
        reduction.detections.psf,
        ForcedStars(x[near], y[near], share, np.zeros(len(share), int)),
        options.forced,
        free_shift=reduction is not first,
    )
    return _spread(fit, near, (x, y), reduction.detections.psf, settings)


def _near(x, y, shape, margin):
    """(n,) whether stars lie on the frame or within ``margin`` of it."""
    inside = (x > -margin) & (x < shape[1] + margin)
    return inside & (y > -margin) & (y < shape[0] + margin)


def _spread(fit: ForcedFit, near, position, psf, settings):
    """The fit of some stars as StarsOnFrame of all."""

    def of_all(values, missing):
        out = np.full(len(near), missing)
        out[near] = values
        return out

    clean = is_clean(fit, settings.reduction.clean) & (fit.flux > 0)
    return StarsOnFrame(
        x=position[0] + fit.shift[0],
        y=position[1] + fit.shift[1],
        flux=of_all(fit.flux, np.nan),
        flux_err=of_all(fit.flux_err, np.nan),
        rchi2=of_all(fit.rchi2, np.nan),
        is_usable=of_all(is_usable(fit, settings.stack.min_quality), False),
        is_clean=of_all(clean, False),
        psf=psf,
    )


def scale_stars(ours: StarsOnFrame, theirs: StarsOnFrame, x, y, options) -> CalibrationStars:
    """CalibrationStars of the first frame and another, at the first's x, y.

    The differences are in magnitudes, the first minus the other.
    """
    good = ours.is_clean & theirs.is_clean
    for stars in (ours, theirs):
        good &= stars.flux > options.min_significance * stars.flux_err
    mag, mag_err = magnitudes(ours.flux[good], ours.flux_err[good], 0.0)
    mag_there, err_there = magnitudes(theirs.flux[good], theirs.flux_err[good], 0.0)
    error = np.hypot(np.hypot(mag_err, err_there), options.calibration.error_floor)
    return CalibrationStars(x[good], y[good], mag - mag_there, error, np.zeros(good.sum(), int))


def homogenise_variables(frames, stars, x, y, options):
    """Give variable stars equal brightness on all frames in place; returns where and how many.

    ``stars`` are StarsOnFrame of each Frame, ``x, y`` (n,) their positions on the grid. Returns an
    array (ny, nx) int32 with bit i where frame i was changed, and the number of stars changed.
    """
    flux, flux_err, rchi2, usable = (
        np.array([getattr(s, name) for s in stars])
        for name in ("flux", "flux_err", "rchi2", "is_usable")
    )
    added = flux_to_common_brightness(flux, flux_err, rchi2, usable, options)
    changed = np.zeros(frames[0].data.shape, np.int32)
    for bit, (frame, on_frame) in enumerate(zip(frames, stars, strict=True)):
        index = np.flatnonzero(added[bit])
        if len(index) > 0:
            light = AddedStars(
                x[index], y[index], on_frame.x[index], on_frame.y[index], added[bit, index]
            )
            add_light(frame.data, np.sqrt(frame.variance), on_frame.psf, light)
            _mark(changed, x[index], y[index], frame.fwhm_pixels, 1 << bit)
    return changed, int(np.count_nonzero(added.any(axis=0)))


def _mark(changed, x, y, fwhm_pixels, bit):
    """Set ``bit`` on pixels within the FWHM of stars."""
    reach = int(np.ceil(fwhm_pixels))
    for dy in range(-reach, reach + 1):
        for dx in range(-reach, reach + 1):
            if np.hypot(dx, dy) <= fwhm_pixels:
                row = np.clip(np.rint(y).astype(int) + dy, 0, changed.shape[0] - 1)
                column = np.clip(np.rint(x).astype(int) + dx, 0, changed.shape[1] - 1)
                changed[row, column] |= bit
