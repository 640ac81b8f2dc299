"""The survey on the sky: exposures, chips and star densities that its page draws."""

import time

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from exposures.models import GalExposure, GalImage
from exposures.simulation.mosaic import FULL_SHAPE, Pointing, detectors
from galproject.coverage.outlines import decam_outline
from galproject.coverage.visits import CELL_DEGREES, survey_on_the_sky
from tests.builders.queries import n_queries_of
from tests.builders.survey_rows import make_image


@pytest.fixture
def visitor(client):
    client.force_login(User.objects.create_superuser("root"))
    return client


def chip(name, **columns):
    """A chip of DECam's size on an exposure of its own."""
    known = {"width": 2046, "height": 4094, "radius": 0.17, "n_sources": 3600}
    image = make_image(name, **known | columns)
    GalExposure.objects.filter(pk=image.exposure_id).update(instrument="decam")
    return image


def test_the_outline_of_decam_holds_all_chips_and_little_else():
    outline = np.array(decam_outline())
    x, y = outline.T
    area = 0.5 * abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))
    assert area == pytest.approx(3.1, abs=0.15)  # square degrees, with the gaps
    for detector in detectors(62):
        wcs = Pointing(0.0, 0.0).wcs(detector, FULL_SHAPE)
        ra, dec = wcs.all_pix2world(FULL_SHAPE[1] / 2, FULL_SHAPE[0] / 2, 0)
        east, north = (float(ra) + 180) % 360 - 180, float(dec)
        same_side = outline[np.sign(x) == (np.sign(east) or 1)]
        beside = same_side[np.argsort(abs(same_side[:, 1] - north))[:2]]
        assert abs(east) < abs(beside[:, 0]).max()


@pytest.mark.django_db
def test_star_densities_are_those_of_the_references_alone():
    chip("reference", is_reference=True)
    chip("search", n_sources=10_000)
    ((row, _, filter, density),) = survey_on_the_sky()["cells"]
    assert row == int((-29 + 90) / CELL_DEGREES) and filter == 0
    area = (2 * 60 * 0.17) ** 2 * 2046 * 4094 / (2046**2 + 4094**2)
    assert density == pytest.approx(3600 / area, abs=0.01)


@pytest.mark.django_db
def test_chips_that_are_too_many_are_not_drawn(visitor, monkeypatch):
    for number in range(3):
        chip(str(number))
    place = {"ra": 266, "dec": -29, "radius": 1}
    found = visitor.get(reverse("coverage_chips"), place).json()
    assert len(found["chips"]) == 3 and not found["is_cut"]
    far = visitor.get(reverse("coverage_chips"), place | {"ra": 100}).json()
    assert far["chips"] == []
    monkeypatch.setattr("galproject.coverage.visits.MAX_CHIPS", 2)
    assert visitor.get(reverse("coverage_chips"), place).json() == {"chips": [], "is_cut": True}


@pytest.mark.django_db
def test_a_part_of_the_sky_that_is_none_is_refused(visitor):
    asked = {"ra": 266, "dec": -129, "radius": 1}
    assert visitor.get(reverse("coverage_chips"), asked).status_code == 400
    assert visitor.get(reverse("coverage"), {"frame": "ecliptic"}).status_code == 400


@pytest.mark.django_db
def test_two_thousand_exposures_take_a_fifth_of_a_second_and_five_queries():
    n = 2000
    GalExposure.objects.bulk_create(
        GalExposure(
            instrument="decam",
            identifier=str(number),
            filter="gri"[number % 3],
            mjd=60000 + number,
            exposure_seconds=30,
            ra=260 + number % 20,
            dec=-29,
        )
        for number in range(n)
    )
    exposures = GalExposure.objects.filter(mjd__lt=60060)
    GalImage.objects.bulk_create(
        GalImage(
            exposure=exposure,
            ccdnum=number,
            chip_name=str(number),
            path="",
            hdu=1,
            status="done",
            is_reference=True,
            width=2046,
            height=4094,
            radius=0.17,
            n_sources=5000,
            ra=exposure.ra + number % 7 / 7,
            dec=exposure.dec + number // 9 / 7,
        )
        for exposure in exposures
        for number in range(1, 63)
    )
    assert n_queries_of(survey_on_the_sky) <= 5
    begun = time.process_time()
    data = survey_on_the_sky()
    assert time.process_time() - begun < 0.2
    assert len(data["exposures"]) == n and len(data["cells"]) > 20
