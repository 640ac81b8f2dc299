"""Pictures of quality: figures of exposures over time, and of chips on the sky."""

import re

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from exposures.models import GalExposure, GalImage
from galproject.quality.focal_plane import focal_plane, quantity_named
from galproject.quality.over_time import HEIGHT, WIDTH, quality_over_time
from galproject.quality.quantities import ON_CHIPS, depth_of
from tests.builders.exposures_in_work import make_exposure
from tests.builders.queries import n_queries_of

pytestmark = pytest.mark.django_db
SEEING = 0  # the place of a panel


@pytest.fixture
def visitor(client):
    client.force_login(User.objects.create_superuser("root"))
    return client


def exposure_of(mjd, seeing=(1.0, 1.2, 2.0), filter="i", **columns):
    """An exposure with a finished chip of each seeing, side by side along the right ascension."""
    exposure = make_exposure(f"q{mjd}", ("done",) * len(seeing))
    GalExposure.objects.filter(pk=exposure.pk).update(mjd=mjd, filter=filter)
    for number, (image, fwhm) in enumerate(
        zip(exposure.images.order_by("pk"), seeing, strict=True)
    ):
        west = 266 + 0.3 * number
        corners = [west, -29.0, west + 0.2, -29.0, west + 0.2, -28.9, west, -28.9]
        place = {"ra": west + 0.1, "dec": -28.95, "radius": 0.2, "footprint": corners}
        known = place | {"width": 2046, "height": 4094, "fwhm_arcsec": fwhm} | columns
        GalImage.objects.filter(pk=image.pk).update(**known)
    return exposure


def marks(shown, panel=SEEING):
    return shown.panels[panel].marks


def test_a_mark_is_at_the_median_of_the_chips_between_their_quartiles():
    exposure_of(60000)
    exposure_of(60001, (3.0, 3.0, 3.0))
    first, second = marks(quality_over_time(60002, 10, []))
    assert first.text == "1.20" and second.text == "3.00"
    assert first.low > first.y > first.high
    assert second.low == second.y == second.high < first.y  # worse seeing is above
    assert 0 < first.x < second.x < WIDTH and 0 <= second.y <= HEIGHT


def test_only_exposures_of_the_time_and_of_the_filters_are_drawn():
    for mjd, name in ((60000, "i"), (60005, "g"), (60100, "i")):
        exposure_of(mjd, filter=name)
    assert [mark.exposure.mjd for mark in marks(quality_over_time(60006, 10, []))] == [60000, 60005]
    assert [mark.exposure.mjd for mark in marks(quality_over_time(60006, 10, ["g"]))] == [60005]
    assert quality_over_time(50000, 10, []) is None


def test_one_filter_has_one_colour_and_shape_in_all_panels():
    for number, name in enumerate("gri"):
        exposure_of(60000 + number, filter=name, chi2_nu=1.1)
    shown = quality_over_time(60010, 20, [])
    seen = {
        (mark.exposure.filter, mark.shape, mark.colour) for p in shown.panels for mark in p.marks
    }
    assert len(seen) == 3 and len({shape for _, shape, _ in seen}) == 3


def test_what_is_not_known_of_an_exposure_is_not_drawn():
    exposure_of(60000, (None, None))
    exposure_of(60001, (None, 1.5))
    assert [mark.text for mark in marks(quality_over_time(60010, 20, []))] == ["1.50"]
    assert marks(quality_over_time(60010, 20, []), panel=3) == ()


def test_a_doubted_chip_shows_in_its_exposures_mark():
    exposure_of(60000)
    exposure_of(60001, is_doubted=True)
    assert [mark.is_doubted for mark in marks(quality_over_time(60010, 20, []))] == [False, True]


def test_a_failure_far_beyond_the_others_does_not_press_them_into_a_line():
    rng = np.random.default_rng(1)
    for number in range(150):
        exposure_of(60000 + number, (rng.uniform(1, 2),))
    exposure_of(60160, (500.0,))
    drawn = [mark.y for mark in marks(quality_over_time(60200, 300, []))]
    assert drawn[-1] == min(drawn)
    assert np.ptp(drawn[:-1]) > 0.7 * HEIGHT


def test_depth_is_where_the_noise_of_the_sky_is_a_fifth_of_the_flux():
    rng = np.random.default_rng(2)
    sigma, noise, zero_point = 1.6, 5.0, 30.0
    y, x = np.mgrid[-12:13, -12:13]
    psf = np.exp(-0.5 * (x**2 + y**2) / sigma**2) / (2 * np.pi * sigma**2)
    pixels = rng.normal(0, noise, (4000, *psf.shape))
    fluxes = np.tensordot(pixels, psf, 2) / (psf**2).sum()
    limit = zero_point - 2.5 * np.log10(5 * fluxes.std())
    fwhm = 2 * np.sqrt(2 * np.log(2)) * sigma
    told = depth_of(*(np.array([value]) for value in (zero_point, noise, fwhm)))
    assert told == pytest.approx(limit, abs=0.03)
    assert np.isnan(depth_of(*(np.array([value]) for value in (zero_point, np.nan, fwhm))))


def test_chips_lie_with_north_up_and_east_to_the_left():
    exposure = exposure_of(60000)
    plane = focal_plane(exposure, quantity_named("fwhm_arcsec"))
    assert [chip.text for chip in plane.chips] == ["1.00", "1.20", "2.00"]
    x = [chip.x for chip in plane.chips]
    assert x == sorted(x, reverse=True)  # right ascension grows to the left
    south, _, north, _ = (float(pair.split(",")[1]) for pair in plane.chips[0].points.split())
    assert north < south
    assert [chip.level for chip in plane.chips] == sorted(chip.level for chip in plane.chips)


def test_chips_of_which_a_figure_is_not_known_have_no_colour():
    exposure = exposure_of(60000, figures={"elongation": 1.1})
    known = focal_plane(exposure, quantity_named("elongation")).chips
    unknown = focal_plane(exposure, quantity_named("psf_misfit")).chips
    assert {chip.text for chip in known} == {"1.10"}
    assert {(chip.text, chip.level) for chip in unknown} == {("–", 0)}


@pytest.mark.parametrize("name", [one.name for one in ON_CHIPS])
def test_every_figure_can_be_drawn(name, visitor):
    exposure = exposure_of(60000)
    answer = visitor.get(reverse("focal_plane", args=[exposure.pk]), {"figure": name})
    assert answer.status_code == 200 and answer.content.count(b"<polygon") == 3


def test_a_chip_without_a_place_is_told_of():
    exposure = exposure_of(60000)
    GalImage.objects.filter(pk=exposure.images.first().pk).update(footprint=None)
    plane = focal_plane(exposure, quantity_named("fwhm_arcsec"))
    assert (len(plane.chips), plane.n_without_place) == (2, 1)


def test_each_mark_leads_to_its_exposure_and_each_chip_to_its_page(visitor):
    exposure = exposure_of(60000)
    page = visitor.get(reverse("quality")).content.decode()
    assert f'href="{reverse("exposure", args=[exposure.pk])}"' in page
    plane = visitor.get(reverse("focal_plane", args=[exposure.pk])).content.decode()
    assert all(reverse("image", args=[image.pk]) in plane for image in exposure.images.all())
    assert (
        reverse("focal_plane", args=[exposure.pk])
        in visitor.get(reverse("exposure", args=[exposure.pk])).content.decode()
    )


def test_earlier_exposures_are_a_click_away(visitor):
    exposure_of(60000)
    exposure_of(61000)
    page = visitor.get(reverse("quality"), {"days": "30"}).content.decode()
    query = re.search(r'href="(\?[^"]*)">Earlier', page)[1].replace("&amp;", "&")
    earlier = visitor.get(reverse("quality") + query).content.decode()
    assert "q60000" in earlier and "q61000" not in earlier and "Earlier" not in earlier


@pytest.mark.parametrize("query", ["until=x", "days=7", "filter=none", "until=1e99"])
def test_a_question_that_makes_no_sense_is_answered_by_what_is_wrong(visitor, query):
    answer = visitor.get(f"{reverse('quality')}?{query}")
    assert answer.status_code == 200 and b'role="alert"' in answer.content


def test_a_survey_without_exposures_says_so(visitor):
    assert b"No exposure" in visitor.get(reverse("quality")).content


def test_more_exposures_take_no_more_queries(visitor):
    exposure_of(60000)
    before = n_queries_of(lambda: visitor.get(reverse("quality")))
    for mjd in range(60001, 60006):
        exposure_of(mjd)
    assert n_queries_of(lambda: visitor.get(reverse("quality"))) == before
