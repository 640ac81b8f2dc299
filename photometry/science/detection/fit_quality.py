"""How well the stars of a joint fit are fitted, in numba."""

from dataclasses import dataclass

import numpy as np

from exposures.science.arrays import Float, FloatArray
from photometry.science.compiled import compiled_with
from photometry.science.detection import fit_stamps
from photometry.science.detection.fit_stamps import (
    Place,
    StampArrays,
    Stamps,
    bounds_of,
    stamp_of,
)
from photometry.science.detection.joint_fit import FittedImages, JointFit

MIDDLE = 19  # pixels, side of the part of a stamp that tells how well a star is fitted


@dataclass(frozen=True)
class FitQuality:
    """The quality of each star's fit, as PSF-weighted means over the centre of its stamp."""

    flux_err: np.ndarray  # (n,) ignores neighbours; infinite where no pixel is usable
    rchi2: np.ndarray  # (n,) reduced chi2
    fracflux: np.ndarray  # (n,) share of the light that is the star's own
    quality: np.ndarray  # (n,) share of the PSF on usable pixels


def fit_quality(data: FloatArray, weight: FloatArray, stamps: Stamps, fit: JointFit) -> FitQuality:
    """The FitQuality of a JointFit; ``data`` (ny, nx), in units of the image, holds all stars.

    ``weight`` (ny, nx) is its inverse variance. rchi2 is NaN where the middle of a stamp has no
    usable pixel, and flux_err infinite where the whole stamp has none.
    """
    figures = _quality(FittedImages(data, weight, fit.residual), fit.flux, stamps.arrays)
    return FitQuality(*figures.T)


# In all of these, pixels are counted by unsigned numbers along a row: each index would else be
# looked at for whether it counts from the end, and the loops would not be vectorised.


@compiled_with(fit_stamps)
def _quality(images: FittedImages, flux: FloatArray, stamps: StampArrays) -> FloatArray:
    """(n, 4) columns of FitQuality."""
    figures = np.zeros((len(flux), 4))
    for k in range(len(flux)):
        stamp, place = stamp_of(k, stamps)
        information = _information(images.weight, stamp, place)
        norm, covered, chi2, own, light = _middle_sums(images, stamp, place, np.float32(flux[k]))
        figures[k, 0] = information**-0.5 if information > 0 else np.inf
        figures[k, 1] = chi2 / covered if covered > 0 else np.nan
        figures[k, 2] = own / light if light != 0 else 0.0
        figures[k, 3] = covered / norm
    return figures


@compiled_with(fit_stamps, forceinline=True)
def _information(weight: FloatArray, stamp: FloatArray, place: Place) -> Float:
    """The inverse variance of the flux from the full stamp, including a saturated star's wings."""
    side, row, column = place.side, place.row, place.column
    top, bottom = bounds_of(row, side, 1, weight.shape[0])
    left, right = bounds_of(column, side, 1, weight.shape[1])
    information = np.float32(0)
    for j in range(top, bottom):
        weights, x, here = weight[row + j], np.uint64(column + left), np.uint64(j * side + left)
        for i in range(np.uint64(right - left)):
            information += weights[x + i] * stamp[here + i] * stamp[here + i]
    return information


@compiled_with(fit_stamps, forceinline=True)
def _middle_sums(
    images: FittedImages,
    stamp: FloatArray,
    place: Place,
    flux: Float,
) -> tuple[Float, Float, Float, Float, Float]:
    """Sums over a stamp's centre: PSF, usable PSF, PSF times chi2, and light."""
    data, weight, residual = images.data, images.weight, images.residual
    side, row, column = place.side, place.row, place.column
    cut = max(0, (side - MIDDLE) // 2)
    top, bottom = bounds_of(row, side, cut, data.shape[0])
    left, right = bounds_of(column, side, cut, data.shape[1])
    norm = covered = chi2 = own = light = np.float32(0)
    for j in range(cut, side - cut):
        here = np.uint64(j * side + cut)
        for i in range(np.uint64(side - 2 * cut)):
            norm += stamp[here + i]
    for j in range(top, bottom):
        weights, left_over, pixels = weight[row + j], residual[row + j], data[row + j]
        x, here = np.uint64(column + left), np.uint64(j * side + left)
        for i in range(np.uint64(right - left)):
            w = weights[x + i]
            p = stamp[here + i] if w > 0 else np.float32(0)
            r = left_over[x + i] if w > 0 else np.float32(0)
            d = pixels[x + i] if w > 0 else np.float32(0)
            covered += p
            # Where a PSF falls below zero, as splines may, it has no weight.
            chi2 += w * r * r * max(p, np.float32(0))
            own += p * (r + flux * p)
            light += p * d
    return norm, covered, chi2, own, light
