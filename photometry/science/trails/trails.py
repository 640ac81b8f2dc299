"""Trails of satellites and aeroplanes in the residual of an image.

The residual is summed along all lines, whole or in part (line_sums). What stands out is looked at
in the strip along its line: medians of pieces of it, which stars in a row hardly change, must be
lit along most of a trail, and the light as wide as the PSF or wider.
"""

import numpy as np
from astropy.stats import gaussian_fwhm_to_sigma, gaussian_sigma_to_fwhm
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from exposures.science.arrays import BoolArray, Float, FloatArray, IntArray
from photometry.science.compiled import compiled
from photometry.science.scatter import sigma_about_zero
from photometry.science.trails.line_sums import binned, brightest_lines, take_out
from photometry.science.trails.lines import Leftover, Line, Trail
from photometry.science.trails.options import TrailOptions

STRIP_PIXELS = 80  # half the width of the strip that a line is looked at in
SEARCH_PIXELS = 12  # of its middle, in which the trail lies: lines are sums over bins
FLANK_PIXELS = 48  # from its middle, beyond which the strip is background
ACROSS = np.arange(-STRIP_PIXELS, STRIP_PIXELS + 1)
IS_FLANK = np.abs(ACROSS) > FLANK_PIXELS
MIN_KNOWN = 0.5  # of a piece's middle and of either side of it, for it to count
SLOPES, OFFSETS = 41, 49  # of the lines in the strip that are tried
TRUNCATE = 4.0  # sigma, of the Gaussian that smooths a strip
MAX_MOVES = 4  # of a line to where the light is
MAX_VAIN = 2  # rounds in which lines stand out that are no trails


def find_trails(
    left: Leftover, psf_fwhm: float, options: TrailOptions = TrailOptions()
) -> list[Trail]:
    """Trails on an image, a list of Trail, brightest first; ``psf_fwhm`` is a number of pixels.

    ``left`` is the image's Leftover, (ny, nx). Sums along lines as Nir, Zackay & Ofek (2018, AJ
    156, 229) have them find what is then examined along its line.
    """
    bins, usable = binned(left, options)
    found: list[Trail] = []
    n_vain = 0
    while n_vain < MAX_VAIN and len(found) < options.max_trails:
        lines = brightest_lines(bins, usable, options)
        n_before = len(found)
        for ends in lines:
            trail = _examined(left, ends, psf_fwhm, options)
            take_out(bins, usable, ends, options.bin_pixels, options.bin_pixels)
            if trail is not None:
                take_out(bins, usable, trail.line, trail.half_width, options.bin_pixels)
                left = left.without(trail)
                found.append(trail)
        n_vain = n_vain + 1 if len(found) == n_before else 0
        if not lines:
            break
    return sorted(found, key=lambda trail: -trail.sigma)


def _examined(
    left: Leftover, ends: FloatArray, psf_fwhm: float, options: TrailOptions
) -> Trail | None:
    """The Trail along a line, or None if it is none."""
    line = Line.through(ends)
    for reach in (line.length / 2, *[None] * MAX_MOVES):
        t = line.steps(left.residual.shape, options.piece_pixels, reach)
        if len(t) < 3:
            return None
        offset, slope = _best_line(left, line, t, psf_fwhm, options)
        line = line.moved(offset, slope)
        if reach is None and (offset, slope) == (0.0, 0.0):
            break
    t = line.steps(left.residual.shape, options.piece_pixels)
    return _trail(left, line, t, psf_fwhm, options) if len(t) else None


def _pieces(
    left: Leftover, line: Line, t: FloatArray, across: IntArray, options: TrailOptions
) -> FloatArray:
    """(n, m) medians along a line's pieces, ``across`` (m,) pixels to its left; NaN if unknown."""
    values = left.strip(line, t, across, options.model_error)
    number = np.count_nonzero(np.isfinite(values), axis=2)
    return np.where(number >= options.piece_pixels / 4, _median(values, number), np.nan)


def _median(values: FloatArray, number: IntArray) -> FloatArray:
    """The median along the last axis of its finite values, of which there are so many, in place.

    The lower one of two; NaN without any.
    """
    values.sort(axis=-1)  # what is NaN comes last
    middle = np.maximum(number - 1, 0)[..., None] // 2
    return np.take_along_axis(values, middle, axis=-1)[..., 0]


def _best_line(
    left: Leftover, line: Line, t: FloatArray, psf_fwhm: float, options: TrailOptions
) -> tuple[float, float]:
    """Offset and slope of the brightest line in the middle of a strip."""
    sigma = psf_fwhm * gaussian_fwhm_to_sigma
    # As far as lines that are tried go, and the light that is smoothed into them comes from.
    half = min(2 * SEARCH_PIXELS + int(TRUNCATE * sigma + 0.5) + 1, STRIP_PIXELS)
    pieces = _pieces(left, line, t, np.arange(-half, half + 1), options)
    smooth = gaussian_filter1d(np.nan_to_num(pieces), sigma, axis=1, truncate=TRUNCATE)
    t = t.mean(axis=1)
    reach = max(np.abs(t).max(), 1.0)
    offset = np.linspace(-SEARCH_PIXELS, SEARCH_PIXELS, OFFSETS)
    slope = np.linspace(-SEARCH_PIXELS, SEARCH_PIXELS, SLOPES) / reach
    best = np.unravel_index(np.argmax(_light_along(smooth, t, offset, slope)), (OFFSETS, SLOPES))
    return float(offset[best[0]]), float(slope[best[1]])


@compiled
def _light_along(
    strip: FloatArray, t: FloatArray, offset: FloatArray, slope: FloatArray
) -> FloatArray:
    """(n_offsets, n_slopes) sums along lines in a strip (n, m), between whose pixels is linear."""
    middle = strip.shape[1] // 2
    light = np.zeros((len(offset), len(slope)))
    for k in range(len(t)):
        pixels = strip[k]
        for j in range(len(slope)):
            shift = slope[j] * t[k] + middle
            for i in range(len(offset)):
                u = offset[i] + shift
                left = int(u)
                part = u - left
                light[i, j] += (1 - part) * pixels[left] + part * pixels[left + 1]
    return light


def _trail(
    left: Leftover, line: Line, t: FloatArray, psf_fwhm: float, options: TrailOptions
) -> Trail | None:
    """The Trail along an aligned line, or None."""
    pieces, sigma = _light(_pieces(left, line, t, ACROSS, options), psf_fwhm)
    # Pieces of which little is known, or what lights them, are neither lit nor dark.
    known = np.isfinite(pieces)
    parts = (~IS_FLANK, ACROSS < -FLANK_PIXELS, ACROSS > FLANK_PIXELS)
    can_tell = np.all([known[:, part].mean(axis=1) > MIN_KNOWN for part in parts], axis=0)
    can_tell &= ~_near_saturated(left, line, t, options)
    is_bright = can_tell & (sigma > options.lit_sigma)
    start, stop = _longest(is_bright, can_tell, options)
    bright = start + np.flatnonzero(is_bright[start:stop])
    total = _even_light(sigma[bright], options)
    share = len(bright) / max(can_tell[start:stop].sum(), 1)
    is_long = len(bright) * options.piece_pixels >= options.min_pixels
    if not is_long or total < options.min_total_sigma or share < options.min_lit:
        return None
    profile = _mean(pieces[bright])
    fwhm = _width(profile, np.nanmax(profile[np.abs(ACROSS) <= SEARCH_PIXELS], initial=0) / 2)
    if not options.min_width * psf_fwhm < fwhm < options.max_width_pixels:
        return None
    if len(bright) * options.piece_pixels < options.min_elongation * fwhm:
        return None
    half_width = _width(gaussian_filter1d(profile, 1.0), options.wing_sigma) / 2
    half_width = (half_width if np.isfinite(half_width) else FLANK_PIXELS) + psf_fwhm
    start, stop = _extended(start, stop, can_tell)
    # A piece more, as those at the ends may be lit in part; beyond a dark part there may be light.
    n_faint = np.diff(np.cumsum(can_tell & ~is_bright)[bright]).max(initial=0)
    further = options.piece_pixels * (1 + int(n_faint))
    reach = np.array([t[start, 0] - further, t[stop - 1, -1] + further])
    ends, whole = (np.column_stack(line.at(s, 0.0)) for s in (reach, t[[0, -1], [0, -1]]))
    return Trail(ends, half_width, fwhm, total, float(share), whole)


def _light(pieces: FloatArray, psf_fwhm: float) -> tuple[FloatArray, FloatArray]:
    """The pieces without their background, and the significance (n,) of their middle."""
    flank = pieces[:, IS_FLANK]
    pieces = pieces - _median(flank, np.isfinite(flank).sum(axis=1))[:, None]
    flank = pieces[:, IS_FLANK]
    flank = flank[np.isfinite(flank)]
    noise = sigma_about_zero(flank) if len(flank) else np.inf
    kernel = np.exp(-0.5 * (ACROSS * gaussian_sigma_to_fwhm / psf_fwhm) ** 2)
    known = np.isfinite(pieces)
    own = np.where(known, kernel**2, 0).sum(axis=1)
    light = np.where(known, pieces * kernel, 0).sum(axis=1)
    return pieces, light / np.sqrt(np.maximum(own, 1e-9)) / max(noise, 1e-9)


def _even_light(sigma: FloatArray, options: TrailOptions) -> float:
    """The significance of all bright pieces but the brightest, as trails are even."""
    n_kept = len(sigma) - int(np.ceil(options.brightest_pieces * len(sigma)))
    return float(np.sqrt(np.sum(np.square(np.sort(sigma)[:n_kept]))))


def _extended(start: int, stop: int, can_tell: BoolArray) -> tuple[int, int]:
    """The part of a line, extended by adjacent pieces without information."""
    known = np.flatnonzero(can_tell)
    before, after = known[known < start], known[known >= stop]
    return int(before[-1]) + 1 if len(before) else 0, int(after[0]) if len(after) else len(can_tell)


def _mean(pieces: FloatArray) -> FloatArray:
    """The mean over pieces; NaN if fewer than half are known."""
    known = np.isfinite(pieces)
    number = known.sum(axis=0)
    total = np.where(known, pieces, 0).sum(axis=0)
    return np.where(2 * number >= len(pieces), total / np.maximum(number, 1), np.nan)


def _longest(is_bright: BoolArray, can_tell: BoolArray, options: TrailOptions) -> tuple[int, int]:
    """The start and end of the part with most bright pieces, across short gaps."""
    bright = np.flatnonzero(is_bright)
    if len(bright) == 0:
        return 0, 0
    n_faint = np.diff(np.cumsum(can_tell & ~is_bright)[bright])
    gaps = np.flatnonzero(n_faint > options.max_gap_pixels / options.piece_pixels)
    longest = max(np.split(bright, gaps + 1), key=len)
    return int(longest[0]), int(longest[-1]) + 1


def _width(profile: FloatArray, level: Float) -> float:
    """Pixels between the two sides of the middle where a profile falls below a level; or NaN."""
    middle = STRIP_PIXELS
    near = slice(middle - SEARCH_PIXELS, middle + SEARCH_PIXELS + 1)
    top = near.start + int(np.argmax(profile[near]))
    below = np.flatnonzero(~(profile > level))
    left, right = below[below < top], below[below > top]
    return float(right[0] - left[-1] - 1) if len(left) and len(right) else np.nan


def _near_saturated(left: Leftover, line: Line, t: FloatArray, options: TrailOptions) -> BoolArray:
    """(n,) whether pieces lie near a saturated star on the line, whose spike it may be."""
    if not options.saturated_pixels:
        return np.zeros(len(t), bool)
    x, y = line.at(t[:, :, None], np.arange(-SEARCH_PIXELS // 2, SEARCH_PIXELS // 2 + 1))
    ny, nx = left.is_saturated.shape
    row, column = (
        np.clip(np.rint(y).astype(int), 0, ny - 1),
        np.clip(np.rint(x).astype(int), 0, nx - 1),
    )
    has_saturated = left.is_saturated[row, column].any(axis=(1, 2))
    reach = int(np.ceil(options.saturated_pixels / options.piece_pixels))
    return maximum_filter1d(has_saturated, 2 * reach + 1)
