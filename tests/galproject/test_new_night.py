"""Novae of a simulated night become candidates of kind "new"; what moves does not."""

from dataclasses import replace

import numpy as np
import pytest

from exposures.models import GalCheckpoint, GalImage
from exposures.science.footprints import contains
from exposures.simulation import read_truth, simulate_night
from galproject.configuration.pipeline_options import PipelineOptions
from galproject.processing.storing import delete_results
from galproject.queue.runs import prepare, run_chips
from photometry.models import GalSource
from tests.builders.processed_night import NIGHT
from variables.models import GalCandidate, GalNewDetection
from variables.science.new_sources import NewSourceOptions

pytestmark = pytest.mark.django_db

OPTIONS = replace(NIGHT, n_chips=1, n_epochs=3, n_novae=16, n_movers=12, new_mags=(19.5, 21.0))


@pytest.fixture
def truth(tmp_path):
    """That of a night that is processed."""
    night = simulate_night(tmp_path, OPTIONS)
    options = PipelineOptions(
        catalogue=str(night.catalogue), new_sources=NewSourceOptions(search=True)
    )
    for paths, is_reference in (([night.reference], True), (night.searches, False)):
        plan = prepare(paths, options, is_reference=is_reference)
        assert not any(result.failed for result in run_chips(plan.image_ids, options, 1))
    return read_truth(night.truth)


def is_near(rows, ra, dec, arcsec=0.5):
    """Whether one of some rows lies near a position in degrees."""
    scale = np.cos(np.radians(dec))
    return any(np.hypot((r.ra - ra) * scale, r.dec - dec) < arcsec / 3600 for r in rows)


def places_of(truth, kind, expnum):
    """(index, ra, dec) of the stars of a kind on an exposure, that lie on all images."""
    ra, dec = truth.positions(expnum)
    on_all = [contains(image.footprint, ra, dec) for image in GalImage.objects.all()]
    chosen = np.flatnonzero((truth.stars["kind"] == kind) & np.all(on_all, axis=0))
    return list(zip(chosen, ra[chosen], dec[chosen], strict=True))


def test_novae_become_candidates_and_movers_do_not(truth):
    new = list(GalCandidate.objects.filter(kind=GalCandidate.Kind.NEW))
    expnums = truth.exposures["expnum"]
    is_seen_twice = np.sum(truth.stars["epoch_mag"] < 25, axis=1) >= 2
    novae = [
        is_near(new, ra, dec)
        for star, ra, dec in places_of(truth, "nova", expnums[0])
        if is_seen_twice[star]
    ]
    assert len(novae) >= 3
    assert np.mean(novae) > 0.7  # on a listed star, it is that star's change
    movers = [
        is_near(new, ra, dec)
        for expnum in expnums[1:-1]  # those of the last one are taken back by the next
        for _, ra, dec in places_of(truth, "mover", expnum)
    ]
    assert len(movers) >= 3
    assert not any(movers)
    assert GalNewDetection.objects.alone().exists()
    last = GalImage.objects.searches().order_by("exposure__mjd").last()
    for candidate in new:
        images = set(
            GalSource.objects.light_curve(candidate.pk).values_list("galimage_id", flat=True)
        )
        assert len(images) >= 2 or images == {last.pk}
    assert GalCheckpoint.objects.filter(note__contains="the reference does not have").exists()
    for image in GalImage.objects.searches():
        delete_results(image)
    assert not GalCandidate.objects.exists()
    assert not GalNewDetection.objects.exists()
