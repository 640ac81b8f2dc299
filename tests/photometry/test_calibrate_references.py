"""Absolute zero points of references in the database."""

import numpy as np
import pytest
from django.core.management import call_command
from django.db.models import F

from exposures.published.definitions import known_definitions
from exposures.published.photometry import Photometry
from photometry.absolute.bands import band_for
from photometry.absolute.calibrating import calibrate_field, overdue_references
from photometry.absolute.offsets import absolute_offsets
from photometry.models import GalMatch, GalMatchRun, GalSource, GalZeroPoint
from photometry.storage import storage
from tests.builders.published_stars import add_stars, make_published, match
from tests.builders.reference_catalogues import ids_at, make_reference

pytestmark = pytest.mark.django_db
N = 300
KNOWN = known_definitions()
ZERO_POINTS = (0.31, -0.12)
SLOPE = 0.12  # mag a mag of r - i


class Field:
    """Two references of a filter that share stars, whose true magnitudes are published."""

    def __init__(self, name="decaps2", bands=("g", "r", "i", "z", "Y"), filter="i"):
        rng = np.random.default_rng(4)
        self.mag, self.colour = rng.uniform(15, 18, N), rng.normal(1.0, 0.3, N)
        # Whole numbers, none of x twice, by which sources are found again.
        x, y = (rng.permutation(400)[:N] - 200.0 for _ in range(2))
        self.published = make_published(name, "photometric", bands)
        published = self.mag + rng.normal(0, 0.015, N)
        mags = [
            [None, mag + colour, mag, None, None][: len(bands)]
            for mag, colour in zip(published.tolist(), self.colour.tolist(), strict=True)
        ]
        stars = add_stars(self.published, 266 + x / 3600, -29 + y / 3600, mags)
        self.catalogues, self.ids, shown = [], [], (slice(0, 200), slice(100, 300))
        for number, (zero_point, part) in enumerate(zip(ZERO_POINTS, shown, strict=True)):
            ours = self.mag[part] - zero_point - SLOPE * (self.colour[part] - 1)
            ours = ours + rng.normal(0, 0.005, len(ours))
            made = make_reference(f"r{number}", filter, x[part], y[part], ours, error=0.005)
            self.catalogues.append(made)
            self.ids.append(ids_at(made, x[part], y[part]))
            match(made, self.published, self.ids[-1], stars[part])

    @property
    def images(self):
        return [catalogue.image_id for catalogue in self.catalogues]

    def zero_points(self):
        return list(GalZeroPoint.objects.order_by("reference"))


@pytest.fixture
def field():
    return Field()


def test_zero_points_and_colour_terms_are_stored_with_their_errors(field):
    (found,) = calibrate_field(field.images)
    assert "2 of 2 references" in str(found) and "i by i of decaps2 1" in str(found)
    for stored, true in zip(field.zero_points(), ZERO_POINTS, strict=True):
        at_pivot = true + SLOPE * (stored.pivot_colour - 1)
        assert stored.zero_point == pytest.approx(at_pivot, abs=0.005)
        assert stored.colour_terms[0] == pytest.approx(SLOPE, abs=0.015)
        assert 0.0005 < stored.error < 0.004
        assert (stored.system, stored.is_other_band) == ("AB", False)
        assert stored.colour_bands == ["r", "i"]
        assert stored.n_common > 60


def test_magnitudes_of_stars_are_absolute_by_their_own_colours(field):
    calibrate_field(field.images)
    offsets = absolute_offsets(field.ids[0])
    true = ZERO_POINTS[0] + SLOPE * (field.colour[:200] - 1)
    found = np.array([offsets[pk].mag for pk in field.ids[0]])
    by_colour = np.array([offsets[pk].by_colour for pk in field.ids[0]])
    assert by_colour.mean() > 0.95
    assert np.abs(found - true)[by_colour].max() < 0.02


def test_a_star_without_a_match_has_the_colour_of_most_and_a_larger_error(field):
    calibrate_field(field.images)
    one, other = field.ids[0][0], field.catalogues[0].id_range[1]
    offsets = absolute_offsets([one, other])
    assert not offsets[other].by_colour and "colour not known" in offsets[other].source
    assert offsets[other].error > offsets[one].error + 0.01


def test_done_again_it_leaves_the_same(field):
    calibrate_field(field.images)
    first = [(z.pk, z.zero_point, z.made_at) for z in field.zero_points()]
    calibrate_field(field.images)
    again = [(z.pk, z.zero_point, z.made_at) for z in field.zero_points()]
    assert [row[:2] for row in again] == [row[:2] for row in first]
    assert again[0][2] > first[0][2]


def test_zero_points_go_with_their_reference_and_their_catalogue(field):
    calibrate_field(field.images)
    storage.drop_catalogue(field.catalogues[0])
    assert len(field.zero_points()) == 1
    field.published.delete()
    assert field.zero_points() == []


def test_too_few_stars_are_stored_as_such(field):
    kept = field.ids[1][:5]
    GalMatch.objects.exclude(refsource_id__in=kept).delete()
    (found,) = calibrate_field(field.images)
    assert "0 of 2" in str(found)
    assert {one.zero_point for one in field.zero_points()} == {None}
    assert all(one.reason for one in field.zero_points())
    assert absolute_offsets(field.ids[0][:1]) == {}


def test_flagged_sources_make_no_zero_point(field):
    bad = field.ids[0][:100]
    GalSource.objects.filter(refsource_id__in=bad).update(flags=4, mag=F("mag") + 0.3)
    calibrate_field(field.images)
    stored = field.zero_points()[0]
    assert stored.n_stars <= 100
    at_pivot = ZERO_POINTS[0] + SLOPE * (stored.pivot_colour - 1)
    assert stored.zero_point == pytest.approx(at_pivot, abs=0.005)


def test_a_catalogue_without_the_filter_is_no_help():
    field = Field(name="ogle", bands=("V", "I", "K"))
    assert calibrate_field(field.images) == [] and field.zero_points() == []


def photometry_of(name):
    return KNOWN[name].photometry


def test_bands_are_those_of_the_filter_or_the_nearest():
    gaia = photometry_of("gaia_dr3")
    nearest = band_for("Y", ["G", "BP", "RP"], gaia)
    assert (nearest.name, nearest.colour, nearest.is_other) == ("RP", ("BP", "RP"), True)
    assert nearest.system == "Vega"
    own = band_for("i", ["g", "r", "i", "z", "Y"], photometry_of("decaps2"))
    assert (own.name, own.colour, own.is_other, own.system) == ("i", ("r", "i"), False, "AB")
    unknown = band_for("r", ["r"], Photometry())
    assert (unknown.system, unknown.colour) == ("", ())
    assert band_for("N662", ["G", "BP", "RP"], gaia) is None
    ps1 = band_for("Y", KNOWN["ps1"].bands, photometry_of("ps1"))
    assert (ps1.name, ps1.colour, ps1.is_other, ps1.system) == ("y", ("i", "z"), True, "AB")


def test_a_transformed_band_is_the_filters_own():
    band = band_for("i", ["G", "BP", "RP"], photometry_of("gaia_dr3"))
    assert (band.name, band.published, band.colour) == ("i", "G", ("BP", "RP"))
    assert (band.is_other, band.system) == (False, "AB")
    assert band_for("u", ["G", "BP", "RP"], photometry_of("gaia_dr3")).transformation is None


def test_the_best_zero_point_is_one_of_the_filter_itself(field):
    calibrate_field(field.images)
    first = field.zero_points()[0]
    gaia = make_published("gaia_dr3", "astrometric", ("G", "BP", "RP"))
    GalZeroPoint.objects.create(
        reference=first.reference, published=gaia, band="RP", is_other_band=True, zero_point=0,
        error=1e-6, systematic=0,
    )  # fmt: skip
    assert GalZeroPoint.objects.best_of([first.reference_id])[first.reference_id] == first


def test_one_of_the_filter_itself_comes_before_one_by_a_transformation(field):
    calibrate_field(field.images)
    first = field.zero_points()[0]
    gaia = make_published("gaia_dr3", "astrometric", ("G", "BP", "RP"))
    better = make_published("gaia_gspc", "photometric", ("g", "r", "i"))
    by_transformation = [
        GalZeroPoint.objects.create(
            reference=first.reference, published=published, band="i", is_other_band=False,
            zero_point=0, error=error, transformed_from="x", transformation_scatter=scatter,
        )
        for published, error, scatter in ((gaia, 1e-6, 0.05), (better, 1e-4, 0.02))
    ]  # fmt: skip
    order = list(GalZeroPoint.objects.best().filter(reference=first.reference))
    assert order == [first, by_transformation[1], by_transformation[0]]


def test_a_person_who_says_another_system_has_zero_points_fitted_anew(field):
    calibrate_field(field.images)
    assert overdue_references(field.images) == []
    field.published.photometry["systems"]["i"] = "Vega"
    field.published.save()
    assert overdue_references(field.images) == [one.pk for one in field.catalogues]
    calibrate_field(field.images)
    assert {one.system for one in field.zero_points()} == {"Vega"}
    assert overdue_references(field.images) == []


def test_the_command_says_what_came_of_it(field, capsys):
    call_command("calibrate_references")
    assert "2 of 2 references have a zero point" in capsys.readouterr().out
    GalMatchRun.objects.all().delete()
    call_command("calibrate_references")
    assert "load_catalogue" in capsys.readouterr().out
