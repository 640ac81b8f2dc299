"""Which of several stars changed, by the place of the change: odds, and what speaks against."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntFlag

import numpy as np
from scipy.special import ndtr

from exposures.science.arrays import FloatArray
from exposures.science.quantities import (
    Few,
    Fraction,
    InFwhm,
    Margin,
    Options,
    Ratio,
    Sigma,
)
from variables.science.change_position import (
    ChangePosition,
    Differences,
    ForcedChanges,
    dipole_falls,
    forced_changes,
    free_change,
    significance_on_grid,
)
from variables.science.change_stamps import ChangeStamp

VERSION = 1  # of the fit; places by another one are fitted again
POSITION_ERROR = 0.6  # FWHM over the significance of a star, of its place against the sky's noise
LEAST_CHANCE = 1e-3  # of a star to have faded by more than its light, which may be wrong


@dataclass(frozen=True)
class ChangedStarOptions(Options):
    """Which star near a candidate it is that changes, by the place of the change."""

    radius_fwhm: InFwhm = 2.5
    """Radius round a candidate in which stars are asked for, in FWHM of the wider PSF."""
    min_sigma: Sigma = 5.0
    """Significance from which an image's change tells of the place."""
    max_epochs: Few = 8
    """Largest number of images that are fitted together, those of the most significant changes."""
    position_floor_pixels: Margin = 0.02
    """Error of a change's place that is added for what the images' registration leaves."""
    position_floor_fwhm: Ratio = 0.005
    """The same in FWHM of the wider PSF, for what PSF and kernel leave."""
    tail_share: Fraction = 0.03
    """Share of places that are farther off than their errors say."""
    tail_factor: Ratio = 4.0
    """How much larger the errors of those are."""
    unlisted_share: Fraction = 0.05
    """Share of changes that are of no star of the list, before the place is looked at."""
    unsure_light: Fraction = 0.3
    """Error of a star's light, in its light, where it is asked whether so much can have faded."""
    second_sigma: Sigma = 6.0
    """Significance from which what a change leaves on an image is called a second one."""
    second_share: Fraction = 0.15
    """The least that a second change must be, in the first one's significance."""
    max_masked: Fraction = 0.2
    """Share of the PSF on masked pixels beyond which a place is not to be trusted."""


class Doubt(IntFlag):
    """Why the odds of a candidate's stars are not to be trusted."""

    ONE_EPOCH = 1  # a single image tells
    MASKED = 2  # much of the change is on masked pixels
    SECOND = 4  # another star changes as well
    MOVES = 8  # a star left its place, rather than that one changed
    EDGE = 16  # the change is at the edge of where it was looked for
    FAINT = 32  # no place can be told


@dataclass(frozen=True)
class NearbyStars:
    """Stars of the list near a candidate, itself the first."""

    x: np.ndarray  # (n,) pixels from the middle of the stamps
    y: np.ndarray  # (n,)
    flux: np.ndarray  # (n,) ADU on the reference; NaN where unknown
    flux_err: np.ndarray  # (n,) ADU


@dataclass(frozen=True)
class ChangedStar:
    """The place of a change, and the odds of each star to be the one that changed."""

    position: ChangePosition | None  # None where FAINT; its covariance is that of the noise
    covariance: np.ndarray  # (2, 2) pixels^2, with the floors; NaN where FAINT
    odds: np.ndarray  # (n,) of the stars; with ``odds_of_none`` they add up to 1
    odds_of_none: float
    forced: ForcedChanges  # at the stars
    significance: float  # sigma, on all images together; 0 without a place
    doubts: Doubt
    n_epochs: int


def most_significant(
    stamps: dict[int, ChangeStamp], options: ChangedStarOptions = ChangedStarOptions()
) -> dict[int, ChangeStamp]:
    """Of ChangeStamps by image (n, n) ADU, those that are fitted: the most significant few."""
    best = sorted(stamps, key=lambda one: (-stamps[one].sigma, one))[: options.max_epochs]
    return {one: stamps[one] for one in sorted(best)}


def changed_star(
    stamps: Sequence[ChangeStamp],
    stars: NearbyStars,
    fwhm_pixels: float,
    options: ChangedStarOptions = ChangedStarOptions(),
) -> ChangedStar:
    """The ChangedStar of NearbyStars, by ChangeStamps (n, n) ADU of one place.

    ``fwhm_pixels`` is that of the widest PSF. The odds are posterior probabilities:
    each star's place is a Gaussian round the free place of the change, with the errors of both and
    for some share of changes with larger ones; a change of no star of the list may be anywhere
    within the radius. Before the place is known one star is as likely as another, since what is
    known of the neighbours' own light curves comes from the same pixels; but none can fade by more
    than its light.
    """
    differences = Differences(stamps)
    forced = forced_changes(differences, stars.x, stars.y)
    radius = _radius(differences, fwhm_pixels, options)
    starts = np.column_stack([stars.x, stars.y])
    position = free_change(differences, starts, radius, fwhm_pixels)
    n_epochs = len(stamps)
    if position is None or _significance(position) < options.min_sigma:
        return _untold(stars, forced, position, n_epochs, options)
    floor = np.hypot(options.position_floor_pixels, options.position_floor_fwhm * fwhm_pixels)
    covariance = position.covariance + floor**2 * np.eye(2)
    star_errors = POSITION_ERROR * fwhm_pixels * stars.flux_err / np.maximum(stars.flux, 1e-9)
    star_errors = np.clip(np.nan_to_num(star_errors, nan=0), 0, fwhm_pixels / 4)
    off = starts - (position.x, position.y)
    likelihood = _densities(off, covariance, star_errors, options)
    likelihood = likelihood * _may_have_faded(stars, forced, options)
    share = options.unlisted_share
    terms = np.append((1 - share) / len(off) * likelihood, share / (np.pi * radius**2))
    odds = terms / terms.sum()
    doubts = _doubts(differences, position, starts, radius, options)
    if np.hypot(position.x, position.y) > radius - fwhm_pixels / 4:
        doubts |= Doubt.EDGE
    return ChangedStar(
        position,
        covariance,
        odds[:-1],
        float(odds[-1]),
        forced,
        _significance(position),
        doubts,
        n_epochs,
    )


def _radius(differences: Differences, fwhm_pixels: float, options: ChangedStarOptions) -> float:
    """Pixels round the middle in which a place is looked for, with its PSF on the stamps."""
    room = differences.side // 2 - fwhm_pixels
    return float(min(options.radius_fwhm * fwhm_pixels, max(room, fwhm_pixels)))


def _significance(position: ChangePosition) -> float:
    return float(np.sqrt(np.sum((position.flux / position.flux_err) ** 2)))


def _untold(
    stars: NearbyStars,
    forced: ForcedChanges,
    position: ChangePosition | None,
    n_epochs: int,
    options: ChangedStarOptions,
) -> ChangedStar:
    """Odds as they are before a place is known."""
    n = len(stars.x)
    odds = np.full(n, (1 - options.unlisted_share) / n)
    nothing = np.full((2, 2), np.nan)
    doubts = Doubt.FAINT | (Doubt.ONE_EPOCH if n_epochs == 1 else Doubt(0))
    sigma = 0.0 if position is None else _significance(position)
    return ChangedStar(None, nothing, odds, options.unlisted_share, forced, sigma, doubts, n_epochs)


def _densities(
    off: FloatArray, covariance: FloatArray, star_errors: FloatArray, options: ChangedStarOptions
) -> FloatArray:
    """(n,) 1/pixels^2 of places ``off`` (n, 2) pixels, if each were that of the change."""
    total = covariance + (star_errors**2)[:, None, None] * np.eye(2)
    chi2 = np.einsum("na,nab,nb->n", off, np.linalg.inv(total), off)
    norm = 1 / (2 * np.pi * np.sqrt(np.linalg.det(total)))
    wider = options.tail_factor**2
    near = (1 - options.tail_share) * np.exp(-chi2 / 2)
    return norm * (near + options.tail_share / wider * np.exp(-chi2 / 2 / wider))


def _may_have_faded(
    stars: NearbyStars, forced: ForcedChanges, options: ChangedStarOptions
) -> FloatArray:
    """(n,) chance that a star had the light by which it would have faded, on the worst image."""
    error = np.hypot(forced.flux_err, (options.unsure_light * stars.flux)[:, None])
    beyond = np.max((-forced.flux - stars.flux[:, None]) / error, axis=1)
    return np.maximum(ndtr(-np.nan_to_num(beyond, nan=-np.inf)), LEAST_CHANCE)


def _doubts(
    differences: Differences,
    position: ChangePosition,
    starts: FloatArray,
    radius: float,
    options: ChangedStarOptions,
) -> Doubt:
    """What speaks against one star that changed, at the place where it is best explained."""
    doubts = Doubt(0)
    if len(position.flux) == 1:
        doubts |= Doubt.ONE_EPOCH
    if differences.masked_share(position.x, position.y) > options.max_masked:
        doubts |= Doubt.MASKED
    # The noise of a star is correlated by the kernel: that much less significant it is.
    z = position.fall / max(_significance(position) ** 2, 1e-9)
    left = differences.without(position.x, position.y, position.flux)
    grid = significance_on_grid(left, radius, radius / options.radius_fwhm)
    second = np.abs(grid.z).max() / np.sqrt(z)
    first = np.max(np.abs(position.flux / position.flux_err))
    if second > max(options.second_sigma, options.second_share * first):
        doubts |= Doubt.SECOND
    if np.max(dipole_falls(differences, starts)) > position.fall + options.second_sigma**2 * z:
        doubts |= Doubt.MOVES
    return doubts
