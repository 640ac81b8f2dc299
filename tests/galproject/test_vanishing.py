"""Stars of which nothing is left are found as changes."""

from dataclasses import replace

import pytest

from exposures.simulation import read_truth, simulate_night
from galproject.configuration.pipeline_options import PipelineOptions
from galproject.queue.runs import prepare, run_chips
from galproject.validation.recovery import assess
from tests.builders.processed_night import NIGHT
from variables.models import GalVarObj

pytestmark = pytest.mark.django_db

OPTIONS = replace(
    NIGHT, n_chips=1, n_epochs=1, chip_shape=(640, 640), n_vanishing=20, new_mags=(19.0, 20.5)
)


def test_stars_that_vanish_are_found(tmp_path):
    night = simulate_night(tmp_path, OPTIONS)
    options = PipelineOptions(catalogue=str(night.catalogue))
    for paths, is_reference in (([night.reference], True), (night.searches, False)):
        plan = prepare(paths, options, is_reference=is_reference)
        assert not any(result.failed for result in run_chips(plan.image_ids, options, 1))
    recovery = assess(read_truth(night.truth))
    assert recovery.n_vanished >= 8
    assert recovery.vanished_found >= 0.9
    vanished = GalVarObj.objects.accepted().filter(kind=GalVarObj.Kind.VANISHED).count()
    assert vanished >= 0.3 * recovery.n_vanished  # others have some noise left, above zero
