"""The whole pipeline across 0 h of right ascension, over the poles, and on other turns of RA."""

import re
from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits

from exposures.models import GalExposure, GalImage
from exposures.science.footprints import contains
from exposures.science.motion import separation_degrees
from exposures.simulation import SimulationOptions, simulate_night
from exposures.simulation.truth import read_truth
from galproject.configuration.pipeline_options import PipelineOptions
from galproject.home.fields import observed_fields
from galproject.home.sky_map import sky_map
from galproject.queue.runs import prepare, run_chips
from galproject.references.mosaic import mosaics
from photometry.models import GalSource
from variables.models import Cut, GalVarObj
from variables.science.selection import SelectionOptions

pytestmark = pytest.mark.django_db

SMALL = SimulationOptions(
    seed=5,
    n_epochs=1,
    n_chips=1,
    chip_shape=(300, 300),
    stars_per_chip=20_000,
    variable_fraction=0.05,
    n_reference_artifacts=0,
    compress=False,
)


def process(night):
    """Process a simulated night as users do; its results."""
    # On so small a chip few stars tell of the errors, which may be large, and doubted.
    selection = SelectionOptions(threshold_sigma=10.0)
    options = PipelineOptions(catalogue=str(night.catalogue), selection=selection)
    plan = prepare([night.reference], options, is_reference=True)
    assert not plan.errors
    results = list(run_chips(plan.image_ids, options))
    plan = prepare(night.searches, options)
    assert not plan.errors
    results += run_chips(plan.image_ids, options)
    assert [result.error for result in results] == [""] * len(results)


def turn(night, degrees):
    """Put the headers of a night on another turn, which is as legal."""
    for path in night.reference.parent.glob("c4d_*.fits"):
        fits.setval(path, "CRVAL1", ext=1, value=fits.getval(path, "CRVAL1", 1) + degrees)


def exchange_axes(night):
    """Put the declination first in the headers of a night, with all that is its axis'."""
    for path in night.reference.parent.glob("c4d_*.fits"):
        with fits.open(path, mode="update") as hdus:
            header = hdus[1].header
            keys = [k for k in header if re.match(r"(CTYPE|CRVAL|CUNIT|CD|PV)[12]", k)]
            values = {key: header.pop(key) for key in keys}
            for key, value in values.items():
                prefix, axis, rest = re.fullmatch(r"(\D+)([12])(.*)", key).groups()
                header[f"{prefix}{3 - int(axis)}{rest}"] = value


def test_a_night_with_the_declination_first_is_measured_as_any_other(tmp_path):
    night = simulate_night(tmp_path, SMALL)
    exchange_axes(night)
    process(night)
    assert_stars_are_where_they_are(read_truth(night.truth), images()[0])
    exposure = GalExposure.objects.first()
    assert separation_degrees(exposure.ra, exposure.dec, SMALL.ra, SMALL.dec) < 0.05


# A chip lies 0.018 degrees beside the pointing: two of them are each over its pole.
@pytest.mark.parametrize(
    ("ra", "dec", "turned", "is_polar"),
    [
        (265.0, -29.0, -360, False),
        (359.999, 60.0, 360, False),
        (0.0, 0.0, 0, False),
        (0.0, 89.9, 0, False),
        (10.0, 89.982, -360, True),
        (200.0, -89.982, 0, True),
    ],
)
def test_a_night_is_measured_wherever_on_the_sky_it_lies(tmp_path, ra, dec, turned, is_polar):
    night = simulate_night(tmp_path, replace(SMALL, ra=ra, dec=dec, n_chips=1 + is_polar))
    turn(night, turned)
    process(night)
    over_pole = [contains(image.footprint, 0.0, np.sign(dec) * 90)[0] for image in images()]
    assert any(over_pole) == is_polar
    reference, search = images(over_pole.index(is_polar))
    assert search.reference == reference
    assert reference in GalImage.objects.overlapping(search)
    for row in (*GalExposure.objects.all(), *GalImage.objects.all(), *GalSource.objects.all()):
        assert 0 <= row.ra < 360
        assert -90 <= row.dec <= 90
    assert_stars_are_where_they_are(read_truth(night.truth), reference)
    assert GalVarObj.objects.filter(failed_cuts__in=(0, Cut.DOUBTED_IMAGE)).exists()
    (field,) = observed_fields()
    assert separation_degrees(field.ra, field.dec, ra, dec) < 0.02
    assert sky_map([field]).marks
    assert mosaics([reference.exposure])[reference.exposure_id].tiles


def images(number=None):
    """The chips of the reference; or, of one of them, itself and its search image."""
    references = GalImage.objects.references().order_by("ccdnum")
    if number is None:
        return list(references)
    searches = GalImage.objects.searches().filter(ccdnum=references[number].ccdnum)
    return references[number], searches.get()


def assert_stars_are_where_they_are(truth, reference):
    """Bright stars are found by a cone of an arcsecond at their true places, on both images."""
    index, x, y = truth.star_pixels(int(reference.exposure.identifier), reference.ccdnum)
    inside = (x > 20) & (x < 280) & (y > 20) & (y < 280)
    bright = inside & (truth.stars["mag"][index] < 20.5)
    places = np.column_stack(truth.positions(600_000))[index[bright]]
    assert len(places) > 10
    found = [GalSource.objects.cone(ra, dec, 1.0).first() for ra, dec in places]
    assert np.mean([source is not None for source in found]) > 0.9
    offsets = [source.distance_arcsec for source in found if source is not None]
    assert np.median(offsets) < 0.05
    curves = [GalSource.objects.light_curve(s.refsource_id).count() for s in found if s is not None]
    assert np.mean(np.array(curves) == 2) > 0.9
