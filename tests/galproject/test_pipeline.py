from dataclasses import replace

import pytest
from django.db import connection

from exposures.errors import GalprojectError
from exposures.models import GalCheckpoint, GalExposure, GalImage, GalJob, Status
from exposures.simulation import read_truth
from galproject.processing import pipeline, storing
from galproject.processing.version import RESULTS_VERSION, code_version
from galproject.queue.runs import process_exposure
from galproject.validation.recovery import assess
from photometry.models import GalNonDetection, GalReference, GalSource
from photometry.reduction.added_sources import ADDED
from tests.builders.processed_night import ONE_CCD, process
from variables.derived.refresh import refresh_candidates
from variables.models import GalCandidate, GalNewSource, GalVarObj

pytestmark = pytest.mark.django_db


def contents():
    """Every row of the two large tables, ids among them, of sources that the reference had.

    Those that were added are measured on more images when these are processed again.
    """
    with connection.cursor() as cursor:
        tables = []
        for table in ("galsources", "galvarobjs"):
            cursor.execute(
                f"SELECT to_jsonb(t) - 'id' FROM {table} t WHERE refsource_id NOT IN"
                " (SELECT refsource_id FROM galnewsources) ORDER BY refsource_id, galimage_id"
            )
            tables.append(cursor.fetchall())
        return tables


def of_reference(rows):
    """How many rows are of sources that the reference has."""
    return rows.exclude(refsource_id__in=GalNewSource.objects.values("pk")).count()


def test_a_night_fills_every_table(processed):
    assert GalExposure.objects.count() == 3
    assert GalImage.objects.filter(status=Status.DONE).count() == 6
    assert GalReference.objects.filter(active=True).count() == 2
    assert GalVarObj.objects.accepted().exists()
    for image in GalImage.objects.all():
        assert of_reference(GalSource.objects.measured_on(image)) == image.n_sources > 100
        assert len(image.footprint) == 8
        assert 0.9 < image.fwhm_arcsec < 1.5
        assert image.zero_point == pytest.approx(30, abs=0.2)
        assert image.astrometric_rms_mas < 60
        assert image.options == processed.options.as_json()
        assert (image.code_version, image.results_version) == (code_version(), RESULTS_VERSION)
        steps = GalCheckpoint.objects.filter(exposure=image.exposure, ccdnum=image.ccdnum)
        assert [c.step for c in steps] == ["read", "reduced", "stored"]


def test_what_a_reference_has_beside_its_sources_is_subtracted_from_search_images(processed):
    usual = processed.options.reduction
    always = replace(usual.reference_sky, least_structure=1e-6)
    options = replace(processed.options, reduction=replace(usual, reference_sky=always))
    night = replace(processed, options=options)
    (made,), _ = process(night, [night.reference], is_reference=True, again=True, ccds=ONE_CCD)
    (measured,), _ = process(night, night.searches[:1], ccds=ONE_CCD)
    reference, search = (GalImage.objects.get(pk=o.image_id) for o in (made, measured))
    assert search.correction["reference_skies"] == [reference.pk]
    assert not any("reference sky" in note for note in search.notes)


def test_search_images_say_how_they_were_calibrated(processed):
    searches = list(GalImage.objects.searches().select_related("reference"))
    assert len(searches) == 4
    for image in searches:
        assert image.reference.ccdnum == image.ccdnum
        assert image.reference.is_reference
        assert image.chi2_nu > 0
        # So few stars don't bear the 4th order, and the image says so.
        order = image.correction["order"]
        assert 1 <= order < 4
        assert len(image.correction["coefficients"]) == (order + 1) * (order + 2) // 2
        assert any(f"correction: order {order}" in note for note in image.notes)
        accepted = GalVarObj.objects.accepted().filter(image=image)
        assert image.n_variables == of_reference(accepted)


def test_what_was_simulated_is_recovered(processed):
    recovery = assess(read_truth(processed.truth))
    assert recovery.flat_rms_mag < 0.02
    assert recovery.astrometry_mas < 15
    assert 0.85 < recovery.pull_mad < 1.15
    assert recovery.n_expected >= 5
    assert recovery.completeness >= 0.8  # of a dozen: the benchmark has the statistics
    assert recovery.n_false <= 1


def test_run_twice_leaves_what_one_run_leaves(processed):
    before = contents()
    for paths, is_reference in (([processed.reference], True), (processed.searches, False)):
        results, _ = process(processed, paths, is_reference)
        assert {result.status for result in results} == {"unchanged"}
    assert contents() == before


def test_done_again_search_images_have_the_same_rows(processed):
    before = contents()
    results, _ = process(processed, processed.searches, again=True, ccds=ONE_CCD)
    assert [result.status for result in results] == [Status.DONE] * 2
    assert contents() == before


def test_added_sources_have_a_history_once_their_images_are_done_again(processed):
    added = GalNewSource.objects.added().filter(catalogue__image__ccdnum__in=ONE_CCD)
    ids = set(added.values_list("pk", flat=True))
    assert ids
    process(processed, processed.searches, again=True, ccds=ONE_CCD)
    assert ids <= set(added.values_list("pk", flat=True))
    for source_id in ids:
        epochs = GalSource.objects.light_curve(source_id)
        missing = GalNonDetection.objects.filter(refsource_id=source_id)
        assert epochs.filter(is_reference=True).count() == 1
        assert epochs.count() + missing.count() == 3


def test_reference_made_again_leaves_no_double_and_its_search_images_to_do(processed):
    found = GalSource.objects.filter(is_reference=True, flags__lt=ADDED)
    n_sources = found.count()
    process(processed, [processed.reference], is_reference=True, again=True, ccds=ONE_CCD)
    assert found.count() == n_sources
    undone = GalImage.objects.exclude(status=Status.DONE)
    assert set(undone) == set(GalImage.objects.searches().filter(ccdnum__in=ONE_CCD))
    process(processed, processed.searches)
    assert not undone.all().exists()
    assert of_reference(GalSource.objects) == sum(i.n_sources for i in GalImage.objects.all())
    assert GalReference.objects.count() == 2


def test_reference_among_other_files_stays_as_it_is(processed):
    results, _ = process(processed, [processed.reference, *processed.searches])
    assert {result.status for result in results} == {"unchanged"}


def test_search_exposure_made_a_reference_loses_what_it_had(processed):
    process(processed, processed.searches[:1], is_reference=True, ccds=ONE_CCD)
    images = GalImage.objects.filter(exposure__identifier="600001", ccdnum__in=ONE_CCD)
    assert [image.is_reference for image in images] == [True]
    assert not GalVarObj.objects.filter(image__in=images).exists()
    for image in images:
        assert set(GalSource.objects.measured_on(image).values_list("is_reference")) == {(True,)}


def test_other_options_process_search_images_anew(processed):
    selection = replace(processed.options.selection, threshold_sigma=80.0)
    stricter = replace(processed, options=replace(processed.options, selection=selection))
    before = GalVarObj.objects.count()
    results, _ = process(stricter, processed.searches[:1], ccds=ONE_CCD)
    assert [result.status for result in results] == [Status.DONE]
    assert GalVarObj.objects.count() < before


def test_ccds_limit_the_chips(night):
    results = process_exposure(night.reference, night.options, is_reference=True, ccds={35})
    assert [GalImage.objects.get(pk=r.image_id).ccdnum for r in results] == [35]


def test_failure_in_the_middle_of_storing_leaves_nothing(processed, monkeypatch):
    def fail(*_):
        raise RuntimeError("the disk is on fire")

    image = GalImage.objects.searches().first()
    monkeypatch.setattr(storing, "replace_variables", fail)
    result = pipeline.process_chip(image.pk, processed.options, again=True)
    assert result.failed
    assert "the disk is on fire" in result.error
    image.refresh_from_db()
    assert image.status == Status.FAILED
    assert not GalSource.objects.filter(galimage_id=image.pk).exists()
    assert not GalVarObj.objects.filter(image=image).exists()
    assert GalCheckpoint.objects.filter(level="error", ccdnum=image.ccdnum).count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_workers_leave_the_rows_of_one(processed):
    """Though both are at work on the same sources."""
    alone = contents()
    results, _ = process(processed, processed.searches, again=True, workers=2, ccds=ONE_CCD)
    assert [result.status for result in results] == [Status.DONE] * 2
    assert contents() == alone


def test_a_chip_in_work_is_not_made_a_reference(processed, monkeypatch):
    image = GalImage.objects.searches().select_related("exposure").first()
    monkeypatch.setattr("exposures.locks.take", lambda *_: False)
    with pytest.raises(GalprojectError, match="is being worked on as a search image"):
        pipeline.make_references([image])
    assert GalSource.objects.measured_on(image).exists()


def test_a_chip_in_other_hands_is_left_alone(processed, monkeypatch):
    image = GalImage.objects.searches().first()
    monkeypatch.setattr("exposures.locks.take", lambda *_: False)
    assert pipeline.process_chip(image.pk, processed.options, again=True).status == "busy"


def test_what_lost_its_claim_changes_nothing(processed, monkeypatch):
    image = GalImage.objects.searches().first()
    before = contents()
    monkeypatch.setattr("exposures.locks.take", lambda *_: True)  # but the session has none
    monkeypatch.setattr("exposures.locks.release", lambda *_: None)
    result = pipeline.process_chip(image.pk, processed.options, again=True)
    assert result.failed
    assert "the claim on chip" in result.error
    assert contents() == before


def test_a_chip_that_kills_its_workers_is_given_up(processed):
    image = GalImage.objects.searches().first()
    job = GalJob.objects.create(exposure=image.exposure, options=processed.options.as_json())
    GalImage.objects.filter(pk=image.pk).update(job=job, status="queued", attempts=3, host="alpha")
    result = pipeline.process_chip(image.pk, processed.options, job_id=job.pk)
    assert result.failed
    assert "begun 3 times and never ended, last on alpha" in result.error


def test_candidates_are_true_after_every_chip(processed):
    before = list(GalCandidate.objects.order_by("pk").values())
    assert len(before) == len(set(GalVarObj.objects.values_list("refsource_id", flat=True))) > 0
    refresh_candidates()
    after = list(GalCandidate.objects.order_by("pk").values())
    for row in before + after:
        del row["refreshed"]
    assert after == before
