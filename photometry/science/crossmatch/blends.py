"""The probability that stars resolved on one image are blended into one source on another."""

from dataclasses import dataclass, fields

import numpy as np
from scipy.special import ndtr

from exposures.science.arrays import BoolArray, FloatArray, Index, IntArray
from photometry.science.crossmatch.options import CrossMatchOptions

# Deviations in sigma of a star's colour from that of most stars, and how probable each is.
DEVIATES = np.linspace(-3, 3, 25)
PRIOR = np.exp(-0.5 * DEVIATES**2) / np.exp(-0.5 * DEVIATES**2).sum()
# Beyond these, exponentials would overflow.
LARGEST_CHI2, LARGEST_ODDS = 200.0, 1e6


@dataclass(frozen=True)
class NearPairs:
    """Sources of catalogues, and nearby ones of others into which they may be blended.

    Arrays (n,), a row for each pair: a part, and the whole in which it may be hidden. Numbers tell
    parts apart, from 0, and wholes, as they tell one that is in several pairs of catalogues.
    """

    part: np.ndarray
    whole: np.ndarray
    flux: np.ndarray  # of the part
    whole_flux: np.ndarray
    offset: np.ndarray  # (n, 2) or (n, 3) arcsec, of the whole from the part
    error: np.ndarray  # arcsec, of that
    fwhm: np.ndarray  # of the image of the wholes, arcsec
    pair: np.ndarray  # number of the pair of catalogues, from 0

    def select(self, rows: Index) -> "NearPairs":
        """The pairs at ``rows``: indices (k,), or bool (n,)."""
        return NearPairs(*(getattr(self, field.name)[rows] for field in fields(self)))


@dataclass(frozen=True)
class HiddenSources:
    """Sources that may be blended into others: arrays (n,) of pairs' indices, probabilities."""

    row: np.ndarray  # the pair of the hidden source and the whole
    main: np.ndarray  # the pair of the whole and the star that the whole is taken for
    probability: np.ndarray  # of the part being in it, with blend_share of its light or more


def hidden_sources(pairs: NearPairs, match: BoolArray, options: CrossMatchOptions) -> HiddenSources:
    """Parts that may be blended, with probabilities; ``options`` are CrossMatchOptions.

    ``match`` (n,) bool are the pairs that are taken for one star: their parts are hidden nowhere
    else. A whole without a match is taken for the brightest part near it. Probabilities come by
    Bayes' theorem.
    """
    is_free = ~_among(pairs.part, match)
    is_free &= np.linalg.norm(pairs.offset, axis=1) <= options.blend_reach(pairs.fwhm)
    rows = np.flatnonzero(is_free | (match & _among(pairs.whole, is_free)))
    visible = _visible(pairs, match, options)[rows]
    near = pairs.select(rows)
    _, whole = np.unique(near.whole, return_inverse=True)
    order = np.lexsort((near.flux, match[rows]))
    main = np.empty(len(rows), int)
    main[whole[order]] = order  # what matches or is the brightest comes last, and stays
    main = main[whole]
    parts = np.flatnonzero(main != np.arange(len(rows)))
    probability = _probability(
        near.select(parts), near.select(main[parts]), visible[parts], options
    )
    return HiddenSources(rows[parts], rows[main[parts]], probability)


def _among(numbers: IntArray, chosen: BoolArray) -> BoolArray:
    """(n,) whether numbers (n,), from 0, are among those chosen (n,)."""
    is_there = np.zeros(numbers.max(initial=-1) + 1, bool)
    is_there[numbers[chosen]] = True
    return is_there[numbers]


def _visible(pairs: NearPairs, match: BoolArray, options: CrossMatchOptions) -> FloatArray:
    """(n,) the probability that a part would be detected if it were not blended.

    Its flux by the colour of most stars, against the faint end of the wholes.
    """
    n_pairs = pairs.pair.max(initial=-1) + 1
    has_match = np.bincount(pairs.pair[match], minlength=n_pairs) > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        colours = pairs.whole_flux[match] / pairs.flux[match]
        colour = _quantiles(colours, pairs.pair[match], n_pairs, 0.5)
        colour = np.where(has_match, colour, 1.0)[pairs.pair]
        faintest = _quantiles(pairs.whole_flux, pairs.pair, n_pairs, options.faintest)[pairs.pair]
        brighter = 2.5 * np.log10(pairs.flux * colour / faintest) / options.colour_scatter
    return np.nan_to_num(ndtr(brighter))


def _quantiles(values: FloatArray, group: IntArray, n_groups: int, share: float) -> FloatArray:
    """(n_groups,) the value below which a share of each group's lies, between two of them.

    ``values`` and ``group``, numbers from 0, are (n,). NaN for a group that is empty or has a NaN.
    """
    n = np.bincount(group, minlength=n_groups)
    quantiles = np.full(n_groups, np.nan)
    there = np.flatnonzero(n)
    n, first = n[there], (np.cumsum(n) - n)[there]
    place = share * (n - 1)
    below = place.astype(int)
    ordered = values[_by_group(values, group, n_groups)]
    low, high = ordered[first + below], ordered[first + np.minimum(below + 1, n - 1)]
    last = ordered[first + n - 1]  # NaN is sorted behind all numbers
    quantiles[there] = np.where(np.isnan(last), np.nan, low + (high - low) * (place - below))
    return quantiles


def _by_group(values: FloatArray, group: IntArray, n_groups: int) -> IntArray:
    """(n,) the order of values (n,) by their groups (n,) int, each group's from the lowest on."""
    order = np.argsort(values)
    # Numbers of 16 bits are sorted by counting them.
    numbers = group.astype(np.uint16) if n_groups <= 1 << 16 else group
    return order[np.argsort(numbers[order], kind="stable")]


def _probability(
    part: NearPairs, main: NearPairs, visible: FloatArray, options: CrossMatchOptions
) -> FloatArray:
    """(n,) the probability that parts contribute a relevant share of a blend's light.

    ``part`` and ``main`` are pairs with the same wholes. By Bayes' theorem over what can be: a part
    is in one of the wholes near it, or in none and too faint to be seen. Before all, two stars
    are one source the more probably the nearer they are to each other, and the part's share of
    the light is as in its own filter, but for the stars' colours. If it is in a whole, the centre
    of light divides the way from the main star to it by their light; if not, the whole lies where
    the main star does.
    """
    step = main.offset - part.offset
    way = np.linalg.norm(step, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.maximum(part.flux, 0) / main.flux
        along = np.nan_to_num(np.sum(main.offset * step, axis=1) / way)
    colour = np.sqrt(2) * options.colour_scatter * DEVIATES
    ratio = np.nan_to_num(ratio, posinf=0)[:, None] * 10 ** (0.4 * colour)
    share = ratio / (1 + ratio)
    error = np.hypot(main.error, options.place_error_arcsec)
    off = (along[:, None] - share * way[:, None]) / error[:, None]
    likely = PRIOR * _gauss(off, options.outliers)
    nearness = options.blend_log_odds(way / part.fwhm)
    odds = np.minimum(np.exp(nearness) / _gauss(along / error, options.outliers), LARGEST_ODDS)
    _, of = np.unique(part.part, return_inverse=True)
    is_in_any = np.bincount(of, odds * likely.sum(axis=1))[of]
    counts = odds * np.sum(likely * (share >= options.blend_share), axis=1)
    return counts / (is_in_any + np.maximum(1 - visible, options.missed))


def _gauss(deviation: FloatArray, outliers: float) -> FloatArray:
    """The likelihood of a deviation in sigma, but for outliers."""
    return np.maximum(np.exp(-0.5 * np.minimum(deviation**2, LARGEST_CHI2)), outliers)
