import numpy as np
import pytest
from django.db import connection

from exposures.models import GalImage, Status
from exposures.simulation import SimulationOptions, simulate_night
from galproject.configuration.pipeline_options import PipelineOptions
from galproject.references.overlaps import NEAR, count_stranded, ids_overlapping
from photometry.models import GalCoverage, GalReference, GalSource
from tests.builders.processed_night import Night, process
from tests.builders.survey_rows import make_image

pytestmark = pytest.mark.django_db


def test_chip_over_two_references_measures_the_sources_of_both(tmp_path):
    """Two chips side by side, and a dither of half their distance."""
    options = SimulationOptions(
        seed=89,
        n_epochs=1,
        n_chips=2,
        chip_shape=(400, 380),
        stars_per_chip=40_000,
        n_reference_artifacts=0,
        dither_pixels=350,
        compress=False,
    )
    made = simulate_night(tmp_path, options)
    wide = Night(
        made.reference, made.searches, made.truth, PipelineOptions(catalogue=str(made.catalogue))
    )
    process(wide, [wide.reference], is_reference=True)
    results, _ = process(wide, wide.searches)
    both = [
        image
        for image in GalImage.objects.searches().done()
        if len(image.correction["catalogues"]) == 2
    ]
    assert both, results
    for image in both:
        counts = {
            c.catalogue.image_id: c.n_sources for c in image.coverages.select_related("catalogue")
        }
        assert len(counts) == 2
        assert image.reference_id == max(counts, key=counts.get)
        # Each catalogue has a zero point of its own, and both end on their reference.
        for reference_id in counts:
            assert abs(median_difference(image, reference_id)) < 0.02


def median_difference(image, reference_id):
    """Median of measured minus reference magnitudes of one reference's bright sources."""
    on_image = dict(GalSource.objects.measured_on(image).values_list("refsource_id", "mag"))
    reference = GalSource.objects.measured_on(GalImage.objects.get(pk=reference_id))
    pairs = [
        on_image[i] - mag
        for i, mag, err in reference.values_list("refsource_id", "mag", "mag_err")
        if i in on_image and err < 0.05
    ]
    return np.median(pairs)


def test_images_that_share_sky_are_found_without_a_look_at_every_image():
    for ra in range(0, 360, 4):
        make_image(f"{ra}", ra=float(ra))
    near = make_image("near", ra=40.1)
    assert ids_overlapping([near.pk]) == {GalImage.objects.get(ra=40.0).pk}
    circle = {"ra": [40.1], "dec": [-29.0], "radius": [0.2], "filter": ["i"]}
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")  # a table as small is read whole else
        cursor.execute(f"EXPLAIN {NEAR}", circle)
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "galimages_q3c" in plan


@pytest.mark.parametrize("centre", [(266.0, -29.0), (0.0, 0.0), (120.0, 89.7)])
def test_images_that_share_sky_are_those_that_the_database_finds_one_by_one(centre):
    rng = np.random.default_rng(5)
    ra, dec = centre
    for number in range(40):
        stretch = 1 / np.cos(np.radians(min(abs(dec), 89.0)))
        place = (ra + 0.8 * stretch * rng.normal()) % 360, min(dec + 0.3 * rng.normal(), 89.95)
        make_image(f"{number}", *place, filter="gi"[number % 2])
    n_shared = 0
    for image in GalImage.objects.all():
        found = ids_overlapping([image.pk])
        same = GalImage.objects.in_filter(image.exposure.filter).overlapping(image)
        assert found == set(same.values_list("pk", flat=True))
        n_shared += len(found)
    assert n_shared > 20


def test_images_are_stranded_that_share_sky_with_no_reference_left():
    old = make_image("old", is_reference=True)
    catalogue = GalReference.objects.create(image=old)
    beside = make_image("beside", ra=266.3, is_reference=True)
    failed = make_image("failed", is_reference=True, status=Status.FAILED)
    other = make_image("other", is_reference=True, filter="g")
    for name, ra in (("covered", 266.1), ("bare", 265.9), ("also bare", 265.95)):
        GalCoverage.objects.create(image=make_image(name, ra=ra), catalogue=catalogue, n_sources=1)
    assert count_stranded([old.pk]) == 2
    chosen = GalImage.objects.get(exposure__identifier="bare").pk
    assert count_stranded([old.pk], [chosen]) == 0
    assert count_stranded([old.pk, beside.pk]) == 3
    assert count_stranded([failed.pk, other.pk]) == 0
