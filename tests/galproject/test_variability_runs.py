"""When the variability of stars is measured: after jobs, by the command, by workers."""

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from exposures.models import GalJob, Status
from galproject.processing import variability
from galproject.processing.variability import changed_catalogues, unmeasured_catalogues
from galproject.queue import jobs
from galproject.queue.tasks import measure_overdue_variability, measure_variability
from photometry.storage import storage
from photometry.storage.storage import drop_catalogue
from tests.builders.queue_messages import kept_messages
from tests.builders.survey_rows import make_image, make_sources
from variables.models import GalPeriodRun, GalVariability

N = 12


@pytest.fixture
def field(db):
    """A catalogue with five search images."""
    image = make_image("reference", is_reference=True)
    catalogue = storage.create_catalogue(image, make_sources(N), {}, "test")
    rows, rng = storage.catalogue_sources(catalogue), np.random.default_rng(1)
    for day in range(1, 6):
        rows["mag"] += rng.normal(0, 0.01, N)
        storage.replace_measurements(make_image(f"s{day}", mjd=60000.0 + day), rows)
    return catalogue


@pytest.fixture
def messages(monkeypatch):
    return kept_messages(monkeypatch)


def job_of(catalogue, queued=True):
    """A job of its last search image."""
    image = catalogue.coverages.order_by("pk").last().image
    job = GalJob.objects.create(exposure=image.exposure, queued=queued)
    type(image).objects.filter(pk=image.pk).update(job=job)
    return job


def test_a_job_without_the_queue_measures_what_changed(field):
    jobs.finish(job_of(field, queued=False))
    assert GalVariability.objects.count() == N


def test_a_job_leaves_what_changed_to_whoever_runs_it(field):
    job = job_of(field, queued=False)
    jobs.finish(job, measure=False)
    assert not GalVariability.objects.exists()
    calls = []
    jobs.measure_jobs([job], lambda function, ids: calls.append((function.__name__, list(ids))))
    assert calls == [("measure_catalogue", [field.pk]), ("match_sources", [])]
    jobs.measure_jobs([job])
    assert GalVariability.objects.count() == N


def test_a_job_of_the_queue_leaves_it_to_the_workers(field, messages):
    jobs.follow_up_job(job_of(field))
    assert messages == [("measure_variability", (field.pk, False)), ("mail_notices", ())]
    assert measure_variability(*messages[0][1]) == {"sources": N}
    assert GalVariability.objects.count() == N
    messages.clear()
    jobs.follow_up_job(job_of(field))
    assert messages == [("mail_notices", ())]


def test_the_last_job_of_a_field_measures_it(field):
    """Each would read the whole partition else, for an epoch more."""
    job = job_of(field)
    waiting = make_image("next", mjd=60010.0, status=Status.QUEUED)
    make_image("elsewhere", ra=20.0, mjd=60010.0, status=Status.QUEUED)
    make_image("other filter", filter="g", mjd=60010.0, status=Status.QUEUED)
    assert changed_catalogues(job) == []
    waiting.status = Status.FAILED
    waiting.save()
    assert changed_catalogues(job) == [field]


def test_catalogues_out_of_use_are_not_measured(field):
    storage.retire_catalogue(field.image)
    assert changed_catalogues(job_of(field)) == []
    assert measure_variability(field.pk, False) == {"sources": 0}


def test_a_worker_leaves_a_catalogue_that_is_gone(field):
    drop_catalogue(field)
    assert measure_variability(field.pk, False) == {"sources": 0}


def test_the_command_goes_on_where_it_was_interrupted(field, capsys):
    call_command("measure_variability")
    assert f"{N} sources on 6 images" in capsys.readouterr().out
    call_command("measure_variability")
    assert capsys.readouterr().out == "1 catalogues are as they were\n"
    call_command("measure_variability", "--again")
    assert f"{N} sources on 6 images" in capsys.readouterr().out
    assert unmeasured_catalogues([field]) == []


def test_the_command_measures_what_is_on_an_exposure(field, capsys):
    call_command("measure_variability", "--exposure", "s3")
    assert f"{N} sources on 6 images" in capsys.readouterr().out
    make_image("lonely", ra=20.0)
    with pytest.raises(CommandError, match="No reference catalogue"):
        call_command("measure_variability", "--exposure", "lonely")


def test_the_command_leaves_it_to_the_workers(field, messages, capsys):
    call_command("measure_variability", "--queue")
    assert messages == [("measure_variability", (field.pk, False))]
    assert capsys.readouterr().out == "1 catalogues queued\n"


def test_what_a_lost_message_was_to_measure_is_sent_again_each_day(field, messages):
    jobs.follow_up_job(job_of(field))
    messages.clear()  # lost, with the worker or the broker's row
    assert measure_overdue_variability() == {"catalogues": [field.pk]}
    assert messages == [("measure_variability", (field.pk, False))]
    measure_variability(*messages.pop()[1])
    assert measure_overdue_variability() == {"catalogues": []} and messages == []
    storage.replace_measurements(make_image("s6", mjd=60006.0), storage.catalogue_sources(field))
    assert measure_overdue_variability() == {"catalogues": [field.pk]}


def test_what_a_job_to_come_measures_is_not_sent_again(field, messages):
    make_image("next", mjd=60010.0, status=Status.QUEUED)
    assert measure_overdue_variability() == {"catalogues": []} and messages == []


def test_a_worker_that_died_before_it_looked_for_periods_is_followed_by_another(
    field, messages, monkeypatch
):
    def die(*_):
        raise SystemExit

    with monkeypatch.context() as patched, pytest.raises(SystemExit):
        patched.setattr(variability, "find_periods", die)
        measure_variability(field.pk, False)
    assert GalVariability.objects.count() == N and not GalPeriodRun.objects.exists()
    assert measure_overdue_variability() == {"catalogues": [field.pk]}
    assert measure_variability(*messages.pop()[1]) == {"sources": 0}
    assert GalPeriodRun.objects.get().catalogue == field
    assert measure_overdue_variability() == {"catalogues": []}


def test_periods_that_are_as_they_were_are_looked_for_once(field):
    """Of a catalogue without candidates they are, whatever images come."""
    measure_variability(field.pk, False)
    first = GalPeriodRun.objects.get().found
    storage.replace_measurements(make_image("s6", mjd=60006.0), storage.catalogue_sources(field))
    measure_variability(field.pk, False)
    found = GalPeriodRun.objects.get().found
    assert found > first and measure_overdue_variability() == {"catalogues": []}
    measure_variability(field.pk, False)
    assert GalPeriodRun.objects.get().found == found
