"""Stamps of a PSF that varies across the chip, evaluated star by star in compiled code.

A stamp is a square with an odd side, centred on the pixel nearest to its star.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from exposures.science.arrays import Float, FloatArray, Index, IntArray
from photometry.science.compiled import compiled, inlined

SPLINE_REACH = 2  # pixels that a core shifted by a fraction of a pixel grows on each side
PADDING = 2 * SPLINE_REACH  # zeros round a core's coefficients
# Columns of Profiles.parameters; the terms of the core follow.
U2, UV, V2, AMPLITUDE, WING, WING_WIDTH, DX, DY, CORE_SCALE, TERMS = range(10)


@dataclass(frozen=True)
class Profiles:
    """The PSF of each of n stars: a Moffat profile, its wing, and a shifted spline.

    ``amplitude (1 + q)^-beta + wing (1 + width q)^-2``, where ``q`` is a quadratic form in the
    distance from the star in pixels, u along x and v along y.
    """

    # (n, TERMS + n_terms) float32: coefficients of u^2, uv, v^2; amplitude; wing and its width;
    # offset of the star from the centre of its stamp in x and y; scale of the core; weight of each
    # of its terms
    parameters: np.ndarray
    core: np.ndarray  # (n_terms, k, k) float32 B-spline coefficients; k is 0 where there is none
    beta: np.float32

    def __len__(self) -> int:
        return len(self.parameters)

    def __getitem__(self, index: Index | slice) -> "Profiles":
        return Profiles(self.parameters[index], self.core, self.beta)


def _coefficients(
    function: Callable[[FloatArray], FloatArray], reach: float, degree: int
) -> tuple[Float, ...]:
    """Of the polynomial nearest to ``function`` between -reach and reach, lowest first."""
    series = np.polynomial.Chebyshev.interpolate(function, degree, (-reach, reach))
    return tuple(series.convert(kind=np.polynomial.Polynomial).coef.astype("f4"))


L0, L1, L2, L3, L4, L5, L6, L7, L8, L9 = _coefficients(lambda t: np.log2(1 + t) / t, 1 / 3, 9)
E0, E1, E2, E3, E4, E5, E6 = _coefficients(np.exp2, 1 / 2, 6)
ONE_BITS, MANTISSA_BITS = np.int32(0x3F800000), np.int32(23)
# Bits of 2/3: exponents are counted from there, so that mantissas lie around 1.
LOWEST_BITS = np.int32(np.float32(2 / 3).view(np.int32))
SMALLEST_EXPONENT = np.float32(-126)


@inlined
def inverse_power(base: Float, exponent: Float) -> Float:
    """``base**-exponent`` in single precision, for ``base`` of 1 or more; good to 2e-6.

    Numbers without a unit. Without branches or calls, so that a loop over pixels is vectorised.
    """
    bits = np.int32(np.float32(base).view(np.int32) - LOWEST_BITS)
    whole = bits >> MANTISSA_BITS
    mantissa = np.int32(bits - (whole << MANTISSA_BITS) + LOWEST_BITS).view(np.float32)
    t = mantissa - np.float32(1)
    log2 = L5 + t * (L6 + t * (L7 + t * (L8 + t * L9)))
    log2 = t * (L0 + t * (L1 + t * (L2 + t * (L3 + t * (L4 + t * log2)))))
    z = max(-exponent * (np.float32(whole) + log2), SMALLEST_EXPONENT)
    nearest = np.floor(z + np.float32(0.5))
    t = z - nearest
    power = E0 + t * (E1 + t * (E2 + t * (E3 + t * (E4 + t * (E5 + t * E6)))))
    return power * np.int32((np.int32(nearest) << MANTISSA_BITS) + ONE_BITS).view(np.float32)


@inlined
def moffat(stamp: FloatArray, size: int, star: FloatArray, beta: Float) -> None:
    """Fill ``stamp`` (size^2,) with the profile of ``star``, a row of Profiles.parameters.

    Single precision; with the exponent ``beta``, in units of the row's amplitude. The wing is part
    of it.
    """
    one, half = np.float32(1), size // 2
    u2, uv, v2, amplitude = star[U2], star[UV], star[V2], star[AMPLITUDE]
    wing, width = star[WING], star[WING_WIDTH]
    left, top = -np.float32(half) - star[DX], -np.float32(half) - star[DY]
    for row in range(size):
        v = np.float32(row) + top
        constant, linear = one + v2 * v * v, uv * v
        line = stamp[row * size : (row + 1) * size]
        for column in range(size):
            u = np.float32(column) + left
            line[column] = constant + u * (linear + u * u2)
    # In one loop, since rows alone are too short for the widest vectors.
    if wing == 0:
        for pixel in range(size * size):
            stamp[pixel] = amplitude * inverse_power(stamp[pixel], beta)
        return
    for pixel in range(size * size):
        base = stamp[pixel]
        wide = one + width * (base - one)
        stamp[pixel] = amplitude * inverse_power(base, beta) + wing / (wide * wide)


@inlined
def bspline_weights(offset: Float, weights: FloatArray) -> None:
    """Fill ``weights`` (5,) with the cubic B-spline at -2 ... 2 from ``-offset``, pixels."""
    for k in range(5):
        t = abs(np.float32(k - 2) + offset)
        if t < 1:
            weights[k] = np.float32(2 / 3) - t * t * (np.float32(1) - t / np.float32(2))
        else:
            weights[k] = max(np.float32(2) - t, np.float32(0)) ** 3 / np.float32(6)


class CoreWorkspace(NamedTuple):
    """Arrays that ``add_core`` works in, for a core of n terms; all float32.

    Squares of p^2 pixels are flattened, so that loops over their pixels are long enough to be
    vectorised.
    """

    padded: np.ndarray  # (n_terms, p^2) coefficients, with PADDING zeros on every side
    work: np.ndarray  # (3, p^2) sum of the terms, and that moved along y, then along x as well
    weights_x: np.ndarray  # (5,) of neighbouring coefficients
    weights_y: np.ndarray  # (5,)


@inlined
def new_workspace(core: FloatArray) -> CoreWorkspace:
    """A CoreWorkspace for the coefficients ``core`` (n_terms, k, k); its p is k + 8 pixels."""
    n_terms, side, _ = core.shape
    wide = side + 2 * PADDING
    padded = np.zeros((n_terms, wide * wide), np.float32)
    for term in range(n_terms):
        for j in range(side):
            start = (j + PADDING) * wide + PADDING
            padded[term, start : start + side] = core[term, j]
    work = np.zeros((3, wide * wide), np.float32)
    return CoreWorkspace(padded, work, np.zeros(5, np.float32), np.zeros(5, np.float32))


@inlined
def add_core(
    stamp: FloatArray, size: int, star: FloatArray, side: int, workspace: CoreWorkspace
) -> None:
    """Add the spline of ``side`` coefficients, weighted and shifted for ``star``, to ``stamp``.

    ``stamp`` (size^2,) is a flattened square of pixels, ``star`` a row of Profiles.parameters, and
    ``workspace`` from ``new_workspace``. Cubic B-splines (Unser 1999, IEEE SPM 16, 22), separable
    in x and y.
    """
    padded, work = workspace.padded, workspace.work
    wx, wy = workspace.weights_x, workspace.weights_y
    wide, half, reach = side + 2 * PADDING, size // 2, side // 2 + SPLINE_REACH
    low, high = reach - min(half, reach), reach + min(half, reach) + 1
    total, rows, shifted = work[0], work[1], work[2]
    part = total[low * wide : (high + 4) * wide]
    part[:] = 0
    for term in range(len(padded)):
        weight, own = star[TERMS + term], padded[term, low * wide : (high + 4) * wide]
        for i in range(len(part)):
            part[i] += weight * own[i]
    bspline_weights(star[DX], wx)
    bspline_weights(star[DY], wy)
    wy *= star[CORE_SCALE]
    convolve(total, low * wide, wide, wy, rows[low * wide : high * wide])
    # Where a row ends this mixes it with the next: those pixels are not used.
    convolve(rows, low * wide, 1, wx, shifted[low * wide : high * wide - 4])
    for j in range(low, high):
        line = stamp[(j - reach + half) * size + low - reach + half :]
        moved = shifted[j * wide + low : j * wide + high]
        for i in range(high - low):
            line[i] += moved[i]


@inlined
def convolve(
    values: FloatArray, start: int, stride: int, weights: FloatArray, result: FloatArray
) -> None:
    """Fill ``result`` with weighted sums of five ``values``, the first of them from ``start`` on.

    They lie ``stride`` apart; ``weights`` are (5,). Any unit, one-dimensional arrays.
    """
    n = len(result)
    w0, w1, w2, w3, w4 = weights[0], weights[1], weights[2], weights[3], weights[4]
    first, second = values[start : start + n], values[start + stride : start + stride + n]
    third = values[start + 2 * stride : start + 2 * stride + n]
    fourth = values[start + 3 * stride : start + 3 * stride + n]
    fifth = values[start + 4 * stride : start + 4 * stride + n]
    for i in range(n):
        total = w0 * first[i] + w1 * second[i] + w2 * third[i]
        result[i] = total + w3 * fourth[i] + w4 * fifth[i]


@compiled
def _fill_stamps(
    stamps: FloatArray,
    first: IntArray,
    sizes: IntArray,
    parameters: FloatArray,
    core: FloatArray,
    beta: Float,
) -> None:
    workspace = new_workspace(core)
    for star in range(len(parameters)):
        size = sizes[star]
        stamp = stamps[first[star] : first[star] + size * size]
        moffat(stamp, size, parameters[star], beta)
        if core.shape[1] > 0:
            add_core(stamp, size, parameters[star], core.shape[1], workspace)


def fill_stamps(stamps: FloatArray, first: IntArray, sizes: IntArray, profiles: Profiles) -> None:
    """Write the stamps of ``profiles``, flattened, into the float32 array ``stamps``.

    ``first`` (n,) are the indices at which they start, ``sizes`` (n,) the sides in pixels, which
    are odd.
    """
    _fill_stamps(stamps, first, sizes, profiles.parameters, profiles.core, profiles.beta)


@compiled
def _add_stars(
    images: tuple[FloatArray, ...],
    squares: IntArray,
    fluxes: FloatArray,
    parameters: FloatArray,
    core: FloatArray,
    beta: Float,
) -> None:
    workspace = new_workspace(core)
    ny, nx = images[0].shape
    buffer = np.empty((2 * np.max(squares[:, 2]) + 1) ** 2, np.float32)
    for star in range(len(squares)):
        row, column, half = squares[star]
        size = 2 * half + 1
        first, last = max(row - half, 0), min(row + half + 1, ny)
        left, right = max(column - half, 0), min(column + half + 1, nx)
        if first >= last or left >= right or not np.any(fluxes[:, star]):
            continue
        stamp = buffer[: size * size]
        moffat(stamp, size, parameters[star], beta)
        if core.shape[1] > 0:
            add_core(stamp, size, parameters[star], core.shape[1], workspace)
        for k in range(len(images)):
            scale, image = fluxes[k, star], images[k]
            for j in range(first, last):
                start = (j - row + half) * size + left - column + half
                pixels, line = image[j, left:right], stamp[start : start + right - left]
                for i in range(len(line)):
                    pixels[i] += scale * line[i]


def add_profiles(
    image: FloatArray, squares: IntArray, flux: FloatArray, profiles: Profiles
) -> None:
    """Add stars to ``image`` (ny, nx) float32 in place.

    ``squares`` (n, 3) int are row and column of the nearest pixel, which may lie off the image,
    and half the side of the stamp; ``flux`` (n,) float32 is in units of the image.
    """
    add_profiles_to_each((image,), squares, flux[None], profiles)


def add_profiles_to_each(
    images: tuple[FloatArray, ...], squares: IntArray, fluxes: FloatArray, profiles: Profiles
) -> None:
    """Add the same stars with other fluxes to each of some ``images`` (ny, nx), in place.

    ``fluxes`` (k, n) are float32 in the unit of the images; all as in ``add_profiles``, but the
    stars are evaluated once.
    """
    if len(squares) > 0:
        _add_stars(images, squares, fluxes, profiles.parameters, profiles.core, profiles.beta)


def evaluate(profiles: Profiles, size: int) -> FloatArray:
    """(n, size, size) float32 stamps of ``profiles``, in units of their amplitudes."""
    n = len(profiles)
    stamps = np.empty(n * size**2, np.float32)
    fill_stamps(stamps, np.arange(n) * size**2, np.full(n, size), profiles)
    return stamps.reshape(n, size, size)
