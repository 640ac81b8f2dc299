"""Probabilities of links, of which each source and each star has at most one."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from exposures.science.arrays import BoolArray, FloatArray, IntArray

LARGEST_WEIGHT = 1e8  # what is surer than this is sure
MOST_ROUNDS = 160
LOOKED_AT = 8  # rounds, after which groups that have settled are left
TOLERANCE = 1e-3  # of logarithms of ratios, and so of probabilities


@dataclass(frozen=True)
class _Graph:
    """Links of sources and stars: arrays of indices, n of links, p of pairs of source and star."""

    source: IntArray  # (n,) of each link
    pairs: IntArray  # (n, k) pairs that each link makes, n_pairs for none
    source_of: IntArray  # (p,) of each pair
    star_of: IntArray  # (p,)

    @property
    def n_pairs(self) -> int:
        return len(self.source_of)

    def part(self, rows: IntArray, pairs: IntArray) -> "_Graph":
        """That of the links at ``rows``, whose pairs are ``pairs``, all counted from 0."""
        place = np.full(self.n_pairs + 1, len(pairs))
        place[pairs] = np.arange(len(pairs))
        return _Graph(
            _counted(self.source[rows]),
            place[self.pairs[rows]],
            _counted(self.source_of[pairs]),
            _counted(self.star_of[pairs]),
        )


def link_probabilities(
    source: IntArray, stars: IntArray, weight: FloatArray, most_rounds: int = MOST_ROUNDS
) -> FloatArray:
    """(n,) the probability of each link, where links that share a source or a star exclude another.

    ``source`` (n,) and ``stars`` (n, k) int are indices of what a link joins, -1 where it joins
    fewer stars than k; ``weight`` (n,) is a ratio of likelihoods: how much more probable all is
    with this link alone than without any. A set of links that share nothing is as probable as the
    product of their weights. The marginals come by the sum-product algorithm (Kschischang, Frey &
    Loeliger 2001, IEEE Trans. Inf. Theory 47, 498; for matchings Huang & Jebara 2009,
    arXiv:0908.1769): a source chooses one of its links or none, a star lets one source have it.
    They are exact where groups of sources and stars have no loop, as nearly all of them, and nearly
    so where they have. It ends after ``most_rounds`` for those that have not settled.
    """
    weight = np.clip(weight, 0.0, LARGEST_WEIGHT)
    graph = _graph(source, stars)
    free = np.ones(graph.n_pairs + 1)
    group, contested = _contested(graph)
    rows = np.flatnonzero(contested[group[graph.source]])
    pairs = np.flatnonzero(contested[group[graph.source_of]])
    for _ in range(0, most_rounds, LOOKED_AT):
        if not len(rows):
            break
        change = _settle(graph.part(rows, pairs), weight[rows], free, pairs)
        moving = np.zeros(len(contested), bool)
        moving[group[graph.source_of[pairs[change > TOLERANCE]]]] = True
        rows = rows[moving[group[graph.source[rows]]]]
        pairs = pairs[moving[group[graph.source_of[pairs]]]]
    joint = weight * np.prod(free[graph.pairs], axis=1)
    return joint / (1 + np.bincount(source, joint))[source] if len(source) else joint


def _settle(part: _Graph, weight: FloatArray, free: FloatArray, pairs: IntArray) -> FloatArray:
    """Renew how ``free`` of other sources the stars of ``pairs`` (m,) are; the logs' last change.

    Half the way is gone in logarithms each time: the whole way goes to and fro for ever where
    weights are large.
    """
    own = np.append(free[pairs], 1.0)
    change = np.zeros(len(pairs))
    for _ in range(LOOKED_AT):
        joint = weight * own[part.pairs[:, 0]]
        for column in part.pairs.T[1:]:
            joint *= own[column]
        total = 1 + np.bincount(part.source, joint)
        with_star = _sums(part.pairs, joint, len(own))[:-1]
        left = np.maximum(total[part.source_of] - with_star, 1.0)
        odds = with_star / own[:-1] / left
        others = np.bincount(part.star_of, odds)[part.star_of] - odds
        new = np.sqrt(own[:-1] / (1 + np.maximum(others, 0.0)))
        change = np.abs(np.log(new / own[:-1]))
        own[:-1] = new
    free[pairs] = own[:-1]
    return change


def _sums(pairs: IntArray, values: FloatArray, n: int) -> FloatArray:
    """(n,) the sum of links' values by the pairs that they make."""
    return np.sum([np.bincount(column, values, n) for column in pairs.T], axis=0)


def _counted(values: IntArray) -> IntArray:
    """Values as indices in their ordered set."""
    used = np.zeros(values.max(initial=-1) + 1, bool)
    used[values] = True
    return (np.cumsum(used) - 1)[values]


def _graph(source: IntArray, stars: IntArray) -> _Graph:
    n_stars = stars.max(initial=-1) + 1
    key = source[:, None] * np.int64(max(n_stars, 1)) + stars
    absent = stars < 0
    used, place = np.unique(key[~absent], return_inverse=True)
    pairs = np.full(stars.shape, len(used))
    pairs[~absent] = place
    return _Graph(source, pairs, used // max(n_stars, 1), used % max(n_stars, 1))


def _contested(graph: _Graph) -> tuple[IntArray, BoolArray]:
    """The group of each source, and whether several sources of a group may be one star."""
    n_sources = graph.source.max(initial=-1) + 1
    n = n_sources + graph.star_of.max(initial=-1) + 1
    edges = (graph.source_of, n_sources + graph.star_of)
    links = coo_array((np.ones(graph.n_pairs, bool), edges), (n, n))
    n_groups, label = connected_components(links, directed=False)
    several = np.bincount(graph.star_of)[graph.star_of] > 1
    contested = np.zeros(n_groups, bool)
    contested[label[graph.source_of[several]]] = True
    return label[:n_sources], contested
