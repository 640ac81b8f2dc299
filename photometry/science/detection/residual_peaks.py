"""Stars in the residual of a forced fit: its peaks, fitted with their neighbours."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial import cKDTree

from exposures.chip import MaskBit
from exposures.science.arrays import BoolArray, FloatArray, Index, IntArray
from photometry.science.detection.peak_fit import PeakFit, PeakLimits, Residual, fit_peaks
from photometry.science.detection.peak_image import ListedStars, PeakImage
from photometry.science.detection.residual_options import ResidualOptions
from photometry.science.forced.forced import SHARP, ForcedOptions
from photometry.science.forced.forced_quality import core_flags
from photometry.science.pixel_positions import PixelPositions
from photometry.science.psf.psf import ChipPsf

NO_HOPE = 0.9  # of the threshold, below which a peak after one step does not reach it any more
NO_FLUX = 1e-9  # ADU, for a peak that its fit found dark
# Distance from a star that is taken away, in FWHM beyond the square that is fitted, from which on
# it is no neighbour, and its light is nothing in the filtered image.
REACH = 1.0
SAME_PEAK = 1.0  # pixels, within which a peak is the same before and after
# Of what a reference left over: the share of the least distance from a listed star, and the
# significance below which a second step would tell no better place.
LEFT_OVER_SEPARATION, LEFT_OVER_SIGMA = 0.8, 3.0
N_BESIDE = 8  # listed stars that may lie within a FWHM
SATURATION = MaskBit.SATURATED | MaskBit.BLEED


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
    Then the bright stars at peaks are taken away, as in CLEAN (Hogbom 1974, A&AS 15, 417), and what
    they had on their slopes, and the fainter peaks, are fitted beside them.

    What a listed star's PSF took away wrongly is a fraction of its light at the place, alike in
    many pixels. So it is an error of the flux, which doesn't fall with the number of pixels; the
    errors of several neighbours have no sign in common and are added in quadrature. How large they
    are on this image, the pixels beside bright stars tell that are darker than the model.

    A listed star at a wrong place leaves a peak beside it on every image, mostly one that is two
    stars by truth. How far off it would have to be is the ``displacement`` of a peak.
    """
    return _find(residual, psf, stars, options, _limits(options, forced))


def _find(
    residual: Residual,
    psf: ChipPsf,
    stars: ListedStars,
    options: ResidualOptions,
    limits: PeakLimits,
) -> NewStars:
    """See ``find_new_stars``; fluxes in ADU."""
    image = PeakImage.of(residual, psf, stars, options)
    peaks, height = image.peaks(options)
    # What hides others is fitted first, so that each of these is fitted but once.
    bright, faint = _split(peaks, height >= max(options.hiding_sigma, options.threshold))
    fit = fit_peaks(residual, psf, _joined(stars.positions, faint), bright, limits)
    variance = image.variance_at(fit.x, fit.y)
    hiding = _hiding(fit, options)
    if len(hiding.x) > 0:
        image.take_away(hiding, psf, options)
        now, _ = image.peaks(options)
        peaks = _joined(now, _split(faint, _distance(*faint, now) > SAME_PEAK)[0])
    peaks, others = _to_be_fitted(peaks, bright, hiding, psf, options)
    if len(peaks.x) > 0:
        neighbours = _joined(stars.positions, hiding.positions, others)
        hidden = fit_peaks(residual, psf, neighbours, peaks, limits)
        variance = np.append(variance, image.variance_at(hidden.x, hidden.y))
        fit = fit.followed_by(hidden)
    if len(fit.x) == 0:
        return _nothing()
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
    lower = replace(
        options,
        threshold=options.left_over_threshold,
        max_peaks=options.max_left_over,
        min_separation=LEFT_OVER_SEPARATION * options.min_separation,
        least_error_share=1.0,
    )
    limits = _limits(lower, forced)._replace(least_sigma=LEFT_OVER_SIGMA)
    return _find(residual, psf, stars, lower, limits)


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


def _hiding(fit: PeakFit, options: ResidualOptions) -> ListedStars:
    """The stars at peaks that may hide others, one in a place."""
    sigma = fit.flux / fit.flux_err
    chosen = np.flatnonzero(sigma >= options.hiding_sigma)
    places = PixelPositions(fit.x[chosen], fit.y[chosen])
    chosen = chosen[_first_of_each_place(places, sigma[chosen], options.merge_pixels)]
    return ListedStars(fit.x[chosen], fit.y[chosen], fit.flux[chosen])


def _joined(*places: PixelPositions) -> PixelPositions:
    x, y = (np.concatenate(columns) for columns in zip(*places, strict=True))
    return PixelPositions(x, y)


def _split(places: PixelPositions, chosen: BoolArray) -> tuple[PixelPositions, PixelPositions]:
    """The ``chosen`` ones (n,) of n places, and the others."""
    first, second = (PixelPositions(*(c[k] for c in places)) for k in (chosen, ~chosen))
    return first, second


def _to_be_fitted(
    peaks: PixelPositions,
    fitted: PixelPositions,
    hiding: ListedStars,
    psf: ChipPsf,
    options: ResidualOptions,
) -> tuple[PixelPositions, PixelPositions]:
    """The ``peaks`` that are to be fitted when stars of ``hiding`` were taken away, and the others.

    The others were ``fitted`` before, and are near none of these stars. In neither is the rest of
    one of them.
    """
    peaks, _ = _split(peaks, _distance(*peaks, hiding.positions) > options.merge_pixels)
    distance = _distance(*peaks, hiding.positions)
    is_near = distance <= (options.fit_fwhm + REACH) * psf.fwhm_at(*peaks)
    return _split(peaks, is_near | (_distance(*peaks, fitted) > SAME_PEAK))


def _limits(options: ResidualOptions, forced: ForcedOptions) -> PeakLimits:
    return PeakLimits(
        fit_fwhm=options.fit_fwhm,
        max_move_pixels=options.max_move_pixels,
        least_sigma=NO_HOPE * options.threshold,
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
    """NewStars of a PeakFit, in the order of its peaks; ``variance`` (n,) is the model's."""
    ny, nx = residual.data.shape
    inside = np.clip(fit.x, 0, nx - 1), np.clip(fit.y, 0, ny - 1)
    star_distance, displacement = _listed_beside(fit, stars, psf.fwhm_at(*inside))
    return NewStars(
        x=fit.x,
        y=fit.y,
        flux=fit.flux,
        flux_err=fit.flux_err,
        significance=fit.flux / np.sqrt(fit.flux_err**2 + variance),
        rchi2=fit.rchi2,
        fracflux=fit.fracflux,
        quality=fit.quality,
        flags=core_flags(residual.mask, *inside) | np.where(fit.is_sharp, SHARP, 0),
        star_distance=star_distance,
        displacement=displacement,
        saturated_distance=_distance(fit.x, fit.y, _saturated(residual.mask)),
    )


def _listed_beside(
    fit: PeakFit, stars: ListedStars, fwhm: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """(n,) pixels to the nearest listed star, and (n,) displacement of a listed star, in FWHM.

    The latter is the distance between the star and the centroid with a peak; the smallest.
    Infinite where no listed star lies within a FWHM.
    """
    if len(stars.x) == 0:
        return np.full(len(fit.x), np.inf), np.full(len(fit.x), np.inf)
    tree = cKDTree(np.column_stack(stars.positions), balanced_tree=False, compact_nodes=False)
    distance, star = tree.query(np.column_stack([fit.x, fit.y]), k=N_BESIDE)
    # What there is not, for want of stars, has the number after the last.
    light = np.append(np.maximum(np.nan_to_num(stars.flux), 0), 0)[star]
    own = np.maximum(fit.flux, NO_FLUX)[:, None]
    shift = np.where(distance < fwhm[:, None], distance, np.inf) * (own / (own + light))
    return distance[:, 0], np.min(shift, axis=1) / fwhm


def _saturated(mask: IntArray) -> PixelPositions:
    """The saturated pixels."""
    row, column = np.divmod(np.flatnonzero(mask & np.uint8(SATURATION)), mask.shape[1])
    return PixelPositions(column, row)


def _distance(x: FloatArray, y: FloatArray, positions: PixelPositions) -> FloatArray:
    """(n,) pixels to the nearest of some positions; infinite without any."""
    if len(positions.x) == 0:
        return np.full(len(x), np.inf)
    tree = cKDTree(np.column_stack(positions), balanced_tree=False, compact_nodes=False)
    return tree.query(np.column_stack([x, y]))[0]


def _once(found: NewStars, options: ResidualOptions) -> NewStars:
    """The stars without those that converged onto a more significant one."""
    places = PixelPositions(found.x, found.y)
    return found.select(_first_of_each_place(places, found.significance, options.merge_pixels))


def _first_of_each_place(
    places: PixelPositions, significance: FloatArray, radius: float
) -> IntArray:
    """Indices of the most significant of those nearer than a radius, by significance."""
    order = np.argsort(-significance, kind="stable")
    kept = np.ones(len(order), bool)
    tree = cKDTree(np.column_stack(places)[order])
    for i, j in sorted(tree.query_pairs(radius)):
        kept[j] &= not kept[i]
    return order[kept]
