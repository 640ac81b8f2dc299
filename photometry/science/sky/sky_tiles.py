"""Sky level of tiles from Bijaoui's distribution: noise plus the light of unresolved stars."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from scipy.special import erfcx

from exposures.science.arrays import BoolArray, Float, FloatArray, Floats, Index, IntArray, Shape
from exposures.science.quantities import (
    BinWidth,
    Count,
    Fraction,
    Options,
    Parts,
    Passes,
    Rounds,
    Sigma,
    WholePixels,
)

# The sky, in widths of the tile's histogram from its median: further off there is no solution.
LEVEL_LIMITS = (-3.0, 1.0)
# Natural logarithms of the starlight scale over the width of the tile's histogram. Below the
# lower limit the exponential can't be told from none, above the upper from a flat distribution.
LOG_SCALE_LIMITS = (-4.0, 4.0)
LOG_NOISE_RATIO_LIMITS = (-20.0, 20.0)

# Of the noise: 25 photons without read noise. Beyond it a first-order correction is too little.
MAX_SKEWNESS = 0.2


@dataclass(frozen=True)
class SkyOptions(Options):
    """Options of the sky's measurement; sigma is its Gaussian noise."""

    tiles_y: Parts = 20
    """Number of tiles along y, the long axis of a DECam chip."""
    tiles_x: Parts = 10
    """Number of tiles along x."""
    min_tile_side_pixels: WholePixels = 100
    """Least side of a tile: an image that is too small for all of its tiles gets fewer."""
    min_tile_pixels: Count = 500
    """Least number of usable pixels in a tile; with fewer it is not measured."""
    upper_cut_sigma: Sigma = 1.5
    """Height above the sky from which on pixels say nothing of the sky."""
    lower_cut_sigma: Sigma = 4.0
    """Depth below the sky from which on pixels are defects."""
    cut_rounds: Rounds = 4
    """Number of times that the cuts of the pixels are moved to the level of the sky just found."""
    bin_width: BinWidth = 0.1
    """Width of the bins of a tile's histogram, in its median minus its 16th percentile."""
    max_steps: Rounds = 8
    """Largest number of steps of Fisher scoring between two moves of the cuts of the pixels."""
    noise_tolerance: Fraction = 0.025
    """Share by which the noise may differ from the expected."""
    passes: Passes = 2
    """Number of passes over the sky; from the second on the gradient inside the tiles is taken out
    first."""
    outlier_mad: Sigma = 5.0
    """Deviation of a tile from its neighbours, in their scatter, beyond which it is rejected."""
    outlier_min_sigma: Sigma = 0.3
    """Least deviation of a rejected tile from its neighbours, in the sky's sigma, besides
    outlier_mad."""
    coarse_step: Fraction = 0.1
    """Step between pixel values, in the noise, from which on rounded pixels keep their gradient."""
    count_step: Fraction = 0.2
    """Step between pixel values, in the noise, from which on pixels are counts of few electrons."""
    min_good_fraction: Fraction = 0.3
    """Least share of good tiles; with fewer the surface is a plane."""
    step_strip_pixels: WholePixels = 16
    """Width of the strips beside a channel's edge in which steps are sought."""
    step_blocks: Parts = 20
    """Number of blocks of rows into which the strips beside a channel's edge are divided."""
    step_sigma: Sigma = 5.0
    """Significance of a step from which on channels are fitted apart."""
    jump_sigma: Sigma = 8.0
    """Significance of a step from which on channels are fitted apart, where it is not known that a
    channel begins."""


@dataclass(frozen=True)
class TileGrid:
    """Tiles of nearly equal size that cover an image."""

    y_edges: np.ndarray  # (tiles_y + 1,) pixels
    x_edges: np.ndarray  # (tiles_x + 1,) pixels

    @classmethod
    def covering(cls, shape: Shape, options: SkyOptions) -> Self:
        """The grid of an image of ``shape`` (ny, nx) pixels, of as many tiles as have room.

        Those of SkyOptions, or fewer where they had sides below ``min_tile_side_pixels``.
        """
        counts = (options.tiles_y, options.tiles_x)
        edges = []
        for size, wanted in zip(shape, counts, strict=True):
            count = max(1, min(wanted, size // options.min_tile_side_pixels))
            edges.append(np.rint(np.linspace(0, size, count + 1)).astype(int))
        return cls(*edges)

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of tiles along y and x: (tiles_y, tiles_x), no unit."""
        return len(self.y_edges) - 1, len(self.x_edges) - 1

    @property
    def centres(self) -> tuple[FloatArray, FloatArray]:
        """Pixel coordinates y (tiles_y,) and x (tiles_x,) of the tile centres."""
        return tuple((e[:-1] + e[1:] - 1) / 2 for e in (self.y_edges, self.x_edges))

    def slices(self) -> Iterator[tuple[slice, slice]]:
        """Every tile of an image (ny, nx) as an index of it, row by row: slices of pixels."""
        for y in zip(self.y_edges[:-1], self.y_edges[1:], strict=True):
            for x in zip(self.x_edges[:-1], self.x_edges[1:], strict=True):
                yield slice(*y), slice(*x)

    def column_means(self, values: FloatArray) -> FloatArray:
        """(n_tiles,) mean over each tile of a quantity of any unit given by column, (nx,)."""
        means = np.add.reduceat(values, self.x_edges[:-1]) / np.diff(self.x_edges)
        return np.tile(means, self.shape[0])


@dataclass(frozen=True)
class Histograms:
    """Pixel values of tiles around their medians; one row a tile."""

    edges: np.ndarray  # (n, n_bins + 1) ADU
    counts: np.ndarray  # (n, n_bins)
    median: np.ndarray  # (n,) ADU
    width: np.ndarray  # (n,) ADU, median minus 16th percentile

    @property
    def clipped_mean(self) -> FloatArray:
        """(n,) ADU, of the pixels in the histograms."""
        centres = (self.edges[:, :-1] + self.edges[:, 1:]) / 2
        return np.sum(self.counts * centres, axis=1) / self.counts.sum(axis=1)

    def between(self, lower: FloatArray, upper: FloatArray) -> "tuple[Histograms, BoolArray]":
        """Histograms without columns outside the cuts in all rows; also (n, n_bins) bins inside.

        ``lower`` and ``upper`` (n, 1) are the cuts in ADU.
        """
        tolerance = 1e-6 * self.width[:, None]
        inside = self.edges[:, :-1] >= lower - tolerance
        inside &= self.edges[:, 1:] <= upper + tolerance
        columns = np.flatnonzero(inside.any(axis=0))
        first, end = (columns[0], columns[-1] + 1) if len(columns) else (0, inside.shape[1])
        edges, counts = self.edges[:, first : end + 1], self.counts[:, first:end]
        return replace(self, edges=edges, counts=counts), inside[:, first:end]

    def nearest_edge(self, value: FloatArray) -> FloatArray:
        """(n, 1) the bin edge of each row that is nearest to ``value`` (n,); both in ADU."""
        first, last = self.edges[:, :1], self.edges[:, -1:]
        bin_width = self.edges[:, 1:2] - first
        snapped = first + bin_width * np.round((value[:, None] - first) / bin_width)
        return np.clip(snapped, first, last)


@dataclass(frozen=True)
class NoiseModel:
    """Variance of the sky's noise, by tile: sky / gain + (read noise / gain)^2, in ADU^2."""

    inverse_gain: np.ndarray  # (n,) ADU/e-
    read_variance: np.ndarray  # (n,) ADU^2
    ratio: float = 1.0  # measured sigma over the expected one

    def sigma(self, level: Floats) -> Any:
        """(n,) ADU at a sky level (n,) in ADU; always positive."""
        variance = np.maximum(level, 0) * self.inverse_gain + self.read_variance
        return self.ratio * np.sqrt(np.maximum(variance, 1e-12))

    def skewness(self, level: FloatArray, sigma: FloatArray) -> FloatArray:
        """(n,) of Poisson noise, whose third moment is sky / gain^2, at sky and sigma in ADU.

        Both arguments (n,); no unit. A sigma that is not the expected one is put down to the gain.
        """
        inverse_gain = self.inverse_gain * (sigma / replace(self, ratio=1.0).sigma(level)) ** 2
        return np.maximum(level, 0) * inverse_gain**2 / sigma**3

    def of_tiles(self, chosen: Index) -> "NoiseModel":
        """The noise model for a selection of tiles: indices (k,), or bool (n,)."""
        return replace(
            self, inverse_gain=self.inverse_gain[chosen], read_variance=self.read_variance[chosen]
        )


@dataclass(frozen=True)
class TileFit:
    """Maximum-likelihood parameters of tiles."""

    level: np.ndarray  # (n,) ADU, the sky
    noise: np.ndarray  # (n,) ADU, Gaussian sigma
    scale: np.ndarray  # (n,) ADU, exponential scale of unresolved starlight
    noise_ratio: np.ndarray  # (n,) sigma over that of the noise model; 1 where tied to it


def pixel_step(values: FloatArray) -> Float:
    """Smallest step between pixel values in ADU: 1 for integers, tiny for real ones.

    A number, from some 5,000 of the ``values`` (n,); 0 where all are alike.
    """
    steps = np.diff(np.unique(values[:: max(1, values.size // 5000)]))
    return steps.min() if steps.size else 0.0


def tile_histograms(
    tiles: list[FloatArray],
    step: Float,
    options: SkyOptions,
    below: float = 8.0,
    above: float = 3.0,
) -> Histograms:
    """Histograms of a list of tiles' pixels in ADU, from ``below`` to ``above`` widths.

    ``tiles`` are n arrays (k,), each of its own length. Bins are whole numbers of ``step``, a
    number in ADU, and their edges half-way between possible values, so that rounded pixels are
    counted for what they stand for.
    """
    percentiles = np.array([np.percentile(tile, (16, 50)) for tile in tiles])
    median, width = percentiles[:, 1], np.maximum(np.diff(percentiles)[:, 0], step)
    bin_width = step * np.maximum(1, np.rint(options.bin_width * width / step))
    n_bins = int(np.ceil((below + above) * np.max(width / bin_width)))
    # Any pixel lies on the lattice of possible values; the tile's first one does.
    anchor = np.array([tile[0] for tile in tiles], dtype=float)
    first = anchor + step * (np.round((median - below * width - anchor) / step) - 0.5)
    edges = first[:, None] + bin_width[:, None] * np.arange(n_bins + 1)
    counts = np.array([_count(*row, n_bins) for row in zip(tiles, first, bin_width, strict=True)])
    return Histograms(edges, counts, median, width)


def _count(values: FloatArray, first: Float, bin_width: Float, n_bins: int) -> IntArray:
    bins = np.floor((values - first) / bin_width)
    bins = bins[(bins >= 0) & (bins < n_bins)].astype(np.intp)
    return np.bincount(bins, minlength=n_bins)


def starlight_cdf(z: Floats, sigma_over_scale: Floats, skewness: Floats = 0.0) -> Any:
    """Cumulative distribution of the sky's noise plus an exponential of scale a.

    All arguments have no unit and broadcast. ``z`` is (value - sky) / sigma, at most a few. For
    Gaussian noise (Bijaoui 1980, A&A 84, 81), F = exp(-z^2/2) / 2 [erfcx(-z/sqrt 2) -
    erfcx((sigma/a - z)/sqrt 2)], which loses no digits on the faint side. The noise of few photons
    is skewed: to first order, by Edgeworth's series, F - skewness/6 F'''. Unless allowed for, that
    looks like starlight and too small a sigma.
    """
    gauss = np.exp(-0.5 * z * z)
    starlight = erfcx((sigma_over_scale - z) / np.sqrt(2))
    distribution = 0.5 * gauss * (erfcx(-z / np.sqrt(2)) - starlight)
    density = 0.5 * gauss * starlight * sigma_over_scale
    normal = gauss / np.sqrt(2 * np.pi)
    slope = sigma_over_scale * (normal - density)
    curvature = sigma_over_scale * (-z * normal - slope)
    return distribution - skewness / 6 * curvature


def fit_tiles(
    histograms: Histograms, noise_model: NoiseModel, options: SkyOptions, free_noise: bool = False
) -> TileFit:
    """Maximum-likelihood sky of every tile, the bright side cut off: a TileFit of (n,) ADU.

    For n Histograms and their NoiseModel. The likelihood is that of the pixels between the cuts,
    normalised to them. The cuts are kept while it is maximised and then moved to the level found,
    since a likelihood whose data change with its parameters has no proper maximum. ``free_noise``
    fits sigma as well.
    """
    theta = _first_guess(histograms, noise_model, free_noise)
    for _ in range(options.cut_rounds):
        level, noise, _ = _parameters(theta, histograms, noise_model)
        lower = histograms.nearest_edge(level - options.lower_cut_sigma * noise)
        upper = histograms.nearest_edge(level + options.upper_cut_sigma * noise)
        theta = _maximise(theta, histograms, noise_model, (lower, upper), options.max_steps)
    level, noise, scale = _parameters(theta, histograms, noise_model)
    return TileFit(level, noise, scale, noise / noise_model.sigma(level))


def mean_of_tiles(histograms: Histograms, noise_model: NoiseModel) -> TileFit:
    """Clipped means with the expected noise, for tiles that the distribution doesn't fit.

    A TileFit of (n,) ADU for n Histograms and their NoiseModel; the scale is NaN.
    """
    level = histograms.clipped_mean
    unknown = np.full(level.size, np.nan)
    return TileFit(level, noise_model.sigma(level), unknown, np.ones(level.size))


def _first_guess(histograms: Histograms, noise_model: NoiseModel, free_noise: bool) -> FloatArray:
    """(n, 2 or 3) sky and log scale in units of the width, and the log noise ratio."""
    n_tiles = histograms.median.size
    theta = np.tile([-0.3, np.log(0.5), 0.0], (n_tiles, 1))
    level = histograms.median + histograms.width * theta[:, 0]
    theta[:, 2] = np.log(0.8 * histograms.width / noise_model.sigma(level))
    return theta if free_noise else theta[:, :2]


def _parameters(
    theta: FloatArray, histograms: Histograms, noise_model: NoiseModel
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Level, noise and scale in ADU."""
    level = histograms.median + histograms.width * theta[:, 0]
    noise = noise_model.sigma(level)
    if theta.shape[1] == 3:
        noise = noise * np.exp(theta[:, 2])
    return level, noise, histograms.width * np.exp(theta[:, 1])


def _log_probability(
    theta: FloatArray, histograms: Histograms, noise_model: NoiseModel, inside: BoolArray
) -> FloatArray:
    """(n, n_bins) log of the share of each bin among those inside the cuts; 0 outside them."""
    level, noise, scale = _parameters(theta, histograms, noise_model)
    z = np.clip((histograms.edges - level[:, None]) / noise[:, None], -30, 12)
    skewness = np.minimum(noise_model.skewness(level, noise), MAX_SKEWNESS)
    cumulative = starlight_cdf(z, (noise / scale)[:, None], skewness[:, None])
    probability = np.maximum(np.diff(cumulative), 0) * inside
    total = probability.sum(axis=1, keepdims=True)
    # A share of 1e-5 for strays keeps a wild pixel, and a wild step, from giving minus infinity.
    floor = 1e-5 / np.maximum(inside.sum(axis=1, keepdims=True), 1)
    return np.log(np.where(inside, probability / np.maximum(total, 1e-300) + floor, 1.0))


def _maximise(
    theta: FloatArray,
    histograms: Histograms,
    noise_model: NoiseModel,
    cuts: tuple[FloatArray, FloatArray],
    max_steps: int,
    step: float = 1e-4,
) -> FloatArray:
    """Damped Fisher scoring of all tiles at once, derivatives by central differences."""
    histograms, inside = histograms.between(*cuts)
    counts = histograms.counts * inside

    def log_probability(parameters: FloatArray) -> FloatArray:
        return _log_probability(parameters, histograms, noise_model, inside)

    current = log_probability(theta)
    damping = np.full(len(theta), 1e-3)
    for _ in range(max_steps):
        slopes = [
            (log_probability(theta + shift) - log_probability(theta - shift)) / (2 * step)
            for shift in step * np.eye(theta.shape[1])
        ]
        proposed = _bounded(theta + _scoring_step(np.array(slopes), counts, current, damping))
        candidate = log_probability(proposed)
        rise = np.sum(counts * (candidate - current), axis=1)
        better = (rise >= 0)[:, None]
        theta, current = np.where(better, proposed, theta), np.where(better, candidate, current)
        damping *= np.where(rise >= 0, 0.2, 10.0)
        if np.all(np.abs(rise) < 1e-2):
            break
    return theta


def _scoring_step(
    slopes: FloatArray, counts: IntArray, log_probability: FloatArray, damping: FloatArray
) -> FloatArray:
    """(n, n_parameters) step that solves (I + damping diag I) step = score."""
    total = counts.sum(axis=1)
    expected = np.exp(log_probability) * (counts.sum(axis=1, keepdims=True)) * (slopes[0] != 0)
    score = np.einsum("ptk,tk->tp", slopes, counts)
    information = np.einsum("ptk,qtk,tk->tpq", slopes, slopes, expected, optimize=True)
    diagonal = np.einsum("tpp->tp", information)
    ridge = damping[:, None] * diagonal + 1e-6 * total[:, None] + 1e-9
    information = information + np.eye(len(slopes)) * ridge[:, :, None]
    return np.clip(np.linalg.solve(information, score[..., None])[..., 0], -0.7, 0.7)


def _bounded(theta: FloatArray) -> FloatArray:
    limits = np.array([LEVEL_LIMITS, LOG_SCALE_LIMITS, LOG_NOISE_RATIO_LIMITS])
    limits = limits[: theta.shape[1]]
    return np.clip(theta, limits[:, 0], limits[:, 1])
