"""Sources that differ significantly from the reference, and the cuts that they fail."""

from dataclasses import dataclass, field

import numpy as np
from scipy.spatial import cKDTree

from exposures.chip import MaskBit
from exposures.science.arrays import BoolArray, FloatArray, IntArray
from exposures.science.quantities import (
    Arcseconds,
    Count,
    Fraction,
    InFwhm,
    Margin,
    Options,
    Parts,
    Ratio,
    Sigma,
    Switch,
)
from photometry.science.bright_stars.wings import IN_WINGS
from photometry.science.calibration.calibration import MAG_PER_LN
from photometry.science.forced.forced import SHARP
from variables.science.close_pairs import NO_PAIRS, has_traded
from variables.science.extended_objects import (
    has_traded_within,
    light_of_objects,
    only_most_significant,
)


@dataclass(frozen=True)
class SelectionOptions(Options):
    """The threshold of a change, and the limits of the cuts."""

    threshold_sigma: Sigma = 15.0
    """Least significance of a difference from the reference that is called a change."""
    in_flux: Switch = True
    """Whether changes are tested in flux; else in magnitudes, as in the survey's first years."""
    max_rchi2_ratio: Ratio = 3.0
    """Largest rchi2 of a source, over the running median of rchi2 for sources as bright."""
    max_misfit: Ratio = 0.15
    """Largest misfit of the PSF over the size of the change; a source fails the cut where it is
    beyond both this and max_rchi2_ratio."""
    min_quality: Fraction = 0.75
    """Least share of a source's PSF that must lie on usable pixels."""
    min_fracflux: Fraction = 0.2
    """Least share of the stamp's light that must be the source's own, when it is brightest."""
    max_fracflux: Ratio = 1.2
    """Largest share of the stamp's light that may be the source's own, where it is faint_sigma;
    above 1 the fit gave neighbours negative flux."""
    saturated_pixels: Margin = 8.0
    """Distance from a saturated star within which its wings, unlike the PSF's, are distrusted; what
    lies farther out in the wings of a bright one is flagged when it is measured."""
    max_wing_misfit: Ratio = 0.06
    """Largest misfit of the PSF, over the significance of the change, of a source farther out in
    the wings of a bright star; light that has no star's shape leaves more."""
    edge_pixels: Margin = 3.0
    """Distance from the edge within which stars beyond it, which are not fitted, spill over."""
    unlisted_fwhm: InFwhm = 2.0
    """Distance from the reference's edge, in FWHM of the wider of the two images, within which they
    do where the image goes on beyond it."""
    pair_fwhm: InFwhm = 1.0
    """Distance between sources, in FWHM of the wider of the two images, within which a fit may
    trade flux between them, so that changes are tested by the sum of their fluxes, too."""
    min_sum_share: Fraction = 0.5
    """Least change of the sum, as a share of threshold_sigma, in the error of the source's own
    change; below it the change fails a cut. With 0 none does."""
    extended_arcsec: Arcseconds = 2.0
    """Distance between members of an extended source, within which they are one object: one of them
    changes, and only if the sum of all does."""
    extended_error: Fraction = 0.01
    """Error of this sum, as a share of it: point sources have more or less of a galaxy's light as
    the seeing changes."""
    faint_sigma: Sigma = 5.0
    """Significance below which light is hardly a star's: a mean of a reference set so faint is
    tested in flux, too, and its share of the light tells nothing."""
    usual_bins: Parts = 20
    """Largest number of bins of brightness for the running median of rchi2."""
    usual_bin_sources: Count = 15
    """Least number of sources in each bin of brightness for the running median of rchi2."""


@dataclass(frozen=True)
class Photometry:
    """The same sources on one image; arrays (n,)."""

    mag: np.ndarray  # NaN where the flux is not positive
    mag_err: np.ndarray
    flux: np.ndarray  # ADU
    flux_err: np.ndarray
    rchi2: np.ndarray
    fracflux: np.ndarray
    quality: np.ndarray
    flags: np.ndarray  # MaskBit
    edge_distance: np.ndarray  # pixels
    saturated_distance: np.ndarray  # pixels to the nearest other source that is saturated
    # (k, 2) indices of sources that may trade flux
    close_pairs: np.ndarray = field(default_factory=lambda: NO_PAIRS)
    # (k, 2) for each member of an extended source the index of its brightest, and its own
    members: np.ndarray = field(default_factory=lambda: NO_PAIRS)

    def __len__(self) -> int:
        return len(self.mag)


@dataclass(frozen=True)
class Changes:
    """Significant differences; arrays (m,), one for each selected source."""

    index: np.ndarray  # into the sources given
    vanished: np.ndarray  # bool: no positive flux where the reference predicts a detection
    delta_mag: np.ndarray  # search minus reference; NaN where vanished
    delta_mag_err: np.ndarray
    significance: np.ndarray  # absolute change in sigma, of magnitude or, where vanished, flux
    failed_cuts: np.ndarray  # bits, see CUTS; 0 passes all

    def __len__(self) -> int:
        return len(self.index)


# Names of the cuts in the order of their bits.
CUTS = (
    "search_rchi2",
    "reference_rchi2",
    "masked",
    "edge",
    "blended",
    "saturated",
    "sharp",
    "near_saturated",
    "doubted_image",  # said of the image as a whole, not of a source
    "traded",
)


def select_changes(
    search: Photometry,
    reference: Photometry,
    expected_flux: FloatArray,
    flux_err: FloatArray,
    options: SelectionOptions = SelectionOptions(),
    in_flux: BoolArray | None = None,
) -> Changes:
    """Changes between ``search`` and ``reference`` Photometry of the same sources.

    The change is in flux, against ``expected_flux`` (n,) ADU, with ``flux_err`` (n,) ADU the errors
    of the search image's and those of the reference: the error of a magnitude explodes as a star
    fades. Without the option ``in_flux`` it is in magnitudes where there is flux; those with
    ``in_flux`` (n,) are then tested both ways, as the reference may have hardly any light of them.
    A cut never removes a change: what fails one is recorded as failing it. The close pairs and the
    members of extended sources are those of ``search``. An extended source is one object, which
    has one change at most, at the member with the most significant one.

    Gives Changes of m of the n sources; where the significance is NaN there is no change.
    """
    delta = search.mag - reference.mag
    delta_err = np.hypot(search.mag_err, reference.mag_err)
    vanished = ~(search.flux > 0) & (search.quality > 0)
    error = np.hypot(flux_err, expected_flux * reference.mag_err / MAG_PER_LN)
    with np.errstate(invalid="ignore"):
        # A star loses at most all its light: what is below zero is not the star's.
        significance = np.abs(np.maximum(search.flux, 0) - expected_flux) / error
        if not options.in_flux:
            by_mag = np.where(vanished, significance, np.abs(delta) / delta_err)
            both = np.zeros(len(delta), bool) if in_flux is None else in_flux
            significance = np.where(both, np.fmax(significance, by_mag), by_mag)
        significance = only_most_significant(search.members, significance)
        index = np.flatnonzero(significance > options.threshold_sigma)
    failed = failed_cuts(search, reference, expected_flux, error, options)
    return Changes(
        index=index,
        vanished=vanished[index],
        delta_mag=delta[index],
        delta_mag_err=delta_err[index],
        significance=significance[index],
        failed_cuts=failed[index],
    )


def failed_cuts(
    search: Photometry,
    reference: Photometry,
    expected_flux: FloatArray,
    error: FloatArray,
    options: SelectionOptions = SelectionOptions(),
) -> IntArray:
    """(n,) int16 bits of the cuts that each source fails on either image.

    ``search`` and ``reference`` are Photometry of the same n sources; ``expected_flux`` (n,) ADU is
    what the reference predicts on the search image, ``error`` (n,) ADU that of the difference. What
    is NaN fails no cut but that of rchi2.
    """
    both = (search, reference)
    flux_ratio = search.flux / expected_flux
    change = search.flux - expected_flux
    change_in_search = np.abs(1 - 1 / np.where(flux_ratio == 0, np.nan, flux_ratio))
    fails = {
        "search_rchi2": misses_the_psf(search, change_in_search, options),
        "reference_rchi2": misses_the_psf(reference, np.abs(1 - flux_ratio), options),
        "masked": np.any([p.quality < options.min_quality for p in both], axis=0),
        "edge": np.any([p.edge_distance < options.edge_pixels for p in both], axis=0),
        "blended": np.all([p.fracflux < options.min_fracflux for p in both], axis=0)
        | np.any([takes_neighbours_light(p, options) for p in both], axis=0),
        "saturated": np.any([(p.flags & SATURATION) != 0 for p in both], axis=0),
        "sharp": np.any([(p.flags & SHARP) != 0 for p in both], axis=0),
        "near_saturated": near_saturated(both, np.abs(change) / error, options),
        "traded": trades_flux(search, change, expected_flux, error, options),
    }
    return sum(failed.astype("i2") << CUTS.index(name) for name, failed in fails.items())


def trades_flux(
    search: Photometry,
    change: FloatArray,
    expected_flux: FloatArray,
    error: FloatArray,
    options: SelectionOptions,
) -> BoolArray:
    """(n,) whether a source's neighbours, or the others of its extended source, took its change.

    All (n,) in ADU: ``change`` is what the flux on the search image differs from the one expected,
    ``error`` is that of the difference.
    """
    least_sigma = options.min_sum_share * options.threshold_sigma
    in_pairs = has_traded(search.close_pairs, change, least_sigma * error)
    own_error = options.extended_error * light_of_objects(search.members, expected_flux)
    least_sum = least_sigma * np.hypot(error, own_error)
    within = has_traded_within(search.members, change, least_sum)
    in_pairs[search.members[:, 1]] = False
    return in_pairs | within


def takes_neighbours_light(photometry: Photometry, options: SelectionOptions) -> BoolArray:
    """(n,) whether a fit gave sources more light than there is, and their neighbours less than 0.

    Of a star that vanished both its flux and the light there are noise, and so is their ratio.
    """
    is_there = photometry.flux > options.faint_sigma * photometry.flux_err
    return is_there & (photometry.fracflux > options.max_fracflux)


def near_saturated(
    both: tuple[Photometry, Photometry], significance: FloatArray, options: SelectionOptions
) -> BoolArray:
    """(n,) whether a saturated star's light may have made the change of sources near it.

    ``both`` are Photometry of the n sources on the search image and on the reference, and
    ``significance`` (n,) those of their changes, in sigma. Near its core any change is doubted; in
    its wings those that leave a misfit behind. What a star loses or gains has the PSF's shape, and
    the root of rchi2 stays at 1 however large the change; of smooth light, or a spike, it grows
    with what the fit takes for the star's.
    """
    is_close = np.any([p.saturated_distance < options.saturated_pixels for p in both], axis=0)
    is_in_wings = np.any([(p.flags & IN_WINGS) != 0 for p in both], axis=0)
    with np.errstate(invalid="ignore"):
        stands_out = np.sqrt(both[0].rchi2) <= options.max_wing_misfit * significance
    return is_close | (is_in_wings & ~stands_out)


SATURATION = MaskBit.SATURATED | MaskBit.BLEED


def distance_to_saturated(
    x: FloatArray, y: FloatArray, flags: IntArray, reach: float = np.inf
) -> FloatArray:
    """(n,) pixels from each source to the nearest other one that is saturated; may be infinite.

    ``x, y`` (n,) are pixels, ``flags`` (n,) bits of MaskBit. Where none is nearer than ``reach``,
    pixels, it is infinite.
    """
    saturated = np.flatnonzero((flags & SATURATION) != 0)
    if len(saturated) == 0:
        return np.full(len(x), np.inf)
    places = np.column_stack([x, y])
    tree = cKDTree(places[saturated])
    distance: FloatArray = tree.query(places, distance_upper_bound=reach)[0]
    # The nearest to a saturated source is itself.
    others = tree.query(places[saturated], k=2, distance_upper_bound=reach)[0]
    distance[saturated] = others[:, 1]
    return distance


def misses_the_psf(
    photometry: Photometry,
    relative_change: FloatArray,
    options: SelectionOptions = SelectionOptions(),
) -> BoolArray:
    """(n,) whether a source's misfit to the PSF is large enough to have made its change.

    ``relative_change`` (n,) is the change over the flux on this image, a ratio. That takes two
    things. The fit is worse than ``max_rchi2_ratio`` times the running median of sources as bright
    on this image: with a fitted PSF bright stars have a large rchi2 without being wrong. And the
    misfit, the root of rchi2, is more than ``max_misfit`` of the change in units of the flux's
    error: a star whose position the reference knew only roughly, because it was faint there, flares
    with a large rchi2, but what is left over is small against the flare. A cosmic ray, a hot pixel
    or a streak is nothing but misfit. True where rchi2 is NaN.
    """
    mag, rchi2 = photometry.mag, photometry.rchi2
    mag = np.where(np.isfinite(mag), mag, np.nanmax(mag, initial=-np.inf))
    bins = options.usual_bins, options.usual_bin_sources
    usual = np.maximum(running_median(mag, rchi2, *bins), 1.0)
    change_sigma = relative_change * np.abs(photometry.flux) / photometry.flux_err
    with np.errstate(invalid="ignore"):
        is_small = np.sqrt(rchi2) <= options.max_misfit * change_sigma
    return ~((rchi2 <= options.max_rchi2_ratio * usual) | is_small)


def running_median(
    x: FloatArray, values: FloatArray, n_bins: int = 20, min_bin: int = 15
) -> FloatArray:
    """(n,) median of ``values`` among points of similar ``x``, interpolated between bins.

    Both (n,) in any units. Bins hold equal numbers of points, at least ``min_bin``; NaN are left
    out. All are NaN where no point has both; where ``x`` is NaN, so is the median.
    """
    good = np.isfinite(x) & np.isfinite(values)
    if not good.any():
        return np.full(len(x), np.nan)
    order = np.argsort(x[good])
    parts = np.array_split(order, max(1, min(n_bins, good.sum() // min_bin)))
    centres = [np.median(x[good][part]) for part in parts]
    medians = [np.median(values[good][part]) for part in parts]
    return np.interp(x, centres, medians)
