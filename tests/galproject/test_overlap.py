import numpy as np
import pytest
from django.db import connection

from exposures.models import GalImage
from exposures.simulation import SimulationOptions, simulate_night
from galproject.configuration.pipeline_options import PipelineOptions
from galproject.references.overlaps import NEAR, ids_overlapping
from photometry.models import GalSource
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
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")  # a table as small is read whole else
        cursor.execute(f"EXPLAIN SELECT i.id FROM galimages n {NEAR} WHERE n.id = %s", [near.pk])
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Bitmap Index Scan on galimages_q3c" in plan
