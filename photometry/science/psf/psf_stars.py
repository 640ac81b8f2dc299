"""The stars of a chip to which its PSF is fitted."""

import numpy as np

from exposures.science.arrays import BoolArray, FloatArray, IntArray, Shape
from photometry.science.parts_of_chip import rank_in_part
from photometry.science.psf.psf import PsfOptions
from photometry.science.psf.psf_fit import StarStamps

# Side of the stamps that the PSF is fitted to, in FWHM, and in pixels at least and at most. On
# smaller ones wings and background can't be told apart, and the Moffat exponent goes to its bound;
# on larger ones stars too faint to be found are taken for wings.
PSF_STAMP_FWHM, MIN_PSF_STAMP, MAX_PSF_STAMP = 3.5, 19, 63
PLATEAU = 0.97  # of the highest pixel: of a star that is not saturated few others are above


def brightest_everywhere(x: FloatArray, y: FloatArray, flux: FloatArray, shape: Shape) -> IntArray:
    """Indices (n,) of stars: the brightest of each part of a chip first, then the second of each.

    For a PSF of the whole chip, of which a cluster would else have all stars. ``x, y`` (n,) are
    pixels on a chip of ``shape`` (ny, nx), ``flux`` (n,) is in any unit.
    """
    order = np.argsort(-flux, kind="stable")
    return order[np.argsort(rank_in_part(x, y, order, shape)[order], kind="stable")]


def has_plateau(light: FloatArray, fwhm_pixels: FloatArray) -> BoolArray:
    """(n,) whether stamps are flat at their highest: saturated, whatever the mask says.

    ``light`` (n, size, size) is in any unit, ``fwhm_pixels`` (n,) that of the PSF in pixels.
    """
    highest = light.max(axis=(1, 2), keepdims=True)
    n_high = np.sum(light > PLATEAU * highest, axis=(1, 2))
    # Of a Gaussian, 0.035 FWHM^2 pixels are within 3 per cent of its peak.
    return n_high > 8 + 0.1 * fwhm_pixels**2


def clean_stars(stars: StarStamps, light: FloatArray, options: PsfOptions) -> IntArray:
    """Indices (k,) of StarStamps that are complete, hardly blended and well centred.

    ``light`` (n, size, size) holds the neighbours too.
    """
    centre = light.shape[-1] // 2
    use, flux = stars.weight > 0, stars.data.sum(axis=(1, 2))
    covered = np.sum(stars.data, axis=(1, 2), where=use) / np.where(flux == 0, 1, flux)
    own = flux / np.maximum(light.sum(axis=(1, 2)), 1e-3)
    signal = light[:, centre, centre] * np.sqrt(stars.weight[:, centre, centre])
    good = (np.abs(covered - 1) < options.max_missing) & (own > options.min_share)
    good &= (signal > options.min_signal) & (flux > 0)
    for offset in (stars.dx, stars.dy):
        middle = np.median(offset[good]) if good.any() else 0.0
        good &= np.abs(offset - middle) < options.max_offset_pixels
    return np.flatnonzero(good)


def stamp_side(fwhm_pixels: FloatArray) -> int:
    """Side in pixels of the stamps that the PSF is fitted to, odd; of a width at each star (n,)."""
    fwhm = np.median(fwhm_pixels) if len(fwhm_pixels) > 0 else 0.0
    half = int(np.ceil((PSF_STAMP_FWHM * fwhm - 1) / 2))
    return int(np.clip(2 * half + 1, MIN_PSF_STAMP, MAX_PSF_STAMP))
