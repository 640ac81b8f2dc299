"""The joint fit of fluxes and small shifts of all stars of an image, star by star in numba.

Images are indexed ``[y, x]``, positions are pixels from 0, fluxes are in the units of the image.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from exposures.science.arrays import Float, FloatArray, IntArray, Shape
from photometry.science.compiled import compiled_with, inlined
from photometry.science.detection import fit_stamps
from photometry.science.detection.fit_stamps import (
    Place,
    StampArrays,
    Stamps,
    bounds_of,
    stamp_of,
)

# A change of a star's flux, in the error of most, below which its neighbours' stay as they are:
# where the fit tells the stars, and where they are fitted again afterwards.
TOLERANCE, ROUGH_TOLERANCE = 0.02, 0.1
# The changes, in errors, that matter to stars one and two widths of the PSF away at most.
NEAR, FAR = 0.5, 5.0
# By how much a change is made larger from the second sweep on: what two stars of a blend still have
# to give each other they give in fewer sweeps (successive over-relaxation; Saad 2003, section 4.1).
RELAXATION = np.float32(1.3)


class FittedImages(NamedTuple):
    """An image and its fit; all (ny, nx) float32."""

    data: FloatArray
    weight: FloatArray
    residual: FloatArray


class _Awake(NamedTuple):
    """When stars were fitted last, and their surroundings changed; times count fits from 1."""

    changed: IntArray  # (n_y, n_x) time of the last change near each cell, of ``cell`` pixels
    fitted: IntArray  # (n,) time of each star's last fit
    cell: int
    tolerance: Any  # a number, in errors
    flux_scale: Any  # a number, by which a change of flux is one in errors
    slope_scale: Any  # and one of flux times shift


class Step(NamedTuple):
    """How each star of a sweep is changed."""

    factor: Any  # a number, of the change that would be best were no other changed
    shifts: bool  # whether it moves


class Sweeps(NamedTuple):
    """How far a joint fit goes."""

    largest: int  # number of sweeps over all stars
    tolerance: float = TOLERANCE  # of changes of fluxes, in errors
    shifts: bool = True  # whether stars move


@dataclass(frozen=True)
class JointFit:
    """Best-fit amplitudes of the PSF and its derivatives, in which the model is linear."""

    flux: np.ndarray  # (n,)
    dx: np.ndarray  # (n,) pixels, by which the flux lies off the position; 0 if not fitted
    dy: np.ndarray  # (n,)
    flux_err: np.ndarray  # (n,) ignores neighbours; infinite where no pixel is usable
    residual: np.ndarray  # (ny, nx) float32, the image without the model

    def models(self, stamps: FloatArray, chosen: IntArray) -> FloatArray:
        """(k, size - 2, size - 2) models, in units of the image, of k ``chosen`` stars.

        From their (k, size, size) PSF in ``stamps``, whose outermost pixels serve the slopes alone;
        ``chosen`` are indices (k,).
        """
        flux, dx, dy = (c[chosen, None, None] for c in (self.flux, self.dx, self.dy))
        slope_x = (stamps[:, 1:-1, :-2] - stamps[:, 1:-1, 2:]) / 2
        slope_y = (stamps[:, :-2, 1:-1] - stamps[:, 2:, 1:-1]) / 2
        return flux * (stamps[:, 1:-1, 1:-1] + dx * slope_x + dy * slope_y)


def fit_jointly(
    data: FloatArray,
    weight: FloatArray,
    stamps: Stamps,
    guess: FloatArray,
    sweeps: Sweeps,
) -> JointFit:
    """Least-squares fluxes, and shifts to first order, of all stars of an image together.

    ``data``, ``weight`` (ny, nx) float32, in any unit and its inverse variance; ``guess`` (n,)
    fluxes to start from. Each star's 3 x 3 normal equations are solved in turn on what all others
    leave: block Gauss-Seidel (Saad 2003, Iterative methods for sparse linear systems, section 4.1),
    which needs no matrix. A sweep over the stars is enough for isolated ones; the amplitudes of
    pairs converge by the square of their overlap a sweep. A star is left out of a sweep if no
    neighbour's change since its last fit matters, to the tolerance of ``sweeps``. One without a
    usable pixel keeps its guess.
    """
    blocks = _normal_blocks(weight, stamps.arrays)
    amplitudes = np.zeros((len(stamps), 3), np.float32)
    amplitudes[:, 0] = guess
    residual = np.array(data, np.float32)
    _subtract(residual, amplitudes, stamps.arrays)
    awake = _all_awake(blocks, stamps, data.shape, sweeps.tolerance)
    images = FittedImages(data, weight, residual)
    for number in range(sweeps.largest if len(stamps) > 0 else 0):
        step = Step(np.float32(1) if number == 0 else RELAXATION, sweeps.shifts)
        if not _sweep(images, amplitudes, blocks, step, stamps.arrays, awake):
            break
    flux = amplitudes[:, 0].astype(float)
    shift = amplitudes[:, 1:] / np.where(flux == 0, 1, flux)[:, None]
    with np.errstate(divide="ignore"):
        flux_err = 1 / np.sqrt(blocks[:, 0].astype(float))
    return JointFit(flux, shift[:, 0], shift[:, 1], flux_err, residual)


def _all_awake(blocks: FloatArray, stamps: Stamps, shape: Shape, tolerance: float) -> _Awake:
    """An _Awake in which all stars are to be fitted, with cells about as large as the PSF's FWHM.

    A profile's highest pixel has about the inverse of its FWHM squared.
    """
    usable = blocks[blocks[:, 0] > 0]
    if len(usable) == 0:
        nothing = np.zeros(len(stamps), np.int64)
        return _Awake(np.ones((1, 1), np.int64), nothing, max(shape), *np.ones(3, np.float32))
    middle = stamps.values[stamps.first + stamps.size**2 // 2]
    cell = max(round(float(np.median(np.maximum(middle, 1e-4)) ** -0.5)), 1)
    changed = np.ones([side // cell + 1 for side in shape], np.int64)
    scales = np.sqrt(np.median(usable[:, [0, 3]], axis=0))
    never = np.zeros(len(stamps), np.int64)
    return _Awake(changed, never, cell, np.float32(tolerance), *scales)


# In all of these, pixels are counted by unsigned numbers along a row: each index would else be
# looked at for whether it counts from the end, and the loops would not be vectorised.


@compiled_with(fit_stamps)
def _normal_blocks(weight: FloatArray, stamps: StampArrays) -> FloatArray:
    """(n, 6) weighted sums pp, px, py, xx, xy, yy of the PSF p and minus its slopes."""
    blocks = np.zeros((len(stamps.first), 6), np.float32)
    half, one = np.float32(0.5), np.uint64(1)
    for k in range(len(blocks)):
        stamp, place = stamp_of(k, stamps)
        side, row, column = place.side, place.row, place.column
        top, bottom = bounds_of(row, side, 1, weight.shape[0])
        left, right = bounds_of(column, side, 1, weight.shape[1])
        pp = px = py = xx = xy = yy = np.float32(0)
        for j in range(top, bottom):
            weights, x, wide = weight[row + j], np.uint64(column + left), np.uint64(side)
            here = np.uint64(j * side + left)
            for i in range(np.uint64(right - left)):
                w, p = weights[x + i], stamp[here + i]
                sx = half * (stamp[here + i - one] - stamp[here + i + one])
                sy = half * (stamp[here + i - wide] - stamp[here + i + wide])
                pp += w * p * p
                px += w * p * sx
                py += w * p * sy
                xx += w * sx * sx
                xy += w * sx * sy
                yy += w * sy * sy
        blocks[k] = (pp, px, py, xx, xy, yy)
    return blocks


@compiled_with(fit_stamps)
def _subtract(image: FloatArray, amplitudes: FloatArray, stamps: StampArrays) -> None:
    for k in range(len(amplitudes)):
        if amplitudes[k, 0] == 0:
            continue
        stamp, place = stamp_of(k, stamps)
        _take_out(image, amplitudes[k, 0], np.float32(0), np.float32(0), stamp, place)


@compiled_with(fit_stamps, forceinline=True)
def _take_out(
    image: FloatArray,
    flux: Float,
    slope_x: Float,
    slope_y: Float,
    stamp: FloatArray,
    place: Place,
) -> None:
    """Subtract a star by its amplitudes: of the PSF, and of twice minus its slopes."""
    side, row, column = place.side, place.row, place.column
    top, bottom = bounds_of(row, side, 1, image.shape[0])
    left, right = bounds_of(column, side, 1, image.shape[1])
    wide, one = np.uint64(side), np.uint64(1)
    for j in range(top, bottom):
        pixels, x, here = image[row + j], np.uint64(column + left), np.uint64(j * side + left)
        for i in range(np.uint64(right - left)):
            pixels[x + i] -= (
                flux * stamp[here + i]
                + slope_x * (stamp[here + i - one] - stamp[here + i + one])
                + slope_y * (stamp[here + i - wide] - stamp[here + i + wide])
            )


@compiled_with(fit_stamps, forceinline=True)
def _products(
    residual: FloatArray, weight: FloatArray, stamp: FloatArray, place: Place
) -> tuple[Float, Float, Float]:
    """Weighted products of the residual with the PSF and with twice minus its slopes."""
    side, row, column = place.side, place.row, place.column
    top, bottom = bounds_of(row, side, 1, residual.shape[0])
    left, right = bounds_of(column, side, 1, residual.shape[1])
    wide, one = np.uint64(side), np.uint64(1)
    gp = gx = gy = np.float32(0)
    for j in range(top, bottom):
        pixels, weights, x = residual[row + j], weight[row + j], np.uint64(column + left)
        here = np.uint64(j * side + left)
        for i in range(np.uint64(right - left)):
            r = weights[x + i] * pixels[x + i]
            gp += r * stamp[here + i]
            gx += r * (stamp[here + i - one] - stamp[here + i + one])
            gy += r * (stamp[here + i - wide] - stamp[here + i + wide])
    return gp, gx, gy


@compiled_with(fit_stamps)
def _sweep(
    images: FittedImages,
    amplitudes: FloatArray,
    blocks: FloatArray,
    step: Step,
    stamps: StampArrays,
    awake: _Awake,
) -> int:
    """Solve for each star on the residual of all, and subtract the change at once.

    Returns how many stars were awake.
    """
    half, n_fitted = np.float32(0.5), 0
    time = np.max(awake.fitted)
    for k in range(len(amplitudes)):
        if blocks[k, 0] <= 0 or not _is_awake(k, stamps, awake):
            continue
        time += 1
        n_fitted += 1
        stamp, place = stamp_of(k, stamps)
        gp, gx, gy = _products(images.residual, images.weight, stamp, place)
        if step.shifts:
            flux, slope_x, slope_y = _solve(blocks[k], gp, half * gx, half * gy)
        else:
            flux, slope_x, slope_y = gp / blocks[k, 0], np.float32(0), np.float32(0)
        flux, slope_x, slope_y = (
            step.factor * flux,
            step.factor * slope_x,
            step.factor * slope_y,
        )
        amplitudes[k, 0] += flux
        amplitudes[k, 1] += slope_x
        amplitudes[k, 2] += slope_y
        _take_out(images.residual, flux, half * slope_x, half * slope_y, stamp, place)
        slope = awake.slope_scale * np.maximum(np.abs(slope_x), np.abs(slope_y))
        change = np.maximum(awake.flux_scale * np.abs(flux), slope)
        # Where it went further than was best for itself, it has to be fitted again.
        excess = change * (step.factor - np.float32(1))
        awake.fitted[k] = time if excess < awake.tolerance else time - 1
        _wake(change, place, time, awake)
    return n_fitted


@inlined
def _is_awake(k: int, stamps: StampArrays, awake: _Awake) -> bool:
    j, i = stamps.row[k] + stamps.size[k] // 2, stamps.column[k] + stamps.size[k] // 2
    ny, nx = awake.changed.shape
    row, column = min(max(j // awake.cell, 0), ny - 1), min(max(i // awake.cell, 0), nx - 1)
    return awake.changed[row, column] > awake.fitted[k]


@inlined
def _wake(change: Float, place: Place, time: int, awake: _Awake) -> None:
    """Say that what lies in reach of a star's ``change``, in errors, has to be fitted again."""
    if change < awake.tolerance:
        return
    reach = place.side // 2
    if change < FAR:
        reach = min(reach, awake.cell if change < NEAR else 2 * awake.cell)
    j, i = place.row + place.side // 2, place.column + place.side // 2
    ny, nx = awake.changed.shape
    top, left = max((j - reach) // awake.cell, 0), max((i - reach) // awake.cell, 0)
    for row in range(top, min((j + reach) // awake.cell + 1, ny)):
        for column in range(left, min((i + reach) // awake.cell + 1, nx)):
            awake.changed[row, column] = time


@inlined
def _solve(block: FloatArray, gp: Float, gx: Float, gy: Float) -> tuple[Float, Float, Float]:
    """Solve symmetric 3 x 3 equations by elimination; shifts without signal stay 0."""
    pp, px, py, xx, xy, yy = block
    xx, yy = xx - px * px / pp, yy - py * py / pp
    xy, gx, gy = xy - px * py / pp, gx - px * gp / pp, gy - py * gp / pp
    determinant = xx * yy - xy * xy
    if determinant <= 1e-3 * xx * yy or xx <= 0:
        return gp / pp, np.float32(0), np.float32(0)
    dx, dy = (yy * gx - xy * gy) / determinant, (xx * gy - xy * gx) / determinant
    return (gp - px * dx - py * dy) / pp, dx, dy
