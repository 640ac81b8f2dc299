"""When references are calibrated: once all of a field are matched, and each day what is left."""

import pytest

from exposures.models import GalJob
from galproject.processing import calibration
from galproject.processing.calibration import calibrate_matched, uncalibrated_references
from galproject.queue import jobs, overdue
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


def test_one_that_is_never_matched_holds_up_the_others_for_a_day_at_most(matched, monkeypatch):
    first, second = (catalogue.pk for catalogue in matched.catalogues)
    GalMatchRun.objects.filter(reference=second).delete()
    never = lambda references: [one for one in references if one.pk == second]  # noqa: E731
    monkeypatch.setattr(calibration, "unmatched_references", never)
    assert calibrate_matched(first) == []
    sent = []
    monkeypatch.setattr(jobs, "send_tasks", lambda name, calls, **_: sent.extend(calls))
    assert overdue.send_uncalibrated() == [first] and sent == [(first, False)]
    assert len(calibrate_matched(*sent[0])) == 1
    assert list(GalZeroPoint.objects.values_list("reference", flat=True)) == [first]
    assert overdue.send_uncalibrated() == []  # done, though the other is still not matched


def test_it_is_renewed_when_another_reference_is_matched(matched):
    first, second = (catalogue.pk for catalogue in matched.catalogues)
    run = GalMatchRun.objects.get(reference=second)
    GalMatchRun.objects.filter(reference=second).delete()
    calibrate_matched(first, wait=False)
    alone = GalZeroPoint.objects.get()
    run.save(force_insert=True)
    assert uncalibrated_references() == [second]
    calibrate_matched(second, wait=False)
    together = GalZeroPoint.objects.get(reference=first)
    assert GalZeroPoint.objects.count() == 2 and together.n_common > alone.n_common == 0


def test_of_a_reference_that_is_gone_there_is_nothing_to_do(matched):
    assert calibrate_references(matched.catalogues[1].pk + 1) == {"fits": []}


def test_a_catalogue_without_a_band_leaves_nothing_to_do():
    Field(name="ogle", bands=("V", "I", "K"))
    assert uncalibrated_references() == []


def test_workers_calibrate_after_the_match(reference, table, tmp_path, messages):  # noqa: F811
    load(table, tmp_path)
    messages.clear()
    match_catalogues(reference.pk, False)
    assert ("calibrate_references", (reference.pk, True)) in messages
    messages.clear()
    assert match_unmatched()["calibrations"] == [reference.pk]  # the message was lost
    (line,) = calibrate_references(reference.pk)["fits"]
    assert "1 of 1 references have a zero point" in line
    stored = GalZeroPoint.objects.get()
    assert (stored.band, stored.is_other_band, stored.system) == ("i", False, "AB")
    assert stored.source == "i (AB) from G and BP - RP of gaia_dr3 DR3, ±51 mmag"
    assert match_unmatched() == {"references": [], "calibrations": []}


def test_a_job_without_the_queue_calibrates_itself(reference, table, tmp_path):  # noqa: F811
    load(table, tmp_path)
    job = GalJob.objects.create(exposure=reference.image.exposure, queued=False)
    type(reference.image).objects.filter(pk=reference.image_id).update(job=job)
    jobs.follow_up_job(job)
    assert GalZeroPoint.objects.known().count() == 1
