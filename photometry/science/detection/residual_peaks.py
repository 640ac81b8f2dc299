"""Stars in the residual of a forced fit: its peaks, fitted with their neighbours."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import scipy  # its parts are imported when they are used: scipy.signal takes half a second
from scipy.spatial import cKDTree

from exposures.chip import MaskBit
from exposures.science.arrays import FloatArray, Index, IntArray, Shape
from exposures.science.quantities import (
    Fraction,
    HalfPixels,
    InFwhm,
    Margin,
    Options,
    Pixels,
    Ratio,
    Sigma,
    SourceCount,
)
from photometry.science.detection.matched_filter import (
    filtered,
    maxima,
    significance,
    summed_squares,
)
from photometry.science.detection.peak_fit import PeakFit, PeakLimits, Residual, fit_peaks
from photometry.science.forced.forced import SHARP, ForcedOptions, core_flags
from photometry.science.pixel_positions import PixelPositions
from photometry.science.psf.psf import ChipPsf

NO_FLUX = 1e-9  # ADU, for a peak that its fit found dark
# Of what a reference left over: the share of the threshold that a peak must exceed, and of the
# least distance from a listed star.
LEFT_OVER_PART, LEFT_OVER_SEPARATION = 0.9, 0.8
N_BESIDE = 8  # listed stars that may lie within a FWHM
SATURATION = MaskBit.SATURATED | MaskBit.BLEED


@dataclass(frozen=True)
class ResidualOptions(Options):
    """Criteria for peaks of a residual to be new stars."""

    threshold: Sigma = 6.0
    """Least significance of the flux of a new star, with the errors of neighbours and of the
    model."""
    model_error: Fraction = 0.01
    """Error of the PSF in the core of a neighbour, as a share of its light there."""
    wing_error: Fraction = 0.025
    """Error of the PSF in the wings of a neighbour, as a share of its light there."""
    core_fwhm: InFwhm = 1.0
    """Distance from a neighbour, in FWHM, up to which the error is that of the core."""
    wing_fwhm: InFwhm = 2.5
    """Distance from a neighbour, in FWHM, from which on the error is that of the wings."""
    wing_pixels: HalfPixels = 40
    """Distance from a star up to which the errors of its PSF are counted."""
    pixel_error: Fraction = 0.05
    """Error of the model in a pixel, as a share of it, that is allowed for in the rchi2 of a new
    star."""
    min_separation: Ratio = 0.5
    """Least distance from a listed star, in FWHM: what is nearer is that star's change."""
    min_displacement: Ratio = 0.09
    """Least displacement of a listed star's light, in FWHM: with less its position was wrong."""
    max_peaks: SourceCount = 5000
    """Largest number of peaks of the residual, the most significant, that are fitted on a chip."""
    edge_pixels: Margin = 5.0
    """Least distance of a new star from the edge: stars beyond the edge are not fitted."""
    peak_part: Fraction = 0.8
    """Share of the threshold, and of the model's error, that a peak must exceed to be fitted."""
    kernel_fwhm: InFwhm = 1.5
    """Half the side of the PSF with which peaks are found, in FWHM."""
    fit_fwhm: InFwhm = 2.0
    """Half the side of the square that is fitted round a peak, in FWHM."""
    max_move_pixels: Pixels = 1.5
    """Largest move of a star from its peak in the fit."""
    merge_pixels: Margin = 1.5
    """Distance between two new stars after the fit below which they are one."""
    max_rchi2: Ratio = 2.0
    """Largest rchi2 of a new star."""
    min_quality: Fraction = 0.75
    """Least share of a new star's PSF on usable pixels."""
    saturated_pixels: Margin = 16.0
    """Least distance of a new star from saturated pixels, round which the model is not that of a
    star."""
    left_over_threshold: Sigma = 3.0
    """Least significance of what a reference's own fit left over, which tells whether a new star
    was there already."""
    max_left_over: SourceCount = 40000
    """Largest number of these that are kept of a reference, the most significant."""


class ListedStars(NamedTuple):
    """The stars of a forced fit; arrays (n,)."""

    x: np.ndarray  # pixels
    y: np.ndarray
    flux: np.ndarray  # ADU; NaN where nothing was fitted, for want of usable pixels

    @property
    def positions(self) -> PixelPositions:
        """Where they are, as PixelPositions (n,)."""
        return PixelPositions(self.x, self.y)


@dataclass(frozen=True)
class NewStars:
    """Stars fitted to a residual with changes of their neighbours' fluxes; arrays (n,)."""

    x: np.ndarray  # pixels
    y: np.ndarray
    flux: np.ndarray  # ADU
    flux_err: np.ndarray  # ADU, neighbours and local sky free
    significance: np.ndarray  # of the flux, against its error and that of its neighbours' PSFs
    rchi2: np.ndarray  # PSF-weighted reduced chi2, the PSF's error allowed for
    fracflux: np.ndarray  # share of the light there that is the star's own
    quality: np.ndarray  # share of the PSF on usable pixels
    flags: np.ndarray  # int, mask bits of the 3 x 3 pixels, and SHARP
    star_distance: np.ndarray  # pixels to the nearest listed star
    displacement: np.ndarray  # FWHM by which it moves the light of a listed star, the least of all
    saturated_distance: np.ndarray  # pixels to the nearest saturated pixel

    def __len__(self) -> int:
        return len(self.x)

    def select(self, index: Index) -> "NewStars":
        """The selection by an index: indices (k,), or bool (n,)."""
        return NewStars(*(getattr(self, name)[index] for name in self.__dataclass_fields__))


def find_new_stars(
    residual: Residual,
    psf: ChipPsf,
    stars: ListedStars,
    options: ResidualOptions = ResidualOptions(),
    forced: ForcedOptions = ForcedOptions(),
) -> NewStars:
    """NewStars above the threshold, apart from the ListedStars ``stars`` of the fit, in ADU.

    ``forced`` are the options of that fit, which say what is too sharp for a star.

    The matched filter (e.g. Zackay & Ofek 2017, ApJ 836, 187) finds peaks, low ones among them:
    the neighbours of a star that is not listed have taken some of its light. Each is fitted with
    a position of its own, while the fluxes of listed neighbours and of other peaks may change.

    What a listed star's PSF took away wrongly is a fraction of its light at the place, alike in
    many pixels. So it is an error of the flux, which doesn't fall with the number of pixels; the
    errors of several neighbours have no sign in common and are added in quadrature.

    A listed star at a wrong place leaves a peak beside it on every image, mostly one that is two
    stars by truth. How far off it would have to be is the ``displacement`` of a peak.
    """
    variance = _model_variance(psf, stars, residual.data.shape, options)
    peaks = _peaks(residual, psf, variance, options)
    if len(peaks.x) == 0:
        return _nothing()
    fit = fit_peaks(residual, psf, stars.positions, peaks, _limits(options, forced))
    found = _described(residual, psf, stars, fit, variance)
    fwhm = psf.fwhm_at(found.x, found.y)
    ny, nx = residual.data.shape
    edge = np.min([found.x, found.y, nx - 1 - found.x, ny - 1 - found.y], axis=0)
    keep = (found.significance >= options.threshold) & (edge >= options.edge_pixels)
    keep &= found.star_distance >= options.min_separation * fwhm
    return _once(found.select(keep), options)


def find_left_over(
    residual: Residual,
    psf: ChipPsf,
    stars: ListedStars,
    options: ResidualOptions = ResidualOptions(),
    forced: ForcedOptions = ForcedOptions(),
) -> NewStars:
    """What a reference's own fit left over: NewStars, but down to ``left_over_threshold``.

    ``forced`` are the options of a forced fit, which say what is too sharp for a star.

    They are no stars each: most are noise. Where search images show a star, one tells how much of
    it the reference had. So they may be somewhat nearer to listed stars than new ones.
    """
    part = max(options.peak_part, LEFT_OVER_PART)
    lower = replace(
        options,
        threshold=options.left_over_threshold,
        max_peaks=options.max_left_over,
        min_separation=LEFT_OVER_SEPARATION * options.min_separation,
        peak_part=part,
    )
    return find_new_stars(residual, psf, stars, lower, forced)


def fit_at(
    residual: Residual,
    psf: ChipPsf,
    stars: PixelPositions,
    places: PixelPositions,
    options: ResidualOptions = ResidualOptions(),
    forced: ForcedOptions = ForcedOptions(),
) -> PeakFit:
    """The PeakFit of stars held at ``places`` (n,), while the fluxes of ``stars`` (m,) change.

    Fluxes are in ADU; of a star without a usable pixel the flux, its error, rchi2 and fracflux are
    NaN.
    """
    fit = fit_peaks(
        residual, psf, stars, places, _limits(options, forced)._replace(max_move_pixels=0.0)
    )
    unusable = fit.quality <= 0
    for column in (fit.flux, fit.flux_err, fit.rchi2, fit.fracflux):
        column[unusable] = np.nan
    return fit


def _nothing() -> NewStars:
    return NewStars(
        **{
            name: np.zeros(0, "i4" if name == "flags" else "f8")
            for name in NewStars.__dataclass_fields__
        }
    )


def _model_variance(
    psf: ChipPsf,
    stars: ListedStars,
    shape: Shape,
    options: ResidualOptions = ResidualOptions(),
) -> FloatArray:
    """(ny, nx) ADU^2, variance of spurious flux from errors of the PSFs of ``stars``.

    A star whose flux is NaN has no part in it. What a star of flux F gives to a matched filter at
    a distance is F times the PSF's autocorrelation there, 1 at none; of that, a fraction is wrong.
    """
    middle = _middle(shape)
    reach = options.wing_pixels
    stamp = psf.stamps(*middle, 2 * reach + 1)[0].astype("f8")
    overlap = scipy.signal.fftconvolve(stamp, stamp[::-1, ::-1], mode="same") / np.sum(stamp**2)
    side = np.arange(-reach, reach + 1)
    distance = np.hypot(side, side[:, None]) / psf.fwhm_at(*middle)[0]
    width = max(options.wing_fwhm - options.core_fwhm, 1e-6)
    in_wings = np.clip((distance - options.core_fwhm) / width, 0, 1)
    fraction = options.model_error + (options.wing_error - options.model_error) * in_wings
    return summed_squares(stars.x, stars.y, stars.flux, (fraction * overlap) ** 2, shape)


def _middle(shape: Shape) -> tuple[IntArray, IntArray]:
    return np.array([shape[1] // 2]), np.array([shape[0] // 2])


def _peaks(
    residual: Residual, psf: ChipPsf, variance: FloatArray, options: ResidualOptions
) -> PixelPositions:
    """The maxima of the residual's significance, highest first."""
    middle = _middle(residual.data.shape)
    half = round(options.kernel_fwhm * float(psf.fwhm_at(*middle)[0]))
    stamp = psf.stamps(*middle, 2 * half + 1)[0]
    part = options.peak_part
    signal, information = filtered(residual.data, residual.weight, stamp)
    image = significance(signal, information, part**2 * variance, residual.weight)
    x, y = maxima(image, part * options.threshold)
    first = slice(options.max_peaks)
    return PixelPositions(x[first].astype("f8"), y[first].astype("f8"))


def _limits(options: ResidualOptions, forced: ForcedOptions) -> PeakLimits:
    return PeakLimits(
        fit_fwhm=options.fit_fwhm,
        max_move_pixels=options.max_move_pixels,
        pixel_error=options.pixel_error,
        sharp_excess=forced.sharp_excess,
        sharp_sigma=forced.sharp_sigma,
    )


def _described(
    residual: Residual,
    psf: ChipPsf,
    stars: ListedStars,
    fit: PeakFit,
    variance: FloatArray,
) -> NewStars:
    """NewStars of a PeakFit, in the order of its peaks."""
    ny, nx = residual.data.shape
    inside = np.clip(fit.x, 0, nx - 1), np.clip(fit.y, 0, ny - 1)
    nearest = tuple(np.round(c).astype(int) for c in reversed(inside))
    return NewStars(
        x=fit.x,
        y=fit.y,
        flux=fit.flux,
        flux_err=fit.flux_err,
        significance=fit.flux / np.sqrt(fit.flux_err**2 + variance[nearest]),
        rchi2=fit.rchi2,
        fracflux=fit.fracflux,
        quality=fit.quality,
        flags=core_flags(residual.mask, *inside) | np.where(fit.is_sharp, SHARP, 0),
        star_distance=_distance(fit.x, fit.y, stars.positions),
        displacement=_displacement(fit, stars, psf.fwhm_at(*inside)),
        saturated_distance=_distance(fit.x, fit.y, _saturated(residual.mask)),
    )


def _displacement(fit: PeakFit, stars: ListedStars, fwhm: FloatArray) -> FloatArray:
    """(n,) distance, in FWHM, between a listed star and the centroid with a peak; the smallest.

    Infinite where no listed star lies within a FWHM.
    """
    if len(stars.x) == 0:
        return np.full(len(fit.x), np.inf)
    tree = cKDTree(np.column_stack(stars.positions), balanced_tree=False, compact_nodes=False)
    distance, star = tree.query(np.column_stack([fit.x, fit.y]), k=N_BESIDE)
    # What there is not, for want of stars, has the number after the last.
    light = np.append(np.maximum(np.nan_to_num(stars.flux), 0), 0)[star]
    own = np.maximum(fit.flux, NO_FLUX)[:, None]
    shift = np.where(distance < fwhm[:, None], distance, np.inf) * (own / (own + light))
    return np.min(shift, axis=1) / fwhm


def _saturated(mask: IntArray) -> PixelPositions:
    """The saturated pixels."""
    row, column = np.divmod(np.flatnonzero(mask & SATURATION), mask.shape[1])
    return PixelPositions(column, row)


def _distance(x: FloatArray, y: FloatArray, positions: PixelPositions) -> FloatArray:
    """(n,) pixels to the nearest of some positions; infinite without any."""
    if len(positions.x) == 0:
        return np.full(len(x), np.inf)
    tree = cKDTree(np.column_stack(positions), balanced_tree=False, compact_nodes=False)
    return tree.query(np.column_stack([x, y]))[0]


def _once(found: NewStars, options: ResidualOptions) -> NewStars:
    """The stars without those that converged onto a more significant one."""
    order = np.argsort(-found.significance, kind="stable")
    found = found.select(order)
    kept = np.ones(len(found), bool)
    tree = cKDTree(np.column_stack([found.x, found.y]))
    for i, j in sorted(tree.query_pairs(options.merge_pixels)):
        kept[j] &= not kept[i]
    return found.select(kept)
