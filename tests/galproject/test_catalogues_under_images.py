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
    expected = {
        image.pk: found
        for image in searches
        if (found := [catalogue.pk for catalogue in catalogues_under(image)])
    }
    assert catalogues_under_each([image.pk for image in searches]) == expected
    assert sum(map(len, expected.values())) > 20 and len(expected) < len(searches)
    assert catalogues_under_each([]) == {}
