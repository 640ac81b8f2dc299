"""Averaging of frames on one grid and flux scale, without outliers of single frames.

Fluxes are ADU of the first frame, arrays ``[y, x]``, weights inverse variances.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from exposures.chip import MaskBit
from exposures.science.arrays import BoolArray, FloatArray, IntArray
from exposures.science.quantities import (
    Count,
    Fraction,
    HalfPixels,
    Options,
    Ratio,
    Sigma,
    TilePixels,
    TwoOrMore,
)
from photometry.science.compiled import compiled

MAX_FRAMES = 31  # a bit each in the map of what was clipped


@dataclass(frozen=True)
class StackOptions(Options):
    """Options of choosing, clipping and averaging frames."""

    min_frames: TwoOrMore = 2
    """Least number of exposures of a chip for which a stack is made."""
    min_overlap: Fraction = 0.05
    """Least share of the grid that an exposure must cover to be stacked."""
    clip_sigma: Sigma = 5.0
    """Deviation of a pixel, in its noise, beyond which it is clipped."""
    grow_sigma: Sigma = 2.5
    """Deviation of a pixel, in its noise, beyond which it is clipped where it touches a clipped
    one."""
    clip_fraction: Fraction = 0.25
    """Share of the light in a pixel by which frames may differ besides their noise: PSFs are never
    matched quite."""
    neighbour_fraction: Fraction = 0.05
    """Share of the brightest light beside a pixel by which frames may differ besides their noise:
    positions are never quite right."""
    grow_pixels: HalfPixels = 1
    """Width by which clipped areas are enlarged."""
    tile_pixels: TilePixels = 512
    """Side of the areas in which PSFs are matched."""
    min_stars: Count = 5
    """Least number of stars in common with the first frame for the flux scale of a frame."""
    agree_sigma: Sigma = 5.0
    """Deviation of a star's flux, in sigma, within which frames agree about it; where most do, the
    others get their mean, and where most don't, all get its flux on the first."""
    agree_fraction: Fraction = 0.03
    """Share of a star's flux by which frames that agree may differ besides."""
    min_quality: Fraction = 0.5
    """Least share of the PSF on usable pixels for a star's flux on a frame to be used."""
    min_votes: TwoOrMore = 3
    """Number of frames on which a star must be measured before one is corrected by the others: of
    two frames that disagree either may be right."""
    max_rchi2: Ratio = 3.0
    """Largest rchi2 of a star whose fit leaves nothing but noise."""
    max_misfit: Ratio = 0.03
    """Largest misfit beyond max_rchi2, as the root of rchi2 over the flux in sigma: a star has
    0.01, an unresolved pair 0.07, an artifact more."""
    widening: Fraction = 0.3
    """Sigma of the Gaussian, in the widest FWHM, that widens it further when PSFs are matched for
    the clip: elsewhere another frame may be wider, and nothing is ever sharpened."""
    bad_part: Fraction = 0.01
    """Share of a resampled pixel that comes from bad ones, from which on it is bad."""
    bright_sigma: Sigma = 100.0
    """Least significance of stars that no fault of a single pixel outshines."""
    doubtful_fraction: Fraction = 0.1
    """Share of bright stars with a clipped core, beyond which the notes warn."""


@dataclass(frozen=True)
class StackFrame:
    """A sky-subtracted frame on the grid of the stack, in ADU of its first frame."""

    data: np.ndarray  # (ny, nx) float32; NaN off the frame, the stars' model where masked
    usable: np.ndarray  # (ny, nx) bool
    mask: np.ndarray  # (ny, nx) uint8 MaskBit of the nearest pixel; NO_VALUE off the frame
    sky_variance: float  # ADU^2 of a pixel, from the sky's photons alone
    read_variance: float  # ADU^2, from reading it out
    gain: float  # e-/ADU
    fwhm_pixels: float  # on the grid
    psf: Callable[
        [float, float], FloatArray
    ]  # at x, y: (k, k) of a star in the middle of the stamp

    @property
    def variance(self) -> float:
        """The variance of a sky pixel in ADU^2."""
        return self.sky_variance + self.read_variance

    @property
    def weight(self) -> float:
        """The weight for faint stars, 1 / (variance FWHM^2): Annis et al. 2014, ApJ 794, 120."""
        return 1 / (self.variance * self.fwhm_pixels**2)


@dataclass(frozen=True)
class Stack:
    """The average of frames, with the contribution of each."""

    data: np.ndarray  # (ny, nx) float32 ADU, with the level put back
    weight: np.ndarray  # (ny, nx) float32 inverse variance, the photons of stars included
    mask: np.ndarray  # (ny, nx) uint8 MaskBit; 0 where any frame is usable
    clipped: np.ndarray  # (ny, nx) int32, bit i where frame i is not as it was
    level: float  # ADU; its photons make the sky's noise at ``gain``
    gain: float  # e-/ADU, where all frames are usable
    read_noise: float  # e-, likewise


class _Sums(NamedTuple):
    """Sums over frames; all (ny, nx) float32."""

    light: np.ndarray  # weighted, ADU
    weight: np.ndarray
    usable_weight: np.ndarray  # of usable pixels alone
    variance: np.ndarray  # of the sky, weighted by squares
    per_photon: np.ndarray  # what each ADU of light adds to the variance, likewise


class _FrameTerms(NamedTuple):
    """What a frame has in the sums."""

    weight: np.float32
    variance: np.float32  # of its sky
    per_photon: np.float32  # variance of each ADU of light


def average(frames: list[StackFrame], clipped: IntArray) -> Stack:
    """The Stack of ``frames`` without the pixels ``clipped``, (ny, nx) with a bit a frame.

    Frames have one weight each, so that the PSF is the same wherever they all are. For its sake
    a masked pixel takes part with what its frame's model of the stars says, as long as another
    frame is usable; to the weight it adds nothing. A pixel has the variance of its usable frames:
    white noise of the same power on the scale of the PSF, which is what a fit of stars wants;
    between neighbouring pixels a resampled frame has less.
    """
    sums = _Sums(*np.zeros((5, *frames[0].data.shape), np.float32))
    for bit, frame in enumerate(frames):
        kept = (clipped & (1 << bit)) == 0
        terms = _FrameTerms(
            np.float32(frame.weight / frames[0].weight),
            np.float32(frame.variance),
            np.float32(1 / frame.gain),
        )
        _add(sums, frame.data, frame.usable, kept, terms)
    level, gain, read_noise = effective_detector(frames)
    usable = sums.usable_weight > 0
    data = np.where(sums.weight > 0, sums.light / np.where(sums.weight > 0, sums.weight, 1), 0)
    variance = sums.variance + sums.per_photon * np.maximum(data, 0)
    weight = np.where(usable, sums.usable_weight**2 / np.where(usable, variance, 1), 0)
    return Stack(
        data=(data + level).astype(np.float32),
        weight=weight.astype(np.float32),
        mask=_mask(frames, usable),
        clipped=clipped,
        level=level,
        gain=gain,
        read_noise=read_noise,
    )


@compiled
def _add(
    sums: _Sums, data: FloatArray, usable: BoolArray, kept: BoolArray, terms: _FrameTerms
) -> None:
    """Add the ``kept`` pixels of a frame to ``sums``."""
    weight = terms.weight
    ny, nx = data.shape
    for j in range(ny):
        for i in range(nx):
            if kept[j, i] and np.isfinite(data[j, i]):
                sums.light[j, i] += weight * data[j, i]
                sums.weight[j, i] += weight
                if usable[j, i]:
                    sums.usable_weight[j, i] += weight
                    sums.variance[j, i] += weight * weight * terms.variance
                    sums.per_photon[j, i] += weight * weight * terms.per_photon


def effective_detector(frames: list[StackFrame]) -> tuple[float, float, float]:
    """Level, gain and read noise of one detector with the noise of the average of ``frames``.

    Three numbers: ADU, e-/ADU, e-. With normalised weights w a star's photons have the variance
    flux * sum w^2 / gain: that is 1 / gain of the stack. The level is the sky whose photons make
    the sky's noise at this gain, so that level / gain + (read noise / gain)^2 is the variance of
    the stack.
    """
    weights = np.array([frame.weight for frame in frames])
    squares = (weights / weights.sum()) ** 2
    gain = 1 / sum(w / f.gain for w, f in zip(squares, frames, strict=True))
    sky = sum(w * f.sky_variance for w, f in zip(squares, frames, strict=True))
    read = sum(w * f.read_variance for w, f in zip(squares, frames, strict=True))
    return float(gain * sky), float(gain), float(gain * np.sqrt(read))


def expected_gain(frames: list[StackFrame]) -> float:
    """The expected gain in the faintest stars' flux, first frame over stack, by the weights.

    A ratio, a number of at least 1.
    """
    return float(np.sqrt(sum(frame.weight for frame in frames) / frames[0].weight))


def _mask(frames: list[StackFrame], usable: BoolArray) -> IntArray:
    """The mask of pixels without weight, combined from all frames."""
    mask = np.bitwise_or.reduce([frame.mask & ~np.uint8(MaskBit.NO_VALUE) for frame in frames])
    mask = np.where(mask == 0, np.uint8(MaskBit.NO_VALUE), mask)
    return np.where(usable, np.uint8(0), mask)
