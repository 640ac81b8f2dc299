"""What a reference's own fit left over in its pixels: the light that it has anywhere of a star."""

from dataclasses import dataclass

import numpy as np

from exposures.science.arrays import FloatArray, IntArray, Shape
from photometry.science.compiled import compiled
from photometry.science.detection.peak_fit import PeakLimits, Residual, fit_peaks
from photometry.science.pixel_positions import PixelPositions
from photometry.science.psf.psf import ChipPsf

# Of the pixels' noise: rounding to it adds 2 % to the variance.
STEP = 0.5
UNUSABLE = -128
# Pixels a side that share a noise, which is smooth, and by what factor two steps of it differ.
BIN, NOISE_FACTOR = 2, 1.05
STEP_OF_LOG = np.log(NOISE_FACTOR)


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
        data, weight = (
            np.ascontiguousarray(image, dtype="f4") for image in (residual.data, residual.weight)
        )
        noise = _shared_noise(data, weight)
        if not np.any(np.isfinite(noise)):
            raise ValueError("no pixel has weight")
        least = float(np.min(noise))
        steps = np.rint(np.log(np.where(np.isfinite(noise), noise, least) / least) / STEP_OF_LOG)
        noise_levels = np.clip(steps, 0, 255).astype("u1")
        levels = _levels(data, weight, np.float32(STEP) * _noises(least)[noise_levels])
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


def _noises(least: float) -> FloatArray:
    """(256,) float32 ADU, the noise of each level."""
    return (least * NOISE_FACTOR ** np.arange(256)).astype("f4")


def _noise_of(levels: IntArray, least: float, shape: Shape) -> FloatArray:
    """(ny, nx) float32 ADU."""
    ny, nx = shape
    return _noises(least)[levels].repeat(BIN, axis=0).repeat(BIN, axis=1)[:ny, :nx]


@compiled
def _shared_noise(data: FloatArray, weight: FloatArray) -> FloatArray:
    """Noise of the usable pixels of each BIN x BIN, float32 ADU; infinite without one.

    By the mean of weights, so that a masked neighbour has no part in it.
    """
    ny, nx = data.shape
    noise = np.full(((ny + BIN - 1) // BIN, (nx + BIN - 1) // BIN), np.float32(np.inf))
    for j in range(noise.shape[0]):
        for i in range(noise.shape[1]):
            total, n = np.float32(0), 0
            for y in range(BIN * j, min(BIN * (j + 1), ny)):
                for x in range(BIN * i, min(BIN * (i + 1), nx)):
                    if weight[y, x] > 0 and np.isfinite(data[y, x]):
                        total += weight[y, x]
                        n += 1
            if n > 0:
                noise[j, i] = np.sqrt(n / total)
    return noise


@compiled
def _levels(data: FloatArray, weight: FloatArray, step: FloatArray) -> IntArray:
    """(ny, nx) int8, data in steps that are those of its BIN x BIN pixels."""
    levels = np.empty(data.shape, np.int8)
    for y in range(data.shape[0]):
        for x in range(data.shape[1]):
            if weight[y, x] > 0 and np.isfinite(data[y, x]):
                level = np.rint(data[y, x] / step[y // BIN, x // BIN])
                levels[y, x] = int(min(max(level, UNUSABLE + 1), 127))
            else:
                levels[y, x] = UNUSABLE
    return levels
