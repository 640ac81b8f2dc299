"""Sources of two catalogues matched as arrays, against made-up fields whose truth is known."""

from dataclasses import replace

import numpy as np
import pytest

from photometry.science.crossmatch.matching import Links, Near, group, links_between, position_error
from tests.builders.star_field import Band, crossmatch, make_stars, observe, score

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
    pairs = Near(np.arange(n), np.full(n, n), offset, np.full(n, error), fluxes, flux)
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
    pairs = Near(
        np.array([0, 1, 1]), np.array([2, 2, 3]), offset, np.full(3, 0.02), flux, flux
    )  # fmt: skip
    found = links_between(pairs, 1.0, 1.2)
    assert found.matches.tolist() == [[0, 2], [1, 3]]
    assert len(found.blends) == len(found.doubtful) == 0


def test_sources_without_light_are_matched_by_their_places():
    found = at([0.0, 0.6], [0.0, np.nan], 0.0, flux=-1.0)
    assert found.matches.tolist() == [[0, 2]]
    nothing = Near(*np.zeros((2, 0), int), np.zeros((0, 2)), *np.zeros((3, 0)))
    assert all(len(links) == 0 for links in vars(links_between(nothing, 1.0, 1.0)).values())


def test_a_chain_of_blends_is_cut():
    n = 12
    ra, dec = 10 + 0.6 * np.arange(n) / 3600, np.zeros(n)
    chain = np.column_stack([np.arange(n - 1), np.arange(1, n)])
    none = np.zeros((0, 2), int)
    groups = group(np.arange(n) % 2, ra, dec, Links(none, chain, none))
    assert len(groups.is_blend) == n and groups.is_blend.all()


def test_positions_are_as_good_as_the_light_allows():
    error = position_error([100.0, 10.0, 0.0, -5.0], [1.0, 1.0, 1.0, 1.0], 1.2, 0.5)
    sigma = 1.2 / np.sqrt(8 * np.log(2))
    assert error == pytest.approx([sigma / 100, sigma / 10, 0.5, 0.5])
