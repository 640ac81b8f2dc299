"""Sky level of tiles from Bijaoui's distribution: noise plus the light of unresolved stars."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from exposures.science.arrays import Float, FloatArray, Floats, Index, IntArray, Shape
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
from photometry.science.sky.tile_likelihood import maximise
from photometry.science.sky.tile_pixels import TilePixels


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
    def edges(self) -> tuple[IntArray, IntArray]:
        """Edges of the tiles along y (tiles_y + 1,) and x (tiles_x + 1,), pixels."""
        return self.y_edges, self.x_edges

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

    def bins_between(self, lower: FloatArray, upper: FloatArray) -> IntArray:
        """(n, 2) the first of the bins inside the cuts of each row, and their end; no unit.

        ``lower`` and ``upper`` (n, 1) are the cuts in ADU.
        """
        tolerance = 1e-6 * self.width[:, None]
        first = np.count_nonzero(self.edges < lower - tolerance, axis=1)
        end = np.count_nonzero(self.edges <= upper + tolerance, axis=1) - 1
        return np.column_stack([first, end])

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
    pixels: TilePixels,
    measured: IntArray,
    step: Float,
    options: SkyOptions,
    below: float = 8.0,
    above: float = 3.0,
) -> Histograms:
    """Histograms of tiles' pixels in ADU, from ``below`` to ``above`` widths.

    Of the TilePixels those of the tiles ``measured`` (n,). Bins are whole numbers of ``step``, a
    number in ADU, and their edges half-way between possible values, so that rounded pixels are
    counted for what they stand for.
    """
    percentiles = np.array([pixels.percentiles(tile, 0.16, 0.5) for tile in measured])
    median, width = percentiles[:, 1], np.maximum(np.diff(percentiles)[:, 0], step)
    bin_width = step * np.maximum(1, np.rint(options.bin_width * width / step))
    n_bins = int(np.ceil((below + above) * np.max(width / bin_width)))
    # Any pixel lies on the lattice of possible values; the tile's first one does.
    anchor = np.array([pixels.first(tile) for tile in measured])
    first = anchor + step * (np.round((median - below * width - anchor) / step) - 0.5)
    edges = first[:, None] + bin_width[:, None] * np.arange(n_bins + 1)
    counts = [pixels.counts(*row, n_bins) for row in zip(measured, first, bin_width, strict=True)]
    return Histograms(edges, np.array(counts), median, width)


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
    tiles = _told_of_tiles(histograms, noise_model)
    for _ in range(options.cut_rounds):
        level, noise, _ = _parameters(theta, histograms, noise_model)
        lower = histograms.nearest_edge(level - options.lower_cut_sigma * noise)
        upper = histograms.nearest_edge(level + options.upper_cut_sigma * noise)
        ranges = histograms.bins_between(lower, upper)
        theta = maximise(
            theta, histograms.edges, histograms.counts, ranges, tiles, options.max_steps
        )
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
    return theta if free_noise else theta[:, :2].copy()


def _parameters(
    theta: FloatArray, histograms: Histograms, noise_model: NoiseModel
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Level, noise and scale in ADU."""
    level = histograms.median + histograms.width * theta[:, 0]
    noise = noise_model.sigma(level)
    if theta.shape[1] == 3:
        noise = noise * np.exp(theta[:, 2])
    return level, noise, histograms.width * np.exp(theta[:, 1])


def _told_of_tiles(histograms: Histograms, noise_model: NoiseModel) -> FloatArray:
    """(n, 5) what ``maximise`` has to know of each tile."""
    ratio = np.full(histograms.median.size, noise_model.ratio)
    model = noise_model.inverse_gain, noise_model.read_variance, ratio
    return np.column_stack([histograms.median, histograms.width, *model]).astype(float)
