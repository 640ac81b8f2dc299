"""Results made over with other options, and exposures removed with all that was made of them."""

import io
import sys
from dataclasses import replace

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from exposures.errors import GalprojectError
from exposures.locks import take
from exposures.lookup import find_exposures
from exposures.models import GalExposure, GalImage, Status
from galproject.configuration.pipeline_options import PipelineOptions
from galproject.management.commands import reprocess as command
from galproject.processing.pipeline import has_same_provenance
from galproject.processing.removal import plan_removal, remove
from galproject.processing.version import RESULTS_VERSION
from galproject.queue.reprocessing import plan_reprocessing
from photometry.models import GalCoverage, GalReference, GalSource
from photometry.science.detection.residual_options import ResidualOptions
from tests.builders.survey_rows import make_image
from variables.models import GalVarObj
from variables.science.new_sources import NewSourceOptions
from variables.science.selection import SelectionOptions

pytestmark = pytest.mark.django_db

STRICTER = PipelineOptions(selection=SelectionOptions(threshold_sigma=40))


def run(name, *words, **options):
    out = io.StringIO()
    call_command(name, *words, **options, stdout=out, stderr=out, no_color=True)
    return out.getvalue()


@pytest.fixture
def stricter(monkeypatch):
    monkeypatch.setattr(command, "load_options", lambda: STRICTER)


def search_exposure():
    return GalExposure.objects.order_by("mjd").last()


def reference_exposure():
    return GalExposure.objects.order_by("mjd").first()


def test_what_was_made_alike_stands(processed):
    plan = plan_reprocessing(GalImage.objects.all(), PipelineOptions())
    assert (plan.n_up_to_date, plan.n_searches, plan.n_references) == (6, 0, 0)


def test_other_options_make_the_search_images_over_once(processed, stricter):
    for image in GalImage.objects.searches().filter(ccdnum=35):  # as if it were made so already
        changed = image.options
        changed["selection"]["threshold_sigma"] = 40
        image.options = changed
        image.save()
    before = GalVarObj.objects.count()
    sources = GalSource.objects.count()
    said = run("reprocess", "--all")
    assert "0 references and 2 search images to be made over; 2 are up to date" in said
    assert "2 references were made otherwise and stay" in said
    assert 0 < GalVarObj.objects.count() < before
    assert GalSource.objects.count() == sources
    for image in GalImage.objects.searches():
        assert image.options["selection"]["threshold_sigma"] == 40
        assert image.options["catalogue"] == processed.options.catalogue
    assert "0 references and 0 search images to be made over; 4 are up to date" in run(
        "reprocess", "--all"
    )


def test_how_new_sources_are_looked_for_matters_only_where_they_are():
    other = replace(PipelineOptions().reduction, residual=ResidualOptions(threshold=8))
    on = PipelineOptions(), PipelineOptions(reduction=other)
    off = [replace(options, new_sources=NewSourceOptions(search=False)) for options in on]
    image = make_image(
        status=Status.DONE, results_version=RESULTS_VERSION, correction={"catalogues": []}
    )
    image.options = off[0].as_json()
    same = [has_same_provenance(image, wanted) for wanted in (*off, *on)]
    assert same == [
        True,
        True,
        False,
        False,
    ]
    older = off[0].as_json()  # by older code
    del older["new_sources"], older["reduction"]["residual"]
    image.options = older
    assert has_same_provenance(image, on[0])
    image.options = on[0].as_json()
    same = [has_same_provenance(image, wanted) for wanted in (*off, *on)]
    assert same == [
        False,
        False,
        True,
        False,
    ]
    image.is_reference = True
    assert all(has_same_provenance(image, wanted) for wanted in (*off, *on))


def test_results_of_another_version_are_made_over(processed):
    GalImage.objects.searches().update(results_version=RESULTS_VERSION - 1)
    assert plan_reprocessing(GalImage.objects.all(), PipelineOptions()).n_searches == 4


def test_a_commit_that_changes_no_number_leaves_results_in_date(processed):
    GalImage.objects.update(code_version="0.1.0+0123abc.dirty")
    plan = plan_reprocessing(GalImage.objects.all(), PipelineOptions())
    assert (plan.n_up_to_date, plan.n_searches, plan.n_references_kept) == (6, 0, 0)


def test_an_option_that_older_code_did_not_have_leaves_results_in_date(processed):
    for image in GalImage.objects.all():
        older = image.options
        del older["selection"]["threshold_sigma"], older["input"]
        image.options = older | {"gone": {"since": 1}}
        image.save()
    plan = plan_reprocessing(GalImage.objects.all(), PipelineOptions())
    assert (plan.n_up_to_date, plan.n_searches, plan.n_references_kept) == (6, 0, 0)
    assert plan_reprocessing(GalImage.objects.all(), STRICTER).n_searches == 4


def test_a_reference_made_over_takes_what_was_measured_with_it_along(processed):
    GalImage.objects.filter(exposure=reference_exposure(), ccdnum=35).update(results_version=0)
    catalogues = set(GalReference.objects.values_list("pk", flat=True))
    said = run("reprocess", "--all", "--references")
    n_over = plan_reprocessing(GalImage.objects.all(), PipelineOptions(), True)
    assert "1 references and " in said and "0 failed" not in said
    assert (n_over.n_references, n_over.n_searches) == (0, 0)
    assert len(catalogues & set(GalReference.objects.values_list("pk", flat=True))) == 1
    assert not GalImage.objects.exclude(status=Status.DONE).exists()
    for coverage in GalCoverage.objects.select_related("catalogue"):
        assert coverage.catalogue.active


def test_reprocess_of_one_exposure_leaves_the_others(processed, stricter):
    exposure = search_exposure()
    said = run("reprocess", exposure.identifier, "--dry-run")
    assert "2 search images to be made over" in said
    assert not GalImage.objects.filter(option_set__options__selection__threshold_sigma=40).exists()
    run("reprocess", exposure.identifier)
    made_over = GalImage.objects.filter(option_set__options__selection__threshold_sigma=40)
    assert {image.exposure_id for image in made_over} == {exposure.pk}


def test_a_search_exposure_is_removed_whole(processed):
    exposure = search_exposure()
    images = list(exposure.images.all())
    removal = plan_removal(exposure)
    in_table = GalSource.objects.filter(galimage_id__in=[i.pk for i in images]).count()
    assert removal.n_sources == in_table > 0
    others = GalSource.objects.count() - in_table
    said = run("delete_exposure", exposure.identifier, "--yes")
    assert f"2 chips, {in_table:,} measurements, {removal.n_variables:,} variables" in said
    assert GalSource.objects.count() == others
    assert not GalVarObj.objects.filter(image__in=images).exists()
    assert not GalExposure.objects.filter(pk=exposure.pk).exists()
    assert GalImage.objects.filter(status=Status.DONE).count() == 4


def test_a_reference_in_use_is_removed_only_by_cascade(processed):
    exposure = reference_exposure()
    with pytest.raises(CommandError, match=r"is the reference of 4 search images.*--cascade"):
        run("delete_exposure", exposure.identifier, "--yes")
    assert GalReference.objects.count() == 2
    said = run("delete_exposure", exposure.identifier, "--yes", "--cascade")
    assert "of 4 search images that depend on these" in said
    assert not GalReference.objects.exists()
    assert not GalSource.objects.exists()
    assert not GalVarObj.objects.exists()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_class WHERE relname ~ '^galsources_[0-9]+$'")
        assert cursor.fetchone() == (0,)
    assert {image.status for image in GalImage.objects.all()} == {Status.PENDING}


def test_nothing_is_removed_unasked(processed, monkeypatch):
    identifier = search_exposure().identifier
    rows = GalSource.objects.count()
    assert "Nothing was removed" in run("delete_exposure", identifier, "--dry-run")
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    with pytest.raises(CommandError, match="--yes"):
        run("delete_exposure", identifier)
    assert GalSource.objects.count() == rows


def test_unknown_exposures_are_named():
    with pytest.raises(GalprojectError, match=r"^no-such: there is no such exposure"):
        find_exposures(["no-such"])
    with pytest.raises(CommandError, match="Name the exposures, or give --all"):
        run("reprocess")


def test_an_exposure_in_work_is_not_removed(processed, monkeypatch):
    exposure = search_exposure()
    busy = exposure.images.first().pk
    monkeypatch.setattr("exposures.locks.take", lambda kind, pk: pk != busy and take(kind, pk))
    with pytest.raises(GalprojectError, match="is being worked on"):
        remove(exposure)
    assert exposure.images.count() == 2


def test_files_keep_the_options_that_describe_them(processed):
    plan = plan_reprocessing(GalImage.objects.all(), replace(STRICTER, catalogue="elsewhere"))
    (options,) = plan.searches
    assert options.catalogue == processed.options.catalogue
