"""Homogenisation of variable stars' brightness on all frames before averaging.

A variable star may never be as bright as its average, and the average is too near to all its
brightnesses for any of them to stand out against it. Where the outlying frames are clipped pixel by
pixel instead, the star in the stack no longer has the shape of the PSF.
"""

from dataclasses import dataclass

import numpy as np

from exposures.chip import MaskBit
from exposures.science.arrays import BoolArray, Float, FloatArray
from photometry.science.forced.forced import ForcedFit
from photometry.science.psf.psf import ChipPsf
from photometry.science.psf.stamps import DX, DY, add_profiles
from photometry.science.stacking.stacking import StackOptions

WING_SIGMA = 0.05  # of a pixel's noise, where a star's wings are cut
MAX_HALF = 74  # pixels, half the side of the largest stamp


def flux_to_common_brightness(
    flux: FloatArray,
    flux_err: FloatArray,
    rchi2: FloatArray,
    usable: BoolArray,
    options: StackOptions,
) -> FloatArray:
    """(m, n) flux to be added to each of n stars on each of m frames, all arguments (m, n).

    Where more than half of the frames on which a star is usable agree about it, within
    ``agree_sigma`` and ``agree_fraction`` of their median, the others get their mean. Where no
    majority agrees the star varies, and all get its flux on the first frame, so that the star is as
    bright on the stack as on the first frame alone. Nothing is added where most frames show no
    star, where the star is usable on fewer than ``min_votes`` frames, or where the light on a frame
    (or on the first, where its flux is what the others get) is unlike the PSF: such light is left
    to the clipping of pixels. Fluxes are in one unit, any; of a star that is not usable on a frame
    they may be NaN.
    """
    n_usable = usable.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        centre = _median(flux, usable)
        limit = np.hypot(options.agree_sigma * flux_err, options.agree_fraction * np.abs(centre))
        agrees = usable & (np.abs(flux - centre) <= limit)
        weight = np.where(agrees, 1 / flux_err**2, 0)
        mean = np.sum(weight * np.where(agrees, flux, 0), axis=0) / weight.sum(axis=0)
        is_settled = 2 * agrees.sum(axis=0) > n_usable
        is_star = mean > options.agree_sigma / np.sqrt(weight.sum(axis=0))
        target = np.where(is_settled, np.where(is_star, mean, np.nan), flux[0])
        change = target - flux
        is_small = np.sqrt(rchi2) <= options.max_misfit * flux / flux_err
        is_stellar = (rchi2 <= options.max_rchi2) | is_small
    is_stellar &= usable
    wanted = is_stellar & (n_usable >= options.min_votes) & np.isfinite(change)
    wanted &= np.where(is_settled, ~agrees, is_stellar[0])
    return np.where(wanted, change, 0.0)


def _median(values: FloatArray, usable: BoolArray) -> FloatArray:
    """(n,) medians of the usable ``values`` (m, n); NaN without any."""
    ordered = np.sort(np.where(usable, values, np.inf), axis=0)
    n_usable = usable.sum(axis=0)
    middle = np.array([np.maximum(n_usable - 1, 0) // 2, n_usable // 2])
    middle = np.minimum(middle, len(values) - 1)
    return np.where(n_usable > 0, np.take_along_axis(ordered, middle, axis=0).mean(axis=0), np.nan)


@dataclass(frozen=True)
class AddedStars:
    """Stars to add to an image; arrays (n,)."""

    x: np.ndarray  # pixels of the image
    y: np.ndarray
    psf_x: np.ndarray  # pixels at which the PSF has their shape
    psf_y: np.ndarray
    flux: np.ndarray  # ADU


def add_light(data: FloatArray, noise: Float, psf: ChipPsf, stars: AddedStars) -> None:
    """Add the light of AddedStars to ``data`` (ny, nx) in place, in ADU.

    ``psf`` is a ChipPsf; ``noise`` is that of a pixel, a number in ADU.
    """
    x, y, psf_x, psf_y = stars.x, stars.y, stars.psf_x, stars.psf_y
    profiles = psf.profiles(psf_x, psf_y)
    profiles.parameters[:, DX] = x - np.round(x)
    profiles.parameters[:, DY] = y - np.round(y)
    level = WING_SIGMA * noise / np.abs(stars.flux)
    half = np.clip(np.ceil(psf.reach(psf_x, psf_y, level)), 1, MAX_HALF)
    places = np.column_stack([np.round(y), np.round(x), half]).astype(int)
    add_profiles(data, places, stars.flux.astype("f4"), profiles)


def is_usable(fit: ForcedFit, min_quality: float) -> BoolArray:
    """(n,) whether fluxes of a ForcedFit are usable: finite, and on enough usable pixels.

    False where a flux or its error is NaN; ``min_quality`` is the least share of the PSF that has
    to lie on usable pixels.
    """
    spoilt = MaskBit.SATURATED | MaskBit.BLEED
    known = np.isfinite(fit.flux) & np.isfinite(fit.flux_err) & (fit.flux_err > 0)
    return known & ((fit.flags & spoilt) == 0) & (fit.quality >= min_quality)
