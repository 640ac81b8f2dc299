"""Source detection by crowdsource's method, with the PSF fitted on the way.

The search is that of crowdsource (Schlafly et al. 2018, ApJS 234, 39): peaks of the significance
image become stars, all stars are fitted together with their shifts, the PSF is fitted anew, and
what they leave is searched again. Peaks, sizes of stamps and what is culled are crowdsource's own;
the fit is ours.
"""

from dataclasses import dataclass, field, replace
from typing import NamedTuple, Self

import numpy as np

from exposures.science.arrays import BoolArray, FloatArray, Index, IntArray
from exposures.science.quantities import (
    BoxFwhm,
    BoxPixels,
    Count,
    Fraction,
    HalfPixels,
    Margin,
    Options,
    Pixels,
    Ratio,
    Rounds,
    Sigma,
    SourceCount,
    WingSigma,
)
from exposures.science.registration import StarList
from photometry.science.detection.clean import CleanOptions, is_clean
from photometry.science.detection.fit_quality import fit_quality
from photometry.science.detection.fit_stamps import PixelRoom, Stamps
from photometry.science.detection.joint_fit import (
    ROUGH_TOLERANCE,
    TOLERANCE,
    JointFit,
    Sweeps,
    fit_jointly,
)
from photometry.science.detection.nebulae import is_curved_sky
from photometry.science.detection.peaks import (
    PeakImage,
    inverse_flux_errors,
    middle_stamp,
    near_stars,
    new_peaks,
    survivors,
)
from photometry.science.detection.psf_refit import refitted_psf
from photometry.science.psf.psf import ChipPsf, PsfOptions
from photometry.science.psf.psf_stars import brightest_everywhere
from photometry.science.psf.seeing import estimate_fwhm
from photometry.science.psf.stamps import evaluate
from photometry.science.sky.residual_sky import residual_sky

ROUGH_SWEEPS = 6  # over all stars at most, before the last iteration
NEBULA_PEAKS = 2000  # peaks at most that tell whether there are nebulae


@dataclass(frozen=True)
class DetectionOptions(Options):
    """How far the search for sources goes."""

    threshold: Sigma = 5.0
    """Least significance of a peak in the PSF-convolved image to be a source."""
    min_iterations: Rounds = 4
    """Least number of iterations of finding, fitting and subtracting stars."""
    max_iterations: Rounds = 8
    """Largest number of iterations of finding, fitting and subtracting stars."""
    few_new: Count = 100
    """Number of new sources in an iteration below which the search ends."""
    max_sources: SourceCount = 320_000
    """Number of sources on a chip beyond which no more are looked for."""
    n_sweeps: Rounds = 12
    """Number of sweeps over all stars in the joint fit of the last iteration, and the most in those
    before."""
    sky_box_pixels: BoxPixels = 20
    """Side of the boxes in which the sky that the stars leave is measured."""
    whole_iterations: Rounds = 2
    """Number of iterations at first in which no star is split and the sky is smooth."""
    smooth_sky_fwhm: BoxFwhm = 50.0
    """Side of the boxes of the smooth sky in the first iterations, in FWHM."""
    whole_blend: Ratio = 2.0
    """Height of a peak, in the known stars' light there, to be a new star in the first
    iterations."""
    blend: Ratio = 0.2
    """Height of a peak, in the known stars' light there, to be a new star in later iterations."""
    new_pixels: Margin = 1.5
    """Least distance of a peak from known stars: a nearer one is what a wrong position leaves."""
    max_step_pixels: Pixels = 1.0
    """Largest move of a star in one iteration."""
    wing_sigma: WingSigma = 0.05
    """Brightness, in the sky's noise in a pixel, at which a star's wings are cut."""
    min_half_pixels: HalfPixels = 7
    """Half the side of the smallest stamp in which a star is fitted."""
    max_half_pixels: HalfPixels = 74
    """Half the side of the largest stamp in which a star is fitted."""
    nebula_share: Fraction = 0.05
    """Share of the first peaks that are ridges or slopes of the sky, beyond which there are nebulae
    and such peaks are no stars; 1 for never: sources on filaments take up the sky where what a
    reference has beside its sources is not subtracted."""
    star_share: Fraction = 0.6
    """Least flux of a peak beside a curved sky, in its flux on a flat one, not to be a ridge or
    slope of the sky."""


@dataclass(frozen=True)
class Detections:
    """Sources found on a sky-subtracted image; fluxes in ADU, positions in pixels from 0."""

    x: np.ndarray  # (n,)
    y: np.ndarray
    flux: np.ndarray
    flux_err: np.ndarray  # ADU; ignores neighbours
    rchi2: np.ndarray  # PSF-weighted reduced chi2
    fracflux: np.ndarray  # share of the light in the stamp that is the source's own
    quality: np.ndarray  # share of the PSF on usable pixels
    flags: np.ndarray  # (n,) int, mask bits of the central pixel
    psf: ChipPsf
    model: np.ndarray  # (ny, nx) ADU: the sources and what was added to the sky
    # All that is seen at first sight, where sources were not searched for; None where they were.
    peaks: StarList | None = None

    def __len__(self) -> int:
        return len(self.x)

    @property
    def n_found(self) -> int:
        """The number of sources, or of what is seen at first sight where that is known."""
        return len(self) if self.peaks is None else len(self.peaks)

    def seen_as(self, peaks: StarList) -> Self:
        """The same with a StarList of (m,) peaks in pixels, the magnitudes with a zero point of 0.

        They tell what is on the image where the sources were only measured in known places.
        """
        return replace(self, peaks=peaks)

    def bright(self, min_significance: float, clean: CleanOptions = CleanOptions()) -> IntArray:
        """Indices (k,) of clean (CleanOptions) sources above ``min_significance``, in sigma."""
        is_bright = self.flux > min_significance * self.flux_err
        return np.flatnonzero(is_clean(self, clean) & is_bright)

    def as_stars(self, min_significance: float, clean: CleanOptions = CleanOptions()) -> StarList:
        """The StarList of ``measured_stars``, or the peaks where there are any.

        Those know nothing of a reference. Positions (n,) in pixels, a zero point of 0.
        """
        return self.measured_stars(min_significance, clean) if self.peaks is None else self.peaks

    def measured_stars(
        self, min_significance: float, clean: CleanOptions = CleanOptions()
    ) -> StarList:
        """All n sources as a StarList, in which those of ``bright`` are clean.

        Positions (n,) in pixels, magnitudes (n,) with a zero point of 0; NaN where no flux is
        positive.
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            mag = -2.5 * np.log10(np.where(self.flux > 0, self.flux, np.nan))
        is_clean = np.zeros(len(self), bool)
        is_clean[self.bright(min_significance, clean)] = True
        return StarList(self.x, self.y, mag, is_clean)

    def brightest(
        self, min_significance: float, n: int, clean: CleanOptions = CleanOptions()
    ) -> IntArray:
        """Indices (k,) of the ``n`` brightest sources of ``bright``, brightest first.

        For a match with a catalogue of few stars; ``min_significance`` is in sigma.
        """
        bright = self.bright(min_significance, clean)
        return bright[np.argsort(-self.flux[bright])[:n]]


@dataclass(frozen=True)
class _Field:
    """The image being searched; all (ny, nx)."""

    data: np.ndarray  # float32
    weight: np.ndarray  # float32, inverse variance
    mask: np.ndarray
    noise: float  # of a pixel, the median
    psf: ChipPsf | None = None  # where it is known; else it is fitted
    room: PixelRoom = field(default_factory=PixelRoom)  # for stamps

    def is_masked(self, x: FloatArray, y: FloatArray) -> BoolArray:
        """(n,) whether the pixels at positions have no weight."""
        return self.weight[np.round(y).astype(int), np.round(x).astype(int)] <= 0


@dataclass(frozen=True)
class _Stars:
    """The stars found so far; (n,)."""

    x: np.ndarray
    y: np.ndarray
    flux: np.ndarray  # 0 for new ones

    def __len__(self) -> int:
        return len(self.x)

    def select(self, index: Index) -> "_Stars":
        return _Stars(self.x[index], self.y[index], self.flux[index])

    def with_new(self, new: "_Stars") -> "_Stars":
        """Old and new stars sorted by row, as neighbours in memory are fitted faster."""
        columns = (np.append(getattr(self, c), getattr(new, c)) for c in ("x", "y", "flux"))
        both = _Stars(*columns)
        return both.select(np.argsort(np.round(both.y), kind="stable"))


class _Effort(NamedTuple):
    """How far the fit of an iteration goes."""

    sweeps: Sweeps
    fits_psf: bool  # whether the PSF is fitted anew, where it is not known

    @classmethod
    def of(cls, iteration: int, is_last: bool, options: DetectionOptions) -> Self:
        """That of a number of an iteration, from 0: less before the last.

        What one leaves of blends the next goes on with. The PSF is fitted in every second.
        """
        if is_last:
            return cls(Sweeps(options.n_sweeps, TOLERANCE), True)
        return cls(Sweeps(min(options.n_sweeps, ROUGH_SWEEPS), ROUGH_TOLERANCE), iteration % 2 == 0)


def find_sources(
    data: FloatArray,
    weight: FloatArray,
    mask: IntArray,
    fwhm_pixels: float,
    options: DetectionOptions = DetectionOptions(),
    psf: PsfOptions | ChipPsf = PsfOptions(),
) -> Detections:
    """Find the sources of a sky-subtracted image and fit its PSF: Detections.

    ``data`` (ny, nx) ADU, ``weight`` (ny, nx) inverse variance, ``mask`` (ny, nx) bits;
    ``fwhm_pixels`` is a guess, NaN where there is none. Pixels of weight 0 take no part. Where
    ``psf`` is a ChipPsf it is the image's own, and is not fitted.

    Raises ValueError if no pixel has weight.
    """
    if not np.any(weight > 0):
        raise ValueError("no pixel has weight")
    noise = 1 / np.sqrt(np.median(weight[weight > 0]))
    images = np.nan_to_num(data).astype(np.float32, copy=False), np.array(weight, "f4"), mask
    if isinstance(psf, ChipPsf):
        field, start = _Field(*images, noise, psf), psf
    else:
        field = _Field(*images, noise)
        measured = estimate_fwhm(field.data, field.weight, noise, psf)
        guess = next(f for f in (measured, fwhm_pixels, psf.default_fwhm_pixels) if np.isfinite(f))
        start = ChipPsf.round(guess, psf)
    stars, fitted, residual = _search(field, start, options)
    return _measured(field, stars, fitted, residual, options)


def _search(
    field: _Field, psf: ChipPsf, options: DetectionOptions
) -> tuple[_Stars, ChipPsf, FloatArray]:
    """Search for stars; returns them, the PSF, and the residual (ny, nx)."""
    stars, residual, has_nebulae = _Stars(*np.zeros((3, 0))), field.data, False
    errors, known_psf = None, None
    for iteration in range(options.max_iterations):
        sky = residual_sky(residual, field.weight, options.sky_box_pixels)
        if iteration > 0 and psf is not known_psf:
            errors = inverse_flux_errors(field.weight, middle_stamp(psf, field.weight.shape))
            known_psf = psf
        image = PeakImage(residual - sky, field.data - residual, field.weight, errors)
        new = _new_stars(image, stars, psf, options, iteration)
        if iteration == 0:
            has_nebulae = _has_nebulae(image, new, psf, options)
        if has_nebulae:
            new = new.select(~is_curved_sky(image, psf, new.x, new.y, options.star_share))
        stars = stars.with_new(new)
        is_last = iteration + 1 >= options.min_iterations and len(new) < options.few_new
        is_last |= iteration + 1 == options.max_iterations
        if iteration < options.whole_iterations:
            box = max(int(options.smooth_sky_fwhm * psf.fwhm[0]), 1)
            sky = residual_sky(residual, field.weight, box)
        effort = _Effort.of(iteration, is_last, options)
        stars, psf, residual = _improved(field, stars, psf, sky, options, effort)
        if is_last or len(stars) > options.max_sources:
            break
    return stars, psf, residual


def _new_stars(
    image: PeakImage, stars: _Stars, psf: ChipPsf, options: DetectionOptions, iteration: int
) -> _Stars:
    """New stars at peaks of the residual, except at known stars' positions."""
    x, y = new_peaks(
        image,
        psf,
        options.threshold,
        blend_threshold=_blend_threshold(options, iteration),
        keep_saturated=iteration == 0,
        taken=near_stars(stars.x, stars.y, options.new_pixels, image.weight.shape),
    )
    return _Stars(x, y, np.zeros(len(x)))


def _has_nebulae(image: PeakImage, peaks: _Stars, psf: ChipPsf, options: DetectionOptions) -> bool:
    """Whether many peaks are no stars but sky, by some of them, and beyond chance where few."""
    some = peaks.select(np.arange(0, len(peaks), len(peaks) // NEBULA_PEAKS + 1))
    is_sky = is_curved_sky(image, psf, some.x, some.y, options.star_share)
    by_chance = options.nebula_share * len(some)
    return bool(np.sum(is_sky) > by_chance + 2 * np.sqrt(by_chance))


def _blend_threshold(options: DetectionOptions, iteration: int) -> float:
    return options.whole_blend if iteration < options.whole_iterations else options.blend


def _improved(
    field: _Field,
    stars: _Stars,
    psf: ChipPsf,
    sky: FloatArray,
    options: DetectionOptions,
    effort: _Effort,
) -> tuple[_Stars, ChipPsf, FloatArray]:
    """Fit, move and cull stars, and fit the PSF to them; returns stars, PSF and residual."""
    data = field.data - sky
    stamps = _stamps(field, stars, psf, options)
    fit = fit_jointly(data, field.weight, stamps, stars.flux, effort.sweeps)
    better = psf
    if effort.fits_psf and field.psf is None:
        better = _refitted(field, stars, psf, fit)
    step = np.hypot(fit.dx, fit.dy)
    largest = options.max_step_pixels
    scale = np.where(step > largest, largest / np.maximum(step, largest), 1)
    ny, nx = data.shape
    moved = _Stars(
        np.clip(stars.x + scale * fit.dx, -0.499, nx - 0.501).astype("f4"),
        np.clip(stars.y + scale * fit.dy, -0.499, ny - 0.501).astype("f4"),
        fit.flux,
    )
    keep = survivors(moved.x, moved.y, moved.flux, fit.flux_err, options.threshold)
    residual = fit.residual
    residual += sky  # in its place: memory for another takes longer
    return moved.select(keep), better, residual


def _stamps(field: _Field, stars: _Stars, psf: ChipPsf, options: DetectionOptions) -> Stamps:
    """Stamps as large as the stars' wings matter; the largest if the peak is unknown."""
    peak = field.data[np.round(stars.y).astype(int), np.round(stars.x).astype(int)]
    profiles = psf.profiles(stars.x, stars.y)
    flux = np.maximum(stars.flux, peak / evaluate(profiles, 1)[:, 0, 0])
    level = options.wing_sigma * field.noise / np.maximum(flux, field.noise)
    half = np.maximum(np.ceil(psf.reach(stars.x, stars.y, level)), options.min_half_pixels)
    half[field.is_masked(stars.x, stars.y)] = options.max_half_pixels
    half = np.minimum(half, options.max_half_pixels)
    return Stamps.of(profiles, stars.x, stars.y, half.astype(int), field.room)


def _refitted(field: _Field, stars: _Stars, psf: ChipPsf, fit: JointFit) -> ChipPsf:
    """Fit the PSF to the brightest clean stars without neighbours; unchanged if too few."""
    chosen = brightest_everywhere(stars.x, stars.y, fit.flux, field.data.shape)
    chosen = chosen[: psf.options.candidates_a_star * psf.options.n_stars]
    images = field.data, field.weight
    return refitted_psf(images, (stars.x, stars.y), psf, fit, chosen)[0]


def _measured(
    field: _Field, stars: _Stars, psf: ChipPsf, residual: FloatArray, options: DetectionOptions
) -> Detections:
    """Measure stars at fixed positions as Detections."""
    sky = residual_sky(residual, field.weight, options.sky_box_pixels)
    data = field.data - sky
    stamps = _stamps(field, stars, psf, options)
    sweeps = Sweeps(options.n_sweeps, shifts=False)
    fit = fit_jointly(data, field.weight, stamps, stars.flux, sweeps)
    figures = fit_quality(data, field.weight, stamps, fit)
    known = np.isfinite(figures.flux_err)
    x, y = stars.x[known], stars.y[known]
    return Detections(
        x=x,
        y=y,
        flux=fit.flux[known],
        flux_err=figures.flux_err[known],
        rchi2=figures.rchi2[known],
        fracflux=figures.fracflux[known],
        quality=figures.quality[known],
        flags=field.mask[np.round(y).astype(int), np.round(x).astype(int)].astype("i4"),
        psf=psf,
        model=field.data - fit.residual,
    )
