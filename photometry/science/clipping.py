"""Pixels that only one of several frames shows, found without harm to the stars.

Frames have different seeing, so that a star's core is brighter in one than in the others; a
plain clip eats the sharpest. Here frames are compared after their PSFs are matched, and may
differ by a part of the light that is there, after Gruen, Seitz & Bernstein (2014, PASP 126, 158).
"""

import numpy as np
import scipy  # scipy.signal, which takes half a second, when it is used
from scipy.fft import irfft2, rfft2
from scipy.ndimage import (
    binary_dilation,
    binary_propagation,
    gaussian_filter,
    maximum_filter,
    minimum_filter,
)

KERNEL_PIXELS = 41  # side of a matching kernel
MARGIN = KERNEL_PIXELS // 2 + 4  # pixels by which tiles overlap
REGULARISATION = 1e-6  # of the square of the PSF's largest frequency
# Of the widest FWHM, sigma of the Gaussian by which it is widened further: elsewhere or in another
# direction another frame may be wider, and nothing is ever sharpened.
WIDENING = 0.3
GROWN = np.ones((3, 3), bool)


def find_outliers(frames, options):
    """(ny, nx) int32 with bit i where frame i is to be clipped.

    Differences are to the median of the matched frames, of an even number to the lower of the
    middle two, because most faults are light; where one frame alone is usable nothing is clipped,
    nor where all would be.
    """
    shape = frames[0].data.shape
    clipped = np.zeros(shape, np.int32)
    if len(frames) < 2:
        return clipped
    for tile in _tiles(shape, options.tile_pixels):
        outer, inner = _with_margin(tile, shape)
        clipped[tile] = _outliers_in(frames, outer, options)[inner]
    return clipped


def _tiles(shape, side):
    return [
        (slice(y, min(y + side, shape[0])), slice(x, min(x + side, shape[1])))
        for y in range(0, shape[0], side)
        for x in range(0, shape[1], side)
    ]


def _with_margin(tile, shape):
    """The tile with a margin, and where it lies in that."""
    outer = tuple(
        slice(max(s.start - MARGIN, 0), min(s.stop + MARGIN, n))
        for s, n in zip(tile, shape, strict=True)
    )
    inner = tuple(
        slice(s.start - o.start, s.stop - o.start) for s, o in zip(tile, outer, strict=True)
    )
    return outer, inner


def _outliers_in(frames, tile, options):
    """(ny, nx) int32 of one tile."""
    matched, variance = _matched(frames, tile)
    usable = np.array([_comparable(frame, tile) for frame in frames])
    centre, n_usable = lower_median(matched, usable)
    light = np.maximum(centre, 0)
    allowed = options.clip_fraction * light
    allowed += options.neighbour_fraction * maximum_filter(light, 3)
    outliers = np.zeros(matched.shape, bool)
    # The median of n has about pi / 2n of the variance of one; at most that of the noisiest.
    noisiest = np.where(usable, variance[:, None, None], 0).max(axis=0)
    of_centre = noisiest * np.pi / 2 / np.maximum(n_usable - 1, 1)
    for index, frame in enumerate(frames):
        noise = np.sqrt(variance[index] + of_centre + light / frame.gain)
        excess = np.abs(matched[index] - centre) - allowed
        candidate = usable[index] & (n_usable > 1)
        seeds = candidate & (excess > options.clip_sigma * noise)
        if seeds.any():
            area = candidate & (excess > options.grow_sigma * noise)
            area = binary_propagation(seeds, GROWN, area)
            outliers[index] = binary_dilation(area, GROWN, options.grow_pixels)
    return _as_bits(outliers, usable)


def _as_bits(outliers, usable):
    """A bit a frame; none where no usable frame would be left."""
    left = np.any(usable & ~outliers, axis=0)
    bits = np.zeros(left.shape, np.int32)
    for index, found in enumerate(outliers):
        bits |= np.where(found & left, np.int32(1 << index), np.int32(0))
    return bits


def _matched(frames, tile):
    """(n, ny, nx) frames with the PSF of the widest, widened, and (n,) variances of their sky."""
    y, x = (0.5 * (s.start + s.stop) for s in tile)
    psfs = [frame.psf(x, y) for frame in frames]
    widths = [frame.fwhm_pixels for frame in frames]
    target = gaussian_filter(psfs[int(np.argmax(widths))], WIDENING * max(widths))
    matched, variance = [], []
    for frame, psf in zip(frames, psfs, strict=True):
        kernel = matching_kernel(psf, target)
        data = np.nan_to_num(frame.data[tile])
        matched.append(scipy.signal.oaconvolve(data, kernel, mode="same").astype(np.float32))
        variance.append(frame.variance * float(np.sum(kernel**2)))
    return np.array(matched), np.array(variance)


def matching_kernel(psf, target):
    """(KERNEL_PIXELS, KERNEL_PIXELS) of unit sum that takes ``psf`` to ``target``, both (k, k).

    The quotient of the transforms, damped where the PSF has no power.
    """
    side = 2 * len(psf)
    of_psf, of_target = (rfft2(p / p.sum(), (side, side)) for p in (psf, target))
    power = np.abs(of_psf) ** 2
    quotient = of_target * np.conj(of_psf) / (power + REGULARISATION * power.max())
    middle = KERNEL_PIXELS // 2
    kernel = np.roll(irfft2(quotient, (side, side)), (middle, middle), (0, 1))
    kernel = kernel[:KERNEL_PIXELS, :KERNEL_PIXELS]
    return kernel / kernel.sum()


def _comparable(frame, tile):
    """Usable pixels that no edge of the frame is near: beyond it there is no light to convolve."""
    reach = 2 * int(np.ceil(frame.fwhm_pixels)) + 1
    on_frame = minimum_filter(np.isfinite(frame.data[tile]), reach, mode="nearest")
    return frame.usable[tile] & on_frame


def lower_median(values, usable):
    """(ny, nx) median of the usable ones of ``values`` (n, ny, nx), and their number.

    Of an even number the lower of the middle two; 0 where none is usable.
    """
    ordered = np.sort(np.where(usable, values, np.inf), axis=0)
    n_usable = usable.sum(axis=0)
    middle = np.maximum(n_usable - 1, 0) // 2
    median = np.take_along_axis(ordered, middle[None], axis=0)[0]
    return np.where(n_usable > 0, median, 0).astype(np.float32), n_usable
