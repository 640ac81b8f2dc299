"""What a reference's own fit left over in its pixels: the light that it has anywhere of a star."""

from dataclasses import dataclass

import numpy as np

from exposures.science.arrays import FloatArray, IntArray, Shape
from photometry.science.detection.peak_fit import PeakLimits, Residual, fit_peaks
from photometry.science.pixel_positions import PixelPositions
from photometry.science.psf.psf import ChipPsf

# Of the pixels' noise: rounding to it adds 2 % to the variance.
STEP = 0.5
UNUSABLE = -128
# Pixels a side that share a noise, which is smooth, and by what factor two steps of it differ.
BIN, NOISE_FACTOR = 2, 1.05


@dataclass(frozen=True)
class ReferenceResidual:
    """The residual of a reference's fit in steps of its noise."""

    levels: np.ndarray  # (ny, nx) int8, residual over noise in STEPs; UNUSABLE without weight
    noise_levels: np.ndarray  # (ny / BIN, nx / BIN) uint8, powers of NOISE_FACTOR above the least
    least_noise: float  # ADU
    psf: ChipPsf
    zero_point: float  # mag, of one ADU
    fit_fwhm: float  # half the side of the square in which a star is fitted, in FWHM

    @classmethod
    def of(
        cls, residual: Residual, psf: ChipPsf, zero_point: float, fit_fwhm: float
    ) -> "ReferenceResidual":
        """The ReferenceResidual of a Residual; what has no weight or value is UNUSABLE.

        Raises ValueError if no pixel has weight.
        """
        usable = (residual.weight > 0) & np.isfinite(residual.data)
        if not usable.any():
            raise ValueError("no pixel has weight")
        weight = np.where(usable, residual.weight, 0).astype("f4")
        ny, nx = weight.shape
        padded = np.pad(weight, ((0, -ny % BIN), (0, -nx % BIN)))
        # By the mean of weights, so that a masked neighbour has no part in it.
        parts = padded.reshape(padded.shape[0] // BIN, BIN, -1, BIN)
        total, n = parts.sum(axis=(1, 3)), np.count_nonzero(parts, axis=(1, 3))
        with np.errstate(divide="ignore", invalid="ignore"):
            noise = np.sqrt(n / total)
        least = float(np.nanmin(noise))
        steps = np.nan_to_num(np.rint(np.log(noise / least) / np.log(NOISE_FACTOR)), nan=0)
        noise_levels = np.clip(steps, 0, 255).astype("u1")
        own = _noise_of(noise_levels, least, (ny, nx))
        scaled = np.where(usable, residual.data, 0) / (STEP * own)
        levels = np.clip(np.rint(scaled), UNUSABLE + 1, 127).astype("i1")
        levels[~usable] = UNUSABLE
        return cls(levels, noise_levels, least, psf, zero_point, fit_fwhm)

    def residual(self) -> Residual:
        """The Residual that it was made of, but for rounding; without mask and model."""
        noise = _noise_of(self.noise_levels, self.least_noise, self.levels.shape)
        usable = self.levels != UNUSABLE
        data = np.where(usable, self.levels, 0) * (np.float32(STEP) * noise)
        nothing = np.zeros(self.levels.shape, "f4")
        return Residual(data, usable / noise**2, nothing.astype("u1"), nothing)

    def light_at(
        self,
        stars: PixelPositions,
        places: PixelPositions,
        zero_point: float,
    ) -> tuple[FloatArray, FloatArray]:
        """(n,) fluxes of stars held at ``places`` (n,), and their errors, while ``stars`` change.

        The places are pixels of the reference, ``stars`` (m,) those of its list; fluxes are in
        units of the ``zero_point`` in mag, and NaN where there is no usable pixel.
        """
        limits = PeakLimits(self.fit_fwhm, 0.0, 0.0, 0.0, np.inf, np.inf)
        fit = fit_peaks(self.residual(), self.psf, stars, places, limits)
        fit.flux[fit.quality <= 0] = np.nan
        scale = 10 ** (-0.4 * (self.zero_point - zero_point))
        return fit.flux * scale, np.where(fit.quality > 0, fit.flux_err * scale, np.nan)


def _noise_of(levels: IntArray, least: float, shape: Shape) -> FloatArray:
    """(ny, nx) float32 ADU."""
    noise = np.float32(least) * np.float32(NOISE_FACTOR) ** levels.astype("f4")
    ny, nx = shape
    return noise.repeat(BIN, axis=0).repeat(BIN, axis=1)[:ny, :nx]
