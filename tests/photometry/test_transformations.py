"""Zero points of our own filters by Gaia's bands, also behind dust."""

import numpy as np
import pytest

from exposures.published.definitions import known_definitions
from photometry.absolute.calibrating import calibrate_field
from photometry.absolute.offsets import absolute_offsets
from photometry.models import GalZeroPoint
from photometry.science.absolute.stars import MatchedStars
from photometry.science.absolute.transformation import BLUE_SHARE, in_own_band, transformed
from photometry.science.absolute.zero_points import fit_zero_points, none_because
from tests.builders.gaia_fields import make_gaia_field
from tests.builders.published_stars import add_stars, make_published, match
from tests.builders.reference_catalogues import ids_at, make_reference

GAIA = known_definitions()["gaia_dr3"].photometry


def errors_of(filter_name, pivot_share=BLUE_SHARE, **field):
    """Errors of zero points in mag, and the errors that are stated."""
    to_filter = GAIA.transformation_to(filter_name)
    made = make_gaia_field(to_filter, filter=filter_name, **field)
    exposure = np.zeros(len(made.zero_points), int)
    fitted = fit_zero_points(made.stars, exposure, pivot_share=pivot_share)
    own = [in_own_band(one, to_filter.scatter) for one in fitted]
    off = np.array([one.zero_point for one in own]) - made.zero_points
    return off, np.array([np.hypot(one.error, one.systematic) for one in own]), own


@pytest.mark.parametrize("filter_name", "griz")
def test_without_dust_the_zero_point_is_right(filter_name):
    off, stated, _ = errors_of(filter_name, reddening=0.0)
    assert np.abs(off).max() < 0.005 and stated.min() > 0.03


@pytest.mark.parametrize("reddening", [0.2, 0.5, 1.0])
@pytest.mark.parametrize("filter_name", "griz")
def test_behind_dust_it_is_right_within_the_stated_error(filter_name, reddening):
    off, stated, _ = errors_of(filter_name, reddening=reddening)
    assert np.all(np.abs(off) < stated)
    assert np.abs(off).max() < (0.04 if filter_name == "r" else 0.02)


def test_the_bluest_stars_tell_it_better_than_the_median():
    blue, _, _ = errors_of("i", reddening=0.7)
    median, _, _ = errors_of("i", 0.5, reddening=0.7)
    assert np.abs(blue.mean()) < 0.4 * np.abs(median.mean())


def test_the_error_does_not_fall_with_the_number_of_stars():
    _, few, _ = errors_of("i", n_stars=200, n_common=20)
    _, many, own = errors_of("i", n_stars=1600)
    scatter = GAIA.transformation_to("i").scatter
    assert many.min() >= scatter and few.max() < 1.5 * many.max()
    assert own[0].error < 0.005


def test_our_filter_has_no_colour_terms_and_stars_no_scatter_of_published_ones():
    _, _, own = errors_of("i", reddening=0.7)
    one, colours = own[0], np.array([0.6, 1.9, np.nan])
    mag, error = one.absolute(np.zeros(3), np.full(3, 0.01), colours)
    assert mag == pytest.approx(one.zero_point)
    assert error == pytest.approx(np.sqrt(0.01**2 + one.error**2 + one.systematic**2))
    nothing = none_because("too few")
    assert in_own_band(nothing, 0.05) is nothing


def test_colours_beyond_the_range_are_not_used_and_their_errors_count():
    n = 4
    colour, slope = np.array([0.4, 1.0, 2.0, np.nan]), -0.5
    stars = MatchedStars(
        np.zeros(n, int), np.arange(n), np.full(n, 16.0), np.full(n, 0.01), np.full(n, 17.0),
        np.full(n, 0.003), colour, np.full(n, 0.02), np.zeros(n, int), np.ones(n), np.zeros(n),
    )  # fmt: skip
    kept = transformed(stars, [0.3, slope], (0.5, 2.0))
    assert kept.star.tolist() == [1, 2]
    assert kept.published == pytest.approx([17.0 + 0.3 - 0.5, 17.0 + 0.3 - 1.0])
    assert kept.published_err == pytest.approx(np.hypot(0.003, 0.5 * 0.02))


@pytest.mark.django_db
def test_calibrated_magnitudes_by_gaia_are_in_our_filter_and_marked():
    rng = np.random.default_rng(6)
    n, zero_point, to_i = 200, 0.4, GAIA.transformation_to("i")
    x, y = (rng.permutation(400)[:n] - 200.0 for _ in range(2))
    g, colour = rng.uniform(15, 17, n), rng.uniform(0.6, 1.9, n)
    gaia = make_published("gaia_dr3", "astrometric", ("G", "BP", "RP"))
    mags = np.column_stack([g, g + 0.4 * colour, g - 0.6 * colour]).tolist()
    stars = add_stars(gaia, 266 + x / 3600, -29 + y / 3600, mags, mag_err=0.003)
    own = g + np.polyval(to_i.coefficients[::-1], colour) + rng.normal(0, 0.02, n)
    reference = make_reference("r", "i", x, y, own - zero_point, error=0.005)
    ids = ids_at(reference, x, y)
    match(reference, gaia, ids, stars)
    (found,) = calibrate_field([reference.image_id])
    assert "i by G of gaia_dr3 1: 1 of 1" in str(found)
    stored = GalZeroPoint.objects.get()
    assert (stored.band, stored.system, stored.is_other_band) == ("i", "AB", False)
    assert stored.zero_point == pytest.approx(zero_point, abs=0.008)
    assert stored.transformed_from == "G" and stored.systematic >= stored.transformation_scatter
    offset = absolute_offsets(ids)[ids[0]]
    assert offset.source == "i (AB) from G and BP - RP of gaia_dr3 1, ±51 mmag"
    assert offset.mag == pytest.approx(stored.zero_point) and offset.error > 0.05
