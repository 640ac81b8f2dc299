"""Differential refraction: the shift of stars with colour, and images corrected for it."""

from types import SimpleNamespace

import numpy as np
import pytest

from photometry.matching.colours import gaia_colours
from photometry.reduction.options import ReductionOptions
from photometry.reduction.refraction import SourcesAtEpoch, refracted
from photometry.science.refraction import Refraction, fit_refraction
from photometry.storage import storage
from tests.builders.candidates import make_catalogue
from tests.builders.published_stars import add_stars, make_published, match


def offsets_of(n, x_per_mag, y_per_mag, error=0.03, seed=1):
    """dx, dy and colours of stars that are off by some pixels a magnitude, and a constant."""
    rng = np.random.default_rng(seed)
    colours = rng.normal(1.8, 0.4, n)
    noise = rng.normal(0, error, (2, n))
    return x_per_mag * colours + 0.02 + noise[0], y_per_mag * colours - 0.01 + noise[1], colours


def test_the_shift_with_colour_is_found_and_is_that_of_stars_of_other_colours_than_most():
    found = fit_refraction(*offsets_of(400, 0.06, -0.09))
    assert (found.x, found.y) == pytest.approx((0.06, -0.09), abs=4 * 0.03 / 0.4 / 20)
    assert found.middle == pytest.approx(1.8, abs=0.1) and found.n_used > 380
    dx, dy = found.shift(np.array([found.middle, found.middle + 1, np.nan]))
    assert dx == pytest.approx([0, found.x, 0]) and dy == pytest.approx([0, found.y, 0])


def test_wrong_matches_have_no_part_in_it():
    dx, dy, colours = offsets_of(400, 0.06, -0.09)
    dx[::20] += 1.2
    dy[1::20] -= 0.8
    found = fit_refraction(dx, dy, colours)
    assert (found.x, found.y) == pytest.approx((0.06, -0.09), abs=4 * 0.03 / 0.4 / 20)


def test_without_colours_nothing_is_shifted():
    dx, dy, colours = offsets_of(60, 0.06, 0.0)
    colours[:20] = np.nan
    assert fit_refraction(dx, dy, colours) == Refraction()
    assert fit_refraction(dx[:0], dy[:0], colours[:0]).shift(colours)[0].tolist() == [0.0] * 60


N, SHIFT = 400, 0.08  # pixels a magnitude, in x
GAIA = "gaia_dr3", "astrometric", ("G", "BP", "RP")


class Field:
    """A search image whose stars the air shifts with colour, and a catalogue's stars on it."""

    def __init__(self, seed=1, faults=0.0):
        rng = np.random.default_rng(seed)
        self.colours = rng.normal(1.8, 0.4, N)
        # Apart, so that no source has the place of another.
        self.x, self.y = (20.0 * c.ravel()[:N] for c in np.indices((20, 20)))
        self.in_places = self.colours.copy()
        wrong = rng.random(N) < faults
        self.in_places[wrong] = rng.normal(1.8, 0.4, wrong.sum())
        noise = rng.normal(0, 0.03, (2, N))
        self.found_x = self.x + SHIFT * (self.colours - 1.8) + noise[0]
        self.found_y = self.y + noise[1]

    def measured(self, matched, has_catalogue=True):
        """The RefractedStars, by colours (N,) of matched stars and by a catalogue's if there."""
        stars = SimpleNamespace(ra=self.x, dec=self.y, colours=self.in_places)
        reduction = SimpleNamespace(
            catalogue_stars=stars if has_catalogue else None,
            wcs=SimpleNamespace(
                correction=SimpleNamespace(order=1), to_pixels=lambda ra, dec: (ra, dec)
            ),
            detections=SimpleNamespace(
                x=self.found_x, y=self.found_y, bright=lambda *_: np.arange(N)
            ),
        )
        places, significant = (self.x, self.y), np.ones(N, bool)
        return refracted(reduction, places, places, significant, matched, ReductionOptions())


def off_by(field, shifted):
    """The scatter of shifts in x about the truth, pixels; a constant is the registration's."""
    return np.std(shifted.dx - SHIFT * field.colours)


def test_stars_that_sources_are_matched_with_tell_refraction_without_any_catalogue():
    field, unknown = Field(), np.full(N, np.nan)
    assert field.measured(unknown, has_catalogue=False).refraction == Refraction()
    shifted = field.measured(field.colours, has_catalogue=False)
    assert shifted.refraction.n_used > 350
    assert shifted.refraction.x == pytest.approx(SHIFT, abs=4 * 0.03 / 0.4 / 20)
    assert off_by(field, shifted) < 0.004


def test_without_matches_those_in_the_places_of_sources_do_as_before():
    field, unknown = Field(), np.full(N, np.nan)
    by_place, by_match = field.measured(unknown), field.measured(field.colours)
    assert by_place.refraction == by_match.refraction
    assert np.array_equal(by_place.dx, by_match.dx)


@pytest.mark.parametrize("seed", range(3))
def test_matched_colours_come_before_those_in_the_places_of_sources(seed):
    field = Field(seed, faults=0.3)
    by_place = field.measured(np.full(N, np.nan))
    matched = np.where(np.arange(N) % 4 == 0, np.nan, field.colours)  # the others by their places
    both = field.measured(matched)
    assert off_by(field, both) < 0.7 * off_by(field, by_place)
    assert np.isfinite(both.dx).all() and both.refraction.n_used > 350


def test_sources_have_the_colours_of_gaias_stars_that_they_are_and_of_no_other_bands(db):
    reference = make_catalogue(30)
    ids = storage.catalogue_sources(reference)["refsource_id"]
    assert np.isnan(gaia_colours(ids)).all()
    places = [265.0] * 30, [-29.0] * 30
    own = make_published("own", "photometric", ("g", "i"))
    match(reference, own, ids.tolist(), add_stars(own, *places, [[18.0, 16.0]] * 30))
    assert np.isnan(gaia_colours(ids)).all()
    gaia = make_published(*GAIA)
    mags = [[17.0, 17.5 + 0.1 * k, 16.0] for k in range(30)]
    match(reference, gaia, ids[:20].tolist(), add_stars(gaia, *places, mags)[:20])
    backwards = ids[::-1]
    expected = [np.nan] * 10 + [1.5 + 0.1 * k for k in range(19, -1, -1)]
    assert gaia_colours(backwards) == pytest.approx(expected, abs=1e-5, nan_ok=True)


def test_sources_are_where_they_are_on_the_reference_if_nothing_else_is_known(db):
    sources = storage.catalogue_sources(make_catalogue(5))
    known = SourcesAtEpoch.as_on_reference(sources)
    assert np.array_equal(known.ra, sources["ra"]) and np.isnan(known.colours).all()
