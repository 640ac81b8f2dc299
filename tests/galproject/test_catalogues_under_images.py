"""The catalogues under many images are those under each of them."""

import numpy as np
import pytest

from exposures.models import GalImage, Status
from galproject.processing.sky_geometry import catalogues_under, catalogues_under_each
from tests.builders.reference_catalogues import make_reference
from tests.builders.survey_rows import make_image

CENTRES = [(266.0, -29.0), (0.05, 10.0), (120.0, 89.95), (30.0, -89.9)]


@pytest.mark.django_db
@pytest.mark.parametrize(("ra", "dec"), CENTRES)
def test_many_images_have_the_catalogues_that_each_has_by_itself(ra, dec):
    rng = np.random.default_rng(4)
    stretch = np.cos(np.radians(dec))

    def place():
        d_ra, d_dec = rng.uniform(-0.3, 0.3, 2)
        return (ra + d_ra / stretch) % 360, float(np.clip(dec + d_dec, -89.99, 89.99))

    for number in range(16):
        at, filter_name = place(), "gi"[number % 2]
        reference = make_reference(f"r{number}", filter_name, [0.0], [0.0], ra=at[0], dec=at[1])
        if number in (3, 4):
            reference.active = False
            reference.save()
    GalImage.objects.filter(pk=reference.image_id).update(status=Status.PENDING)
    searches = [
        make_image(f"s{number}", *place(), "giz"[number % 3], status=Status.DONE)
        for number in range(40)
    ]
    expected = {image.pk: [c.pk for c in catalogues_under(image)] for image in searches}
    under = catalogues_under_each(expected)
    assert under.certain == {pk: ids for pk, ids in expected.items() if ids} and not under.perhaps
    assert all(under.are(image, expected[image.pk]) for image in searches)
    assert not any(under.are(image, ids) for image in searches for ids in (None, [10**6]))
    assert sum(map(len, expected.values())) > 20 and [] in expected.values()
    assert catalogues_under_each([]).certain == {}


@pytest.mark.django_db
def test_of_chips_that_just_touch_the_database_decides():
    reference = make_reference("r", "i", [0.0], [0.0], ra=40.0, dec=0.0).image
    west, south, _, _, _, _, _, north = reference.footprint
    corners = [39.8, south, west, south, west, north, 39.8, north]
    image = make_image("s", 39.85, 0.0, status=Status.DONE, footprint=corners)
    under = catalogues_under_each([image.pk])
    assert under.perhaps.keys() == {image.pk} and not under.certain
    answers = [under.are(image, ids) for ids in ([], under.perhaps[image.pk], [10**6])]
    expected = [c.pk for c in catalogues_under(image)]
    assert answers == [expected == [], expected == under.perhaps[image.pk], False]
