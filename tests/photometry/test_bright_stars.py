"""Saturated stars: their places, the light of their wings and trails, and whom they spoil."""

import numpy as np
import pytest

from photometry.science.bright_stars.options import BrightStarOptions
from photometry.science.bright_stars.saturated import saturated_stars
from photometry.science.bright_stars.wings import is_in_wings, measure_wings
from tests.builders.saturated_field import (
    FWHM,
    NOISE,
    SIDE,
    SaturatedField,
    grid_of_stars,
    wing_light,
)

MIDDLE = 150


def wings_of(field, options=BrightStarOptions()):
    stars = saturated_stars(field.image.mask, options.min_saturated_pixels, options.max_stars)
    return measure_wings(field.image, stars, FWHM, options)


def radius_of_the_mask(field, flux=1e4, flux_err=200.0):
    """Pixels of a disk as large as what is flagged of stars of one flux."""
    covered = is_in_wings(wings_of(field), grid_of_stars(flux, flux_err, 2), FWHM)
    return np.sqrt(4 * covered.sum() / np.pi)


def single(flux):
    return SaturatedField().add(MIDDLE, MIDDLE, flux)


def test_places_of_saturated_stars_are_those_of_their_cores():
    field = SaturatedField().add(60.3, 70, 3e7).add(200, 180, 1e7)
    field.light[199:260, 199:202] = 1e5  # a trail along a column, saturated
    stars = saturated_stars(field.image.mask, 3, 100)
    assert len(stars) == 3
    assert sorted(np.round(stars.x).tolist()) == [60, 200, 200]


def test_light_of_wings_is_measured_as_far_out_as_it_is_seen():
    distance = np.array([10.0, 15.0, 25.0, 40.0])
    light = wings_of(single(3e7)).light_at(MIDDLE + distance, np.full(4, float(MIDDLE)))
    np.testing.assert_allclose(light, wing_light(distance, 3e7), rtol=0.15)
    far = wings_of(single(3e6)).light_at(np.array([MIDDLE + 100.0]), np.array([float(MIDDLE)]))
    assert far == 0


def test_wings_do_not_rise_at_a_neighbour():
    field = single(3e7)
    for angle in np.arange(0, 2 * np.pi, 0.25):  # so many that the median of their ring is theirs
        field.add(MIDDLE + 30 * np.cos(angle), MIDDLE + 30 * np.sin(angle), 1e5)
    distance = np.arange(10.0, 60.0)
    light = wings_of(field).light_at(MIDDLE + distance, np.full(len(distance), float(MIDDLE)))
    assert np.all(np.diff(light) <= 0)


def test_mask_grows_with_the_flux_of_the_saturated_star():
    radii = [radius_of_the_mask(single(flux)) for flux in (3e6, 1e7, 3e7, 1e8)]
    assert np.all(np.diff(radii) > 3)
    # Light that falls as r^-2.5 has 10^0.4 times the reach with ten times the flux.
    assert radii[3] / radii[1] == pytest.approx(10**0.4, rel=0.2)


def test_mask_is_smaller_for_neighbours_that_are_brighter_themselves():
    field = single(3e7)
    faint, bright = (radius_of_the_mask(field, flux, 200.0) for flux in (1e4, 1e6))
    assert bright < 0.5 * faint


def test_light_that_is_flagged_is_that_which_could_be_a_change():
    stars = grid_of_stars(1e4, 200.0)
    covered = is_in_wings(wings_of(single(3e7)), stars, FWHM)
    distance = np.hypot(stars.x - MIDDLE, stars.y - MIDDLE)
    added = wing_light(distance, 3e7) * 2.27 * FWHM**2
    outside = distance > 10
    assert covered[outside & (added > 1.3 * 30 * stars.flux_err)].all()
    assert not covered[added < 0.7 * 30 * stars.flux_err].any()


def test_bleed_trail_is_followed_to_its_end():
    field = single(3e7).add_trail(MIDDLE, MIDDLE, 80, 20 * NOISE)
    along = np.array([30.0, 50.0, 75.0, 100.0, -50.0])
    wings = wings_of(field)
    on_row = wings.trail_covers(MIDDLE + along, np.full(5, MIDDLE + 1.0))
    assert on_row.tolist() == [True, True, True, False, False]
    assert not wings.trail_covers(MIDDLE + along, np.full(5, MIDDLE + 5.0)).any()


def test_star_on_the_row_of_a_saturated_one_is_no_trail():
    field = single(3e7).add(MIDDLE + 20, MIDDLE, 1e5)
    assert not wings_of(field).trails.any()


def test_field_without_a_saturated_star_has_no_mask():
    field = SaturatedField().add(MIDDLE, MIDDLE, 3e4)
    wings = wings_of(field)
    assert len(wings.stars) == 0
    assert not is_in_wings(wings, grid_of_stars(1e3, 100.0), FWHM).any()


def test_masked_surroundings_of_a_star_tell_of_no_light():
    field = single(3e7)
    image = field.image._replace(weight=np.zeros((SIDE, SIDE)))
    wings = measure_wings(image, saturated_stars(image.mask, 3, 10), FWHM)
    assert not wings.light.any()
    assert not wings.trails.any()
