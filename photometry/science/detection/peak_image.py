"""The significance of stars at the pixels of a forced fit's residual, and its peaks."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy  # its parts are imported when they are used: scipy.signal takes half a second

from exposures.science.arrays import FloatArray, IntArray, Shape
from photometry.science.detection.matched_filter import (
    filtered,
    maxima,
    significance,
    summed_squares,
    take_away,
)
from photometry.science.detection.peak_fit import Residual
from photometry.science.detection.psf_errors import shares_of_errors
from photometry.science.detection.residual_options import ResidualOptions
from photometry.science.pixel_positions import PixelPositions
from photometry.science.psf.psf import ChipPsf

# Of the least variance of flux by noise, what a star's PSF may add unseen; and ADU^-2, for images
# without any information.
NEGLIGIBLE, TINY = 1e-4, 1e-30


class ListedStars(NamedTuple):
    """The stars of a forced fit; arrays (n,)."""

    x: np.ndarray  # pixels
    y: np.ndarray
    flux: np.ndarray  # ADU; NaN where nothing was fitted, for want of usable pixels

    @property
    def positions(self) -> PixelPositions:
        """Where they are, as PixelPositions (n,)."""
        return PixelPositions(self.x, self.y)


@dataclass(frozen=True)
class PeakImage:
    """What the matched filter has of a residual; (ny, nx) arrays, which ``take_away`` changes."""

    signal: FloatArray  # see ``filtered``
    information: FloatArray
    weight: FloatArray  # inverse variance of the pixels, ADU^-2
    variance: FloatArray  # ADU^2, of flux that is the model's error
    overlap: FloatArray  # (side, side) of the filter's PSF with itself

    @classmethod
    def of(
        cls, residual: Residual, psf: ChipPsf, stars: ListedStars, options: ResidualOptions
    ) -> "PeakImage":
        """The PeakImage of a Residual whose fit had ``stars``."""
        shape = residual.data.shape
        middle = _middle(shape)
        half = round(options.kernel_fwhm * float(psf.fwhm_at(*middle)[0]))
        stamp = psf.stamps(*middle, 2 * half + 1)[0]
        signal, information = filtered(residual.data, residual.weight, stamp)
        wide = psf.stamps(*middle, 2 * (3 * half // 2) + 1)[0]
        overlap = scipy.signal.fftconvolve(wide, stamp[::-1, ::-1], mode="same") / np.sum(stamp**2)
        variance = model_variance(psf, stars, shape, options, _negligible(information))
        image = cls(signal, information, residual.weight, variance, overlap)
        if options.least_error_share < 1:
            image._measure_errors(psf, stars, options)
        return image

    def _measure_errors(self, psf: ChipPsf, stars: ListedStars, options: ResidualOptions) -> None:
        """Let ``variance`` have the errors that PSFs have on this image, at most those assumed."""
        images = self.signal, self.information, self.weight, self.variance
        shape, least = self.signal.shape, options.least_error_share
        table, fwhm = error_table(psf, shape, options), float(psf.fwhm_at(*_middle(shape))[0])
        shares = shares_of_errors(images, stars.positions, stars.flux, table, fwhm, least)
        common = shares.min(initial=1.0)  # of all; few stars have more
        worse = np.flatnonzero(shares > common)
        more = stars.flux[worse] * np.sqrt(shares[worse] ** 2 - common**2)
        negligible = _negligible(self.information)
        self.variance[:] *= common**2
        self.variance[:] += summed_squares(
            stars.x[worse], stars.y[worse], more, table, shape, negligible
        )

    def peaks(self, options: ResidualOptions) -> tuple[PixelPositions, FloatArray]:
        """The maxima of the significance (n,), highest first, and their height (n,) in sigma.

        They are as high as the threshold where theirs is the share of it that a peak needs.
        """
        part = options.peak_part
        image = significance(self.signal, self.information, part**2 * self.variance, self.weight)
        x, y = maxima(image, part * options.threshold)
        x, y = x[: options.max_peaks], y[: options.max_peaks]
        return PixelPositions(x.astype("f8"), y.astype("f8")), image[y, x] / part

    def variance_at(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """(n,) ADU^2, the variance of flux at positions that is the model's error."""
        nearest = tuple(
            np.clip(np.round(c), 0, side - 1).astype(int)
            for c, side in zip((y, x), self.variance.shape, strict=True)
        )
        return self.variance[nearest]

    def take_away(self, stars: ListedStars, psf: ChipPsf, options: ResidualOptions) -> None:
        """Leave ``stars`` to the model, with the errors of their PSFs."""
        take_away(self.signal, self.information, stars.x, stars.y, stars.flux, self.overlap)
        negligible = _negligible(self.information)
        self.variance[:] += model_variance(psf, stars, self.signal.shape, options, negligible)


def model_variance(
    psf: ChipPsf,
    stars: ListedStars,
    shape: Shape,
    options: ResidualOptions = ResidualOptions(),
    negligible: float = 0.0,
) -> FloatArray:
    """(ny, nx) ADU^2, variance of spurious flux from errors of the PSFs of ``stars``.

    A star whose flux is NaN has no part in it, nor has one where it would add less than
    ``negligible``, ADU^2.
    """
    table = error_table(psf, shape, options)
    return summed_squares(stars.x, stars.y, stars.flux, table, shape, negligible)


def error_table(psf: ChipPsf, shape: Shape, options: ResidualOptions) -> FloatArray:
    """(side, side), the assumed variance of spurious flux round a star of flux 1, ``side`` odd.

    What a star of flux F gives to a matched filter at a distance is F times the PSF's
    autocorrelation there, 1 at none; of that, a fraction is wrong.
    """
    middle = _middle(shape)
    reach = options.wing_pixels
    stamp = psf.stamps(*middle, 2 * reach + 1)[0].astype("f8")
    overlap = scipy.signal.fftconvolve(stamp, stamp[::-1, ::-1], mode="same") / np.sum(stamp**2)
    side = np.arange(-reach, reach + 1)
    distance = np.hypot(side, side[:, None]) / psf.fwhm_at(*middle)[0]
    width = max(options.wing_fwhm - options.core_fwhm, 1e-6)
    in_wings = np.clip((distance - options.core_fwhm) / width, 0, 1)
    fraction = options.model_error + (options.wing_error - options.model_error) * in_wings
    return (fraction * overlap) ** 2


def _negligible(information: FloatArray) -> float:
    """Variance in ADU^2 that changes no significance, whatever the pixel."""
    return NEGLIGIBLE / max(float(information.max()), TINY)


def _middle(shape: Shape) -> tuple[IntArray, IntArray]:
    return np.array([shape[1] // 2]), np.array([shape[0] // 2])
