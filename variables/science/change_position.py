"""The place of a change, from its differences on several images together."""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass

import numpy as np
import scipy  # scipy.signal, which takes half a second, when it is used
from scipy.ndimage import spline_filter

from exposures.science.arrays import Float, FloatArray
from variables.science.change_stamps import ChangeStamp

STEPS = 12  # of Gauss-Newton at most
CONVERGED = 3e-3  # pixels
LONGEST_STEP = 0.3  # in FWHM
SPACING = 0.45  # in FWHM, between the places of which a fit is begun at the best
N_STARTS = 2
LEAST_NORM = 1e-30


@dataclass(frozen=True)
class ChangePosition:
    """The one place that explains differences best, with a flux of its own on each image."""

    x: float  # pixels from the middle of the stamps
    y: float
    covariance: np.ndarray  # (2, 2) pixels^2, of x and y, by the noise of both images
    flux: np.ndarray  # (n_epochs,) ADU of the reference, search minus reference
    flux_err: np.ndarray  # (n_epochs,) ADU, by the noise of both images
    fall: float  # of chi2, from no change at all


@dataclass(frozen=True)
class ForcedChanges:
    """What a change at given places explains of differences."""

    flux: np.ndarray  # (n_places, n_epochs) ADU of the reference
    flux_err: np.ndarray  # (n_places, n_epochs) ADU, by the noise of both images
    fall: np.ndarray  # (n_places,) of chi2, from no change at all


class Differences:
    """ChangeStamps of one place as arrays, of n_epochs."""

    def __init__(self, stamps: Sequence[ChangeStamp]):
        """``stamps`` are of the same pixels (n, n), all with a PSF of as many pixels (m, m)."""
        self.stamps = stamps
        self.weight = np.array([stamp.weight for stamp in stamps], float)
        self.pixels = np.nan_to_num(np.array([stamp.difference for stamp in stamps], float))
        self.coefficients = np.array(
            [spline_filter(stamp.psf, order=3, mode="mirror") for stamp in stamps], float
        )

    @property
    def side(self) -> int:
        """The pixels along a side of the stamps."""
        return self.pixels.shape[-1]

    def psf(self, x: Float, y: Float) -> FloatArray:
        """(3, n_epochs, n, n) PSFs at a place, pixels from the middle, and how they change.

        The second and third are their derivatives to x and y, 1/pixels.
        """
        m = self.coefficients.shape[-1]
        along_y, slope_y = _spline_matrices(self.side, m, y)
        along_x, slope_x = _spline_matrices(self.side, m, x)
        lines = self.coefficients @ along_x.T
        return np.array(
            [along_y @ lines, along_y @ (self.coefficients @ slope_x.T), slope_y @ lines]
        )

    def psfs_on_grid(self, axis: FloatArray) -> FloatArray:
        """(n_places, n_places, n_epochs, n, n) PSFs at all pairs of y and x of an axis (n_places,).

        The axis is in pixels from the middle.
        """
        m = self.coefficients.shape[-1]
        matrices = np.array([_spline_matrices(self.side, m, offset)[0] for offset in axis])
        lines = self.coefficients @ matrices.transpose(0, 2, 1)[:, None]
        return matrices[:, None, None] @ lines

    def masked_share(self, x: Float, y: Float) -> float:
        """The share of the PSF at a place, pixels from the middle, that is on masked pixels."""
        squared = self.psf(x, y)[0] ** 2
        return float(
            1 - np.mean(_sum(squared, (self.weight > 0).astype(float)) / squared.sum(axis=(1, 2)))
        )

    def without(self, x: Float, y: Float, flux: FloatArray) -> "Differences":
        """The same without a change at ``x, y`` pixels from the middle, of ``flux`` (n_epochs,)."""
        rest = copy(self)
        rest.pixels = self.pixels - flux[:, None, None] * self.psf(x, y)[0]
        return rest


def _spline_matrices(n: int, m: int, offset: Float) -> tuple[FloatArray, FloatArray]:
    """(n, m) each: cubic B-splines of m coefficients, moved by ``offset``, at n pixels; slopes."""
    t = np.arange(n)[:, None] - n // 2 - offset + m // 2 - np.arange(m)
    outer, inner = np.maximum(2 - np.abs(t), 0), np.maximum(1 - np.abs(t), 0)
    outer2, inner2 = outer * outer, 4 * inner * inner
    value = (outer2 * outer - inner2 * inner) / 6
    slope = np.sign(t) * (inner2 - outer2) / 2
    # What moves the star one way moves each pixel the other way within it.
    return value, -slope


def _sum(*arrays: FloatArray) -> FloatArray:
    """(n_epochs,) sums over pixels of products of arrays (n_epochs, n, n)."""
    *others, last = arrays
    product = others[0] if len(others) == 1 else others[0] * others[1]
    return np.einsum("ejk,ejk->e", product, last)


def forced_changes(differences: Differences, x: FloatArray, y: FloatArray) -> ForcedChanges:
    """Fluxes of a change at each of ``x, y`` (n_places,) alone, pixels from the middle."""
    flux, flux_err, fall = [], [], []
    for place in zip(x, y, strict=True):
        psf = differences.psf(*place)[0]
        weighted = differences.weight * psf
        norm = np.maximum(_sum(weighted, psf), LEAST_NORM)
        right = _sum(weighted, differences.pixels)
        influence = weighted / norm[:, None, None]
        flux.append(right / norm)
        flux_err.append(np.sqrt(_variances(differences, influence)))
        fall.append(np.sum(right**2 / norm))
    return ForcedChanges(np.array(flux), np.array(flux_err), np.array(fall))


def free_change(
    differences: Differences,
    starts: FloatArray,
    radius_pixels: float,
    fwhm_pixels: float,
) -> ChangePosition | None:
    """The ChangePosition that explains differences best; None if no place holds a fit.

    One place, with a flux on each image, by Gauss-Newton with the fluxes eliminated (variable
    projection; Golub & Pereyra 2003, Inverse Problems 19, R1), begun at the best of ``starts``
    (n, 2), x and y in pixels from the middle, and of a grid within ``radius_pixels``. Weights are
    of single pixels; the errors are those of this estimate with the noise as it is, which the
    kernel has correlated, and with the reference's, which all differences share.
    """
    best = None
    starts = np.reshape(starts, (-1, 2))
    grid = significance_on_grid(differences, radius_pixels, fwhm_pixels)
    places = np.concatenate([starts, grid.places])
    falls = np.append([_fall(differences, *place) for place in starts], (grid.z**2).sum(axis=1))
    for start in _apart(places[np.argsort(-falls, kind="stable")], fwhm_pixels):
        place, fall = _improved(differences, start, LONGEST_STEP * fwhm_pixels, radius_pixels)
        if best is None or fall > best[1]:
            best = place, fall
    if best is None or not np.isfinite(best[1]) or best[1] <= 0:
        return None
    (x, y), fall = best
    step, influence = _step(differences, x, y)
    if step is None:
        return None
    forced = forced_changes(differences, np.array([x]), np.array([y]))
    covariance = _covariance(differences, influence)
    return ChangePosition(x, y, covariance, forced.flux[0], forced.flux_err[0], fall)


@dataclass(frozen=True)
class GridOfChanges:
    """How significant a change is at places of a grid, if noise were not correlated."""

    places: np.ndarray  # (n_places, 2) x and y, pixels from the middle
    z: np.ndarray  # (n_places, n_epochs) sigma, with the sign of the change


def significance_on_grid(
    differences: Differences, radius_pixels: float, fwhm_pixels: float
) -> GridOfChanges:
    """The GridOfChanges within a radius of the middle, spaced by SPACING of the FWHM in pixels."""
    n = int(radius_pixels / (SPACING * fwhm_pixels))
    axis = np.arange(-n, n + 1) * SPACING * fwhm_pixels
    psfs = differences.psfs_on_grid(axis)
    weighted = differences.weight * differences.pixels
    right = np.einsum("yxejk,ejk->yxe", psfs, weighted)
    norm = np.einsum("yxejk,yxejk,ejk->yxe", psfs, psfs, differences.weight)
    z = right / np.sqrt(np.maximum(norm, LEAST_NORM))
    places = np.stack(np.meshgrid(axis, axis), axis=-1)
    inside = np.hypot(*places.transpose(2, 0, 1)) <= radius_pixels
    return GridOfChanges(places[inside], z[inside])


def _apart(places: FloatArray, fwhm: float) -> list[FloatArray]:
    """The first N_STARTS places (n, 2) of which no two are nearer than a grid's are."""
    chosen: list[FloatArray] = []
    for place in places:
        if all(np.hypot(*(place - other)) > SPACING * fwhm for other in chosen):
            chosen.append(place)
        if len(chosen) == N_STARTS:
            break
    return chosen


def _fall(differences: Differences, x: Float, y: Float) -> float:
    """How far a change at a place makes chi2 fall."""
    psf = differences.psf(x, y)[0]
    weighted = differences.weight * psf
    norm = np.maximum(_sum(weighted, psf), LEAST_NORM)
    return float(np.sum(_sum(weighted, differences.pixels) ** 2 / norm))


def dipole_falls(differences: Differences, places: FloatArray) -> FloatArray:
    """(n,) how far a star that left its place makes chi2 fall, at each of ``places`` (n, 2).

    The places are in pixels from the middle. The difference of a star that moved by little is
    the slope of its PSF.
    """
    falls = []
    for place in places:
        _, *slopes = differences.psf(*place)
        weighted = differences.weight * np.array(slopes)
        normal = np.einsum("aejk,bejk->eab", weighted, np.array(slopes))
        normal += 1e-9 * np.trace(normal, axis1=1, axis2=2)[:, None, None] * np.eye(2) + LEAST_NORM
        right = np.einsum("aejk,ejk->ea", weighted, differences.pixels)
        solved = np.linalg.solve(normal, right[..., None])[..., 0]
        falls.append(np.sum(right * solved))
    return np.array(falls)


def _improved(
    differences: Differences, start: FloatArray, longest: float, radius: float
) -> tuple[FloatArray, float]:
    """The place (2,) in pixels to which Gauss-Newton leads, and the fall of chi2 there.

    No step is longer than ``longest``, and none leads beyond ``radius``.
    """
    place, fall = start, _fall(differences, *start)
    for _ in range(STEPS):
        step, _ = _step(differences, *place)
        if step is None:
            break
        step = step * min(1, longest / max(np.hypot(*step), 1e-12))
        while np.hypot(*step) > CONVERGED:
            better = _fall(differences, *(place + step))
            if better > fall and np.hypot(*(place + step)) <= radius:
                break
            step = step / 2
        else:
            break
        place, fall = place + step, better
    return place, fall


def _step(differences: Differences, x: Float, y: Float) -> tuple[FloatArray | None, FloatArray]:
    """(2,) pixels to the minimum of chi2 as seen from a place, and the influence of each pixel.

    The influence is (2, n_epochs, n, n) pixels per ADU. None where nothing tells.
    """
    psf, *slopes = differences.psf(x, y)
    weight = differences.weight
    norm = np.maximum(_sum(weight, psf, psf), LEAST_NORM)
    flux = _sum(weight, psf, differences.pixels) / norm
    left = differences.pixels - flux[:, None, None] * psf
    # Without what a change of the flux would do as well.
    free = [s - (_sum(weight, psf, s) / norm)[:, None, None] * psf for s in slopes]
    pulls = np.array([weight * flux[:, None, None] * s for s in free])
    normal = np.einsum("aejk,bejk,e->ab", pulls, np.array(free), flux)
    if not np.all(np.isfinite(normal)) or np.linalg.det(normal) <= 0:
        return None, pulls
    influence = np.einsum("ab,bejk->aejk", np.linalg.inv(normal), pulls)
    return np.einsum("aejk,ejk->a", influence, left), influence


def _variances(differences: Differences, influence: FloatArray) -> FloatArray:
    """(n_epochs,) variances of sums of differences times an influence (n_epochs, n, n) of each."""
    variances = np.empty(len(influence))
    for k, (stamp, own) in enumerate(zip(differences.stamps, influence, strict=True)):
        sharp = _through_kernel(stamp, own)
        variances[k] = np.sum(own**2 * stamp.wide_variance + sharp**2 * stamp.sharp_variance)
    return variances


def _covariance(differences: Differences, influence: FloatArray) -> FloatArray:
    """(2, 2) of sums of differences times an influence (2, n_epochs, n, n).

    The reference's noise is the same in all epochs.
    """
    covariance = np.zeros((2, 2))
    of_reference = np.zeros((2, differences.side, differences.side))
    for k, stamp in enumerate(differences.stamps):
        own = influence[:, k]
        sharp = np.array([_through_kernel(stamp, one) for one in own])
        on_reference, on_search = (sharp, own) if stamp.is_reference_sharper else (own, sharp)
        of_reference += on_reference
        covariance += np.einsum("ajk,bjk,jk->ab", on_search, on_search, stamp.search_variance)
    variance = differences.stamps[0].reference_variance
    return covariance + np.einsum("ajk,bjk,jk->ab", of_reference, of_reference, variance)


def _through_kernel(stamp: ChangeStamp, influence: FloatArray) -> FloatArray:
    """(n, n) influence of the sharper image's pixels, whose light the kernel has spread."""
    return scipy.signal.fftconvolve(influence, stamp.kernel[::-1, ::-1], mode="same")
