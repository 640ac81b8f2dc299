"""Clipping of pixels that are outliers in one of several frames, without harm to stars.

Frames have different seeing, so that a star's core is brighter in one than in the others; a
plain clip eats the sharpest. Here frames are compared after their PSFs are matched, and may
differ by a part of the light that is there, after Gruen, Seitz & Bernstein (2014, PASP 126, 158).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy  # scipy.signal, which takes half a second, when it is used
from scipy.fft import irfft2, rfft2
from scipy.ndimage import binary_dilation, gaussian_filter, label, minimum_filter

from exposures.science.arrays import BoolArray, FloatArray, IntArray, Shape
from photometry.science.compiled import compiled, inlined
from photometry.science.stacking.stacking import StackFrame, StackOptions

KERNEL_PIXELS = 41  # side of a matching kernel
MARGIN = KERNEL_PIXELS // 2 + 4  # pixels by which tiles overlap
REGULARISATION = 1e-6  # of the square of the PSF's largest frequency
Tile = tuple[slice, ...]  # along y and x
GROWN = np.ones((3, 3), bool)
GROWING, SEED = 1, 2  # of a pixel: off by enough to be clipped beside one that is a SEED


class _ClipLimits(NamedTuple):
    """The options of a clip by StackOptions' names, in single precision."""

    clip_sigma: np.float32
    grow_sigma: np.float32
    clip_fraction: np.float32
    neighbour_fraction: np.float32


def find_outliers(frames: Sequence[StackFrame], options: StackOptions) -> IntArray:
    """(ny, nx) int32 with bit i set where frame i is to be clipped.

    ``frames`` are Frames of one grid, ``options`` StackOptions. Differences are to the median of
    the matched frames, of an even number to the lower of the middle two, because most faults are
    light; where one frame alone is usable nothing is clipped, nor where all would be.
    """
    shape = frames[0].data.shape
    clipped = np.zeros(shape, np.int32)
    if len(frames) < 2:
        return clipped
    for tile in _tiles(shape, options.tile_pixels):
        outer, inner = _with_margin(tile, shape)
        clipped[tile] = _outliers_in(frames, outer, options)[inner]
    return clipped


def _tiles(shape: Shape, side: int) -> list[Tile]:
    return [
        (slice(y, min(y + side, shape[0])), slice(x, min(x + side, shape[1])))
        for y in range(0, shape[0], side)
        for x in range(0, shape[1], side)
    ]


def _with_margin(tile: Tile, shape: Shape) -> tuple[Tile, Tile]:
    """The tile with a margin, and its position in that."""
    outer = tuple(
        slice(max(s.start - MARGIN, 0), min(s.stop + MARGIN, n))
        for s, n in zip(tile, shape, strict=True)
    )
    inner = tuple(
        slice(s.start - o.start, s.stop - o.start) for s, o in zip(tile, outer, strict=True)
    )
    return outer, inner


def _outliers_in(frames: Sequence[StackFrame], tile: Tile, options: StackOptions) -> IntArray:
    """(ny, nx) int32 of one tile."""
    matched, variance = _matched(frames, tile, options.widening)
    usable = np.array([_comparable(frame, tile) for frame in frames])
    noise = np.column_stack([variance, [1 / frame.gain for frame in frames]]).astype("f4")
    limits = _ClipLimits(*(np.float32(getattr(options, name)) for name in _ClipLimits._fields))
    beyond = _beyond(matched, usable, noise, limits)
    outliers = np.array([_grown(levels, options.grow_pixels) for levels in beyond])
    return _as_bits(outliers, usable)


def _grown(beyond: IntArray, pixels: int) -> BoolArray:
    """(ny, nx) whether pixels lie in an area with a seed, widened by ``pixels``."""
    seeds = beyond == SEED
    if not seeds.any():
        return seeds
    areas, n_areas = label(beyond > 0, GROWN)
    has_seed = np.zeros(n_areas + 1, bool)
    has_seed[areas[seeds]] = True
    return binary_dilation(has_seed[areas], GROWN, pixels)


@compiled
def _beyond(
    matched: FloatArray, usable: BoolArray, noise: FloatArray, limits: _ClipLimits
) -> IntArray:
    """(n, ny, nx) uint8: 0, GROWING or SEED, by each matched frame's deviation from the centre.

    ``noise`` (n, 2) are the variance of its sky and that of each ADU of light.
    """
    n, ny, nx = matched.shape
    centre, n_usable = lower_median(matched, usable)
    beyond = np.zeros((n, ny, nx), np.uint8)
    for j in range(ny):
        for i in range(nx):
            if n_usable[j, i] < 2:
                continue
            light = max(centre[j, i], np.float32(0))
            brightest, noisiest = light, np.float32(0)
            for row in range(max(j - 1, 0), min(j + 2, ny)):
                for column in range(max(i - 1, 0), min(i + 2, nx)):
                    brightest = max(brightest, centre[row, column])
            for k in range(n):
                if usable[k, j, i]:
                    noisiest = max(noisiest, noise[k, 0])
            # The median of n has about pi / 2n of the variance of one; at most the noisiest's.
            of_centre = noisiest * np.float32(np.pi / 2) / np.float32(n_usable[j, i] - 1)
            allowed = limits.clip_fraction * light + limits.neighbour_fraction * brightest
            for k in range(n):
                sigma = np.sqrt(noise[k, 0] + of_centre + noise[k, 1] * light)
                excess = abs(matched[k, j, i] - centre[j, i]) - allowed
                if usable[k, j, i] and excess > limits.grow_sigma * sigma:
                    is_seed = excess > limits.clip_sigma * sigma
                    beyond[k, j, i] = SEED if is_seed else GROWING
    return beyond


def _as_bits(outliers: BoolArray, usable: BoolArray) -> IntArray:
    """A bit a frame; none where no usable frame would be left."""
    left = np.any(usable & ~outliers, axis=0)
    bits = np.zeros(left.shape, np.int32)
    for index, found in enumerate(outliers):
        bits |= np.where(found & left, np.int32(1 << index), np.int32(0))
    return bits


def _matched(
    frames: Sequence[StackFrame], tile: Tile, widening: float
) -> tuple[FloatArray, FloatArray]:
    """(n, ny, nx) frames with the PSF of the widest, widened, and (n,) variances of their sky."""
    y, x = (0.5 * (s.start + s.stop) for s in tile)
    psfs = [frame.psf(x, y) for frame in frames]
    widths = [frame.fwhm_pixels for frame in frames]
    target = gaussian_filter(psfs[int(np.argmax(widths))], widening * max(widths))
    matched, variance = [], []
    for frame, psf in zip(frames, psfs, strict=True):
        kernel = matching_kernel(psf, target)
        data = np.nan_to_num(frame.data[tile])
        matched.append(scipy.signal.fftconvolve(data, kernel.astype(np.float32), mode="same"))
        variance.append(frame.variance * float(np.sum(kernel**2)))
    return np.array(matched), np.array(variance)


def matching_kernel(psf: FloatArray, target: FloatArray) -> FloatArray:
    """(KERNEL_PIXELS, KERNEL_PIXELS) of unit sum that takes ``psf`` to ``target``, both (k, k).

    Both in any unit, as they are brought to a sum of 1. The quotient of the transforms, damped
    where the PSF has no power.
    """
    side = 2 * len(psf)
    of_psf, of_target = (rfft2(p / p.sum(), (side, side)) for p in (psf, target))
    power = np.abs(of_psf) ** 2
    quotient = of_target * np.conj(of_psf) / (power + REGULARISATION * power.max())
    middle = KERNEL_PIXELS // 2
    kernel = np.roll(irfft2(quotient, (side, side)), (middle, middle), (0, 1))
    kernel = kernel[:KERNEL_PIXELS, :KERNEL_PIXELS]
    return kernel / kernel.sum()


def _comparable(frame: StackFrame, tile: Tile) -> BoolArray:
    """Usable pixels away from the frame's edges, beyond which there is no light to convolve."""
    on_frame = np.isfinite(frame.data[tile])
    if not on_frame.all():
        reach = 2 * int(np.ceil(frame.fwhm_pixels)) + 1
        on_frame = minimum_filter(on_frame, reach, mode="nearest")
    return frame.usable[tile] & on_frame


@inlined
def lower_median(values: FloatArray, usable: BoolArray) -> tuple[FloatArray, IntArray]:
    """(ny, nx) median of the usable ones of ``values`` (n, ny, nx), and their number.

    In any unit; ``usable`` (n, ny, nx) bool. Of an even number the lower of the middle two; 0 where
    none is usable.
    """
    n, ny, nx = values.shape
    median, n_usable = np.zeros((ny, nx), np.float32), np.zeros((ny, nx), np.int32)
    ordered = np.empty(n, np.float32)
    for j in range(ny):
        for i in range(nx):
            count = 0
            for k in range(n):
                if usable[k, j, i]:
                    place, value = count, values[k, j, i]
                    while place > 0 and ordered[place - 1] > value:
                        ordered[place] = ordered[place - 1]
                        place -= 1
                    ordered[place] = value
                    count += 1
            if count > 0:
                median[j, i] = ordered[(count - 1) // 2]
            n_usable[j, i] = count
    return median, n_usable
