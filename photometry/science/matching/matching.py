"""Reference sources matched with published stars by probability, one to one, or as blends."""

from dataclasses import dataclass

import numpy as np

from exposures.science.arrays import FloatArray
from photometry.science.crossmatch.options import CrossMatchOptions
from photometry.science.matching.assignments import MOST_ROUNDS, link_probabilities
from photometry.science.matching.binning import sums
from photometry.science.matching.candidates import Candidates
from photometry.science.matching.catalogues import ImageSources, PublishedStars
from photometry.science.matching.fields import Field, Plane
from photometry.science.matching.likelihoods import MagnitudeModel, PositionModel
from photometry.science.matching.options import MatchingOptions
from photometry.science.matching.shares import ShareByMagnitude

LARGEST_LOG = 50.0  # beyond, exponentials would overflow
LEAST_WEIGHT = 1e-6
LEAST_TAUGHT = 0.02  # probability of a match of which one learns
LEAST_UNSEEN = 0.05  # share of sources that are in no star's light, of those in another's
FEW_ROUNDS = 16  # of belief propagation, while one still learns
TAUGHT_BY = 15_000  # sources or stars: more teach nothing more


@dataclass(frozen=True)
class Learnt:
    """What the matches show of both catalogues."""

    positions: PositionModel
    magnitudes: MagnitudeModel
    counterpart: ShareByMagnitude  # of published stars, that are a source
    matched: ShareByMagnitude  # of sources, that are a published star


@dataclass(frozen=True)
class Probabilities:
    """What each candidate is worth, and what was learnt on the way; arrays (n,)."""

    candidates: Candidates
    probability: np.ndarray  # of being what the source is
    separation: np.ndarray  # (n, k) arcsec from each of its stars, NaN for none
    separation_of_other: np.ndarray  # arcsec, of the other source from the star, NaN for none
    learnt: Learnt


def match_probabilities(
    sources: ImageSources,
    stars: PublishedStars,
    options: MatchingOptions = MatchingOptions(),
    blending: CrossMatchOptions = CrossMatchOptions(),
) -> Probabilities:
    """The Probabilities of what n sources of an image are, among m published stars.

    Positions are in degrees, errors in arcsec, magnitudes in mag. A source is a published star, or
    the blend of some, with the odds of

        q p(offset) p(magnitude) / ((1 - q) (1 - f) n),

    where q is the share of published stars so bright that the image has, f the share of its sources
    so bright that are published, n their density on the sky at that magnitude and place: the
    likelihood ratio of Sutherland & Saunders (1992, MNRAS 259, 413), which is the Bayes factor of
    Budavari & Szalay (2008, ApJ 679, 301) with its prior, and the magnitudes' of Salvato et al.
    (2018, MNRAS 473, 4937). A star is one source and a source one star, or one blend: odds become
    probabilities over all that excludes each other (``link_probabilities``). Errors, the relation
    of magnitudes, q and f are learnt from the matches by expectation maximisation (Dempster, Laird
    & Rubin 1977, J. R. Stat. Soc. B 39, 1), on a part of a large image.
    """
    plane = Plane.of(sources, stars)
    part = plane.part(TAUGHT_BY)
    frame, pairs_arcsec = plane.frame_offset(), part.separation_of_pairs()
    field = Field.of(part, frame, pairs_arcsec, options, blending)
    learnt = _assumed(field, frame, options)
    for _ in range(options.rounds):
        learnt = _learn(field, learnt, _judge(field, learnt, FEW_ROUNDS))
    if part is not plane:
        field = Field.of(plane, frame, pairs_arcsec, options, blending)
    probability = _judge(field, learnt, MOST_ROUNDS)
    return Probabilities(field.candidates, probability, *field.separations(), learnt)


def _assumed(field: Field, frame: FloatArray, options: MatchingOptions) -> Learnt:
    """What is assumed before there is a match."""
    plane, one = field.plane, np.ones(1)
    shift = np.array([frame, [0, 0], [0, 0]], float)
    fwhm = plane.sources.fwhm_arcsec
    offset, scatter = field.magnitude_offset(frame) * one, options.magnitude_scatter * one
    share = options.counterpart * len(plane.stars) / max(len(plane.sources), 1)
    return Learnt(
        PositionModel(shift, plane.size, np.zeros(1), one, options.outliers, fwhm),
        MagnitudeModel(np.zeros(1), offset, scatter, 0.0, 0.0, options.outliers),
        ShareByMagnitude.constant(options.counterpart),
        ShareByMagnitude.constant(min(share, 0.5)),
    )


def _judge(field: Field, learnt: Learnt, most_rounds: int) -> FloatArray:
    """(n,) the probabilities of candidates that follow from what was learnt."""
    candidates, plane = field.candidates, field.plane
    probability = np.zeros(len(candidates))
    if not len(candidates):
        return probability
    source, star = candidates.source, candidates.star
    counterpart, matched = learnt.counterpart.at(plane.stars.mag), learnt.matched.at(field.mag)
    missing = np.append(1 - counterpart, 1.0)  # of -1: no star
    of_sources = np.maximum(1 - learnt.matched.at(plane.sources.mag), LEAST_UNSEEN)
    unseen = np.append(of_sources, 1.0)
    log_prior = candidates.log_prior + plane.sources.log_odds[source]
    weight = counterpart[star] * np.exp(np.minimum(log_prior, LARGEST_LOG))
    near, far = learnt.positions.densities(_offsets(field, learnt), field.error)
    weight *= near + far
    near, far = learnt.magnitudes.densities(
        _mag_offsets(field, learnt), field.mag_error, np.nan_to_num(candidates.mag)
    )
    weight *= np.where(field.has_mag, near + far, 1.0)
    for column in candidates.stars.T:
        weight /= missing[column]
    weight /= (1 - matched) * field.density * unseen[candidates.other]
    worth = np.flatnonzero(weight > LEAST_WEIGHT)
    probability[worth] = link_probabilities(
        source[worth], candidates.stars[worth], weight[worth], most_rounds
    )
    return probability


def _offsets(field: Field, learnt: Learnt) -> FloatArray:
    return learnt.positions.deviations(field.candidates.offset, field.places)


def _mag_offsets(field: Field, learnt: Learnt) -> FloatArray:
    together = field.candidates.mag
    return np.nan_to_num(learnt.magnitudes.deviations(field.mag, together, field.colour))


def _learn(field: Field, learnt: Learnt, probability: FloatArray) -> Learnt:
    """Errors, relations and shares as the probabilities (n,) of candidates have them."""
    candidates, plane = field.candidates, field.plane
    chosen = np.flatnonzero(probability > LEAST_TAUGHT)
    positions = learnt.positions.learnt(
        _offsets(field, learnt)[chosen],
        field.error[chosen],
        field.places[chosen],
        probability[chosen],
    )
    magnitudes = learnt.magnitudes
    known = chosen[(field.has_mag & candidates.is_single)[chosen]]
    if len(known):
        magnitudes = magnitudes.learnt(
            _mag_offsets(field, learnt)[known],
            field.mag_error[known],
            candidates.mag[known],
            field.colour[known],
            probability[known],
        )
    n = len(plane.sources)
    matched = sums(candidates.source, probability, n)
    return Learnt(
        positions,
        magnitudes,
        _counterpart(field, probability),
        ShareByMagnitude.of(plane.sources.mag, matched, np.ones(n)),
    )


def _counterpart(field: Field, probability: FloatArray) -> ShareByMagnitude:
    """The share of stars that are a source, of those that are in no other's light."""
    candidates, n = field.candidates, len(field.plane.stars)
    main = sums(candidates.star, probability, n)
    hidden = np.zeros(n)
    for column in candidates.stars[:, 1:].T:
        there = column >= 0
        hidden += sums(column[there], probability[there], n)
    return ShareByMagnitude.of(field.plane.stars.mag, main, np.maximum(1 - hidden, 0.0))
