"""What is said of each source: matched, no counterpart, can't be told, or not covered."""

from dataclasses import dataclass

import numpy as np

from exposures.science.arrays import BoolArray, FloatArray, IntArray
from photometry.science.matching.binning import sums
from photometry.science.matching.catalogues import ImageSources
from photometry.science.matching.likelihoods import MagnitudeModel
from photometry.science.matching.matching import Probabilities
from photometry.science.matching.options import MatchingOptions
from photometry.science.matching.states import MatchState

N_RANKS = 2  # the best, and the next best
LEAST_TOLD = 1e-3  # probability of a star that is told
COVERED_SHARE = 0.5  # of sources so bright that are matched where a catalogue reaches
INVERSIONS = 5  # rounds in which a published magnitude is found from that of the image


@dataclass(frozen=True)
class Coverage:
    """How far a published catalogue reaches where sources are; arrays (n,)."""

    is_inside: np.ndarray  # whether it has looked there
    depth: np.ndarray  # mag of its main band up to which it has most stars; NaN unknown
    is_complete: bool  # whether it lists all stars, and not those of some kind


@dataclass(frozen=True)
class Matches:
    """The published stars that sources are; (n_sources,), or (n_sources, N_RANKS) by rank."""

    star: np.ndarray  # index, -1 for none
    probability: np.ndarray  # that the star is the source, or a part of it; NaN for none
    separation: np.ndarray  # arcsec, NaN for none
    n_possible: np.ndarray  # stars that it may be, or sources that its star may be, if more
    state: np.ndarray  # a MatchState


@dataclass(frozen=True)
class _Pairs:
    """Sources and the stars that they may be, each pair once; arrays (n,)."""

    source: IntArray
    star: IntArray
    as_main: FloatArray  # probability that the star gives most of the source's light
    as_any: FloatArray  # that it is the source or a part of it
    separation: FloatArray  # arcsec


def decide(
    found: Probabilities,
    sources: ImageSources,
    coverage: Coverage,
    options: MatchingOptions = MatchingOptions(),
) -> Matches:
    """The Matches of n sources with published stars, by their Probabilities.

    A star that is a source, or a part of it, with ``claim_probability`` is its match. Otherwise
    what is possible is what both the source's and the star's credible sets hold: the fewest that
    together have the probability ``credible``, with "none" as one of them. A source without
    anything possible has no counterpart, unless the catalogue does not reach so far.
    """
    n = len(sources)
    pairs = _pairs(found)
    possible = _is_possible(pairs, options.credible)
    star, probability, separation = _ranked(pairs, n)
    n_stars = np.bincount(pairs.source[possible], minlength=n)
    n_sources = np.bincount(pairs.star[possible], minlength=star.max(initial=-1) + 2)
    is_matched = probability[:, 0] >= options.claim_probability
    n_possible = np.where(n_stars > 0, np.maximum(n_stars, n_sources[star[:, 0]]), 0)
    n_possible = np.where(is_matched, np.maximum(n_possible, 1), n_possible)
    reaches = coverage.is_inside & ~is_beyond(sources.mag, coverage, found)
    state = np.select(
        [is_matched, n_possible > 0, reaches],
        [MatchState.MATCHED, MatchState.CANT_BE_TOLD, MatchState.NO_COUNTERPART],
        MatchState.NOT_COVERED,
    )
    return Matches(star, probability, separation, n_possible, state)


def is_beyond(mag: FloatArray, coverage: Coverage, found: Probabilities) -> BoolArray:
    """(n,) whether sources of magnitudes (n,) mag are too faint for the catalogue, or may be.

    By the catalogue's depth there, through the relation of magnitudes and its scatter. Where that
    is not known, a catalogue of all stars reaches as far as it has half of the sources; one of
    stars of some kind is not judged.
    """
    published = published_magnitude(mag, found.magnitudes)
    margin = float(np.median(found.magnitudes.scatter))
    is_faint = ~(published + margin <= coverage.depth)
    if coverage.is_complete:
        unknown = ~(found.matched >= COVERED_SHARE)
    else:
        unknown = np.zeros(len(mag), bool)
    return np.where(np.isfinite(coverage.depth), is_faint, unknown)


def published_magnitude(mag: FloatArray, magnitudes: MagnitudeModel) -> FloatArray:
    """(n,) mag, in the published band, of sources of magnitudes (n,) and usual colour."""
    published = mag - np.median(magnitudes.offset)
    for _ in range(INVERSIONS):
        published = mag - magnitudes.at(published)
    return published


def _pairs(found: Probabilities) -> _Pairs:
    candidates = found.candidates
    n_stars = candidates.stars.max(initial=-1) + 1
    rows, column = np.nonzero(candidates.stars >= 0)
    key = candidates.source[rows] * np.int64(max(n_stars, 1)) + candidates.stars[rows, column]
    used, place = np.unique(key, return_inverse=True)
    chance = found.probability[rows]
    as_main = sums(place, chance * (column == 0), len(used))
    as_any = np.minimum(sums(place, chance, len(used)), 1.0)
    separation = np.full(len(used), np.nan, float)
    separation[place] = found.separation[rows, column]
    source, star = used // max(n_stars, 1), used % max(n_stars, 1)
    return _Pairs(source, star, as_main, as_any, separation)


def _is_possible(pairs: _Pairs, credible: float) -> BoolArray:
    """(n_pairs,) whether they are in the credible sets of the source and of the star."""
    of_source = _is_credible(pairs.source, pairs.as_main, credible)
    return of_source & _is_credible(pairs.star, pairs.as_any, credible)


def _is_credible(key: IntArray, probability: FloatArray, credible: float) -> BoolArray:
    """(n,) whether rows are in the smallest set of those with their key that is credible.

    What is left of their probabilities to 1 is that of none, which may be in the set.
    """
    order = np.lexsort((-probability, key))
    key, probability = key[order], probability[order]
    total = np.minimum(np.bincount(key, probability), 1.0)
    first = np.searchsorted(key, key)
    before = np.cumsum(probability) - probability
    before -= before[first]
    none = 1 - total[key]
    before = before + np.where(none > probability, none, 0.0)
    chosen = np.zeros(len(key), bool)
    chosen[order] = before < credible
    return chosen


def _ranked(pairs: _Pairs, n: int) -> tuple[IntArray, FloatArray, FloatArray]:
    """Index of the star, its probability and separation (n, N_RANKS) of each source, best first."""
    star = np.full((n, N_RANKS), -1)
    probability, separation = np.full((2, n, N_RANKS), np.nan)
    order = np.lexsort((-pairs.as_any, -pairs.as_main, pairs.source))
    first = order[np.flatnonzero(np.diff(pairs.source[order], prepend=-1))]
    left = np.ones(len(order), bool)
    left[first] = False
    order = np.lexsort((-pairs.as_any, pairs.source))
    order = order[left[order]]
    second = order[np.flatnonzero(np.diff(pairs.source[order], prepend=-1))]
    for rank, rows in enumerate((first, second)):
        rows = rows[pairs.as_any[rows] > LEAST_TOLD]
        star[pairs.source[rows], rank] = pairs.star[rows]
        probability[pairs.source[rows], rank] = pairs.as_any[rows]
        separation[pairs.source[rows], rank] = pairs.separation[rows]
    return star, probability, separation
