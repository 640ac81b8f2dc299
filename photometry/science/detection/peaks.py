"""Peaks of the significance image that are new stars, by crowdsource's criteria.

These are those of crowdsource (Schlafly et al. 2018, ApJS 234, 39, section 4.1), whose images of
the whole chip are here made strip by strip, and only where a peak needs them.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import scipy  # its parts are imported when they are used
from crowdsource import crowdsource_base
from scipy.spatial import cKDTree

from exposures.science.arrays import BoolArray, Float, FloatArray, IntArray, Shape
from photometry.science.compiled import compiled, inlined
from photometry.science.psf.psf import ChipPsf

STAMP_PIXELS = 59  # side of the PSF that images are convolved with
STRIP_PIXELS = 512  # rows that are transformed together, so that they are in the processor's cache
# Of the most information of a pixel, the least in which there may be a star; and that which single
# precision tells from none.
NO_INFORMATION = {"f8": 1e-9, "f4": 1e-7}
TINY = 1e-14  # ADU^-2
CLOSE_PIXELS = 1.0  # of a brighter star, within which crowdsource leaves out another
ONE = np.float32(1)
LEAST_MODEL = 0.01  # ADU, or sigma, of the known stars' light that a peak is compared with


class PeakImage(NamedTuple):
    """The images searched for peaks; all (ny, nx)."""

    residual: np.ndarray  # ADU, without sky and known stars
    model: np.ndarray  # ADU, the known stars
    weight: np.ndarray  # inverse variance
    # 1/ADU, see ``inverse_flux_errors``; None where they have to be made
    inverse_errors: np.ndarray | None = None


def new_peaks(
    image: PeakImage,
    psf: ChipPsf,
    threshold: float,
    blend_threshold: float,
    keep_saturated: bool,
    taken: BoolArray | None = None,
) -> tuple[FloatArray, FloatArray]:
    """x, y (n,) in pixels of significant peaks of a PeakImage, outside known stars' wings.

    ``threshold`` is in sigma; ``blend_threshold`` is how much of the known stars' light a peak has
    to be, a ratio. Peaks on saturated pixels are left out unless ``keep_saturated``, and those on
    pixels that are ``taken`` (ny, nx), see ``near_stars``.
    """
    ny, nx = image.weight.shape
    stamp = middle_stamp(psf, (ny, nx))
    # What shines through a wide hole would be lost in the rounding of single precision, and its
    # maxima would be stars by the dozen.
    precision = np.dtype("f8" if keep_saturated else "f4")
    height = significance(
        image.residual, image.weight, stamp.astype(precision), image.inverse_errors
    )
    taken = np.zeros((ny, nx), bool) if taken is None else taken
    peaks = _peaks(height, image.weight, taken, np.float32(threshold), keep_saturated)
    if np.any(image.model):
        keep = _is_no_blend(peaks, height, image, stamp, np.float32(blend_threshold))
        peaks = peaks[keep]
    y, x = np.divmod(peaks, nx)
    return x.astype(float), y.astype(float)


def middle_stamp(psf: ChipPsf, shape: Shape) -> FloatArray:
    """(side, side) the PSF in the middle of an image of a shape, with which it is convolved."""
    ny, nx = shape
    return psf.stamps(nx // 2, ny // 2, STAMP_PIXELS)[0]


def near_stars(x: FloatArray, y: FloatArray, radius: float, shape: Shape) -> BoolArray:
    """(ny, nx) whether pixels of an image of a shape are nearer than ``radius`` to a star.

    ``x, y`` (n,) and ``radius`` are in pixels; by the pixels' middles.
    """
    near = np.zeros(shape, bool)
    _mark_near(np.asarray(x, "f8"), np.asarray(y, "f8"), radius, near)
    return near


@compiled
def _mark_near(x: FloatArray, y: FloatArray, radius: float, near: BoolArray) -> None:
    ny, nx = near.shape
    for k in range(len(x)):
        for j in range(max(int(np.ceil(y[k] - radius)), 0), min(int(y[k] + radius) + 1, ny)):
            for i in range(max(int(np.ceil(x[k] - radius)), 0), min(int(x[k] + radius) + 1, nx)):
                near[j, i] |= (i - x[k]) ** 2 + (j - y[k]) ** 2 < radius**2


def significance(
    data: FloatArray,
    weight: FloatArray,
    stamp: FloatArray,
    inverse_errors: FloatArray | None = None,
) -> FloatArray:
    """(ny, nx) float32 flux over its error of a star alone at each pixel, with no sky fitted.

    ``data`` (ny, nx) is in ADU, ``weight`` (ny, nx) its inverse variance and 0 beyond the edges;
    ``stamp`` (side, side) is the PSF, ``side`` odd, in the precision in which sums are taken.
    ``inverse_errors`` (ny, nx) are those of fluxes, 1/ADU, where they are known.
    """
    if inverse_errors is None:
        inverse_errors = inverse_flux_errors(weight, stamp)
    result = np.empty(data.shape, np.float32)
    for rows, light in _correlated(data, weight, stamp):
        np.multiply(light, inverse_errors[rows], out=result[rows], casting="same_kind")
    return result


def inverse_flux_errors(weight: FloatArray, stamp: FloatArray) -> FloatArray:
    """(ny, nx) float32, 1/ADU, of the flux of a star alone at each pixel, with no sky fitted.

    As in ``significance``. Where the information is nil the error is large but finite.
    """
    result = np.empty(weight.shape, np.float32)
    for rows, squares in _correlated(np.broadcast_to(ONE, weight.shape), weight, stamp**2):
        least = NO_INFORMATION[stamp.dtype.str[1:]] * max(float(squares.max()), TINY)
        _invert_root(squares, stamp.dtype.type(least), result[rows])
    return result


def _correlated(
    data: FloatArray, weight: FloatArray, kernel: FloatArray
) -> Iterator[tuple[slice, FloatArray]]:
    """Rows of an image, and (n, nx) there the sums of ``kernel`` times data and weight round each.

    In the precision of ``kernel`` (side, side).
    """
    ny, nx = data.shape
    half = len(kernel) // 2
    n_rows = scipy.fft.next_fast_len(min(STRIP_PIXELS, ny + 2 * half), real=False)
    n_columns = scipy.fft.next_fast_len(nx + half, real=True)
    transformed = _transformed_kernel(kernel, n_rows, n_columns)
    strip = np.zeros((n_rows, n_columns), kernel.dtype)
    step = n_rows - 2 * half
    for top in range(0, ny, step):
        _fill_strip(strip, data, weight, top - half)
        rows = slice(top, min(top + step, ny))
        yield rows, _multiplied(strip, transformed)[half : half + rows.stop - top, :nx]


def _multiplied(strip: FloatArray, kernel: FloatArray) -> FloatArray:
    spectrum = scipy.fft.rfft2(strip)
    spectrum *= kernel
    return scipy.fft.irfft2(spectrum, s=strip.shape, overwrite_x=True)


def _transformed_kernel(kernel: FloatArray, n_rows: int, n_columns: int) -> FloatArray:
    """The transform by which those of strips are multiplied for the sums of ``kernel`` times them.

    Its middle is at the origin, and it is turned round, as a correlation is.
    """
    half = len(kernel) // 2
    padded = np.zeros((n_rows, n_columns), kernel.dtype)
    padded[: len(kernel), : len(kernel)] = kernel[::-1, ::-1]
    return scipy.fft.rfft2(np.roll(padded, -half, axis=(0, 1)))


@compiled
def _fill_strip(strip: FloatArray, data: FloatArray, weight: FloatArray, top: int) -> None:
    """Fill a strip from row ``top`` on, which may be off the image, with weighted data.

    Columns beyond the image's stay as they are.
    """
    ny, nx = data.shape
    for j in range(len(strip)):
        row, pixels = top + j, strip[j, :nx]
        if row < 0 or row >= ny:
            pixels[:] = 0
            continue
        values, weights = data[row], weight[row]
        for i in range(nx):
            pixels[i] = values[i] * weights[i]


@compiled
def _invert_root(information: FloatArray, least: Float, result: FloatArray) -> None:
    for j in range(result.shape[0]):
        squares, row = information[j], result[j]
        for i in range(np.uint64(result.shape[1])):
            row[i] = 1 / np.sqrt(max(squares[i], least))


@compiled
def _peaks(
    height: FloatArray, weight: FloatArray, taken: BoolArray, threshold: Float, keep_saturated: bool
) -> IntArray:
    """(n,) indices into the flattened image of pixels above ``threshold`` that no other exceeds.

    Of the eight round each. Pixels without weight count if ``keep_saturated``; those that are
    ``taken`` don't.
    """
    ny, nx = height.shape
    found = np.empty(height.size // 2 + 1, np.int64)
    n = 0
    for j in range(ny):
        for i in range(nx):
            counts = height[j, i] > threshold and (keep_saturated or weight[j, i] > 0)
            if counts and not taken[j, i] and _is_highest(height, j, i):
                found[n] = j * nx + i
                n += 1
    return found[:n].copy()


@inlined
def _is_highest(height: FloatArray, j: int, i: int) -> bool:
    ny, nx = height.shape
    for row in range(max(j - 1, 0), min(j + 2, ny)):
        for column in range(max(i - 1, 0), min(i + 2, nx)):
            if height[row, column] > height[j, i]:
                return False
    return True


@compiled
def _is_no_blend(
    peaks: IntArray, height: FloatArray, image: PeakImage, stamp: FloatArray, least: Float
) -> BoolArray:
    """(n,) whether peaks stand out of the known stars' light by ``least`` of it.

    By their significance in that of this light alone, and by the residual in the model at their
    pixel and in the light's significance: a peak that is twice as high by the first need not pass
    the others.
    """
    residual, model, weight = image.residual, image.model, image.weight
    ny, nx = height.shape
    half = len(stamp) // 2
    passed = np.zeros(len(peaks), np.bool_)
    for k in range(len(peaks)):
        j, i = peaks[k] // nx, peaks[k] % nx
        top, bottom = max(j - half, 0), min(j + half + 1, ny)
        left, right = max(i - half, 0), min(i + half + 1, nx)
        light = information = np.float32(0)
        for row in range(top, bottom):
            own = stamp[row - j + half, left - i + half : right - i + half]
            pixels, weights = model[row, left:right], weight[row, left:right]
            for column in range(len(own)):
                light += own[column] * pixels[column] * weights[column]
                information += own[column] * own[column] * weights[column]
        known = max(light / np.sqrt(max(information, np.float32(TINY))), LEAST_MODEL)
        ratio = height[j, i] / known
        in_pixel = residual[j, i] / max(model[j, i], LEAST_MODEL)
        in_noise = residual[j, i] * np.sqrt(weight[j, i]) / known
        is_clear = in_pixel > least and in_noise > least / 4 and ratio > least
        passed[k] = ratio > 2 * least or is_clear
    return passed


def survivors(
    x: FloatArray, y: FloatArray, flux: FloatArray, flux_err: FloatArray, threshold: float
) -> BoolArray:
    """(n,) whether stars are significant and not within a pixel of a brighter one.

    ``x, y`` (n,) are pixels, ``flux`` and ``flux_err`` (n,) ADU, ``threshold`` is in sigma: six
    tenths of it are enough, or 100,000 ADU with a finite error.
    """
    bright = (flux > 0.6 * threshold * flux_err) | ((flux > 1e5) & np.isfinite(flux_err))
    # crowdsource looks for six neighbours of each star: only of those that have one is it asked.
    some = np.flatnonzero(_may_be_close(np.floor(x).astype("i8"), np.floor(y).astype("i8")))
    tree = cKDTree(np.column_stack([x[some], y[some]]))
    close = some[np.unique(tree.query_pairs(CLOSE_PIXELS, output_type="ndarray"))]
    bright[close] &= crowdsource_base.cull_near(x[close], y[close], flux[close])
    return bright


def _may_be_close(column: IntArray, row: IntArray) -> BoolArray:
    """(n,) whether another star is in the same pixel or one of the eight round it."""
    if len(row) == 0:
        return np.zeros(0, bool)
    column, row = column - column.min() + 1, row - row.min() + 1
    counts = np.zeros((row.max() + 2, column.max() + 2), np.uint8)
    return _has_company(column, row, counts)


@compiled
def _has_company(column: IntArray, row: IntArray, counts: IntArray) -> BoolArray:
    company = np.zeros(len(row), np.bool_)
    for k in range(len(row)):
        counts[row[k], column[k]] = min(counts[row[k], column[k]] + 1, 2)
    for k in range(len(row)):
        n = 0
        for j in range(row[k] - 1, row[k] + 2):
            for i in range(column[k] - 1, column[k] + 2):
                n += counts[j, i]
        company[k] = n > 1
    return company
