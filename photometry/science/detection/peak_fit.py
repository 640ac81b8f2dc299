"""The fit of stars at peaks of an image, each with a free position and all its neighbours.

The square round a peak is fitted by the peak's star and its slopes in x and y, the stars near it
and a local sky. Cholesky's factor of the normal equations has the peak's own rows last: as it
moves, those of the neighbours stay.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from exposures.science.arrays import FloatArray
from photometry.science.compiled import compiled_with, inlined
from photometry.science.detection import peak_light
from photometry.science.detection.peak_light import fill_light, fill_light_and_slopes, new_renderer
from photometry.science.pixel_positions import PixelPositions
from photometry.science.psf import stamps
from photometry.science.psf.psf import ChipPsf

STEPS = 3  # of Gauss-Newton in a peak's position
LARGEST_STEP = 0.5  # pixels
RIDGE = 1e-9  # of the normal equations, for stars that lie on each other
NO_LIGHT = 1e-30  # smallest diagonal of the equations, of what has no usable pixel
# Columns of what the compiled functions give.
X, Y, FLUX, FLUX_ERR, RCHI2, FRACFLUX, QUALITY, SHARP = range(8)


@dataclass(frozen=True)
class Residual:
    """The residual of a fit, and its model; (ny, nx) arrays."""

    data: np.ndarray  # ADU, without the model
    weight: np.ndarray  # inverse variance, ADU^-2
    mask: np.ndarray  # MaskBit
    model: np.ndarray  # ADU


@dataclass(frozen=True)
class PeakFit:
    """The stars fitted at peaks, arrays (n,) in the order of the peaks."""

    x: np.ndarray  # pixels
    y: np.ndarray
    flux: np.ndarray  # in units of the image
    flux_err: np.ndarray  # neighbours and local sky free
    rchi2: np.ndarray  # PSF-weighted reduced chi2, the PSF's error allowed for
    fracflux: np.ndarray  # share of the light there that is the star's own
    quality: np.ndarray  # share of the PSF on usable pixels
    is_sharp: np.ndarray  # bool, too much light in the central pixel for a star

    def followed_by(self, others: "PeakFit") -> "PeakFit":
        """The stars of this one, and of another."""
        names = self.__dataclass_fields__
        return PeakFit(*(np.append(getattr(self, n), getattr(others, n)) for n in names))


class PeakLimits(NamedTuple):
    """The limits of the fit of a peak."""

    fit_fwhm: float  # half the side of the square that is fitted, in FWHM
    max_move_pixels: float  # of a star, from its peak; 0 holds it in its place
    least_sigma: float  # of a star's flux, against its error, below which it makes one step only
    pixel_error: float  # of the model in a pixel, in rchi2
    sharp_excess: float  # of the central pixel, left over there, beyond which a peak is sharp
    sharp_sigma: float  # and its significance


class _Images(NamedTuple):
    """The images of a Residual that the fit needs; all (ny, nx) float32."""

    data: np.ndarray
    weight: np.ndarray
    model: np.ndarray


class _Neighbours(NamedTuple):
    """The stars near each of n peaks, in compressed rows."""

    first: np.ndarray  # (n + 1,)
    other: np.ndarray  # indices of stars


class _PlacedProfiles(NamedTuple):
    """Stars, those of the peaks first, with their Profiles."""

    positions: np.ndarray  # (m, 2) pixels, x and y
    parameters: np.ndarray
    core: np.ndarray
    beta: np.float32


class _Equations(NamedTuple):
    """The normal equations of up to n terms, A = L L', as they are eliminated."""

    factor: np.ndarray  # (n, n) Cholesky's factor L
    right: np.ndarray  # (n,) solution y of L y = b
    weighted: np.ndarray  # (n_pixels,) to work in


def fit_peaks(
    residual: Residual,
    psf: ChipPsf,
    stars: PixelPositions,
    peaks: PixelPositions,
    limits: PeakLimits,
) -> PeakFit:
    """The PeakFit of ``peaks`` (n,) while the fluxes of ``stars`` (m,) near them change.

    Both are PixelPositions; ``residual`` is a Residual, ``psf`` a ChipPsf, ``limits`` PeakLimits.
    Fluxes are in ADU. By Gauss-Newton's method, three steps.
    """
    data, weight, model = (
        np.ascontiguousarray(image, dtype="f4")
        for image in (residual.data, residual.weight, residual.model)
    )
    if len(peaks.x) == 0:
        return _as_fit(np.zeros((0, 8)))
    middle = np.array([data.shape[1] / 2]), np.array([data.shape[0] / 2])
    fwhm = float(psf.fwhm_at(*middle)[0])
    half = round(limits.fit_fwhm * fwhm)
    positions = np.column_stack([np.append(peaks.x, stars.x), np.append(peaks.y, stars.y)])
    n = len(peaks.x)
    near = _near(positions, n, half + round(fwhm))
    # The peaks themselves are the first of all; of the rest, only those near some peak matter.
    used, near_used = np.unique(np.append(np.arange(n), near.other), return_inverse=True)
    profiles = psf.profiles(*positions[used].T)
    result = np.empty((n, 8))
    _fit(
        _Images(data, weight, model),
        half,
        _Neighbours(near.first, near_used[n:]),
        _PlacedProfiles(positions[used], profiles.parameters, profiles.core, profiles.beta),
        limits,
        result,
    )
    return _as_fit(result)


def _as_fit(result: FloatArray) -> PeakFit:
    x, y, flux, flux_err, rchi2, fracflux, quality, sharp = result.T
    return PeakFit(x, y, flux, flux_err, rchi2, fracflux, quality, is_sharp=sharp > 0)


def _near(positions: FloatArray, n: int, radius: int) -> _Neighbours:
    """The neighbours of each of the first ``n`` positions."""
    tree = cKDTree(positions, balanced_tree=False, compact_nodes=False)
    near = tree.query_ball_point(positions[:n], radius, return_sorted=True)
    first = np.cumsum([0, *map(len, near)])
    other = np.concatenate(near).astype(np.int64)
    is_other = other != np.repeat(np.arange(n), np.diff(first))
    return _Neighbours(first - np.arange(n + 1), other[is_other])


@compiled_with(stamps, peak_light)
def _fit(
    images: _Images,
    half: int,
    near: _Neighbours,
    stars: _PlacedProfiles,
    limits: PeakLimits,
    result: FloatArray,
) -> None:
    first, positions = near.first, stars.positions
    n_pixels, n_terms = (2 * half + 1) ** 2, np.max(np.diff(first)) + 4
    square, terms = np.empty((3, n_pixels)), np.empty((n_terms, n_pixels))
    values = np.empty(n_terms)
    equations = _Equations(np.empty((n_terms, n_terms)), np.empty(n_terms), np.empty(n_pixels))
    renderer = new_renderer(stars.core, stars.beta, n_pixels)
    for k in range(len(result)):
        column, row = np.floor(positions[k, 0] + 0.5), np.floor(positions[k, 1] + 0.5)
        _cut(images, half, int(column), int(row), square)
        terms[0] = 1
        n = 1 + first[k + 1] - first[k]  # the sky and the neighbours; the peak's own terms follow
        for m in range(1, n):
            star = near.other[first[k] + m - 1]
            x, y = positions[star, 0] - column, positions[star, 1] - row
            fill_light(terms[m], half, x, y, stars.parameters[star], renderer)
        own, dx, dy = stars.parameters[k], positions[k, 0] - column, positions[k, 1] - row
        is_last, start = limits.max_move_pixels <= 0, 0
        for _ in range(STEPS):
            if is_last:
                break
            fill_light_and_slopes(terms[n : n + 3], half, dx, dy, own, renderer)
            _extend(equations, terms, square, start, n + 3)
            _substitute(equations, values, n, n + 3)
            dx, dy = _moved(dx, dy, values[n : n + 3], limits.max_move_pixels)
            is_last = values[n] * equations.factor[n, n] < limits.least_sigma
            start = n
        fill_light(terms[n], half, dx, dy, own, renderer)
        _extend(equations, terms, square, start, n + 1)
        _substitute(equations, values, 0, n + 1)
        result[k, X], result[k, Y], result[k, FLUX] = column + dx, row + dy, values[n]
        # The last diagonal element of the inverse is that of the factor, inverted and squared.
        result[k, FLUX_ERR] = 1 / equations.factor[n, n]
        left = equations.weighted
        _take_out(square[0], terms[: n + 1], values[: n + 1], left)
        _describe(square, left, terms[n], values[n], limits, result[k])


@inlined
def _moved(dx: float, dy: float, values: FloatArray, largest: float) -> tuple[float, float]:
    """A position after a Gauss-Newton step; ``values`` are the flux and those of its slopes."""
    flux = values[0]
    if flux <= 0:
        return dx, dy
    dx += min(max(values[1] / flux, -LARGEST_STEP), LARGEST_STEP)
    dy += min(max(values[2] / flux, -LARGEST_STEP), LARGEST_STEP)
    return (
        min(max(dx, -largest), largest),
        min(max(dy, -largest), largest),
    )


@inlined
def _cut(images: _Images, half: int, column: int, row: int, square: FloatArray) -> None:
    """Copy the square round a pixel of each image, with 0 off the image or without weight."""
    data, weight, model = images.data, images.weight, images.model
    ny, nx = data.shape
    square[:] = 0
    pixel = 0
    for j in range(row - half, row + half + 1):
        for i in range(column - half, column + half + 1):
            if 0 <= j < ny and 0 <= i < nx and weight[j, i] > 0:
                square[0, pixel], square[1, pixel] = data[j, i], weight[j, i]
                square[2, pixel] = model[j, i]
            pixel += 1


@inlined
def _extend(
    equations: _Equations, terms: FloatArray, square: FloatArray, start: int, stop: int
) -> None:
    """Fill rows ``start`` to ``stop`` of the normal equations, eliminated as they come."""
    factor, right, weighted = equations.factor, equations.right, equations.weighted
    data, weight = square[0], square[1]
    for a in range(start, stop):
        for pixel in range(len(weighted)):
            weighted[pixel] = weight[pixel] * terms[a, pixel]
        for b in range(a):
            total = _product(weighted, terms[b])
            for k in range(b):
                total -= factor[a, k] * factor[b, k]
            factor[a, b] = total / factor[b, b]
        squared = _product(weighted, terms[a])
        pivot, rest = (1 + RIDGE) * squared, _product(weighted, data)
        for k in range(a):
            pivot -= factor[a, k] * factor[a, k]
            rest -= factor[a, k] * right[k]
        factor[a, a] = np.sqrt(max(pivot, RIDGE * squared, NO_LIGHT))
        right[a] = rest / factor[a, a]


@inlined
def _product(one: FloatArray, other: FloatArray) -> float:
    total = 0.0
    for pixel in range(len(one)):
        total += one[pixel] * other[pixel]
    return total


@inlined
def _substitute(equations: _Equations, values: FloatArray, start: int, stop: int) -> None:
    """Solve the first ``stop`` equations for the ``values`` from ``start`` on."""
    factor, right = equations.factor, equations.right
    for a in range(stop - 1, start - 1, -1):
        total = right[a]
        for k in range(a + 1, stop):
            total -= factor[k, a] * values[k]
        values[a] = total / factor[a, a]


@inlined
def _take_out(data: FloatArray, terms: FloatArray, values: FloatArray, left: FloatArray) -> None:
    """Fill ``left`` (n_pixels,) with the data without all ``terms``, each times its value."""
    left[:] = data
    for m in range(len(terms)):
        term, value = terms[m], values[m]
        for pixel in range(len(left)):
            left[pixel] -= value * term[pixel]


@inlined
def _describe(
    square: FloatArray,
    left: FloatArray,
    own: FloatArray,
    flux: float,
    limits: PeakLimits,
    result: FloatArray,
) -> None:
    """Describe the fit of a star of which ``own`` is the PSF, where all terms have ``left``."""
    weight, model = square[1], square[2]
    information = light = chi2 = usable = whole = highest = 0.0
    for pixel in range(len(own)):
        p, w = own[pixel], weight[pixel]
        allowed = limits.pixel_error * (abs(model[pixel]) + abs(flux) * p)
        information += w * p * p
        light += w * p * model[pixel]
        whole += p
        # Pixels that are not usable have no weight.
        usable += p if w > 0 else 0.0
        chi2 += p * left[pixel] * left[pixel] * w / (1 + w * allowed * allowed)
        highest = max(highest, p)
    centre = 0
    for pixel in range(len(own)):
        if own[pixel] == highest:
            centre = pixel
            break
    information = max(information, NO_LIGHT)
    result[RCHI2] = chi2 / max(usable, NO_LIGHT)
    result[FRACFLUX] = flux * information / max(flux * information + light, NO_LIGHT)
    result[QUALITY] = usable / whole
    excess = left[centre]
    is_sharp = excess > limits.sharp_excess * abs(flux) * own[centre]
    result[SHARP] = is_sharp and excess * np.sqrt(weight[centre]) > limits.sharp_sigma
