"""A small simulated night, made once a session, and what it takes to process it."""

import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from exposures.models import GalExposure, GalImage
from exposures.other_database import connected_to
from exposures.simulation import SimulationOptions, simulate_night
from galproject.backup.sessions import maintenance_cursor
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
ONE_CCD = {28}  # where one of the two chips shows what a test claims


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


def process(night, paths, is_reference=False, again=False, workers=1, ccds=None):
    """Results of processing files of a night, and the errors of those not usable."""
    plan = prepare(paths, night.options, is_reference, ccds)
    results = list(run_chips(plan.image_ids, night.options, workers, again))
    return results, plan.errors


@dataclass(frozen=True)
class Survey:
    """Where a night that is processed is kept."""

    database: str
    pictures: Path


@pytest.fixture(scope="session")
def kept_night(night, django_db_setup, django_db_blocker, tmp_path_factory):
    """The night in a database of its own, processed once a session; nobody changes it."""
    survey = Survey(f"{connection.settings_dict['NAME']}_night", tmp_path_factory.mktemp("kept"))
    with django_db_blocker.unblock(), copied(connection.settings_dict["NAME"], survey.database):
        with connected_to(survey.database), pictures_in(survey.pictures):
            process(night, [night.reference], is_reference=True)
            results, errors = process(night, night.searches)
            assert not errors
            assert not any(result.failed for result in results)
        yield survey


@pytest.fixture(scope="module")
def processed(night, kept_night, django_db_blocker, tmp_path_factory):
    """The night in the database, a copy for each module; what a test changes is rolled back."""
    copy, pictures = f"{kept_night.database}_copy", tmp_path_factory.mktemp("processed")
    shutil.copytree(kept_night.pictures, pictures, dirs_exist_ok=True)
    with (
        django_db_blocker.unblock(),
        copied(kept_night.database, copy),
        connected_to(copy),
        pictures_in(pictures),
    ):
        yield night


@contextmanager
def copied(database, name):
    """A copy of a database that nobody is connected to, dropped at the end."""
    connection.close()
    with maintenance_cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{database}"')
    try:
        yield
    finally:
        with maintenance_cursor() as cursor:
            cursor.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def pictures_in(folder):
    """Pictures are kept in a folder, by this process and those that it begins."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "GALPROJECT_PICTURES", str(folder))
        patch.setenv("GALPROJECT_PICTURES", str(folder))
        yield


def remove_survey():
    """Leave the tables as empty as other tests expect them."""
    for image in GalImage.objects.all():
        delete_image_results(image)
    for model in (GalVarObj, GalExposure, GalObjectSource, GalObject):
        model.objects.all().delete()
