"""Sources matched with published stars: against the truth, and against enumeration."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from photometry.science.matching.assignments import link_probabilities
from photometry.science.matching.catalogues import ImageSources, PublishedStars
from photometry.science.matching.decisions import Coverage, decide
from photometry.science.matching.matching import match_probabilities
from photometry.science.matching.resolution import separation_of_pairs
from photometry.science.matching.states import MatchState
from tests.builders.published_fields import (
    DEC,
    GAIA,
    OGLE,
    RA,
    Faults,
    image_of,
    matched,
    old_variables,
    published_by,
    score,
    truth_of,
    variables_told,
)
from tests.builders.star_field import make_stars

SIZE = (200.0, 200.0)
CROWDED = 100_000
TRUSTED = Faults()
GAIA_LIKE = replace(GAIA, limit=22.3)


@pytest.fixture(scope="module")
def field():
    """Stars, what is found on an image of them, and the sources as the matcher has them."""
    rng = np.random.default_rng(20261130)
    stars = make_stars(CROWDED, SIZE, rng, faintest=23.5)
    return stars, *image_of(stars, rng)


def published(stars, band, faults=TRUSTED):
    return published_by(stars, band, np.random.default_rng(7), faults)


def test_matches_with_a_deep_catalogue_are_right_and_nearly_complete(field):
    stars, found, sources = field
    catalogue = published(stars, GAIA_LIKE)
    told = score(found, catalogue, matched(sources, catalogue))
    assert told.right > 0.99 and told.claimed > 0.95 and told.false < 0.005


@pytest.mark.parametrize(
    ("band", "claimed"), [(GAIA_LIKE, 0.95), (OGLE, 0.9)], ids=["gaia", "ogle"]
)
def test_errors_that_a_catalogue_states_wrongly_are_learnt(field, band, claimed):
    stars, found, sources = field
    catalogue = published(stars, band, Faults(1.5, 0.05, (0.3, -0.2), 0.3))
    told = score(found, catalogue, matched(sources, catalogue))
    assert told.right > 0.99 and told.claimed > claimed and told.false < 0.005


def test_probabilities_are_those_with_which_matches_are_right(field):
    stars, found, sources = field
    catalogue = published(stars, GAIA_LIKE)
    result = match_probabilities(sources, catalogue.stars)
    truth, *_ = truth_of(found, catalogue)
    pairs = result.candidates.source * len(stars.x) + result.candidates.star
    pair, place = np.unique(pairs, return_inverse=True)
    chance = np.bincount(place, result.probability)
    is_right = truth[pair // len(stars.x)] == pair % len(stars.x)
    for low, high in ((0.05, 0.3), (0.3, 0.7), (0.7, 0.95), (0.95, 1.0)):
        chosen = (chance > low) & (chance <= high)
        assert is_right[chosen].mean() == pytest.approx(chance[chosen].mean(), abs=0.1)


def test_no_published_star_is_claimed_by_two_sources(field):
    stars, _, sources = field
    for band in (GAIA_LIKE, OGLE):
        matches = matched(sources, published(stars, band))
        claimed = matches.star[matches.state == MatchState.MATCHED, 0]
        assert len(claimed) > 1000 and len(np.unique(claimed)) == len(claimed)


def test_by_chance_hardly_a_source_is_matched(field):
    stars, _, sources = field
    catalogue = published(stars, GAIA_LIKE)
    elsewhere = replace(catalogue.stars, dec=catalogue.stars.dec + 20 / 3600)
    matches = matched(sources, replace(catalogue, stars=elsewhere))
    assert np.mean(matches.state == MatchState.MATCHED) < 0.01


def test_variables_of_an_old_catalogue_are_named_rightly_or_told_among_few(field):
    _, found, sources = field
    catalogue = old_variables(found, 60, np.random.default_rng(3))
    named, wrong, among = variables_told(
        found, catalogue, matched(sources, catalogue, is_complete=False), 10
    )
    assert named > 0.25 and wrong < 0.02 and named + among > 0.9


def at(x, y, mag, error=0.02):
    """Sources at x, y in arcsec east and north of a position."""
    x, y, mag = (np.array(a, float) for a in (x, y, mag))
    ra, dec = RA + x / 3600 / np.cos(np.radians(DEC)), DEC + y / 3600
    n = len(x)
    return ImageSources(ra, dec, np.full(n, error), mag, np.full(n, 0.01), np.zeros(n), 1.0)


def stars_at(x, y, mag, error=0.01):
    """Published stars there."""
    own = at(x, y, mag)
    n = len(own)
    errors, unknown = np.full(n, error), np.full(n, np.nan)
    return PublishedStars(own.ra, own.dec, errors, errors, own.mag, own.mag_err, unknown, unknown)


def spread(n=150, seed=5):
    """Places and magnitudes of stars far from each other, that teach the relations."""
    rng = np.random.default_rng(seed)
    x, y = np.divmod(np.arange(n), 15)
    return 20.0 + 6 * x, 20.0 + 6 * y, rng.uniform(17, 20, n)


def everywhere(n, is_complete=True):
    return Coverage(np.ones(n, bool), np.ones(n, bool), np.ones(n, bool), is_complete)


def test_of_a_blend_both_stars_are_told():
    x, y, mag = spread()
    together = 18.0 - 2.5 * np.log10(1 + 10 ** (-0.4 * 0.5))
    share = 1 / (1 + 10 ** (0.4 * 0.5))
    sources = at([0.4 * share, *x], [0, *y], [together, *mag])
    stars = stars_at([0, 0.4, *x], [0, 0, *y], [18.0, 18.5, *mag])
    matches = decide(match_probabilities(sources, stars), sources, everywhere(len(sources)))
    assert matches.state[0] == MatchState.MATCHED and matches.star[0].tolist() == [0, 1]
    assert np.all(matches.probability[0] > 0.9)
    assert matches.separation[0, 0] == pytest.approx(0.4 * share, abs=1e-3)


def test_two_sources_that_may_be_one_star_are_told_as_two():
    x, y, mag = spread()
    sources = at([-0.5, 0.5, *x], [0, 0, *y], [18.0, 18.0, *mag])
    stars = stars_at([0.0], [0.0], [18.0], error=1.0)
    matches = decide(match_probabilities(sources, stars), sources, everywhere(len(sources), False))
    assert matches.state[:2].tolist() == [MatchState.CANT_BE_TOLD] * 2
    assert matches.n_possible[:2].tolist() == [2, 2]
    assert matches.probability[:2, 0] == pytest.approx(0.5, abs=0.1)
    assert np.all(matches.state[2:] == MatchState.NO_COUNTERPART)


def test_what_a_catalogue_does_not_reach_is_never_new():
    x, y, mag = spread()
    sources = at([0, *x], [0, *y], [19.0, *mag])
    found = match_probabilities(sources, stars_at(x, y, mag))
    n = len(sources)
    assert decide(found, sources, everywhere(n)).state[0] == MatchState.NO_COUNTERPART
    outside, shallow = (
        replace(everywhere(n), **{name: np.zeros(n, bool)}) for name in ("is_inside", "is_deep")
    )
    for coverage in (outside, shallow):
        state = decide(found, sources, coverage).state
        assert state[0] == MatchState.NOT_COVERED and np.all(state[1:] == MatchState.MATCHED)


def test_without_sources_or_stars_nothing_is_matched():
    x, y, mag = spread()
    none = np.zeros(0)
    for sources, stars in (
        (at(x, y, mag), stars_at(none, none, none)),
        (at(none, none, none), stars_at(x, y, mag)),
    ):
        matches = decide(match_probabilities(sources, stars), sources, everywhere(len(sources)))
        assert np.all(matches.state == MatchState.NO_COUNTERPART) and len(matches.state) == len(
            sources
        )


def test_magnitudes_that_are_unknown_leave_the_positions_to_decide():
    x, y, mag = spread()
    sources = at(x, y, np.full(len(x), np.nan))
    matches = decide(match_probabilities(sources, stars_at(x, y, mag)), sources, everywhere(len(x)))
    assert np.all(matches.state == MatchState.MATCHED)
    assert matches.star[:, 0].tolist() == list(range(len(x)))


def test_a_shallow_catalogue_shows_its_own_resolution(field):
    rng = np.random.default_rng(4)
    stars = make_stars(CROWDED, (300.0, 300.0), rng)
    for band in (OGLE, replace(OGLE, fwhm=2.0)):
        catalogue = published_by(stars, band, rng)
        places = 3600 * np.column_stack(
            [(catalogue.stars.ra - RA) * np.cos(np.radians(DEC)), catalogue.stars.dec - DEC]
        )
        half = band.merged_fwhm * band.fwhm
        assert separation_of_pairs(places) == pytest.approx(half, abs=0.25)


def enumerated(source, stars, weight):
    """Marginals of links by the sum over all sets that share nothing."""
    n = len(weight)
    total, of_link = 0.0, np.zeros(n)
    for size in range(n + 1):
        for chosen in combinations(range(n), size):
            own = [source[i] for i in chosen]
            used = [star for i in chosen for star in stars[i] if star >= 0]
            if len(set(own)) < len(own) or len(set(used)) < len(used):
                continue
            worth = np.prod([weight[i] for i in chosen])
            total += worth
            of_link[list(chosen)] += worth
    return of_link / total


def test_link_probabilities_are_those_of_enumeration_where_there_is_no_loop():
    source = np.array([0, 0, 1, 1, 2, 0])
    stars = np.array([[0, -1], [1, -1], [1, -1], [2, -1], [2, 3], [0, 4]])
    weight = np.array([3.0, 50.0, 20.0, 0.5, 1e5, 7.0])
    found = link_probabilities(source, stars, weight)
    assert found == pytest.approx(enumerated(source, stars, weight), abs=2e-3)


def test_link_probabilities_are_nearly_those_of_enumeration_in_a_loop():
    source, star = (a.ravel() for a in np.indices((3, 3)))
    weight = np.random.default_rng(2).lognormal(2, 2, 9)
    found = link_probabilities(source, star[:, None], weight)
    assert found == pytest.approx(enumerated(source, star[:, None], weight), abs=0.15)
