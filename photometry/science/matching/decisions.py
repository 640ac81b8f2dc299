"""What is said of each source: matched, no counterpart, can't be told, or not covered."""

from dataclasses import dataclass, fields

import numpy as np

from exposures.science.arrays import BoolArray, FloatArray, Index, IntArray
from photometry.science.matching.binning import sums
from photometry.science.matching.catalogues import ImageSources
from photometry.science.matching.likelihoods import MagnitudeModel
from photometry.science.matching.matching import Probabilities
from photometry.science.matching.options import MatchingOptions
from photometry.science.matching.states import MatchState

N_RANKS = 2  # the best, and the next best
LEAST_TOLD = 1e-3  # probability of a star that is told
PROBABLY = 0.5  # that a source's light is in a star that is told for another
COVERED_SHARE = 0.5  # of sources so bright that are matched where a catalogue reaches
INVERSIONS = 5  # rounds in which a published magnitude is found from that of the image


@dataclass(frozen=True)
class Coverage:
    """How far a published catalogue reaches where sources are; arrays (n,) without a unit."""

    is_inside: np.ndarray  # whether it has looked there
    is_deep: np.ndarray  # whether it is deep enough there to have the source, as far as is known
    is_depth_known: np.ndarray
    is_complete: bool  # whether it lists all stars, and not those of some kind


@dataclass(frozen=True)
class Matches:
    """The published stars that sources are; (n_sources,), or (n_sources, N_RANKS) by rank."""

    star: np.ndarray  # index, -1 for none
    probability: np.ndarray  # that the star is the source, or a part of it; NaN for none
    separation: np.ndarray  # arcsec, NaN for none
    n_possible: np.ndarray  # stars that it may be, or sources that its star may be, if more
    state: np.ndarray  # a MatchState

    def select(self, rows: Index) -> "Matches":
        """Those of the sources at ``rows``: indices (k,), or bool (n,)."""
        return Matches(*(getattr(self, field.name)[rows] for field in fields(self)))


@dataclass(frozen=True)
class _Pairs:
    """Sources and the stars that they may be, each pair once; arrays (n,)."""

    source: IntArray
    star: IntArray
    as_main: FloatArray  # probability that the star gives most of the source's light
    as_part: FloatArray  # that it is the source or a part of it
    as_other: FloatArray  # that it has the source's light beside most of another's
    is_main: BoolArray  # whether no other source more probably gives most of the star's light
    separation: FloatArray  # arcsec

    @property
    def as_any(self) -> FloatArray:
        """(n,) the probability that source and star share light."""
        return np.minimum(self.as_part + self.as_other, 1.0)


def decide(
    found: Probabilities,
    sources: ImageSources,
    coverage: Coverage,
    options: MatchingOptions = MatchingOptions(),
) -> Matches:
    """The Matches of n sources with published stars, by their Probabilities.

    A star that is a source, or a part of it, with ``claim_probability`` (or with
    ``claim_rare_probability``, where not all stars are listed) is its match; of several
    sources whose light one star has, that of the one which most probably gives most of it.
    Otherwise what is possible is what both the source's and the star's credible sets hold: the
    fewest that together have the probability ``credible``, with "none" as one of them. A source
    without anything possible has no counterpart, unless the catalogue does not reach so far.
    """
    n = len(sources)
    pairs = _pairs(found)
    possible = _is_possible(pairs, options.credible)
    best, second = _ranked(pairs)
    star = np.full((n, N_RANKS), -1)
    probability, separation = np.full((2, n, N_RANKS), np.nan)
    for rank, rows in enumerate((best, second)):
        star[pairs.source[rows], rank] = pairs.star[rows]
        probability[pairs.source[rows], rank] = pairs.as_any[rows]
        separation[pairs.source[rows], rank] = pairs.separation[rows]
    is_matched = np.zeros(n, bool)
    least = options.claim_probability
    if not coverage.is_complete:
        least = options.claim_rare_probability
    claims = best[(pairs.as_any[best] >= least) & pairs.is_main[best]]
    is_matched[pairs.source[claims]] = True
    n_stars = np.bincount(pairs.source[possible], minlength=n)
    n_sources = np.bincount(pairs.star[possible], minlength=star.max(initial=-1) + 2)
    n_possible = np.where(n_stars > 0, np.maximum(n_stars, n_sources[star[:, 0]]), 0)
    n_possible = np.where(is_matched, np.maximum(n_possible, 1), n_possible)
    reaches = coverage.is_inside & _is_deep(coverage, found.learnt.matched.at(sources.mag))
    state = np.select(
        [is_matched, n_possible > 0, reaches],
        [MatchState.MATCHED, MatchState.CANT_BE_TOLD, MatchState.NO_COUNTERPART],
        MatchState.NOT_COVERED,
    )
    return Matches(star, probability, separation, n_possible, state)


def faintest_magnitude(mag: FloatArray, magnitudes: MagnitudeModel) -> FloatArray:
    """(n,) mag, in the published band, that sources of magnitudes (n,) mag hardly exceed.

    By the relation of the magnitudes, and its scatter on top; NaN stays NaN.
    """
    published = mag - np.median(magnitudes.offset)
    for _ in range(INVERSIONS):
        published = mag - magnitudes.at(published)
    return published + float(np.median(magnitudes.scatter))


def _is_deep(coverage: Coverage, matched: FloatArray) -> BoolArray:
    """(n,) whether the catalogue would have sources, of which it has the shares (n,) as bright.

    Where its depth is not known, one of all stars reaches as far as it has half of the sources, and
    one of stars of some kind is not judged.
    """
    by_share = matched >= COVERED_SHARE if coverage.is_complete else True
    return np.where(coverage.is_depth_known, coverage.is_deep, by_share)


def _pairs(found: Probabilities) -> _Pairs:
    candidates = found.candidates
    n_stars = max(candidates.stars.max(initial=-1) + 1, 1)
    rows, column = np.nonzero(candidates.stars >= 0)
    merged = np.flatnonzero(candidates.other >= 0)
    key = np.concatenate(
        [
            candidates.source[rows] * np.int64(n_stars) + candidates.stars[rows, column],
            candidates.other[merged] * np.int64(n_stars) + candidates.star[merged],
        ]
    )
    used, place = np.unique(key, return_inverse=True)
    place, of_merged = place[: len(rows)], place[len(rows) :]
    chance, n = found.probability[rows], len(used)
    separation = np.full(n, np.nan, float)
    separation[of_merged] = found.separation_of_other[merged]
    separation[place] = found.separation[rows, column]
    source, star = used // n_stars, used % n_stars
    as_main = sums(place, chance * (column == 0), n)
    as_part = np.minimum(sums(place, chance, n), 1.0)
    as_other = sums(of_merged, found.probability[merged], n)
    most = np.zeros(n_stars)
    np.maximum.at(most, star, as_main)
    is_main = (as_part > 0) & (as_main >= most[star])
    return _Pairs(source, star, as_main, as_part, as_other, is_main, separation)


def _is_possible(pairs: _Pairs, credible: float) -> BoolArray:
    """(n_pairs,) whether they are in the credible sets of the source and of the star.

    Or whether the star probably has the source's light beside that of another.
    """
    of_source = _is_credible(pairs.source, pairs.as_main, credible)
    of_star = _is_credible(pairs.star, pairs.as_part, credible)
    return of_source & of_star | (pairs.as_other >= PROBABLY)


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
    chosen[order] = (before < credible) & (probability > 0)
    return chosen


def _ranked(pairs: _Pairs) -> tuple[IntArray, IntArray]:
    """Rows of the best pair of each source, and of the next best; those that are worth telling."""
    order = np.lexsort((-pairs.as_any, -pairs.as_main, pairs.source))
    best = order[np.flatnonzero(np.diff(pairs.source[order], prepend=-1))]
    left = np.ones(len(order), bool)
    left[best] = False
    order = np.lexsort((-pairs.as_any, pairs.source))
    order = order[left[order]]
    second = order[np.flatnonzero(np.diff(pairs.source[order], prepend=-1))]
    return best[pairs.as_any[best] > LEAST_TOLD], second[pairs.as_any[second] > LEAST_TOLD]
