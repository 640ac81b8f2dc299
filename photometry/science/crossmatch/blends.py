"""The probability that stars resolved on one image are blended into one source on another."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtr

from exposures.science.arrays import BoolArray, Float, FloatArray, Index
from photometry.science.crossmatch.options import CrossMatchOptions

# Deviations in sigma of a star's colour from that of most stars, and how probable each is.
DEVIATES = np.linspace(-3, 3, 25)
PRIOR = np.exp(-0.5 * DEVIATES**2) / np.exp(-0.5 * DEVIATES**2).sum()
# Beyond these, exponentials would overflow.
LARGEST_CHI2, LARGEST_ODDS = 200.0, 1e6


@dataclass(frozen=True)
class NearPairs:
    """Sources of one catalogue, and nearby ones of another into which they may be blended.

    Arrays (n,), a row for each pair: a part, and the whole in which it may be hidden.
    """

    part: np.ndarray  # any numbers that tell them apart
    whole: np.ndarray
    flux: np.ndarray  # of the part
    whole_flux: np.ndarray
    offset: np.ndarray  # (n, 2) or (n, 3) arcsec, of the whole from the part
    error: np.ndarray  # arcsec, of that
    fwhm: float  # of the image of the wholes, arcsec

    def select(self, rows: Index) -> "NearPairs":
        """The pairs at ``rows``: indices (k,), or bool (n,)."""
        names = ("part", "whole", "flux", "whole_flux", "offset", "error")
        return replace(self, **{name: getattr(self, name)[rows] for name in names})


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
    is_free = ~np.isin(pairs.part, pairs.part[match])
    is_free &= np.linalg.norm(pairs.offset, axis=1) <= options.blend_reach(pairs.fwhm)
    rows = np.flatnonzero(is_free | (match & np.isin(pairs.whole, pairs.whole[is_free])))
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


def _visible(pairs: NearPairs, match: BoolArray, options: CrossMatchOptions) -> FloatArray:
    """(n,) the probability that a part would be detected if it were not blended.

    Its flux by the colour of most stars, against the faint end of the wholes.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        colours = pairs.whole_flux[match] / pairs.flux[match]
        colour = np.median(colours) if len(colours) else 1.0
        faintest = _faintest(pairs, options) if len(match) else 1.0
        brighter = 2.5 * np.log10(pairs.flux * colour / faintest) / options.colour_scatter
    return np.nan_to_num(ndtr(brighter))


def _faintest(pairs: NearPairs, options: CrossMatchOptions) -> Float:
    return np.percentile(pairs.whole_flux, 100 * options.faintest)


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
