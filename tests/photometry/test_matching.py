"""Sources of two catalogues matched as arrays, against made-up fields whose truth is known."""

from dataclasses import fields, replace

import numpy as np
import pytest

from exposures.science.footprints import unit_vectors
from photometry.science.crossmatch.blends import _quantiles
from photometry.science.crossmatch.matching import Links, Near, group, links_between, position_error
from tests.builders.star_field import Band, crossmatch, make_stars, near, observe, score

SIZE = 200.0, 300.0  # arcsec
G, R = Band("g", fwhm=1.2, limit=22.5, colour=(1.0, 0.4)), Band("r", fwhm=0.95, limit=22.3)


def scored(n_a_chip, g=G, r=R, seed=1):
    rng = np.random.default_rng(seed)
    stars = make_stars(n_a_chip, SIZE, rng)
    found = [observe(stars, band, rng) for band in (g, r)]
    return score(*found, crossmatch(*found))


def test_nearly_all_stars_of_a_crowded_field_are_matched_and_few_blends_are_paired_silently():
    found = scored(80_000)
    assert found.n_pairs > 2000 and found.n_blends > 800
    assert found.matched > 0.985 and found.doubtful < 0.12
    assert found.wrong_matches < 0.004
    assert found.blends_marked > 0.55 and found.paired_silently < 0.08


@pytest.mark.parametrize(
    ("change", "silent"),
    [
        ({"merged_fwhm": 0.6, "merged_blur": 0.01, "crowding": 1.0}, 0.02),
        ({"merged_fwhm": 1.0}, 0.09),
        ({"floor": 0.04}, 0.06),
    ],
)
def test_options_hold_where_images_are_not_as_expected(change, silent):
    found = scored(80_000, replace(G, **change), replace(R, **change), seed=2)
    assert found.matched > 0.98 and found.wrong_matches < 0.003
    assert found.paired_silently < silent


def test_in_a_sparse_field_hardly_anything_is_in_doubt():
    found = scored(5_000)
    assert found.matched > 0.995 and found.doubtful < 0.03


def at(distances, fluxes, middle, error=0.005, flux=1.1):
    """Links of stars along a line in a catalogue, which lie near one source of another."""
    n = len(distances)
    offset = np.column_stack([middle - np.array(distances), np.zeros(n)])
    fluxes, flux = np.array(fluxes), np.full(n, flux)
    of_one = np.zeros(n, int)
    pairs = Near(np.arange(n), np.full(n, n), offset, np.full(n, error), fluxes, flux, of_one)
    return links_between(pairs, 0.9, 1.2)


@pytest.mark.parametrize("share", [0.15, 0.3, 0.45])
def test_a_blend_lies_between_its_stars(share):
    """A star of half the other's light, in a filter where it has this share of it."""
    found = at([0.0, 0.6], [1.0, 0.5], 0.6 * share)
    assert len(found.blends) > 0


def test_where_the_light_does_not_move_towards_a_neighbour_it_is_no_part_of_it():
    found = at([0.0, 0.7], [1.0, 0.3], -0.01)
    assert found.matches.tolist() == [[0, 2]] and len(found.blends) == 0
    moved = at([0.0, 0.7], [1.0, 0.3], 0.12)
    assert len(moved.blends) > 0


def test_what_positions_can_not_tell_is_doubtful_and_matched():
    found = at([0.0, 0.95], [1.0, 0.3], 0.0, error=0.1)
    assert found.matches.tolist() == found.doubtful.tolist() == [[0, 2]]
    assert len(found.blends) == 0


def test_a_star_that_matches_another_source_is_hidden_in_none():
    offset = np.array([[0.01, 0], [-0.6, 0], [0.01, 0]])
    flux = np.ones(3)
    a, b, of_one = np.array([0, 1, 1]), np.array([2, 2, 3]), np.zeros(3, int)
    pairs = Near(a, b, offset, np.full(3, 0.02), flux, flux, of_one)
    found = links_between(pairs, 1.0, 1.2)
    assert found.matches.tolist() == [[0, 2], [1, 3]]
    assert len(found.blends) == len(found.doubtful) == 0


def test_sources_without_light_are_matched_by_their_places():
    found = at([0.0, 0.6], [0.0, np.nan], 0.0, flux=-1.0)
    assert found.matches.tolist() == [[0, 2]]
    none = np.zeros(0, int)
    nothing = Near(none, none, np.zeros((0, 2)), *np.zeros((3, 0)), none)
    assert all(len(links) == 0 for links in vars(links_between(nothing, 1.0, 1.0)).values())


def test_a_chain_of_blends_is_cut():
    n = 12
    places = unit_vectors(np.column_stack([10 + 0.6 * np.arange(n) / 3600, np.zeros(n)]))
    chain = np.column_stack([np.arange(n - 1), np.arange(1, n)])
    none = np.zeros((0, 2), int)
    groups = group(np.arange(n) % 2, places, Links(none, chain, none))
    assert len(groups.is_blend) == n and groups.is_blend.all()


def test_pairs_of_catalogues_are_matched_by_themselves_though_they_come_together():
    rng = np.random.default_rng(3)
    bands = (G, R, replace(G, name="i", colour=(-0.5, 0.2)))
    catalogues = [observe(make_stars(80_000, SIZE, rng), band, rng) for band in bands]
    first = np.cumsum([0, *map(len, catalogues)])
    alone, pairs, seeing = [], [], []
    for number, (i, j) in enumerate(((0, 1), (0, 2), (1, 2))):
        a, b = catalogues[i], catalogues[j]
        found = near(a, b, 1.3)
        # Of one source several may hang on the others of its pair, such as a median.
        found = replace(found, a=found.a + first[i], b=found.b + first[j], pair=found.pair + number)
        alone.append(links_between(replace(found, pair=found.pair * 0), a.fwhm, b.fwhm))
        pairs.append(found)
        seeing.append((a.fwhm, b.fwhm))
    together = Near(*(np.concatenate([getattr(p, f.name) for p in pairs]) for f in fields(Near)))
    found = links_between(together, *np.array(seeing).T)
    for kind in ("matches", "blends", "doubtful"):
        expected = np.concatenate([getattr(links, kind) for links in alone])
        assert np.array_equal(getattr(found, kind), expected) and len(expected) > 50


def test_quantiles_of_groups_are_those_of_each():
    rng = np.random.default_rng(4)
    group, values = rng.integers(0, 9, 200), rng.normal(0, 1, 200)
    group[group == 4], values[group == 6] = 5, np.nan
    for share in (0.05, 0.5):
        each = [values[group == g] for g in range(9)]
        expected = [np.percentile(one, 100 * share) if len(one) else np.nan for one in each]
        assert _quantiles(values, group, 9, share) == pytest.approx(expected, nan_ok=True)


def test_positions_are_as_good_as_the_light_allows():
    error = position_error([100.0, 10.0, 0.0, -5.0], [1.0, 1.0, 1.0, 1.0], 1.2, 0.5)
    sigma = 1.2 / np.sqrt(8 * np.log(2))
    assert error == pytest.approx([sigma / 100, sigma / 10, 0.5, 0.5])
