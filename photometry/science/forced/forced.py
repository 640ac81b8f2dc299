"""Fluxes of stars at known positions, blended neighbours fitted together."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from exposures.science.arrays import BoolArray, FloatArray, Index, IntArray
from exposures.science.quantities import (
    BoxPixels,
    Count,
    Few,
    Fraction,
    HalfPixels,
    InFwhm,
    Margin,
    Options,
    Ratio,
    RepeatedRounds,
    Sigma,
    WingSigma,
)
from photometry.science.forced.forced_quality import core_flags, star_quality
from photometry.science.forced.forced_residual import rigid_shift
from photometry.science.forced.forced_sky import (
    SeenSky,
    SkyBoxes,
    absorbed_sky,
    light_of,
    lights_of,
)
from photometry.science.forced.forced_system import (
    NormalEquations,
    PlacedStars,
    normal_equations,
    place_stars,
)
from photometry.science.psf.psf import ChipPsf
from photometry.science.psf.stamps import evaluate
from photometry.science.weighted_image import WeightedImage, usual_noise

# Set in the flags, beside those of MaskBit, of what is too sharp for a star: a hot pixel or a
# cosmic ray.
SHARP = 128
# Root mean square, in sigma, of what the equations leave unsolved: in the last round, and before.
TOLERANCE, ROUGH_TOLERANCE = 4e-4, 1e-2
FITTED = ("flux", "flux_err", "rchi2", "fracflux", "quality")  # of ForcedFit, for each star


@dataclass(frozen=True)
class ForcedOptions(Options):
    """Options of the forced fit."""

    n_rounds: RepeatedRounds = 3
    """Number of rounds of the forced fit; the remaining sky and shift are measured after each but
    the last."""
    sky_pixels: BoxPixels = 30
    """Side of the boxes in which the sky that remains beside the forced fit is measured."""
    sky_level_pixels: BoxPixels = 100
    """Side of the boxes in which the level of that sky is measured, from all its pixels."""
    n_neighbours: Few = 8
    """Largest number of neighbours that enter a star's error."""
    wing_sigma: WingSigma = 0.1
    """Brightness, in a pixel's noise, that a star's light beyond its stamp stays below."""
    min_half_fwhm: InFwhm = 1.25
    """Half the side of the smallest stamp in which a star's flux is fitted, in FWHM."""
    max_half_pixels: HalfPixels = 100
    """Half the side of the largest stamp."""
    masked_factor: Ratio = 10.0
    """Factor by which a star with a masked core may be brighter than expected."""
    min_box_pixels: Count = 20
    """Least number of usable pixels in a box of the remaining sky; with fewer it gets the level of
    the next one."""
    max_shift_pixels: Margin = 0.5
    """Largest rigid shift of a chip's stars that is accepted."""
    shift_model_error: Fraction = 0.03
    """Error of a pixel, as a share of its light, in the fit of the shift of a chip's stars: so the
    brightest don't decide it."""
    shift_outlier_sigma: Sigma = 5.0
    """Deviation of a pixel beyond which it is left out of the fit of the shift of a chip's
    stars."""
    shift_tolerance_pixels: Margin = 0.003
    """Shift of a chip's stars below which it is not corrected."""
    sharp_excess: Fraction = 0.4
    """Excess in a star's central pixel, as a share of the PSF's, that marks light in one pixel."""
    sharp_sigma: Sigma = 5.0
    """Least significance of an excess in a star's central pixel that marks light in one pixel."""
    merge_pixels: Margin = 1.0
    """Distance of two positions below which they are one source in the fit."""


@dataclass(frozen=True)
class ForcedStars:
    """The stars to fit, in pixels from 0; those off the image may have light on it."""

    x: np.ndarray  # (n,)
    y: np.ndarray  # (n,)
    share: np.ndarray  # (n,) expected relative flux, positive
    catalogue: np.ndarray  # (n,) number of the catalogue a star comes from

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True)
class ForcedFit:
    """Fluxes of the requested stars in their order; ADU.

    A star without a usable pixel has NaN for its flux, its error, rchi2 and fracflux.
    """

    flux: np.ndarray  # (n,)
    flux_err: np.ndarray  # (n,) neighbours included
    rchi2: np.ndarray  # (n,) PSF-weighted reduced chi2
    fracflux: np.ndarray  # (n,) share of the light in the stamp that is the star's own
    quality: np.ndarray  # (n,) share of the PSF on usable pixels
    flags: np.ndarray  # (n,) int, mask bits of the 3 x 3 pixels at the star, and SHARP
    model: np.ndarray  # (ny, nx) float32 ADU: the stars and the sky left over
    sky: np.ndarray  # (ny, nx) float32 ADU, the part of the model that is sky
    shift: tuple[float, float]  # x and y in pixels, by which all stars were moved

    def select(self, index: Index) -> "ForcedFit":
        """The fit of a selection of stars with the same model: indices (k,), or bool (n,)."""
        names = (*FITTED, "flags")
        return replace(self, **{name: getattr(self, name)[index] for name in names})


def fit_fluxes(
    image: WeightedImage,
    psf: ChipPsf,
    stars: ForcedStars,
    options: ForcedOptions = ForcedOptions(),
    free_shift: bool = False,
) -> ForcedFit:
    """Fit all stars at fixed relative positions, and the smooth remaining sky.

    ``image`` is a WeightedImage of (ny, nx) pixels in ADU, without its sky; ``psf`` is a ChipPsf,
    ``stars`` ForcedStars. With ``free_shift`` all stars move together
    to where they fit best. Positions closer than ``merge_pixels`` are fitted as one star at their
    mean weighted by ``share``. Its flux is divided in this proportion among stars of one
    catalogue, which are blended; stars of different catalogues are the same star, and get it
    whole.

    Raises ValueError if there is no star or no pixel with weight.
    """
    if len(stars) == 0:
        raise ValueError("no stars to fit")
    if not np.any(image.weight > 0):
        raise ValueError("no pixel has weight")
    group = merge_groups(stars.x, stars.y, options.merge_pixels)
    total = np.bincount(group, stars.share).astype("f8")
    x, y = (np.bincount(group, stars.share * c) / total for c in (stars.x, stars.y))
    data, weight = (np.ascontiguousarray(a, dtype="f4") for a in (image.data, image.weight))
    image = WeightedImage(data, weight, image.mask)
    half = stamp_half_widths(x, y, total, psf, image, options)
    fit = _fit_groups(image, psf, _SizedStars(x, y, half, total), options, free_shift)
    fraction = _fraction(stars, group)
    # The members of a pair can't be told apart: each carries the whole error.
    members = fit.select(group)
    return replace(members, flux=members.flux * fraction, fracflux=members.fracflux * fraction)


@dataclass(frozen=True)
class _SizedStars:
    """Stars without others at their place, with the stamps in which they are fitted."""

    x: np.ndarray  # (n,) pixels
    y: np.ndarray
    half: np.ndarray  # (n,) int pixels, half widths of stamps
    share: np.ndarray  # (n,) expected relative flux


def stamp_half_widths(
    x: FloatArray,
    y: FloatArray,
    share: FloatArray,
    psf: ChipPsf,
    image: WeightedImage,
    options: ForcedOptions = ForcedOptions(),
) -> IntArray:
    """(n,) half widths of stamps in pixels, beyond which stars are negligible.

    ``x, y`` are in pixels, ``share`` is relative flux, (n,) each; ``psf`` is a ChipPsf, ``image``
    a WeightedImage of (ny, nx) pixels in ADU. How bright a star is on this image is taken from its
    central pixel, or from its relative flux where it was brighter before.
    """
    data, weight = image.data, image.weight
    row, column = (np.round(c).astype(int) for c in (y, x))
    on_image = (row >= 0) & (row < data.shape[0]) & (column >= 0) & (column < data.shape[1])
    row, column = np.where(on_image, row, 0), np.where(on_image, column, 0)
    usable = on_image & (weight[row, column] > 0)
    flux = np.where(usable, data[row, column], 0) / psf.stamps(x, y, 1)[:, 0, 0]
    bright = usable & (share >= np.median(share))
    scale = np.median(flux[bright] / share[bright]) if bright.any() else 1.0
    flux = np.maximum(flux, scale * share)
    flux[on_image & ~usable] *= options.masked_factor
    noise = usual_noise(weight)
    reach = psf.reach(x, y, options.wing_sigma * noise / np.maximum(flux, 1e-9))
    half = np.ceil(np.maximum(reach, options.min_half_fwhm * psf.fwhm_at(x, y)))
    return np.minimum(half, options.max_half_pixels).astype(int)


@dataclass(frozen=True)
class _Solution:
    """Fluxes of resolved stars in their order, and the system they were solved with."""

    placed: PlacedStars
    system: NormalEquations
    flux: np.ndarray  # (n,) ADU
    model: np.ndarray  # (ny, nx) float32, the stars alone
    sky: np.ndarray  # (ny, nx) float32, left over
    shift: np.ndarray  # x and y in pixels


def _fit_groups(
    image: WeightedImage,
    psf: ChipPsf,
    stars: _SizedStars,
    options: ForcedOptions,
    free_shift: bool,
) -> ForcedFit:
    """Fit resolved stars, _SizedStars, as a ForcedFit."""
    solution = _solve_in_rounds(image, psf, stars, options, free_shift)
    x, y = stars.x + solution.shift[0], stars.y + solution.shift[1]
    placed, flux, model = solution.placed, solution.flux, solution.model
    residual = image.data - model
    residual -= solution.sky
    columns = np.empty((5, len(x)))
    columns[0] = flux
    columns[1, placed.order] = solution.system.marginal_errors(options.n_neighbours)
    columns[2:, placed.order] = star_quality(
        placed, flux[placed.order], residual, model, image.weight
    )
    flags = core_flags(image.mask, x, y)
    left = image._replace(data=residual)
    expected = np.empty(len(x))
    expected[placed.order] = flux[placed.order] * evaluate(placed.profiles, 1)[:, 0, 0]
    flags |= SHARP * is_sharp(left, x, y, expected, options)
    columns[:4, ~np.isfinite(columns[1])] = np.nan
    model += solution.sky
    fitted = dict(zip(FITTED, columns, strict=True))
    dx, dy = solution.shift.tolist()
    return ForcedFit(**fitted, flags=flags, model=model, sky=solution.sky, shift=(dx, dy))


def _solve_in_rounds(
    image: WeightedImage,
    psf: ChipPsf,
    stars: _SizedStars,
    options: ForcedOptions,
    free_shift: bool,
) -> _Solution:
    """Solve in rounds, between which the remaining sky and shift are measured.

    The matrix is used again as long as the stars stay where they are.
    """
    data, weight = image.data, image.weight
    shift, sky = np.zeros(2), None
    step: FloatArray = np.zeros(2)
    placed = place_stars(stars.x, stars.y, stars.half, psf)
    system = normal_equations(placed, data, weight)
    flux = np.empty(len(stars.x))
    flux[placed.order] = system.scaled_to(stars.share[placed.order])
    seen = None
    for rounds_left in reversed(range(options.n_rounds)):
        if np.abs(step).max() > options.shift_tolerance_pixels:
            shift = shift + step
            placed = place_stars(stars.x + shift[0], stars.y + shift[1], stars.half, psf)
            system = normal_equations(placed, data, weight)
        equations = system
        if sky is not None:
            equations = system.without_sky(*_sky_at(sky.image, placed))
        tolerance = ROUGH_TOLERANCE if rounds_left else TOLERANCE
        flux[placed.order] = equations.solve(flux[placed.order], tolerance)
        if rounds_left and seen is None:
            fluxes = np.array([flux[placed.order], absorbed_sky(system)])
            model, absorbed = lights_of(placed, fluxes, data.shape)
            seen = SeenSky.of(absorbed, weight, _sky_boxes(options))
        else:
            model = light_of(placed, flux[placed.order], data.shape)
        if seen is not None and rounds_left:
            residual = data - model
            sky = seen.whole_sky(residual, sky, weight)
            if free_shift:
                residual -= sky.level
                errors = options.shift_model_error, options.shift_outlier_sigma
                step = _next_step(shift, rigid_shift(residual, weight, model, *errors), options)
    sky_image = np.zeros(data.shape, np.float32) if sky is None else sky.image
    return _Solution(placed, system, flux, model, sky_image, shift)


def _sky_boxes(options: ForcedOptions) -> SkyBoxes:
    return SkyBoxes(options.sky_pixels, options.sky_level_pixels, options.min_box_pixels)


def _next_step(shift: FloatArray, step: tuple[float, float], options: ForcedOptions) -> FloatArray:
    """The step of the shift, or zero if the stars would move too far."""
    is_credible = np.abs(shift + step).max() <= options.max_shift_pixels
    return np.array(step) if is_credible else np.zeros(2)


def _sky_at(sky: FloatArray, placed: PlacedStars) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Value and slopes along x and y of the sky at the stars' pixels."""
    row, column = (
        np.clip(pixel, 1, side - 2)
        for pixel, side in zip((placed.row, placed.column), sky.shape, strict=True)
    )
    slope_x = (sky[row, column + 1] - sky[row, column - 1]) / 2
    slope_y = (sky[row + 1, column] - sky[row - 1, column]) / 2
    return sky[row, column], slope_x, slope_y


def merge_groups(x: FloatArray, y: FloatArray, radius: float) -> IntArray:
    """(n,) group numbers from 0; positions nearer than ``radius`` to another share its group.

    ``x, y`` (n,) and ``radius`` are in pixels.
    """
    tree = cKDTree(np.column_stack([x, y]), balanced_tree=False, compact_nodes=False)
    pairs = tree.query_pairs(radius, output_type="ndarray")
    links = coo_array((np.ones(len(pairs)), pairs.T), shape=(len(x), len(x)))
    return connected_components(links, directed=False)[1]


def _fraction(stars: ForcedStars, group: IntArray) -> FloatArray:
    """(n,) part of the group's flux that is each star's."""
    catalogues, catalogue = np.unique(stars.catalogue, return_inverse=True)
    family = group * len(catalogues) + catalogue
    return stars.share / np.bincount(family, stars.share)[family]


def is_sharp(
    left: WeightedImage,
    x: FloatArray,
    y: FloatArray,
    expected: FloatArray,
    options: ForcedOptions = ForcedOptions(),
) -> BoolArray:
    """(n,) whether the fit leaves much light in the central pixel of a star; false off the image.

    ``left`` is the WeightedImage of (ny, nx) pixels in ADU that the fit leaves; ``x, y`` (n,) are
    pixels, ``expected`` (n,) is what the star has in its central pixel, in ADU. A hot pixel,
    whatever its flux, leaves the same multiple of the PSF's central pixel.
    """
    residual, weight = left.data, left.weight
    row, column = np.round(y).astype(int), np.round(x).astype(int)
    inside = (row >= 0) & (row < residual.shape[0]) & (column >= 0) & (column < residual.shape[1])
    centre = np.where(inside, row, 0), np.where(inside, column, 0)
    excess = inside & (residual[centre] > options.sharp_excess * np.abs(expected))
    return excess & (residual[centre] * np.sqrt(weight[centre]) > options.sharp_sigma)
