"""New exposures of the fields that are followed are found, fetched and asked for."""

import io
from datetime import date

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django_q.models import Schedule

from exposures.errors import GalprojectError
from exposures.models import GalCheckpoint, GalExposure, GalField, GalImage, Status
from galproject.queue import tasks
from galproject.queue.nights import expnums_to_fetch, fetch_and_enqueue
from galproject.queue.runs import prepare
from tests.exposures.archive_server import ArchiveServer, stored_file

pytestmark = pytest.mark.django_db

FIRST, LAST = date(2017, 1, 1), date(2017, 2, 28)


@pytest.fixture
def archive(night, monkeypatch):
    """An archive on this machine that has the night's three exposures."""
    with ArchiveServer() as server:
        for path in sorted(night.reference.parent.glob("c4d_*")):
            server.add(stored_file(path))
        monkeypatch.setenv("GALPROJECT_ARCHIVE_URL", server.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield server


@pytest.fixture
def field(db):
    return GalField.objects.create(name="bulge", ra=265.0, dec=-29.0, radius=1.0, filters=["i"])


@pytest.fixture
def folder(settings, tmp_path):
    settings.GALPROJECT_EXPOSURES = str(tmp_path / "fetched")
    return tmp_path / "fetched"


@pytest.fixture
def fetches(monkeypatch):
    """The exposures that workers were asked to fetch."""
    asked = []
    monkeypatch.setattr(tasks, "async_task", lambda name, expnum, **_: asked.append(expnum))
    return asked


def make_reference(night):
    """The night's reference as it is when it is done, but for its sources."""
    plan = prepare([night.reference], night.options, is_reference=True)
    GalImage.objects.filter(pk__in=plan.image_ids).update(status=Status.DONE)


def test_what_is_new_in_the_fields_is_found(archive, field):
    assert expnums_to_fetch(FIRST, LAST) == [600_000, 600_001, 600_002]
    assert expnums_to_fetch(date(2016, 1, 1), date(2016, 1, 7)) == []


def test_what_was_entered_before_is_not_new(archive, field, night):
    prepare([night.searches[0]])
    known = GalExposure.objects.get().identifier
    assert known not in map(str, expnums_to_fetch(FIRST, LAST))
    assert len(expnums_to_fetch(FIRST, LAST)) == 2


@pytest.mark.parametrize(
    "change", [{"is_active": False}, {"dec": 29.0}, {"filters": ["g"]}, {"proposal": "2012B-0001"}]
)
def test_only_what_the_fields_ask_for_is_found(archive, field, change):
    GalField.objects.update(**change)
    assert expnums_to_fetch(FIRST, LAST) == []


def test_fields_that_are_nowhere_are_refused():
    with pytest.raises(ValidationError):
        GalField(name="off", ra=400, dec=0).full_clean()


def test_a_fetched_exposure_is_asked_for(archive, folder, night, sent):
    make_reference(night)
    (job,) = fetch_and_enqueue(600_001)
    assert job.exposure.identifier == "600001"
    assert job.requested_by == "each night"
    assert {image.status for image in job.images.all()} == {Status.QUEUED}
    assert len(list(folder.glob("*/c4d_*"))) == 3


def test_an_exposure_without_a_reference_is_entered_only(archive, folder, sent):
    assert fetch_and_enqueue(600_001) == []
    assert {image.status for image in GalImage.objects.all()} == {Status.PENDING}
    line = GalCheckpoint.objects.get()
    assert (line.step, line.level) == ("entered", "warning")
    assert "no reference in filter i here: choose one" in line.note


def test_an_exposure_that_is_gone_is_named(archive, folder):
    with pytest.raises(GalprojectError, match="600009 is not in the archive"):
        fetch_and_enqueue(600_009)


def test_each_night_a_task_for_each_new_exposure(archive, field, fetches, monkeypatch):
    monkeypatch.setattr(tasks, "last_night", lambda: LAST)
    monkeypatch.setattr(tasks.settings, "GALPROJECT_NIGHTS", 60)
    assert tasks.process_night() == {"expnums": fetches}
    assert fetches == [600_000, 600_001, 600_002]


def test_the_schedules_are_there():
    schedules = {s.name: s.func for s in Schedule.objects.all()}
    assert schedules == {
        "recover_lost_work": "galproject.queue.tasks.recover_lost_work",
        "process_night": "galproject.queue.tasks.process_night",
        "measure_motions": "galproject.references.tasks.measure_motions",
        "learn_from_votes": "galproject.queue.tasks.learn_from_votes",
        "measure_overdue_variability": "galproject.queue.tasks.measure_overdue_variability",
        "match_unmatched": "galproject.queue.tasks.match_unmatched",
        "remove_unused_options": "galproject.queue.tasks.remove_unused_options",
        "mail_notices": "galproject.queue.tasks.mail_notices",
        "mail_daily": "galproject.queue.tasks.mail_daily",
        "report_night": "galproject.queue.tasks.report_night",
    }


def run(*words):
    out = io.StringIO()
    call_command("process_night", *words, stdout=out)
    return out.getvalue()


def test_the_command_says_what_is_new_and_queues_it(archive, field, fetches):
    nights = ("--night", "2017-02-28", "--nights", "60")
    assert "3 exposures new: 600000, 600001, 600002" in run(*nights, "--dry-run")
    assert fetches == []
    assert "3 exposures new, to be fetched" in run(*nights)
    assert len(fetches) == 3


def test_without_a_field_the_command_says_how_to_add_one():
    with pytest.raises(CommandError, match="Add one in the admin"):
        run()


def test_an_archive_that_is_away_is_one_error(field, monkeypatch):
    monkeypatch.setenv("GALPROJECT_ARCHIVE_URL", "http://127.0.0.1:9")
    monkeypatch.setattr("exposures.archive.retry.time.sleep", lambda _: None)
    with pytest.raises(CommandError, match=r"127\.0\.0\.1"):
        run()
