"""When references are calibrated: once all of a field are matched, and each day what is left."""

import pytest

from exposures.models import GalJob
from galproject.processing import calibration
from galproject.processing.calibration import calibrate_matched, uncalibrated_references
from galproject.queue import jobs
from galproject.queue.tasks import calibrate_references, match_catalogues, match_unmatched
from photometry.models import GalMatchRun, GalZeroPoint
from tests.galproject.test_match_runs import load, messages, reference, table  # noqa: F401
from tests.photometry.test_calibrate_references import Field

pytestmark = pytest.mark.django_db


@pytest.fixture
def matched(monkeypatch):
    """A field whose references count as matched, whatever the options."""
    monkeypatch.setattr(calibration, "unmatched_references", lambda references: [])
    return Field()


def test_a_field_is_calibrated_once(matched):
    first, second = (catalogue.pk for catalogue in matched.catalogues)
    assert uncalibrated_references() == [first]
    assert len(calibrate_matched(first)) == 1
    assert uncalibrated_references() == [] and calibrate_matched(second) == []


def test_it_is_calibrated_again_after_a_reference_was_matched_again(matched):
    first, second = (catalogue.pk for catalogue in matched.catalogues)
    calibrate_matched(first)
    GalMatchRun.objects.get(reference=second).save()  # its time is that of now
    assert uncalibrated_references() == [second]
    assert len(calibrate_matched(first)) == 1


def test_it_waits_for_the_last_of_its_references(matched, monkeypatch):
    monkeypatch.setattr(calibration, "unmatched_references", lambda references: references[:1])
    assert calibrate_matched(matched.catalogues[0].pk) == []
    assert not GalZeroPoint.objects.exists()


def test_of_a_reference_that_is_gone_there_is_nothing_to_do(matched):
    assert calibrate_references(matched.catalogues[1].pk + 1) == {"fits": []}


def test_a_catalogue_without_a_band_leaves_nothing_to_do():
    Field(name="ogle", bands=("V", "I", "K"))
    assert uncalibrated_references() == []


def test_workers_calibrate_after_the_match(reference, table, tmp_path, messages):  # noqa: F811
    load(table, tmp_path)
    messages.clear()
    match_catalogues(reference.pk, False)
    assert messages == [("calibrate_references", (reference.pk,))]
    messages.clear()
    assert match_unmatched()["calibrations"] == [reference.pk]  # the message was lost
    (line,) = calibrate_references(reference.pk)["fits"]
    assert "1 of 1 references have a zero point" in line
    stored = GalZeroPoint.objects.get()
    assert (stored.band, stored.is_other_band, stored.system) == ("RP", True, "Vega")
    assert match_unmatched() == {"references": [], "calibrations": []}


def test_a_job_without_the_queue_calibrates_itself(reference, table, tmp_path):  # noqa: F811
    load(table, tmp_path)
    job = GalJob.objects.create(exposure=reference.image.exposure, queued=False)
    type(reference.image).objects.filter(pk=reference.image_id).update(job=job)
    jobs.follow_up_job(job)
    assert GalZeroPoint.objects.known().count() == 1
