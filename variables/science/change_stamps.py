"""The change of a place on one image: pixels of a difference, their noise, and the PSF there."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from astropy.stats import gaussian_fwhm_to_sigma
from scipy.ndimage import gaussian_filter

from exposures.science.arrays import FloatArray
from photometry.science.psf.psf import ChipPsf, PsfOptions
from photometry.science.psf.psf_fit import StarStamps, fit_psf
from photometry.science.psf.psf_stars import stamp_side
from variables.science.difference import Matched, StampPair
from variables.science.resampling import middle

LEAST_VARIANCE = 1e-20
# Half the side of stamps, in FWHM of the reference: the other image's may be half as wide again.
HALF_SIDE_FWHM, MIN_HALF_SIDE, MAX_HALF_SIDE = 4.5, 12, 40
PSF_FWHM = 2.5  # half the side of the PSF's stamps, likewise


@dataclass(frozen=True)
class ChangeStamp:
    """A difference round one place on one image; all in the reference's ADU, on its pixels.

    The sharper one of the two images was convolved with ``kernel``, whose noise is correlated by
    that; the other one's is not.
    """

    difference: np.ndarray  # (n, n) search minus reference; NaN where masked
    reference_variance: np.ndarray  # (n, n) ADU^2
    search_variance: np.ndarray  # (n, n) ADU^2
    kernel: np.ndarray  # (k, k) of unit sum
    is_reference_sharper: bool
    psf: np.ndarray  # (m, m) of the wider image, centred on a pixel; of unit sum
    fwhm_pixels: float  # of the wider image
    sigma: float = np.nan  # how significant it is at a first look

    @property
    def sharp_variance(self) -> FloatArray:
        """(n, n) ADU^2 of the image that was convolved, before it was."""
        return self.reference_variance if self.is_reference_sharper else self.search_variance

    @property
    def wide_variance(self) -> FloatArray:
        """(n, n) ADU^2 of the other image."""
        return self.search_variance if self.is_reference_sharper else self.reference_variance

    @property
    def weight(self) -> FloatArray:
        """(n, n) inverse variance of a pixel of the difference, ADU^-2; 0 where masked."""
        variance = self.wide_variance + np.sum(self.kernel**2) * self.sharp_variance
        return np.where(np.isfinite(self.difference), 1 / (variance + LEAST_VARIANCE), 0)


def psf_of_pairs(
    pairs: Sequence[StampPair],
    places: FloatArray,
    fwhm_pixels: tuple[float, float],
    options: PsfOptions = PsfOptions(),
) -> ChipPsf:
    """The ChipPsf of the wider of two images, from StampPairs of bright isolated stars.

    ``places`` (n, 2) are x, y of the stars on the reference in pixels, to which the stamps are
    centred on the nearest; ``fwhm_pixels`` the seeing of the reference and of the search image.
    """
    is_reference_sharper = fwhm_pixels[0] <= fwhm_pixels[1]
    start = ChipPsf.round(max(fwhm_pixels), options)
    if not len(pairs):
        return start
    side = stamp_side(np.array([max(fwhm_pixels)]))
    cut = []
    for pair in pairs:
        image, weight = (
            (pair.search, pair.search_weight)
            if is_reference_sharper
            else (pair.reference, pair.reference_weight)
        )
        sky = np.median(image[weight > 0]) if np.any(weight > 0) else np.nan
        weight = middle(weight, side)
        cut.append((np.where(weight > 0, middle(image, side) - sky, 0), weight))
    data, weight = (np.array(part) for part in zip(*cut, strict=True))
    half = side // 2
    whole = np.all(weight[:, half - 2 : half + 3, half - 2 : half + 3] > 0, axis=(1, 2))
    x, y = places.T
    stars = StarStamps(x, y, x - np.rint(x), y - np.rint(y), data, weight).select(whole)
    return fit_psf(stars, start, options)


def change_stamp(
    pair: StampPair, matched: Matched, psf: FloatArray, fwhm_pixels: float, side: int
) -> ChangeStamp:
    """The (side, side) pixels in the middle of a StampPair that was Matched.

    ``psf`` (m, m) is that of the wider image there, of unit sum and centred on a pixel, and
    ``fwhm_pixels`` its width. Pixels that are masked in either have no difference, and the
    variance 0.
    """
    seen = middle(pair.search_weight, side), middle(pair.reference_weight, side)
    search, reference = (np.where(w > 0, 1 / np.where(w > 0, w, 1), 0) for w in seen)
    return ChangeStamp(
        middle(matched.difference, side).astype("f4"),
        reference.astype("f4"),
        (search / matched.scale**2).astype("f4"),
        matched.kernel.astype("f4"),
        matched.is_reference_sharper,
        psf.astype("f4"),
        fwhm_pixels,
    )


def half_sides(reference_fwhm: float) -> tuple[int, int]:
    """Half the sides in pixels of a catalogue's ChangeStamps, and of the PSFs in them: numbers.

    ``reference_fwhm`` is the seeing of the reference, a number of pixels.
    """
    half = int(np.clip(np.ceil(HALF_SIDE_FWHM * reference_fwhm), MIN_HALF_SIDE, MAX_HALF_SIDE))
    return half, min(int(np.ceil(PSF_FWHM * reference_fwhm)), half)


def peak_significance(
    stamp: ChangeStamp, fwhm_pixels: tuple[float, float], radius_pixels: float
) -> float:
    """The greatest significance of a star's change within a radius of the middle; 0 for none.

    A quick look: PSFs are Gaussians of ``fwhm_pixels``, the seeing of reference and search image.
    """
    known = np.isfinite(stamp.difference)
    wide, sharp = (gaussian_fwhm_to_sigma * f(fwhm_pixels) for f in (max, min))
    light = gaussian_filter(np.where(known, stamp.difference, 0), wide, mode="constant")
    # The kernel has smoothed the sharper image's noise before.
    variance = [
        gaussian_filter(variances, wide / np.sqrt(2)) / (4 * np.pi * (2 * wide**2 - other**2))
        for variances, other in ((stamp.wide_variance, wide), (stamp.sharp_variance, sharp))
    ]
    half = len(light) // 2
    y, x = np.ogrid[-half : half + 1, -half : half + 1]
    inside = known & (np.hypot(x, y) <= radius_pixels) & (sum(variance) > 0)
    return float(np.max(np.abs(light[inside]) / np.sqrt(sum(variance)[inside]), initial=0))
