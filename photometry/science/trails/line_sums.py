"""Sums of an image along all straight lines, to find trails.

The fast Radon transform (Brady 1998, SIAM J. Comput. 27, 107), as used for trails by Nir, Zackay &
Ofek (2018, AJ 156, 229): its partial sums are those along pieces of lines.
"""

import numpy as np
from scipy.ndimage import uniform_filter

from exposures.science.arrays import BoolArray, Float, FloatArray
from photometry.science.compiled import compiled
from photometry.science.scatter import sigma_about_zero
from photometry.science.trails.lines import Leftover
from photometry.science.trails.options import TrailOptions

LIMIT = 3.0  # sigma, of a pixel or a bin: what is left of a bright star counts no more


def binned(left: Leftover, options: TrailOptions) -> tuple[FloatArray, BoolArray]:
    """Means of bins without smooth structure in units of their scatter, and usable bins.

    Both (ny // side, nx // side), with ``side`` the option ``bin_pixels``, of a Leftover of (ny,
    nx) pixels; means are in sigma, at most 3 either way. Bins that aren't usable are 0.
    """
    side = options.bin_pixels
    total, number = _sums(
        left.residual, left.weight, left.model, np.float32(options.model_error**2), side
    )
    usable = number >= side * side / 2
    bins = np.where(usable, total / np.sqrt(np.maximum(number, 1)), 0).astype(np.float32)
    box = max(int(options.smooth_pixels // side), 3)
    share = uniform_filter(usable.astype(np.float32), box, mode="nearest")
    smooth = uniform_filter(bins, box, mode="nearest") / np.maximum(share, 1e-3)
    bins = np.where(usable, bins - smooth, 0)
    scatter = sigma_about_zero(bins[usable]) if usable.any() else 1.0
    return np.clip(bins / max(scatter, 1e-6), -LIMIT, LIMIT), usable


@compiled
def _sums(
    residual: FloatArray, weight: FloatArray, model: FloatArray, model_variance: Float, side: int
) -> tuple[FloatArray, FloatArray]:
    """Sums of the significance over bins, and their numbers of pixels."""
    ny, nx = residual.shape[0] // side, residual.shape[1] // side
    total, number = np.zeros((ny, nx), np.float32), np.zeros((ny, nx), np.float32)
    one, limit = np.float32(1), np.float32(LIMIT)
    for j in range(ny * side):
        sums, counts = total[j // side], number[j // side]
        for i in range(nx * side):
            w = weight[j, i]
            if w > 0:
                m = model[j, i]
                s = residual[j, i] / np.sqrt(one / w + model_variance * m * m)
                sums[i // side] += min(max(s, -limit), limit)
                counts[i // side] += one
    return total, number


def brightest_lines(bins: FloatArray, usable: BoolArray, options: TrailOptions) -> list[FloatArray]:
    """The brightest line of each of four quarters of directions: (2, 2) x, y of ends, pixels.

    A list of up to four, none below ``min_sigma``; ``bins`` (n_rows, n_columns) in sigma and
    ``usable`` of the same shape are what ``binned`` gives.
    """
    lines = []
    for is_across in (False, True):
        for is_mirrored in (False, True):
            seen, known = (bins.T, usable.T) if is_across else (bins, usable)
            if is_mirrored:
                seen, known = seen[:, ::-1], known[:, ::-1]
            sigma, ends = _brightest_line(seen, known, options.min_pixels / options.bin_pixels / 2)
            if ends is None or sigma < options.min_sigma:
                continue
            if is_mirrored:
                ends[:, 0] = seen.shape[1] - 1 - ends[:, 0]
            if is_across:
                ends = ends[:, ::-1]
            lines.append(ends * options.bin_pixels + (options.bin_pixels - 1) / 2)
    return lines


def _brightest_line(
    bins: FloatArray, usable: BoolArray, min_bins: float
) -> tuple[float, FloatArray | None]:
    """Significance and (2, 2) x, y of the ends of the brightest line that rises to the right.

    All partial sums are looked at that are as long as ``min_bins``.
    """
    n_rows, n_columns = bins.shape
    height = 1 << max(n_rows - 1, 1).bit_length()
    width = n_columns + height
    sums = np.zeros((2, height, 1, width), np.float32)
    sums[0, :n_rows, 0, height:] = bins  # a line may begin left of the image
    sums[1, :n_rows, 0, height:] = usable
    best, ends, rows = -np.inf, None, 1
    while rows < height:
        sums = _joined(sums, height - 2 * rows)
        rows *= 2
        if rows < min_bins:
            continue
        sigma, block, shift, column = _brightest(sums, height - rows, np.float32(min_bins))
        if sigma > best:
            low, left = block * rows, column - height
            best = float(sigma)
            ends = np.array([[left, low], [left + shift, low + rows - 1]], float)
    return best, ends


@compiled
def _brightest(sums: FloatArray, first: int, min_bins: Float) -> tuple[Float, int, int, int]:
    """The largest sum over its error; its block, shift and column. Minus infinity without any.

    Only columns from ``first`` on are looked at, and sums of ``min_bins`` usable bins.
    """
    _, n_blocks, n_shifts, width = sums.shape
    best, block, shift, column = np.float32(-np.inf), 0, 0, 0
    for b in range(n_blocks):
        for s in range(n_shifts):
            total, number = sums[0, b, s], sums[1, b, s]
            for i in range(first, width):
                if number[i] >= min_bins and total[i] > best * np.sqrt(number[i]):
                    best, block, shift, column = total[i] / np.sqrt(number[i]), b, s, i
    return best, block, shift, column


@compiled
def _joined(sums: FloatArray, first: int) -> FloatArray:
    """Sums over blocks of twice as many rows, for twice as many shifts.

    Lines that begin left of the column ``first`` don't reach the image: theirs are zero.
    """
    n_kinds, n_blocks, n_shifts, width = sums.shape
    out = np.zeros((n_kinds, n_blocks // 2, 2 * n_shifts, width), np.float32)
    for kind in range(n_kinds):
        for block in range(n_blocks // 2):
            for shift in range(2 * n_shifts):
                step = shift - shift // 2
                inside = width - step
                lower = sums[kind, 2 * block, shift // 2]
                upper = sums[kind, 2 * block + 1, shift // 2, step:]
                line = out[kind, block, shift]
                for i in range(np.uint64(first), np.uint64(inside)):
                    line[i] = lower[i] + upper[i]
                line[inside:] = lower[inside:]
    return out


def take_out(
    bins: FloatArray, usable: BoolArray, ends: FloatArray, half_width: float, bin_pixels: int
) -> None:
    """Make the bins nearer than ``half_width`` pixels to a line unusable, in place.

    ``bins`` and ``usable`` (n_rows, n_columns) are what ``binned`` gives; ``ends`` (2, 2) are x, y
    of the line's ends in pixels.
    """
    # Bins as a unit, in which the first is at 0.
    line = (ends - (bin_pixels - 1) / 2) / bin_pixels
    _take_out(bins, usable, line, half_width / bin_pixels)


@compiled
def _take_out(bins: FloatArray, usable: BoolArray, ends: FloatArray, half_width: float) -> None:
    x, y = ends[0]
    right, down = ends[1, 0] - x, ends[1, 1] - y
    length = np.hypot(right, down)
    for j in range(bins.shape[0]):
        for i in range(bins.shape[1]):
            along = ((i - x) * right + (j - y) * down) / length
            across = ((j - y) * right - (i - x) * down) / length
            if abs(across) <= half_width and -half_width <= along <= length + half_width:
                bins[j, i], usable[j, i] = 0, False
