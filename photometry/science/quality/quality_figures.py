"""Figures of quality, measured on the PSF, the residuals, the correction and the changes."""

from typing import Protocol

import numpy as np
from astropy.stats import mad_std
from scipy.spatial import cKDTree

from exposures.science.arrays import BoolArray, FloatArray, IntArray, Shape
from photometry.science.psf.psf import SHAPE_HIGH, SHAPE_LOW, ChipPsf
from photometry.science.quality.image_quality import FigureOptions
from photometry.science.scatter import MEDIAN_ERROR, sigma_about_zero

# Standard error of a median over that of a mean, and mean of the absolute value of a Gaussian.
MEAN_ABSOLUTE = 0.7979
HOLLOW_HALF = 15  # pixels from the middle of the PSF up to which its highest value is looked for
# Number of stars whose widths tell that of all, and the least significance of their peaks.
WIDTH_STARS, WIDTH_SIGMA = 5, 30.0
NOISE_PIXELS = 500_000  # that tell of the noise, to 0.2 %
AT_BOUND = 1e-3  # relative distance from a bound at which a parameter lies on it


class MeasuredStars(Protocol):
    """Stars that were measured on an image; arrays (n,)."""

    @property
    def x(self) -> FloatArray:
        """(n,) pixels."""

    @property
    def y(self) -> FloatArray:
        """(n,) pixels."""

    @property
    def flux(self) -> FloatArray:
        """(n,) ADU."""

    @property
    def is_clean(self) -> BoolArray:
        """(n,) whether they are whole and mostly their own light."""


def psf_figures(psf: ChipPsf, shape: Shape) -> dict[str, float]:
    """Elongation, parameters at bounds, variation and hollowness of a ChipPsf over a chip.

    {name: number}, of a chip of ``shape`` (ny, nx) pixels; all without a unit. The elongation is
    the axis ratio sqrt((1 + e) / (1 - e)), e = hypot(e1, e2), at the worst of the middle and the
    corners; infinite where the PSF has no minor axis there. Ellipticities at their bounds are not
    counted as such: the elongation tells of them.
    """
    ny, nx = shape
    x = np.array([0.5, 0, 1, 0, 1]) * (nx - 1)
    y = np.array([0.5, 0, 0, 1, 1]) * (ny - 1)
    e1, e2 = psf.ellipticity_at(x, y)
    e = float(np.hypot(e1, e2).max())
    fwhm = psf.fwhm_at(x, y)
    narrowest, beta_low = SHAPE_LOW[0] * (1 + AT_BOUND), SHAPE_LOW[3] * (1 + AT_BOUND)
    at_bounds = (
        (fwhm.min() <= narrowest, fwhm.max() >= SHAPE_HIGH[0] * (1 - AT_BOUND)),
        (psf.beta <= beta_low,),
    )
    return {
        "elongation": float(np.sqrt((1 + e) / (1 - e))) if e < 1 else np.inf,
        "psf_at_bounds": sum(any(bounds) for bounds in at_bounds),
        "fwhm_variation": float(fwhm.max() / fwhm.min()) if fwhm.min() > 0 else np.inf,
        "psf_hollow": _hollowness(psf, (nx // 2, ny // 2)),
    }


def _hollowness(psf: ChipPsf, position: tuple[int, int]) -> float:
    """The highest value of a ChipPsf at a pixel ``position``, x and y, over that in its middle.

    A number of at least 1; that of a star out of focus, a ring, is well above.
    """
    stamp = psf.stamps(*position, 2 * HOLLOW_HALF + 1)[0]
    middle = stamp[HOLLOW_HALF, HOLLOW_HALF]
    return float(stamp.max() / middle) if middle > 0 else np.inf


def doubled_share(
    x: FloatArray,
    y: FloatArray,
    flux: FloatArray,
    is_clean: BoolArray,
    options: FigureOptions = FigureOptions(),
) -> float:
    """Share of bright stars that have a companion at one and the same offset; NaN without stars.

    ``x, y`` (n,) are pixels, ``flux`` (n,) is in any unit, ``is_clean`` (n,) bool. Of a double
    exposure or a trailed one with two ends it is near 1. Pairs of bright stars and fainter
    neighbours are counted by their offset, in cells of 3 x 3 pixels; what chance pairs give, with
    ``confidence`` sigma of the counts, is taken off the fullest cell.
    """
    bright = np.flatnonzero(is_clean)
    bright = bright[np.argsort(-flux[bright], kind="stable")][: options.companion_stars]
    if len(bright) == 0:
        return np.nan
    radius = options.companion_pixels
    places = np.column_stack([x, y])
    near = cKDTree(places).query_ball_point(places[bright], radius)
    one = np.repeat(bright, [len(n) for n in near])
    other = np.concatenate([np.array(n, int) for n in near])
    ratio = flux[other] / flux[one]
    # Of two that are equally bright, each is the other's companion.
    pair = (one != other) & (ratio >= options.companion_flux) & (ratio <= 1.5)
    dx, dy = (places[other] - places[one])[pair].T
    half = np.ceil(radius)
    edges = np.arange(-half - 0.5, half + 1)
    counts = np.pad(np.histogram2d(dx, dy, bins=(edges, edges))[0], 1)
    n = len(edges) - 1
    cells = [counts[i : i + n, j : j + n] for i in range(3) for j in range(3)]
    fullest = np.sum(cells, axis=0).max()
    by_chance = 9 * len(dx) / (np.pi * radius**2)
    excess = fullest - by_chance - options.confidence * np.sqrt(max(fullest, by_chance))
    return float(max(excess, 0) / len(bright))


def psf_misfit(
    residual: FloatArray,
    weight: FloatArray,
    stars: MeasuredStars,
    options: FigureOptions = FigureOptions(),
) -> float:
    """Absolute residual light round bright stars over the stars' light; or NaN.

    ``residual, weight`` (ny, nx) are the image without its model and its inverse variance;
    ``stars`` has x, y, flux and is_clean, (n,). The residuals round the brightest stars in units
    of their fluxes are stacked by their median; what noise alone adds to the sum of absolute
    values is taken off, and ``confidence`` sigma of it. NaN with fewer than ``stack_stars``.
    """
    half = options.stack_half_pixels
    chosen = _brightest_inside(stars, residual.shape, half, options.bright_stars)
    n = len(chosen)
    if n < options.stack_stars:
        return np.nan
    pixels = _stamp_pixels(stars, chosen, half)
    stamps = residual[pixels] / stars.flux[chosen, None, None]
    return stacked_light(stamps, weight[pixels] > 0, options.confidence)


def stacked_light(stamps: FloatArray, usable: BoolArray, confidence: float) -> float:
    """The light that is left round stars, as a share of theirs.

    ``stamps`` (n, k, k) are the residuals round n stars in units of their fluxes, and ``usable``
    (n, k, k) says of which pixels. The sum of absolute values of their median, without what noise
    alone adds to it and without ``confidence`` sigma of that; 0 where nothing remains.
    """
    n = len(stamps)
    # Where no star has a usable pixel, nothing is left over.
    stamps = np.where(usable | ~usable.any(axis=0), np.where(usable, stamps, 0), np.nan)
    stack = np.nanmedian(stamps, axis=0)
    stack -= np.median(stack)
    # The median absolute deviation of few values is low (Croux & Rousseeuw 1992, COMPSTAT).
    spread = n / (n - 0.8) * sigma_about_zero(stamps - stack, axis=0, ignore_nan=True)
    noise = MEDIAN_ERROR * spread / np.sqrt(n)
    error = np.sqrt((1 - MEAN_ABSOLUTE**2) * np.nansum(noise**2))
    light = np.nansum(np.abs(stack)) - MEAN_ABSOLUTE * np.nansum(noise)
    return float(max(light - confidence * error, 0))


def psf_width(
    residual: FloatArray,
    weight: FloatArray,
    stars: MeasuredStars,
    psf: ChipPsf,
    options: FigureOptions = FigureOptions(),
) -> float:
    """Width of bright stars over that of the PSF fitted to them, or its inverse if larger; or NaN.

    A number of at least 1. ``residual, weight`` (ny, nx) are the image without its model and its
    inverse variance; ``stars`` has x, y, flux and is_clean, (n,), fluxes in units of the image. A
    width is the root of the number of pixels above half the highest, of a star without its
    neighbours and of the ChipPsf ``psf`` in its place; their ratio is the median of the brightest
    stars. NaN with fewer than WIDTH_STARS that are whole and significant.
    """
    half = int(np.ceil(1.5 * np.median(psf.fwhm_at(stars.x, stars.y)))) if len(stars.x) else 1
    chosen = _brightest_inside(stars, residual.shape, half, options.bright_stars)
    pixels = _stamp_pixels(stars, chosen, half)
    model = psf.stamps(stars.x[chosen], stars.y[chosen], 2 * half + 1)
    light = residual[pixels] + stars.flux[chosen, None, None] * model
    near = slice(half - 1, half + 2)
    peak = light[:, near, near].max(axis=(1, 2))
    whole = (weight[pixels] > 0).all(axis=(1, 2))
    whole &= peak * np.sqrt(weight[pixels][:, half, half]) > WIDTH_SIGMA
    if whole.sum() < WIDTH_STARS:
        return np.nan
    n_own = np.sum(light > peak[:, None, None] / 2, axis=(1, 2))
    n_psf = np.sum(model > model.max(axis=(1, 2), keepdims=True) / 2, axis=(1, 2))
    ratio = float(np.sqrt(np.median(n_own[whole] / n_psf[whole])))
    return max(ratio, 1 / ratio)


def _brightest_inside(stars: MeasuredStars, shape: Shape, half: int, n: int) -> IntArray:
    """Indices of the ``n`` brightest clean stars at least ``half`` pixels from the edges."""
    column, row = np.round(stars.x).astype(int), np.round(stars.y).astype(int)
    ny, nx = shape
    inside = (column >= half) & (column < nx - half) & (row >= half) & (row < ny - half)
    chosen = np.flatnonzero(stars.is_clean & inside & (stars.flux > 0))
    return chosen[np.argsort(-stars.flux[chosen], kind="stable")][:n]


def _stamp_pixels(stars: MeasuredStars, chosen: IntArray, half: int) -> tuple[IntArray, IntArray]:
    """Rows and columns of the pixels within ``half`` of each star: indices of (k, side, side)."""
    column, row = np.round(stars.x).astype(int), np.round(stars.y).astype(int)
    step = np.arange(-half, half + 1)
    return row[chosen, None, None] + step[:, None], column[chosen, None, None] + step


def noise_ratio(residual: FloatArray, weight: FloatArray) -> float:
    """Noise of the pixels over that of their weights, or its inverse if larger.

    A number of at least 1. ``residual, weight`` (ny, nx) are the image without its model, in any
    unit, and its inverse variance. From differences of neighbouring columns, which the sky and what
    is left of stars hardly touch; of a large image in some rows, of NOISE_PIXELS and more. NaN
    where no two neighbours have weight there, infinite where the pixels have no noise.
    """
    rows = slice(None, None, max(1, weight.size // NOISE_PIXELS))
    residual, weight = residual[rows], weight[rows]
    both = (weight[:, 1:] > 0) & (weight[:, :-1] > 0)
    if not both.any():
        return np.nan
    variance = 1 / weight[:, 1:][both] + 1 / weight[:, :-1][both]
    ratio = mad_std(np.diff(residual, axis=1)[both] / np.sqrt(variance))
    return float(max(ratio, 1 / ratio)) if ratio > 0 else np.inf


def local_offset(
    x: FloatArray,
    y: FloatArray,
    difference: FloatArray,
    shape: Shape,
    options: FigureOptions = FigureOptions(),
) -> float:
    """Root mean square of medians in cells of the chip, corrected for noise; mag.

    ``difference`` (n,) mag is what the correction leaves of calibrators at ``x, y`` (n,) pixels of
    a chip of ``shape`` (ny, nx). NaN where there are too few of them for four cells, or where fewer
    than three cells have five.
    """
    n_cells = len(x) // options.cell_stars
    if len(x) < options.min_bin_stars or n_cells < 4:
        return np.nan
    ny, nx = shape
    a_pixel = np.sqrt(n_cells / (nx * ny))
    columns, rows = (max(1, int(side * a_pixel)) for side in (nx, ny))
    cell = np.clip((x / nx * columns).astype(int), 0, columns - 1)
    cell += columns * np.clip((y / ny * rows).astype(int), 0, rows - 1)
    counts = np.bincount(cell, minlength=columns * rows)
    first = np.cumsum(counts) - counts
    full = counts >= 5
    if np.count_nonzero(full) < 3:
        return np.nan
    first, counts = first[full], counts[full]
    in_order = difference[np.lexsort((difference, cell))]
    medians = (in_order[first + (counts - 1) // 2] + in_order[first + counts // 2]) / 2
    error = MEDIAN_ERROR * mad_std(difference) / np.sqrt(counts)
    return float(np.sqrt(max(np.mean(medians**2) - np.mean(error**2), 0)))


def expansion(pull: FloatArray, mag: FloatArray, options: FigureOptions = FigureOptions()) -> float:
    """Spread of pulls, difference over error, at the magnitude where it is largest; or NaN.

    In bins of ``mag`` (n,) with equal numbers of stars, robustly; ``pull`` (n,) is in sigma. Stars
    with NaN in either are left out; NaN with too few stars for one bin.
    """
    known = np.isfinite(pull) & np.isfinite(mag)
    pull = pull[known][np.argsort(mag[known], kind="stable")]
    n_bins = min(options.magnitude_bins, len(pull) // options.min_bin_stars)
    if n_bins == 0:
        return np.nan
    return float(max(mad_std(part) for part in np.array_split(pull, n_bins)))


def share_at_most(n: float, total: int, options: FigureOptions = FigureOptions()) -> float:
    """An upper bound on the share ``n`` of ``total``, numbers; NaN for none of none.

    As ``share_at_least`` has the least.
    """
    return 1 - share_at_least(total - n, total, options)


def share_at_least(n: float, total: int, options: FigureOptions = FigureOptions()) -> float:
    """A lower bound on the share ``n`` of ``total``, numbers; NaN for none of none.

    Wilson's bound (1927, JASA 22, 209), one-sided at ``confidence`` sigma: one of ten is not yet a
    tenth.
    """
    if total == 0:
        return np.nan
    z2 = options.confidence**2
    p = n / total
    root = np.sqrt(z2 * (p * (1 - p) / total + z2 / (4 * total**2)))
    return float(max((p + z2 / (2 * total) - root) / (1 + z2 / total), 0))
