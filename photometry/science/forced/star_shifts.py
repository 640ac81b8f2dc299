"""Shifts of single stars, from what a forced fit leaves at their places."""

from dataclasses import dataclass

import numpy as np

from exposures.science.arrays import FloatArray, Index
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

    NaN for stars off the image or without flux.
    """
    half = int(np.ceil(HALF_IN_FWHM * float(np.median(psf.fwhm_at(x, y))))) if len(x) else 0
    padded = [np.pad(image, half) for image in (left.data, left.weight)]
    products: list[FloatArray] = [np.zeros((5, 0))]
    for start in range(0, len(x), CHUNK):
        part = slice(start, start + CHUNK)
        stamps = psf.stamps(x[part], y[part], 2 * (half + REACH) + 1)
        residual, weight = (_cut_out(image, x[part], y[part], half) for image in padded)
        light = np.asarray(flux[part], "f4")[:, None, None] * stamps
        products.append(_gradient_products(light, residual, weight, model_error))
    xx, xy, yy, xr, yr = np.concatenate(products, axis=1)
    determinant = xx * yy - xy * xy
    with np.errstate(divide="ignore", invalid="ignore"):
        dx, dy = (xy * yr - yy * xr) / determinant, (xy * xr - xx * yr) / determinant
        error = np.sqrt((xx + yy) / 2 / determinant)
    known = (determinant > 0) & np.isfinite(dx + dy + error)
    return StarShifts(*(np.where(known, values, np.nan) for values in (dx, dy, error)))


def _gradient_products(
    light: FloatArray, residual: FloatArray, weight: FloatArray, model_error: float
) -> FloatArray:
    """(5, n) weighted sums of the products of the gradient's x, y and the residual."""
    near, far = 2 / 3, -1 / 12  # derivative of fourth order
    inner = slice(REACH, -REACH)

    def moved(columns: int, rows: int) -> FloatArray:
        n = light.shape[1]
        return light[:, REACH + rows : n - REACH + rows, REACH + columns : n - REACH + columns]

    gx = near * (moved(1, 0) - moved(-1, 0)) + far * (moved(2, 0) - moved(-2, 0))
    gy = near * (moved(0, 1) - moved(0, -1)) + far * (moved(0, 2) - moved(0, -2))
    weight = weight / (1 + weight * np.square(model_error * light[:, inner, inner]))
    pairs = ((gx, gx), (gx, gy), (gy, gy), (gx, residual), (gy, residual))
    return np.array([np.einsum("nij,nij,nij->n", weight, a, b) for a, b in pairs], "f8")


def _cut_out(image: FloatArray, x: FloatArray, y: FloatArray, half: int) -> FloatArray:
    """(n, k, k) stamps of an image padded by ``half`` pixels; zeros for stars off it."""
    side = 2 * half + 1
    row, column = (np.round(c).astype(int) for c in (y, x))
    inside = (row >= 0) & (row <= image.shape[0] - side)
    inside &= (column >= 0) & (column <= image.shape[1] - side)
    row, column = np.where(inside, row, 0), np.where(inside, column, 0)
    windows = np.lib.stride_tricks.sliding_window_view(image, (side, side))
    return windows[row, column] * inside[:, None, None]
