"""Limiting magnitudes and upper limits."""

import numpy as np

from exposures.science.arrays import FloatArray, Floats

# Pixels over which the noise of a Gaussian PSF is summed, in units of its FWHM squared:
# 4 pi / (8 ln 2).
EFFECTIVE_AREA = 2.266


def limiting_magnitude(
    zero_point: Floats, sky_noise: Floats, fwhm_pixels: Floats, n_sigma: float = 5.0
) -> FloatArray:
    """The magnitude of an isolated star of ``n_sigma``; NaN if an argument is NaN.

        m = zero_point - 2.5 log10(n_sigma sky_noise sqrt(2.266) fwhm_pixels)

    Numbers, or arrays that broadcast. ``zero_point`` is the magnitude of 1 ADU, ``sky_noise`` the
    sigma of a pixel in ADU. The flux of a faint star, weighted with its PSF, has the noise of n_eff
    = 2.266 (FWHM / pixel)^2 pixels: King 1983 (PASP 95, 163); the number as in LSST's SMTN-002.
    Wider wings than a Gaussian's, and crowding, make it brighter: it serves to compare images.
    """
    zero_point, sky_noise, fwhm = (np.array(v, float) for v in (zero_point, sky_noise, fwhm_pixels))
    with np.errstate(divide="ignore", invalid="ignore"):
        noise = n_sigma * sky_noise * np.sqrt(EFFECTIVE_AREA) * fwhm
        return np.where(noise > 0, zero_point - 2.5 * np.log10(noise), np.nan)


def upper_limit(
    flux: FloatArray, flux_err: FloatArray, zero_point: Floats, n_sigma: float = 5.0
) -> FloatArray:
    """(n,) upper limits in mag at ``n_sigma`` of stars that were not detected.

        m = zero_point - 2.5 log10(max(flux, 0) + n_sigma flux_err)

    of what was measured at its place: its own noise, crowding included, not the image's. ``flux``
    and ``flux_err`` (n,) are in ADU, ``zero_point``, a number or (n,), is the magnitude of 1 ADU.
    NaN where the flux, its error or the zero point is undefined, or the error not positive.
    """
    flux, flux_err, zero_point = (np.asarray(v, float) for v in (flux, flux_err, zero_point))
    with np.errstate(divide="ignore", invalid="ignore"):
        brightest = np.maximum(flux, 0) + n_sigma * flux_err
        is_known = (flux_err > 0) & np.isfinite(brightest) & np.isfinite(zero_point)
        return np.where(is_known, zero_point - 2.5 * np.log10(brightest), np.nan)
