"""A small simulated night, made once a session, and what it takes to process it."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from exposures.models import GalExposure, GalImage
from exposures.simulation import SimulationOptions, simulate_night
from galproject.configuration.pipeline_options import PipelineOptions
from galproject.queue.runs import prepare, run_chips
from photometry.models import GalObject, GalObjectSource
from photometry.storage.storage import delete_image_results
from variables.models import GalVarObj

NIGHT = SimulationOptions(
    seed=3,
    n_epochs=2,
    n_chips=2,
    chip_shape=(420, 400),
    stars_per_chip=20_000,
    variable_fraction=0.05,
    n_reference_artifacts=3,
    compress=False,
)


@dataclass(frozen=True)
class Night:
    """Its files, and the options to process them with."""

    reference: Path
    searches: tuple[Path, ...]
    truth: Path
    options: PipelineOptions

    @property
    def arguments(self):
        """Of manage.py process_exposure."""
        return {"catalogue": self.options.catalogue}


@pytest.fixture(scope="session")
def night(tmp_path_factory):
    made = simulate_night(tmp_path_factory.mktemp("night"), NIGHT)
    options = PipelineOptions(catalogue=str(made.catalogue))
    return Night(made.reference, made.searches, made.truth, options)


def process(night, paths, is_reference=False, again=False, workers=1):
    """Results of processing files of a night, and the errors of those not usable."""
    plan = prepare(paths, night.options, is_reference=is_reference)
    results = list(run_chips(plan.image_ids, night.options, workers, again))
    return results, plan.errors


@pytest.fixture(scope="module")
def processed(night, django_db_setup, django_db_blocker):
    """The night in the database, once a module; what a test changes there is rolled back."""
    with django_db_blocker.unblock():
        process(night, [night.reference], is_reference=True)
        results, errors = process(night, night.searches)
        assert not errors
        assert not any(result.failed for result in results)
        yield night
        remove_survey()


def remove_survey():
    """Leave the tables as empty as other tests expect them."""
    for image in GalImage.objects.all():
        delete_image_results(image)
    for model in (GalVarObj, GalExposure, GalObjectSource, GalObject):
        model.objects.all().delete()
