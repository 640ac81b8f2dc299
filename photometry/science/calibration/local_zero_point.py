"""Local zero points: a smooth surface of what a polynomial leaves of stars' differences.

Turbulence and thin clouds move the zero point by 10 mmag over a tenth of a chip. The surface is the
mean of the stars near a place, with Gaussian weights and drawn towards zero; how wide these are and
how far it is drawn is what predicts stars best that were left out (cross-validation). Where that is
no better than no surface, there is none.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Self

import numpy as np
from astropy.stats import mad_std
from scipy.ndimage import gaussian_filter, map_coordinates

from exposures.science.arrays import FloatArray, Index, IntArray, Shape
from exposures.science.quantities import Count, Few, Fraction, Options, Sigma, TilePixels, Widths

# Widths of the kernel, in spacings of the surface's points: in all, and of the filter on them. Two
# triangles, by which stars are shared among points and values are read between them, are the rest.
KERNEL, FILTER = 1.0, np.sqrt(1 - 1 / 3)
PEAK = 2 * np.pi * KERNEL**2  # of the kernel's volume, that makes a star count once at its place
LARGEST_PEAK = (KERNEL / FILTER) ** 2  # by which a star counts at most where it lies on a point
PRIORS = (2.0, 8.0, 32.0)  # usual stars that count as much as the expectation that there is nothing
DECIMALS = 4  # of magnitudes, that are stored
BIN_STARS = 100  # whose scatter is told apart from that of brighter and fainter ones
N_ROUNDS = 2  # of choosing a surface, and the stars that it explains


@dataclass(frozen=True)
class LocalOptions(Options):
    """Options of the local zero points."""

    smallest_pixels: TilePixels = 60
    """Smallest width of a local zero point, sigma of a Gaussian; wider ones are tried, too."""
    widths: Widths = 6
    """Number of widths that are tried, each larger by a factor of 1.4; with 0 there are no local
    zero points."""
    min_stars: Count = 60
    """Least number of calibration stars for local zero points."""
    judges: Fraction = 0.25
    """Share of the calibration stars, the brightest, that have to be predicted better."""
    folds: Few = 5
    """Number of parts of these stars, each of which is predicted by all others."""
    min_gain: Sigma = 2.0
    """Least significance of how much better stars are predicted with local zero points than
    without."""
    max_share: Fraction = 0.1
    """Largest share of a star in the local zero point at its own place: so far a variable can hide
    itself."""
    n_sigma: Sigma = 3.0
    """Deviation of a calibration star from the local zero point beyond which it is clipped."""


@dataclass(frozen=True)
class LocalZeroPoint:
    """Magnitudes at points of a grid over an image, linear between them."""

    pixels: float  # between points, the first of which is the first pixel
    mag: np.ndarray  # (n_y, n_x), to add to an image's magnitudes
    error: np.ndarray  # (n_y, n_x) mag

    def at(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """(n,) magnitudes to add at ``x, y`` (n,) pixels; constant beyond the image."""
        return _between(self.mag, x, y, self.pixels)

    def errors_at(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """(n,) mag, the errors of ``at``."""
        return _between(self.error, x, y, self.pixels)

    def as_json(self) -> dict[str, Any]:
        """The surface as JSON values; magnitudes in units of their last decimal, to be short."""
        grids = {name: getattr(self, name) for name in ("mag", "error")}
        unit = 10.0**DECIMALS
        values = {name: np.rint(unit * grid).astype(int).tolist() for name, grid in grids.items()}
        return {"pixels": float(self.pixels), "unit": unit, **values}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """The LocalZeroPoint that was stored by ``as_json``."""
        mag, error = (np.array(stored[name]) / stored["unit"] for name in ("mag", "error"))
        return cls(stored["pixels"], mag, error)


@dataclass(frozen=True)
class _Residuals:
    """What is left of n stars' differences."""

    x: np.ndarray  # (n,) pixels
    y: np.ndarray
    mag: np.ndarray  # (n,)
    sigma: np.ndarray  # (n,) mag

    def __len__(self) -> int:
        return len(self.x)

    def select(self, index: Index) -> "_Residuals":
        return _Residuals(self.x[index], self.y[index], self.mag[index], self.sigma[index])


@dataclass(frozen=True)
class _Trial:
    """A surface to try: spacing of its points in pixels, and prior in inverse variances."""

    pixels: float
    prior: float


def fit_local_zero_point(
    place: tuple[FloatArray, FloatArray],
    residual: FloatArray,
    sigma: FloatArray,
    shape: Shape,
    options: LocalOptions = LocalOptions(),
) -> LocalZeroPoint | None:
    """The LocalZeroPoint through stars' residuals on an image of ``shape`` (ny, nx).

    ``place`` are x and y (n,) in pixels, ``residual`` (n,) mag is what is to be added to a star's
    magnitude beside what is known, ``sigma`` (n,) mag its error, positive. Stars that deviate by
    more than ``n_sigma`` count for nothing, and none for more than ``max_share`` at its own place.
    None where there are fewer than ``min_stars``, or they are predicted no better with it.
    """
    stars = _Residuals(*place, residual, sigma)
    surface, left = None, stars.mag
    for _ in range(N_ROUNDS):
        stars = replace(stars, sigma=_scatter_like(left, sigma))
        used = stars.select(np.abs(left) <= options.n_sigma * stars.sigma)
        if len(used) < options.min_stars:
            return None
        surface = _best_surface(used, shape, options)
        if surface is None:
            return None
        left = stars.mag - surface.at(stars.x, stars.y)
    return surface


def _scatter_like(left: FloatArray, sigma: FloatArray) -> FloatArray:
    """(n,) mag, errors by how stars scatter whose errors ``sigma`` are alike.

    What a wrong sky adds to faint stars' errors, their photons don't tell.
    """
    order = np.argsort(sigma, kind="stable")
    parts = np.array_split(order, max(1, len(order) // BIN_STARS))
    ratios = [max(mad_std(left[part] / sigma[part]), 0.1) for part in parts]
    middles = [np.median(sigma[part]) for part in parts]
    return sigma * np.interp(sigma, middles, ratios)


def _best_surface(stars: _Residuals, shape: Shape, options: LocalOptions) -> LocalZeroPoint | None:
    """The surface of the trial that predicts best; None if that is not significant."""
    # What a wrong sky does to faint stars is no zero point: bright ones have to agree.
    judges = np.flatnonzero(stars.sigma <= np.quantile(stars.sigma, options.judges))
    bright = stars.select(judges)
    without = _losses(bright.mag, bright, options)
    best, largest = None, 0.0
    for trial in _trials(stars, options):
        predicted = _predicted(stars, judges, shape, trial, options)
        gain = without - _losses(bright.mag - predicted, bright, options)
        significance = np.sum(gain) / max(np.sqrt(np.sum((gain - np.mean(gain)) ** 2)), 1e-9)
        if significance > options.min_gain and np.sum(gain) > largest:
            best, largest = trial, np.sum(gain)
    if best is None:
        return None
    weight = _capped_weights(stars, shape, best, options)
    total, sums = _sums(stars, weight, shape, best.pixels)
    error = 1 / np.sqrt(total + best.prior)
    mag = np.round(sums / (total + best.prior), DECIMALS)
    return LocalZeroPoint(best.pixels, mag, np.round(error, DECIMALS))


def _trials(stars: _Residuals, options: LocalOptions) -> Iterator[_Trial]:
    usual = np.median(1 / stars.sigma**2)
    widths = options.smallest_pixels * np.sqrt(2) ** np.arange(options.widths)
    for pixels, prior in product(widths, PRIORS):
        yield _Trial(float(pixels), float(prior * usual))


def _losses(left: FloatArray, stars: _Residuals, options: LocalOptions) -> FloatArray:
    """(n,) squares of what is left in sigma, none larger than the clipping limit's."""
    return np.minimum((left / stars.sigma) ** 2, options.n_sigma**2)


def _predicted(
    stars: _Residuals, chosen: IntArray, shape: Shape, trial: _Trial, options: LocalOptions
) -> FloatArray:
    """(k,) mag at the ``chosen`` stars, of surfaces without the stars of their own part of them."""
    weight = _capped_weights(stars, shape, trial, options)
    total, sums = _sums(stars, weight, shape, trial.pixels)
    predicted = np.empty(len(chosen))
    for first in range(options.folds):
        own = chosen[first :: options.folds]
        part = stars.select(own)
        own_total, own_sums = _sums(part, weight[own], shape, trial.pixels)
        surface = (sums - own_sums) / (total - own_total + trial.prior)
        predicted[first :: options.folds] = _between(surface, part.x, part.y, trial.pixels)
    return predicted


def _capped_weights(
    stars: _Residuals, shape: Shape, trial: _Trial, options: LocalOptions
) -> FloatArray:
    """(n,) inverse variances, lowered where a star would count for more than ``max_share``."""
    weight = 1 / stars.sigma**2
    total, _ = _sums(stars, weight, shape, trial.pixels)
    around = _between(total, stars.x, stars.y, trial.pixels) + trial.prior - LARGEST_PEAK * weight
    share = options.max_share
    most = share / max(1 - share, 1e-9) * np.maximum(around, trial.prior) / LARGEST_PEAK
    return np.minimum(weight, most)


def _sums(
    stars: _Residuals, weight: FloatArray, shape: Shape, pixels: float
) -> tuple[FloatArray, FloatArray]:
    """(n_y, n_x) sums of weights at points ``pixels`` apart, and of weighted residuals."""
    n_y, n_x = (int(np.ceil(max(side - 1, 1) / pixels)) + 1 for side in shape)
    u = np.clip(stars.x / pixels, 0, n_x - 1 - 1e-9)
    v = np.clip(stars.y / pixels, 0, n_y - 1 - 1e-9)
    column, row = u.astype(int), v.astype(int)
    right, up = u - column, v - row
    grids = np.zeros((2, n_y * n_x))
    for j, i in product((0, 1), (0, 1)):
        share = weight * np.where(j, up, 1 - up) * np.where(i, right, 1 - right)
        point = (row + j) * n_x + column + i
        grids[0] += np.bincount(point, share, minlength=n_y * n_x)
        grids[1] += np.bincount(point, share * stars.mag, minlength=n_y * n_x)
    total, sums = (
        PEAK * gaussian_filter(grid.reshape(n_y, n_x), FILTER, mode="constant") for grid in grids
    )
    return total, sums


def _between(grid: FloatArray, x: FloatArray, y: FloatArray, pixels: float) -> FloatArray:
    """(n,) values of a grid with points ``pixels`` apart at ``x, y`` (n,), linear between them."""
    at = np.array([np.asarray(y, float), np.asarray(x, float)]) / pixels
    return map_coordinates(grid, at, order=1, mode="nearest")
