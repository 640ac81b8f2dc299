"""Background of a crowded image: Bijaoui's estimate in tiles, and a smooth surface through them.

Levels are ADU, arrays are indexed ``[y, x]``.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.interpolate import BSpline, RectBivariateSpline

from exposures.science.arrays import BoolArray, Float, FloatArray, Shape
from photometry.science.scatter import sigma_about_zero
from photometry.science.sky.sky_tiles import (
    Histograms,
    NoiseModel,
    SkyOptions,
    TileGrid,
    fit_tiles,
    mean_of_tiles,
    pixel_step,
    tile_histograms,
)
from photometry.science.sky.tile_likelihood import MAX_SKEWNESS
from photometry.science.sky.tile_pixels import TilePixels, sum_of_splines

__all__ = ["Sky", "SkyOptions", "fit_sky"]

# The noise of N pixels is compared with the expected one to RATIO_ERROR / sqrt(N): measured, 0.017
# to 0.028 for the 42,000 pixels of a tile, from empty fields to crowded ones.
RATIO_ERROR = 4.5


@dataclass(frozen=True)
class Sky:
    """The background of an image and its noise."""

    image: np.ndarray  # (ny, nx) float32 ADU, the smooth surface
    tile_level: np.ndarray  # (tiles_y, tiles_x) ADU; NaN where rejected or not measured
    tile_noise: np.ndarray  # ADU, Gaussian sigma of the sky; NaN where not measured
    tile_scale: np.ndarray  # ADU, exponential scale of unresolved starlight; NaN likewise
    level: float  # ADU, median of the tiles
    noise: float  # ADU, median of the tiles
    n_rejected: int  # tiles that are outliers or have too few pixels
    fallback: str  # what was done instead of the usual, "" if nothing


@dataclass(frozen=True)
class _Tiles:
    """Measured tiles; (tiles_y, tiles_x), NaN where not measured."""

    level: np.ndarray
    noise: np.ndarray
    scale: np.ndarray
    noise_ratio: float  # sigma over the expected one, 1 where tied to it; NaN if means


_DEFAULT_OPTIONS = SkyOptions()


def fit_sky(
    data: FloatArray,
    weight: FloatArray,
    gain: FloatArray,
    read_noise: FloatArray,
    options: SkyOptions = _DEFAULT_OPTIONS,
) -> Sky:
    """Sky of an image in ADU, from its pixels of positive weight; a Sky.

    ``data`` (ny, nx) is in ADU, ``weight`` (ny, nx) its inverse variance; NaN counts as masked. In
    each tile the pixels follow Gaussian noise convolved with an exponential for the light of
    unresolved stars (Bijaoui 1980, A&A 84, 81); the noise is tied to the sky, sigma^2 = sky / gain
    + (read noise / gain)^2. ``gain`` (e-/ADU) and ``read_noise`` (e-) are given by column, (nx,).
    Where the pixels plainly contradict the tie, sigma is scaled by one factor for the whole image,
    and ``fallback`` says so.

    Raises ValueError if no pixel is usable.
    """
    usable = (weight > 0) & np.isfinite(data)
    surface = np.zeros(data.shape, np.float32)
    grid, pixels = _choose_grid(data, usable, surface, options)
    n_usable = pixels.values.size
    if n_usable == 0:
        raise ValueError("no usable pixel to measure the sky from")
    step = pixel_step(pixels.values)
    expected, is_known = _expected_noise(grid, gain, read_noise)
    if step == 0 or n_usable < options.min_tile_pixels:
        return _constant_sky(data[usable], data.shape, expected)

    for number in range(options.passes):
        if number > 0:
            pixels = TilePixels.within(data, usable, surface, grid.edges)
        tiles = _measure_tiles(pixels, grid, expected, is_known, step, options)
        level = reject_outliers(tiles.level, tiles.noise, options)
        surface, shape_note = smooth_surface(level, grid, data.shape, options)
        if step > options.coarse_step * np.nanmedian(tiles.noise):
            break  # A gradient taken out of coarsely rounded pixels would spoil their rounding.
    notes = [_grid_note(grid, options), _noise_note(tiles.noise_ratio, is_known), shape_note]
    return Sky(
        image=surface,
        tile_level=level,
        tile_noise=tiles.noise,
        tile_scale=tiles.scale,
        level=float(np.nanmedian(level)),
        noise=float(np.nanmedian(tiles.noise)),
        n_rejected=int(np.count_nonzero(np.isnan(level))),
        fallback="; ".join(filter(None, notes)),
    )


def _choose_grid(
    data: FloatArray, usable: BoolArray, surface: FloatArray, options: SkyOptions
) -> tuple[TileGrid, TilePixels]:
    """The tiles, or one for the whole image where no tile has enough usable pixels."""
    grid = TileGrid.covering(usable.shape, options)
    pixels = TilePixels.within(data, usable, surface, grid.edges)
    if not np.any(pixels.sizes >= options.min_tile_pixels):
        grid = TileGrid.covering(usable.shape, replace(options, tiles_y=1, tiles_x=1))
        pixels = TilePixels.within(data, usable, surface, grid.edges)
    return grid, pixels


def _expected_noise(
    grid: TileGrid, gain: FloatArray, read_noise: FloatArray
) -> tuple[NoiseModel, bool]:
    """The noise model, and whether gain and read noise are known."""
    gain, read_noise = np.asarray(gain, float), np.asarray(read_noise, float)
    n_tiles = np.prod(grid.shape)
    if not (np.all(np.isfinite(gain) & (gain > 0)) and np.all(np.isfinite(read_noise))):
        return NoiseModel(np.zeros(n_tiles), np.ones(n_tiles)), False
    inverse_gain = grid.column_means(1 / gain)
    return NoiseModel(inverse_gain, grid.column_means((read_noise / gain) ** 2)), True


def _measure_tiles(
    pixels: TilePixels,
    grid: TileGrid,
    expected: NoiseModel,
    is_known: bool,
    step: Float,
    options: SkyOptions,
) -> _Tiles:
    """Fit the tiles that have enough pixels, their noise tied to the expected one if it can be."""
    measured = pixels.sizes >= options.min_tile_pixels
    histograms = tile_histograms(pixels, np.flatnonzero(measured), step, options)
    expected = expected.of_tiles(measured)
    if is_known and _counts_few_electrons(histograms.clipped_mean, expected, step, options):
        fitted, ratio = mean_of_tiles(histograms, expected), np.nan
    else:
        ratio = _noise_ratio(histograms, expected, is_known, options)
        fitted = fit_tiles(histograms, replace(expected, ratio=ratio), options)

    def on_grid(values: FloatArray) -> FloatArray:
        full = np.full(measured.size, np.nan)
        full[measured] = values
        return full.reshape(grid.shape)

    return _Tiles(on_grid(fitted.level), on_grid(fitted.noise), on_grid(fitted.scale), ratio)


def _counts_few_electrons(
    level: FloatArray, expected: NoiseModel, step: Float, options: SkyOptions
) -> bool:
    """Whether the noise is too skewed for the model; the pixels of such images are whole counts.

    The latter tells them from images in counts per second, whose gain is only nominal.
    """
    sigma = expected.sigma(level)
    is_skewed = np.median(expected.skewness(level, sigma)) > MAX_SKEWNESS
    return bool(is_skewed and step > options.count_step * np.median(sigma))


def _noise_ratio(
    histograms: Histograms, expected: NoiseModel, is_known: bool, options: SkyOptions
) -> float:
    """Measured sigma over the expected one; 1 where the pixels don't contradict it.

    An error of 5 % in the assumed variance moves the sky of an empty field by 0.3 sigma, so the
    factor matters; a single tile can't tell it from starlight, all tiles together can.
    """
    ratio = np.median(fit_tiles(histograms, expected, options, free_noise=True).noise_ratio)
    error = RATIO_ERROR / np.sqrt(histograms.counts.sum())
    if is_known and abs(ratio - 1) <= options.noise_tolerance + 3 * error:
        return 1.0
    return float(ratio)


def reject_outliers(level: FloatArray, noise: FloatArray, options: SkyOptions) -> FloatArray:
    """Tile levels with NaN for outliers among the 5 x 5 tiles around them.

    ``level`` and ``noise`` (tiles_y, tiles_x) are in ADU, NaN where a tile was not measured. A tile
    on a bright star or a nebula tells nothing of the sky beside it. Levels are compared with the
    median of their neighbours after a plane is taken out, or edge tiles of a gradient would stick
    out too.
    """
    residual = level - _plane(level, np.isfinite(level))
    windows = np.lib.stride_tricks.sliding_window_view(
        np.pad(residual, 2, constant_values=np.nan), (5, 5)
    )
    deviation = np.full(level.shape, np.nan)
    finite = np.isfinite(level)
    deviation[finite] = residual[finite] - np.nanmedian(windows[finite], axis=(-1, -2))
    scatter = sigma_about_zero(deviation, ignore_nan=True)
    limit = max(options.outlier_mad * scatter, options.outlier_min_sigma * np.nanmedian(noise))
    return np.where(np.abs(deviation) <= limit, level, np.nan)


def _plane(level: FloatArray, good: BoolArray) -> FloatArray:
    """Plane through the good tiles, twice clipped at 3 sigma; their median where fewer than 6."""
    y, x = np.indices(level.shape)
    terms = np.stack([np.ones(level.size), y.ravel(), x.ravel()], axis=1)
    plane = np.full(level.shape, np.median(level[good]))
    for _ in range(3):
        if np.count_nonzero(good) < 6:
            break
        solution = np.linalg.lstsq(terms[good.ravel()], level[good], rcond=None)[0]
        plane = (terms @ solution).reshape(level.shape)
        residual = np.abs(level - plane)
        good = good & (residual <= 3 * sigma_about_zero(residual[good]) + 1e-9)
    return plane


def smooth_surface(
    level: FloatArray, grid: TileGrid, shape: Shape, options: SkyOptions
) -> tuple[FloatArray, str]:
    """Bicubic spline through the tile levels, (ny, nx) float32, and what was done instead.

    ``level`` (tiles_y, tiles_x) is in ADU, NaN where rejected; ``grid`` is its TileGrid, ``shape``
    (ny, nx) that of the image; what was done instead is a text, "" if nothing. Gaps are filled from
    their neighbours; beyond the outer tile centres, half a tile, the surface goes on straight. Few
    good tiles give a plane.
    """
    good = np.isfinite(level)
    if np.count_nonzero(good) < options.min_good_fraction * good.size:
        filled, note = _plane(level, good), f"only {good.sum()} good tiles: plane or constant"
    else:
        filled, note = _fill_gaps(level, good), ""
    (y, x), (ny, nx) = grid.centres, shape
    y_nodes, filled = _extend(y, filled, ny)
    x_nodes, filled = _extend(x, filled.T, nx)
    order_y, order_x = min(3, y_nodes.size - 1), min(3, x_nodes.size - 1)
    spline = RectBivariateSpline(y_nodes, x_nodes, filled.T, kx=order_y, ky=order_x)
    return _on_pixels(spline, (order_y, order_x), shape), note


def _on_pixels(spline: RectBivariateSpline, orders: tuple[int, int], shape: Shape) -> FloatArray:
    """(ny, nx) float32 values of a RectBivariateSpline, of few B-splines at each pixel."""
    along_y, along_x = (
        BSpline.design_matrix(np.arange(size, dtype=float), knots, order).toarray()
        for size, knots, order in zip(shape, spline.get_knots(), orders, strict=True)
    )
    coefficients = spline.get_coeffs().reshape(along_y.shape[1], along_x.shape[1])
    return sum_of_splines(along_y @ coefficients, along_x, orders[1] + 1)


def _fill_gaps(level: FloatArray, good: BoolArray) -> FloatArray:
    """Fill gaps by a plane plus the good tiles' residuals, weighted by a Gaussian of one tile."""
    plane = _plane(level, good)
    here, there = np.argwhere(~good), np.argwhere(good)
    distance2 = ((here[:, None] - there[None]) ** 2).sum(axis=-1)
    # Relative to the nearest tile, so that weights don't all vanish in the middle of a large gap.
    nearest2 = distance2.min(axis=1, keepdims=True)
    weights = np.exp(-0.5 * (distance2 - nearest2))
    filled = level.copy()
    filled[~good] = plane[~good] + weights @ (level - plane)[good] / weights.sum(axis=1)
    return filled


def _extend(centres: FloatArray, values: FloatArray, size: int) -> tuple[FloatArray, FloatArray]:
    """Nodes at the first and the last pixel, along the slope of the outer tiles."""
    ends = (0.0, size - 1.0)
    if centres.size == 1:
        return np.array(ends), np.repeat(values, 2, axis=0)
    # Over three tiles: the slope between the outer two would double their errors in the corners.
    n = min(2, centres.size - 1)
    first_slope = (values[n] - values[0]) / (centres[n] - centres[0])
    last_slope = (values[-1] - values[-1 - n]) / (centres[-1] - centres[-1 - n])
    first = values[0] + first_slope * (ends[0] - centres[0])
    last = values[-1] + last_slope * (ends[1] - centres[-1])
    return np.concatenate([[ends[0]], centres, [ends[1]]]), np.vstack([first, values, last])


def _constant_sky(pixels: FloatArray, shape: Shape, expected: NoiseModel) -> Sky:
    """A constant sky at the median, for too few or too uniform pixels."""
    level = float(np.median(pixels))
    noise = float(np.median(expected.sigma(level)))
    reason = "pixels are all alike" if np.ptp(pixels) == 0 else f"only {pixels.size} usable pixels"
    return Sky(
        image=np.full(shape, level, np.float32),
        tile_level=np.array([[level]]),
        tile_noise=np.array([[noise]]),
        tile_scale=np.array([[np.nan]]),
        level=level,
        noise=noise,
        n_rejected=0,
        fallback=f"{reason}: their median everywhere",
    )


def _grid_note(grid: TileGrid, options: SkyOptions) -> str:
    if grid.shape == (options.tiles_y, options.tiles_x):
        return ""
    return f"{grid.shape[0]} x {grid.shape[1]} tiles, the image is small"


def _noise_note(ratio: float, is_known: bool) -> str:
    if np.isnan(ratio):
        return "few electrons, their noise is not Gaussian: clipped means of the tiles"
    if not is_known:
        return "gain unknown: noise from the pixels"
    return "" if ratio == 1 else f"noise is {ratio:.3g} of what gain and read noise say"
