"""Galaxies that the search for stars takes apart are told from stars."""

from dataclasses import replace

import numpy as np
import pytest

from photometry.science.extended_sources import (
    ExtendedOptions,
    PointSources,
    find_extended,
)
from tests.builders.galaxies import (
    GALAXY,
    RADIUS,
    galaxy_among_stars,
    psf,
    searched,
    some_stars,
)


def extended(field, options=ExtendedOptions()):
    return find_extended(field.left, psf(), field.sources, RADIUS, options)


def test_galaxy_is_flagged_whole_and_no_star():
    field = galaxy_among_stars()
    near = field.is_near(GALAXY, 5)
    assert near.sum() >= 4
    assert extended(field)[near].all()
    assert not extended(field)[~field.is_near(GALAXY, 20)].any()


def test_stars_at_the_places_of_a_galaxy_s_sources_are_stars():
    """As many and as bright, but there is no light between them."""
    field = galaxy_among_stars()
    members = PointSources(*(c[field.is_near(GALAXY)] for c in field.sources))
    cluster = searched(some_stars(), members)
    assert cluster.is_near(GALAXY).sum() >= 4
    assert not extended(cluster).any()


def test_groups_of_less_than_four_are_stars():
    field = galaxy_among_stars()
    stars = replace(field, sources=PointSources(*some_stars()))
    assert not extended(stars).any()
    nearest = np.argsort(np.hypot(field.sources.x - GALAXY[0], field.sources.y - GALAXY[1]))[:3]
    three = replace(field, sources=PointSources(*(c[nearest] for c in field.sources)))
    assert not extended(three).any()


@pytest.mark.parametrize("n", [0, 1])
def test_without_sources_nothing_is_extended(n):
    field = galaxy_among_stars()
    few = replace(field, sources=PointSources(*(c[:n] for c in field.sources)))
    assert extended(few).tolist() == [False] * n


def test_groups_at_the_edge_and_on_unusable_pixels_are_not_looked_at():
    field = galaxy_among_stars()
    x, y, flux = field.sources
    moved = PointSources(x - GALAXY[0] + 2, y, flux)
    assert not find_extended(field.left, psf(), moved, RADIUS).any()
    unusable = field.left._replace(weight=np.zeros_like(field.left.weight))
    assert not find_extended(unusable, psf(), field.sources, RADIUS).any()
