"""Shifts of single stars, from what a forced fit leaves at their places."""

from dataclasses import dataclass

import numpy as np

from exposures.science.arrays import FloatArray, Index, IntArray
from photometry.science.compiled import compiled
from photometry.science.psf.psf import ChipPsf
from photometry.science.weighted_image import WeightedImage

CHUNK = 2048  # stars whose stamps are looked at together
HALF_IN_FWHM = 1.25  # half the side of a stamp; beyond it a shift leaves next to nothing
REACH = 2  # pixels beside one that its derivative is taken from


@dataclass(frozen=True)
class StarShifts:
    """How far n stars are from where they were fitted; NaN where that can't be told."""

    dx: np.ndarray  # (n,) pixels
    dy: np.ndarray  # (n,) pixels
    error: np.ndarray  # (n,) pixels, of either

    def __len__(self) -> int:
        return len(self.dx)

    def select(self, index: Index) -> "StarShifts":
        """The shifts in pixels of a selection: indices (k,), or a mask (n,) of bool."""
        return StarShifts(self.dx[index], self.dy[index], self.error[index])


def star_shifts(
    left: WeightedImage,
    psf: ChipPsf,
    x: FloatArray,
    y: FloatArray,
    flux: FloatArray,
    model_error: float = 0.03,
) -> StarShifts:
    """The StarShifts of stars at ``x, y`` (n,) pixels with ``flux`` (n,) ADU.

    ``left`` is the WeightedImage of (ny, nx) pixels in ADU that the fit of all stars leaves. With P
    the PSF, f the flux and W the weight, a shift d leaves the residual ``R = -f grad(P) . d``, to
    which d is fitted: ``f^2 sum(W grad(P) grad(P)') d = -f sum(W R grad(P))``. Of a Gaussian on
    even weights it is exact however far the star is, since its fitted flux fades as the residual
    does; else it is good to a fifth. A share ``model_error`` of a star's light in a pixel is added
    to the noise.

    NaN for stars whose stamps reach beyond the image, and for those without flux.
    """
    half = int(np.ceil(HALF_IN_FWHM * float(np.median(psf.fwhm_at(x, y))))) if len(x) else 0
    residual, weight = (np.ascontiguousarray(a, "f4") for a in (left.data, left.weight))
    products = np.zeros((5, len(x)))
    for start in range(0, len(x), CHUNK):
        part = slice(start, start + CHUNK)
        stamps = psf.stamps(x[part], y[part], 2 * (half + REACH) + 1)
        light = np.asarray(flux[part], "f4")[:, None, None] * stamps
        corner_x, corner_y = (np.round(c[part]).astype(int) - half for c in (x, y))
        products[:, part] = _gradient_products(
            light, residual, weight, corner_x, corner_y, model_error**2
        ).T
    xx, xy, yy, xr, yr = products
    determinant = xx * yy - xy * xy
    with np.errstate(divide="ignore", invalid="ignore"):
        dx, dy = (xy * yr - yy * xr) / determinant, (xy * xr - xx * yr) / determinant
        error = np.sqrt((xx + yy) / 2 / determinant)
    known = (determinant > 0) & np.isfinite(dx + dy + error)
    return StarShifts(*(np.where(known, values, np.nan) for values in (dx, dy, error)))


@compiled
def _gradient_products(
    light: FloatArray,
    residual: FloatArray,
    weight: FloatArray,
    corner_x: IntArray,
    corner_y: IntArray,
    model_variance: float,
) -> FloatArray:
    """(n, 5) weighted sums of the products of the gradient's x, y and the residual.

    Of stars with ``light`` (n, k, k) whose stamps, without REACH pixels on each side, begin at
    corners (n,) pixels. Zero for those that reach beyond the image.
    """
    near, far = np.float32(2 / 3), np.float32(-1 / 12)  # derivative of fourth order
    one, relative = np.float32(1), np.float32(model_variance)
    n, side = len(light), light.shape[1] - 2 * REACH
    sums = np.zeros((n, 5))
    for star in range(n):
        x, y, stamp = corner_x[star], corner_y[star], light[star]
        if x < 0 or y < 0 or x + side > residual.shape[1] or y + side > residual.shape[0]:
            continue
        for j in range(side):
            row = j + REACH
            for i in range(side):
                column = i + REACH
                gx = near * (stamp[row, column + 1] - stamp[row, column - 1])
                gx += far * (stamp[row, column + 2] - stamp[row, column - 2])
                gy = near * (stamp[row + 1, column] - stamp[row - 1, column])
                gy += far * (stamp[row + 2, column] - stamp[row - 2, column])
                w, r = weight[y + j, x + i], residual[y + j, x + i]
                w /= one + w * relative * stamp[row, column] ** 2
                r = r if w > 0 else np.float32(0)
                sums[star, 0] += w * gx * gx
                sums[star, 1] += w * gx * gy
                sums[star, 2] += w * gy * gy
                sums[star, 3] += w * gx * r
                sums[star, 4] += w * gy * r
    return sums
