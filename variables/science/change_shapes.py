"""The shape of changes in the pixels of their differences: whether each is one star's light."""

from typing import TYPE_CHECKING

import numpy as np

from exposures.science.arrays import Float, FloatArray

if TYPE_CHECKING:
    from variables.science.change_position import Differences

VERSION = 1  # of the shapes; those by another one are measured again
SHAPES = ("sigma", "correlation", "core_left", "width", "sharpness", "asymmetry")
RADIUS_FWHM = 2.0  # of the pixels that are looked at, in FWHM of the wider PSF
CORE_FWHM = 0.75


def change_shapes(differences: "Differences", x: Float, y: Float) -> FloatArray:
    """(n_epochs, 6) SHAPES of the change at a place on each image, without a unit.

    Of Differences (n_epochs, n, n), whose pixels within RADIUS_FWHM of ``x, y``, in pixels from the
    middle, are looked at. With d the difference, p the PSF at the place, w the weights, a the flux
    for which sum w (d - a p)^2 is least, and r the distance in FWHM of the wider PSF:

    - sigma: abs(a) sqrt(sum w p^2), the significance of the PSF's flux if noise were not correlated
    - correlation: abs(sum d p) / sqrt(sum d^2 sum p^2)
    - core_left: sum (d - a p)^2 / sum d^2 within CORE_FWHM, what the PSF leaves of it
    - width: sqrt(sum abs(d) r^2 / sum abs(d)), in FWHM
    - sharpness: max abs(d) / sum abs(d) within CORE_FWHM, over the same of the PSF
    - asymmetry: sum (d - d')^2 / (2 sum d^2), d' the stamp turned by 180 degrees about its middle
      (after Conselice 2003, ApJS 147, 1)

    NaN where all of the pixels that one is of are masked, or have no light.
    """
    psf, *_ = differences.psf(x, y)
    fwhm = np.array([stamp.fwhm_pixels for stamp in differences.stamps])
    half = differences.side // 2
    v, u = np.ogrid[-half : half + 1, -half : half + 1]
    r = np.hypot(u - x, v - y) / fwhm[:, None, None]
    core = r < CORE_FWHM
    seen = (r < RADIUS_FWHM) & (differences.weight > 0)
    w, d, p = (one * seen for one in (differences.weight, differences.pixels, psf))
    size = np.abs(d)
    with np.errstate(divide="ignore", invalid="ignore"):
        norm, power = _sum(w * p**2), _sum(d**2)
        flux = _sum(w * d * p) / norm
        left = d - flux[:, None, None] * p
        found = [
            np.abs(flux) * np.sqrt(norm),
            np.abs(_sum(d * p)) / np.sqrt(power * _sum(p**2)),
            _sum((left * core) ** 2) / _sum((d * core) ** 2),
            np.sqrt(_sum(size * r**2) / _sum(size)),
            _peak(size * core) / _peak(p * core),
            _sum((d - d[:, ::-1, ::-1]) ** 2) / (2 * power),
        ]
    shapes = np.column_stack(found)
    shapes[~np.isfinite(shapes)] = np.nan
    return shapes


def _peak(stack: FloatArray) -> FloatArray:
    """(n_epochs,) the share of an image's light that is in its brightest pixel."""
    return stack.max(axis=(1, 2)) / _sum(stack)


def _sum(stack: FloatArray) -> FloatArray:
    """(n_epochs,) sums over pixels."""
    return stack.sum(axis=(1, 2))
