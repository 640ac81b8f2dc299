"""Cross-matching of several catalogues to objects: one to one, or as blends."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from astropy.stats import gaussian_fwhm_to_sigma
from numpy.typing import ArrayLike
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from exposures.science.arrays import BoolArray, FloatArray, IntArray
from photometry.science.crossmatch.blends import NearPairs, hidden_sources
from photometry.science.crossmatch.options import CrossMatchOptions

ARCSEC = np.pi / 180 / 3600  # radians


@dataclass(frozen=True)
class Near:
    """Nearby sources of pairs of catalogues; arrays (n,), a row for two sources."""

    a: np.ndarray  # any number that tells the sources of the first apart
    b: np.ndarray
    offset: np.ndarray  # (n, 2) or (n, 3) arcsec, of b from a, along any axes
    error: np.ndarray  # arcsec, expected of the offset, along an axis
    flux_a: np.ndarray  # any unit, the same for all of a catalogue
    flux_b: np.ndarray
    pair: np.ndarray  # number of the pair of catalogues, from 0

    @cached_property
    def distance(self) -> FloatArray:
        """(n,) arcsec, the length of ``offset``."""
        return np.linalg.norm(self.offset, axis=1)


@dataclass(frozen=True)
class Links:
    """Linked pairs of sources, (n, 2) ids each, in the numbering of ``Near``."""

    matches: np.ndarray  # each the other's nearest, and no further than their errors explain
    blends: np.ndarray  # one of several sources, and the one that they are in the other catalogue
    doubtful: np.ndarray  # those of ``matches`` that are perhaps a blend


@dataclass(frozen=True)
class Groups:
    """Groups of sources that are one object; labels are indices of groups."""

    label: np.ndarray  # (n_sources,) from 0, in order of their first source
    is_blend: np.ndarray  # (n_groups,)
    is_doubtful: np.ndarray  # (n_groups,) perhaps a blend, and never one that is


def position_error(
    flux: ArrayLike, flux_err: ArrayLike, fwhm_arcsec: float, largest: float
) -> FloatArray:
    """(n,) position errors along an axis in arcsec, at most ``largest``.

    FWHM / 2.355 over the signal to noise: of the centre of a Gaussian on noise of the sky (King
    1983, PASP 95, 163, but for a factor near 1). ``flux`` and ``flux_err`` (n,) are in one unit,
    any. The largest where there is no signal, or where it is NaN.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        noise_to_signal = np.asarray(flux_err, float) / np.asarray(flux, float)
        error = fwhm_arcsec * gaussian_fwhm_to_sigma * noise_to_signal
    return np.where((error > 0) & (error < largest), error, largest)


def links_between(
    near: Near,
    fwhm_a: ArrayLike,
    fwhm_b: ArrayLike,
    options: CrossMatchOptions = CrossMatchOptions(),
) -> Links:
    """The Links between nearby sources of pairs of catalogues, each for itself.

    ``near`` has n rows, in arcsec; ``fwhm_a`` and ``fwhm_b`` (m,) are the seeing of both images of
    each pair of catalogues, in arcsec. Two sources match that are each the other's nearest, no
    further than their errors explain. A source without a match may be hidden in one of the other
    catalogue: all that probably are make a blend with it.
    """
    error = options.crowding * near.error
    limit = np.clip(options.sigmas * error, options.min_radius_arcsec, options.max_radius_arcsec)
    key_a, key_b = _numbered(near.pair, near.a), _numbered(near.pair, near.b)
    match = _nearest(key_a, near.distance) & _nearest(key_b, near.distance)
    match &= near.distance <= limit
    blend, doubtful = np.zeros((2, len(match)), bool)
    a, b = (key_a, near.flux_a), (key_b, near.flux_b)
    seeing_a, seeing_b = (np.atleast_1d(fwhm)[near.pair] for fwhm in (fwhm_a, fwhm_b))
    for part, whole, offset, fwhm in (
        (a, b, near.offset, seeing_b),
        (b, a, -near.offset, seeing_a),
    ):
        near_pairs = NearPairs(part[0], whole[0], part[1], whole[1], offset, error, fwhm, near.pair)
        hidden = hidden_sources(near_pairs, match, options)
        is_in = hidden.probability >= options.blend_probability
        blend[hidden.row[is_in]] = blend[hidden.main[is_in]] = True
        doubtful[hidden.main[hidden.probability >= options.doubtful_probability]] = True
    pairs = np.column_stack([near.a, near.b])
    return Links(pairs[match], pairs[blend & ~match], pairs[doubtful & match])


def _numbered(pair: IntArray, source: IntArray) -> IntArray:
    """(n,) numbers from 0 that tell sources (n,) apart, and those of one in several pairs."""
    keys = pair * (source.max(initial=0) + 1) + source
    return np.unique(keys, return_inverse=True)[1]


def _nearest(key: IntArray, distance: FloatArray) -> BoolArray:
    """(n,) whether rows are the nearest of all with their key."""
    order = np.lexsort((distance, key))
    is_first = np.ones(len(key), bool)
    is_first[1:] = key[order][1:] != key[order][:-1]
    nearest = np.empty(len(key), bool)
    nearest[order] = is_first
    return nearest


def group(
    catalogue: IntArray,
    places: FloatArray,
    links: Links,
    options: CrossMatchOptions = CrossMatchOptions(),
) -> Groups:
    """Join sources that are linked, directly or through others, into objects.

    ``catalogue`` (n,) is the catalogue of each source, ``places`` (n, 3) are unit vectors,
    ``links`` are between sources by their index. An object is a blend if a catalogue
    has more than one source in it, and doubtful if a match in it is. Chains of blends can't
    swallow a field: an object wider than ``max_extent_arcsec`` is taken apart along its blends,
    and where that is not enough, wholly; its pieces are blends.
    """
    n = len(places)
    edges = np.concatenate([links.matches, links.blends])
    is_match = np.arange(len(edges)) < len(links.matches)
    label, was_cut = _components(n, edges), np.zeros(n, bool)
    for may_be_cut in (~is_match, np.ones(len(edges), bool)):
        cut = may_be_cut & _is_wide(label, places, options)[edges[:, 0]]
        if cut.any():
            was_cut[edges[cut].ravel()] = True
            edges = np.where(cut[:, None], edges[:, :1], edges)  # to themselves: no link
            label = _components(n, edges)
    label = _in_order(label)
    is_blend = _has_several(label, catalogue)
    is_blend[label[was_cut]] = True
    is_doubtful = np.zeros(len(is_blend), bool)
    is_doubtful[label[links.doubtful.ravel()]] = True
    return Groups(label, is_blend, is_doubtful & ~is_blend)


def _components(n: int, edges: IntArray) -> IntArray:
    graph = coo_array((np.ones(len(edges), bool), edges.T), shape=(n, n))
    return connected_components(graph, directed=False)[1]


def _is_wide(label: IntArray, places: FloatArray, options: CrossMatchOptions) -> BoolArray:
    """(n,) whether each source's group has a member too far from its centre."""
    n_groups = label.max(initial=-1) + 1
    own = _with_others(label)
    middle = middles(label[own], places[own], n_groups)[label[own]]
    distance = np.linalg.norm(places[own] - middle, axis=1) / ARCSEC
    wide = np.zeros(n_groups, bool)
    wide[label[own[distance > options.max_extent_arcsec]]] = True
    return wide[label]


def _with_others(label: IntArray) -> IntArray:
    """(k,) indices of the sources that are not alone in their group."""
    return np.flatnonzero(np.bincount(label)[label] > 1)


def middles(label: IntArray, vectors: FloatArray, n_groups: int) -> FloatArray:
    """(n_groups, 3) unit vectors of the centre of each group of unit vectors (n, 3).

    ``label`` (n,) int is the group of each, from 0; NaN for a group without a member.
    """
    sums = np.column_stack([np.bincount(label, axis, n_groups) for axis in vectors.T])
    with np.errstate(invalid="ignore"):
        return sums / np.linalg.norm(sums, axis=1)[:, None]


def _in_order(label: IntArray) -> IntArray:
    """Labels renumbered in the order of their first source."""
    highest = np.maximum.accumulate(label)
    if np.all(label[1:] <= highest[:-1] + 1) and np.all(label[:1] == 0):
        return label  # as they are numbered already
    _, first, inverse = np.unique(label, return_index=True, return_inverse=True)
    rank = np.empty(len(first), int)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]


def _has_several(label: IntArray, catalogue: IntArray) -> BoolArray:
    """(n_groups,) whether a catalogue has more than one source in each group."""
    own = _with_others(label)
    own = own[np.lexsort((catalogue[own], label[own]))]
    group, of = label[own], catalogue[own]
    several = np.zeros(label.max(initial=-1) + 1, bool)
    several[group[1:][(group[1:] == group[:-1]) & (of[1:] == of[:-1])]] = True
    return several
