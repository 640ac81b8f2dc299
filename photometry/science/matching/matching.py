"""Reference sources matched with published stars by probability, one to one, or as blends."""

from dataclasses import dataclass, replace

import numpy as np

from exposures.science.angles import tangent_offsets, to_sky
from exposures.science.arrays import BoolArray, Float, FloatArray
from exposures.science.footprints import unit_vectors
from photometry.science.crossmatch.options import CrossMatchOptions
from photometry.science.matching.assignments import MOST_ROUNDS, link_probabilities
from photometry.science.matching.binning import bins_of, sums
from photometry.science.matching.candidates import Candidates, Places, Seeing, candidates_of
from photometry.science.matching.catalogues import ImageSources, PublishedStars
from photometry.science.matching.densities import LocalDensity
from photometry.science.matching.frames import frame_offset, magnitude_offset
from photometry.science.matching.likelihoods import (
    ASSUMED,
    MagnitudeModel,
    PositionModel,
)
from photometry.science.matching.options import MatchingOptions
from photometry.science.matching.resolution import separation_of_pairs

# Factor by which crowding and the fit may enlarge errors, for the radius within which one looks.
ENLARGED = 2.5
LEAST_RADIUS_FWHM = 0.3
AMPLITUDE_SCATTER = 0.35  # of the amplitude: that of a sine's epochs about its mean
MOST_LIKELY = 0.995  # of shares: nothing is sure before it has been looked at
LEAST_WEIGHT = 1e-6
LEAST_UNSEEN = 0.05  # share of sources that are in no star's light, of those in another's
FEW_ROUNDS = 16  # of belief propagation, while one still learns


@dataclass(frozen=True)
class Probabilities:
    """What each candidate is worth; arrays (n,), and what was learnt on the way."""

    candidates: Candidates
    probability: np.ndarray  # of being what the source is
    separation: np.ndarray  # (n, k) arcsec from each of its stars, NaN for none
    separation_of_other: np.ndarray  # arcsec, of the other source from the star, NaN for none
    positions: PositionModel
    magnitudes: MagnitudeModel
    counterpart: np.ndarray  # (n_stars,) probability that a star so bright is a source
    matched: np.ndarray  # (n_sources,) share of sources so bright that are a published star


@dataclass(frozen=True)
class _Field:
    """Sources and stars on one plane, with what does not change while one learns of them."""

    sources: ImageSources
    stars: PublishedStars
    places: FloatArray  # (n, 2) arcsec
    candidates: Candidates
    error: FloatArray  # (n_candidates, 2) arcsec
    density: FloatArray  # (n_sources,) an arcsec^2 and mag
    has_mag: BoolArray  # (n_candidates,) whether both magnitudes are known

    @property
    def mag_error(self) -> FloatArray:
        """(n_candidates,) mag, of the difference of magnitudes, variable stars' included."""
        star = self.candidates.star
        own = np.nan_to_num(self.sources.mag_err)[self.candidates.source]
        theirs = np.nan_to_num(self.stars.mag_err)[star]
        varies = AMPLITUDE_SCATTER * np.nan_to_num(self.stars.amplitude)[star]
        return np.sqrt(own**2 + theirs**2 + varies**2)


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
    & Rubin 1977, J. R. Stat. Soc. B 39, 1).
    """
    field, positions, magnitudes, separations = _begun(sources, stars, options, blending)
    counterpart = np.full(len(stars), options.counterpart)
    share = options.counterpart * len(stars) / max(len(sources), 1)
    state = Probabilities(
        field.candidates,
        np.zeros(len(field.candidates)),
        *separations,
        positions,
        magnitudes,
        counterpart,
        np.full(len(sources), min(share, 0.5)),
    )
    for _ in range(options.rounds):
        state = _learnt(field, _judged(field, state, FEW_ROUNDS))
    return _judged(field, state)


def _begun(
    sources: ImageSources,
    stars: PublishedStars,
    options: MatchingOptions,
    blending: CrossMatchOptions,
) -> tuple[_Field, PositionModel, MagnitudeModel, tuple[FloatArray, FloatArray]]:
    """The _Field of candidates, and the models as they are assumed."""
    centre = _middle(sources if len(sources) else stars)
    places, star_places = (
        3600 * np.column_stack(tangent_offsets(one.ra, one.dec, *centre))
        for one in (sources, stars)
    )
    frame = frame_offset(places, sources.mag, star_places, stars.mag)
    star_error = np.column_stack([stars.ra_err, stars.dec_err])
    own_error = np.hypot(sources.error, options.position_floor_arcsec)
    fwhm = sources.fwhm_arcsec
    typical = np.percentile(own_error, 90) if len(own_error) else 0.0
    radius = options.reach_sigma * np.hypot(star_error.max(axis=1), ENLARGED * typical)
    radius = np.clip(radius, LEAST_RADIUS_FWHM * fwhm, options.max_radius_arcsec)
    theirs = Places(star_places + frame, star_error, stars.mag)
    ours = Places(places, np.column_stack([own_error, own_error]), sources.mag)
    seeing = Seeing(fwhm, float(separation_of_pairs(star_places)) / blending.blend_fwhm)
    candidates = candidates_of(ours, theirs, radius, seeing, blending)
    offset = candidates.offset + frame  # from where the catalogue has them
    candidates = replace(candidates, offset=offset)
    source, star = candidates.source, candidates.star
    error = np.hypot(np.hypot(own_error[source], candidates.error)[:, None], star_error[star])
    density = LocalDensity.of(places, sources.mag).at(places, sources.mag)
    has_mag = np.isfinite(sources.mag[source] + stars.mag[star])
    field = _Field(sources, stars, places, candidates, error, density, has_mag)
    size = max(float(np.ptp(places, axis=0).max()), 1.0) if len(places) else 1.0
    shift = np.array([frame, [0, 0], [0, 0]], float)
    positions = PositionModel(shift, size, np.zeros(1), np.ones(1), options.outliers, fwhm)
    off = _mag_offset(field, frame)
    magnitudes = MagnitudeModel(
        np.zeros(1),
        np.full(1, off),
        np.full(1, options.magnitude_scatter),
        0.0,
        0.0,
        options.outliers,
    )
    return field, positions, magnitudes, _separations(candidates, places, star_places)


def _separations(
    candidates: Candidates, places: FloatArray, star_places: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """(n_candidates, k) and (n_candidates,) arcsec of sources and others from stars; NaN: none."""
    none = [[np.nan, np.nan]]
    of_stars = np.append(star_places, none, axis=0)[candidates.stars]
    of_others = np.append(places, none, axis=0)[candidates.other]
    return (
        np.linalg.norm(places[candidates.source][:, None] - of_stars, axis=2),
        np.linalg.norm(of_others - of_stars[:, 0], axis=1),
    )


def _mag_offset(field: _Field, frame: FloatArray) -> Float:
    """The mag by which ours are fainter than theirs, by pairs nearer than others by chance."""
    candidates = field.candidates
    single = np.flatnonzero(candidates.is_single & field.has_mag)
    source, star = candidates.source[single], candidates.star[single]
    off = field.sources.mag[source] - field.stars.mag[star]
    distance = np.linalg.norm((candidates.offset - frame)[single] / field.error[single], axis=1)
    # Of pairs at larger distances, as many by chance lie within a smaller circle.
    near, ring = distance < 2.0, (distance >= 2.5) & (distance < np.hypot(2.0, 2.5))
    return magnitude_offset(off[near], off[ring])


def _judged(field: _Field, state: Probabilities, most_rounds: int = MOST_ROUNDS) -> Probabilities:
    """The same with the probabilities that follow from what was learnt."""
    candidates = field.candidates
    if not len(candidates):
        return state
    source, star = candidates.source, candidates.star
    missing = np.append(1 - state.counterpart, 1.0)  # of -1: no star
    weight = state.counterpart[star] * np.exp(
        np.minimum(candidates.log_prior + field.sources.log_odds[source], 50.0)
    )
    weight *= np.sum(_position_densities(field, state), axis=0)
    weight *= np.where(field.has_mag, np.sum(_mag_densities(field, state), axis=0), 1.0)
    density = np.where(field.has_mag, field.density[source], _all_density(field)[source])
    unseen = np.append(np.maximum(1 - state.matched, LEAST_UNSEEN), 1.0)[candidates.other]
    weight /= np.prod(missing[candidates.stars], axis=1) * (1 - state.matched[source]) * density
    weight /= unseen
    probability = np.zeros(len(source))
    worth = np.flatnonzero(weight > LEAST_WEIGHT)
    probability[worth] = link_probabilities(
        source[worth], candidates.stars[worth], weight[worth], most_rounds
    )
    return replace(state, probability=probability)


def _all_density(field: _Field) -> FloatArray:
    """(n_sources,) an arcsec^2: of sources of any magnitude."""
    no_mag = np.full(len(field.sources), np.nan)
    return LocalDensity.of(field.places, field.sources.mag).at(field.places, no_mag)


def _position_densities(field: _Field, state: Probabilities) -> tuple[FloatArray, FloatArray]:
    candidates = field.candidates
    off = state.positions.deviations(candidates.offset, field.places[candidates.source])
    return state.positions.densities(off, field.error)


def _mag_densities(field: _Field, state: Probabilities) -> tuple[FloatArray, FloatArray]:
    off, together = _mag_deviations(field, state.magnitudes)
    return state.magnitudes.densities(off, field.mag_error, together)


def _mag_deviations(field: _Field, magnitudes: MagnitudeModel) -> tuple[FloatArray, FloatArray]:
    candidates = field.candidates
    together = candidates.mag
    mag = field.sources.mag[candidates.source]
    colour = field.stars.colour[candidates.star]
    off = magnitudes.deviations(mag, together, colour)
    return np.nan_to_num(off), np.nan_to_num(together)


def _learnt(field: _Field, state: Probabilities) -> Probabilities:
    """The same with errors, relations and shares as the probabilities have them."""
    candidates, probability = field.candidates, state.probability
    chosen = np.flatnonzero(probability > 0.02)
    source = candidates.source[chosen]
    off = state.positions.deviations(candidates.offset[chosen], field.places[source])
    positions = state.positions.learnt(
        off, field.error[chosen], field.places[source], probability[chosen]
    )
    magnitudes = state.magnitudes
    known = chosen[(field.has_mag & candidates.is_single)[chosen]]
    if len(known):
        off, together = _mag_deviations(field, magnitudes)
        magnitudes = magnitudes.learnt(
            off[known],
            field.mag_error[known],
            together[known],
            field.stars.colour[candidates.star[known]],
            probability[known],
        )
    return replace(
        state,
        positions=positions,
        magnitudes=magnitudes,
        counterpart=_counterpart(field, state),
        matched=_share_by_mag(
            field.sources.mag, sums(candidates.source, probability, len(field.sources))
        ),
    )


def _counterpart(field: _Field, state: Probabilities) -> FloatArray:
    """(n_stars,) share of stars as bright that are a source, of those that are in no other's."""
    candidates, n = field.candidates, len(field.stars)
    main = sums(candidates.star, state.probability, n)
    hidden = np.zeros(n)
    for column in candidates.stars[:, 1:].T:
        there = column >= 0
        hidden += sums(column[there], state.probability[there], n)
    return _share_by_mag(field.stars.mag, main, np.maximum(1 - hidden, 0.0))


def _share_by_mag(mag: FloatArray, part: FloatArray, of: FloatArray | None = None) -> FloatArray:
    """(n,) the sum of parts over that of wholes, as a function of magnitude."""
    of = np.ones(len(mag)) if of is None else of
    if not len(mag):
        return part
    mean = (part.sum() + 0.5) / (of.sum() + 1)
    share = np.full(len(mag), mean)
    known = np.isfinite(mag)
    if known.any():
        knots, bins = bins_of(mag[known], of[known])
        parts, wholes = (sums(bins, a[known], len(knots)) for a in (part, of))
        of_bins = (parts + ASSUMED * mean) / (wholes + ASSUMED)
        share[known] = np.interp(mag[known], knots, of_bins)
    return np.clip(share, 1e-4, MOST_LIKELY)


def _middle(positions: ImageSources | PublishedStars) -> tuple[float, float]:
    """Right ascension and declination of the middle of positions, degrees."""
    if not len(positions):
        return 0.0, 0.0
    vectors = unit_vectors(np.column_stack([positions.ra, positions.dec]))
    ra, dec = to_sky(vectors.mean(axis=0)[None])
    return float(ra[0]), float(dec[0])
