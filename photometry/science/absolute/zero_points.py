"""Absolute zero points of reference catalogues with colour terms, all chips of a filter at once."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from astropy.stats import mad_std
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from exposures.science.arrays import BoolArray, FloatArray, Floats, IntArray
from photometry.science.absolute.options import AbsoluteOptions
from photometry.science.absolute.patch import Patch, PatchFit
from photometry.science.absolute.stars import MatchedStars, usable

MIN_PARTS = 8  # of chips, whose scatter is the systematic error
MIN_PART_STARS = 5
USED = 0.3  # weight of a star from which it is counted among those used
NO_STARS = "no published star of the field was measured"
TOO_FEW = "too few published stars, and too few in common with other chips"


@dataclass(frozen=True)
class AbsoluteZeroPoint:
    """What makes magnitudes of a reference catalogue those of a published band.

    All in mag; NaN, with the ``reason``, where it can't be told.
    """

    zero_point: float  # to add to magnitudes of stars with the pivot colour
    error: float  # by the scatter of the stars
    systematic: float  # scatter of parts of the exposure's chips beyond that; NaN of few parts
    pivot_colour: float  # NaN without colours
    colour_terms: tuple[float, ...]  # of powers 1, 2, ... of the colour less the pivot
    colour_range: tuple[float, float]  # within which they hold
    colour_scatter: float  # of the stars' colour terms: the error where a colour isn't known
    n_stars: int  # published, used
    n_common: int  # used, on other chips too
    chi2_nu: float  # of the stars used, about 1: their scatter is fitted
    scatter: float  # of published magnitudes beyond all errors
    reason: str = ""
    transformation: float = 0.0  # scatter of that by which the band is our own; 0: there is none

    def colour_correction(self, colour: Floats) -> FloatArray:
        """(n,) mag to add beside the zero point for ``colour`` (n,) mag; NaN beyond the range."""
        after = np.asarray(colour, float) - self.pivot_colour
        held = (colour >= self.colour_range[0]) & (colour <= self.colour_range[1])
        correction = sum(c * after**power for power, c in enumerate(self.colour_terms, 1))
        return np.where(held, correction + 0 * after, np.nan)

    def absolute(
        self, mag: FloatArray, mag_err: FloatArray, colour: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """(n,) magnitudes of stars in the published band, and (n,) errors: all that is uncertain.

        ``mag`` and ``mag_err`` (n,) are those on the reference, ``colour`` (n,) as published: where
        it is NaN or beyond the range, the star is taken to have the pivot's, and ``colour_scatter``
        goes into the error. So does ``scatter``, as stars of one colour may differ in the band,
        unless it is our own by a transformation. NaN where there is no zero point.
        """
        correction = self.colour_correction(colour)
        unknown = np.where(np.isfinite(correction), 0, self.colour_scatter)
        common = np.hypot(self.error, np.nan_to_num(self.systematic))
        of_stars = 0.0 if self.transformation else self.scatter
        error = np.sqrt(np.square(mag_err) + common**2 + unknown**2 + of_stars**2)
        return mag + self.zero_point + np.nan_to_num(correction), error


def none_because(reason: str) -> AbsoluteZeroPoint:
    """The AbsoluteZeroPoint, NaN mag, of a chip of which it can't be told."""
    nan = np.nan
    return AbsoluteZeroPoint(nan, nan, nan, nan, (), (nan, nan), nan, 0, 0, nan, nan, reason)


def fit_zero_points(
    stars: MatchedStars,
    exposure: IntArray,
    options: AbsoluteOptions = AbsoluteOptions(),
    pivot_share: float = 0.5,
) -> list[AbsoluteZeroPoint]:
    """An AbsoluteZeroPoint for each of k chips of one filter, from MatchedStars in mag.

    ``exposure`` (k,) are numbers of the chips' exposures, ``pivot_share`` that of the stars that
    are bluer than the pivot. Fitted are ``published = mag + Z + sum_j
    c_j (colour - pivot)^j`` with a Z for each chip and the c of each exposure, and one magnitude
    for each star on several chips, so that chips which overlap are tied to each other (ubercal,
    Padmanabhan et al. 2008, ApJ 674, 1217), and the published stars hold the whole. The scatter of
    these beyond their errors is fitted; outliers (variables, blends, wrong matches) lose their
    weight (Cauchy's at first, then Tukey's biweight). The colours are those that are observed:
    reddened and unreddened stars lie on different lines, so a polynomial holds for the field's
    stars and their range of colours, and nowhere else.
    """
    found = [none_because(NO_STARS)] * len(exposure)
    chosen = usable(stars, options)
    pivot = float(np.quantile(chosen.colour, pivot_share)) if len(chosen) else np.nan
    for chips in _patches(chosen, exposure):
        on_them = chosen.select(np.isin(chosen.chip, chips))
        held = _held_chips(on_them, len(exposure), options)
        for chip in chips[~held[chips]]:
            found[chip] = none_because(TOO_FEW)
        if held.any():
            patch = Patch(on_them.select(held[on_them.chip]), exposure, pivot, options)
            for chip, fitted in zip(patch.chips.tolist(), _results(patch), strict=True):
                found[chip] = fitted
    return found


def _patches(stars: MatchedStars, exposure: IntArray) -> Iterator[IntArray]:
    """Chips that are connected by stars or are of one exposure, and have stars."""
    n_chips, n_stars = len(exposure), len(stars)
    if not n_stars:
        return
    groups = np.unique(exposure, return_inverse=True)[1]
    of_star = n_chips + np.unique(stars.star, return_inverse=True)[1]
    of_exposure = of_star.max() + 1 + groups
    ends = np.concatenate([of_star, of_exposure])
    starts = np.concatenate([stars.chip, np.arange(n_chips)])
    size = of_exposure.max() + 1
    graph = coo_array((np.ones(len(ends)), (starts, ends)), shape=(size, size))
    label = connected_components(graph, directed=False)[1][:n_chips]
    has_stars = np.isin(np.arange(n_chips), stars.chip)
    for one in np.unique(label[has_stars]):
        yield np.flatnonzero((label == one) & has_stars)


def _held_chips(stars: MatchedStars, n_chips: int, options: AbsoluteOptions) -> BoolArray:
    """(k,) whether chips have enough stars: published, or in common with chips that are held."""
    is_published = np.isfinite(stars.published)
    star = np.unique(stars.star, return_inverse=True)[1]
    held = np.bincount(stars.chip[is_published], minlength=n_chips) >= options.min_stars
    while True:
        on_held = np.bincount(star[held[stars.chip]], minlength=star.max() + 1) > 0
        informs = is_published | on_held[star]
        now = np.bincount(stars.chip[informs], minlength=n_chips) >= options.min_stars
        if (now == held).all() or not held.any():
            return held
        held = now | held


def _results(patch: Patch) -> Iterator[AbsoluteZeroPoint]:
    """The AbsoluteZeroPoint of each chip of a Patch."""
    fit = patch.fit()
    error = np.sqrt(np.diag(fit.solution.covariance))
    used = patch.is_published[patch.star] & (fit.anchor_weight[patch.star] > USED)
    common = (np.bincount(patch.star)[patch.star] > 1) & (fit.weight > USED)
    for number in range(len(patch.chips)):
        group = patch.group[number]
        of_exposure = patch.group[patch.chip] == group
        own = patch.chip == number
        if (own & (used | common)).sum() < patch.options.min_stars:
            yield none_because(TOO_FEW)
            continue
        chi = fit.chi[own & used]
        yield AbsoluteZeroPoint(
            zero_point=float(fit.solution.zero_points[number]),
            error=float(error[number]),
            systematic=_scatter_of_parts(patch, fit, of_exposure & used),
            pivot_colour=patch.pivot if patch.has_colours else np.nan,
            colour_terms=patch.terms_of(fit.solution, group),
            colour_range=_range(patch.stars.colour[of_exposure & used], patch.has_colours),
            colour_scatter=_scatter_by_colour(patch, fit, of_exposure & used),
            n_stars=len(chi),
            n_common=int((own & common).sum()),
            chi2_nu=float(np.mean(chi**2)) if len(chi) else np.nan,
            scatter=fit.scatter,
        )


def _range(colour: FloatArray, has_colours: bool) -> tuple[float, float]:
    if not has_colours or not len(colour):
        return np.nan, np.nan
    return float(colour.min()), float(colour.max())


def _scatter_by_colour(patch: Patch, fit: PatchFit, chosen: BoolArray) -> float:
    """mag, by which colour terms of the stars differ; 0 where there are none."""
    correction = patch.colour_correction(fit.solution)
    return float(mad_std(correction[chosen])) if chosen.any() else np.nan


def _scatter_of_parts(patch: Patch, fit: PatchFit, chosen: BoolArray) -> float:
    """mag, the scatter of parts of chips about their zero points that stars' errors don't explain.

    What flat fields, the sky, the PSF at a chip's edge and reddening across the field leave.
    """
    stars, left = patch.stars, fit.residual
    labels = stars.chip * (stars.part.max() + 1) + stars.part
    weight = np.where(chosen, fit.anchor_weight[patch.star] / fit.residual_error**2, 0)
    total = np.bincount(labels, weight)
    enough = np.bincount(labels[chosen], minlength=len(total)) >= MIN_PART_STARS
    if enough.sum() < MIN_PARTS:
        return np.nan
    mean = np.bincount(labels, weight * left)[enough] / total[enough]
    # The zero point of a chip is fitted to its parts, which takes one of their differences.
    n_parts = enough.sum() / len(np.unique(stars.chip[chosen]))
    mean = mean * np.sqrt(n_parts / max(n_parts - 1, 1))
    return float(np.sqrt(max(np.mean(mean**2 - 1 / total[enough]), 0)))
