"""A new version of an exposure is processed: what was made of the old files is out of date."""

import io
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from astropy.io import fits
from django.contrib.auth.models import User
from django.core.management import call_command

from exposures.models import GalImage, Status
from galproject.configuration.pipeline_options import PipelineOptions
from galproject.processing import pipeline
from galproject.queue.reprocessing import plan_reprocessing
from galproject.queue.runs import prepare, run_chips
from photometry.models import GalReference
from tests.builders.processed_night import remove_survey

pytestmark = pytest.mark.django_db


CCDS = {35}


def process(own, paths, is_reference=False):
    """Results of processing one chip of files."""
    plan = prepare(paths, own.options, is_reference, CCDS)
    assert not plan.errors
    return list(run_chips(plan.image_ids, own.options))


@pytest.fixture(scope="module")
def own_night(night, tmp_path_factory, django_db_setup, django_db_blocker):
    """A reference and a search exposure in a folder of their own, processed from there."""
    folder = tmp_path_factory.mktemp("own") / "night"
    shutil.copytree(night.reference.parent, folder)
    paths = {"reference": folder / night.reference.name}
    paths["searches"] = (folder / night.searches[0].name,)
    own = replace(night, **paths)
    with django_db_blocker.unblock():
        process(own, [own.reference], is_reference=True)
        process(own, own.searches)
        yield own
        remove_survey()


@pytest.fixture
def files(own_night, night):
    """The same, as it was before whatever a test does to the files."""
    yield own_night
    folder = own_night.reference.parent
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(night.reference.parent, folder)


def test_the_page_of_a_chip_says_of_which_file_it_was_made(files, client):
    image = image_of(files.searches[0])
    assert f"{files.searches[0].name}<small>V4.8.2a v1</small>" in page_of(image, client)
    image.path = image.path.replace("_v1", "_v2")
    image.save()
    assert f"now {Path(image.path).name} is in its place" in page_of(image, client)


def page_of(image, client):
    client.force_login(User.objects.get_or_create(username="reader", is_superuser=True)[0])
    return client.get(image.get_absolute_url()).content.decode()


def siblings(path):
    return [path.with_name(path.name.replace("_ooi_", f"_oo{kind}_")) for kind in "iwd"]


def second_version(path, factor=1.1):
    """Another version in the place of the first, which is moved away; the path of its image."""
    for old in siblings(path):
        new = old.with_name(old.name.replace("_v1", "_v2"))
        shutil.move(old, new)
        with fits.open(new, mode="update") as hdus:
            hdus[0].header["PLVER"] = "V5.3.1"
            for hdu in hdus[1:] if "_ooi_" in new.name else ():
                hdu.data *= factor
    return path.with_name(path.name.replace("_v1", "_v2"))


def image_of(path):
    return GalImage.objects.select_related("exposure").get(path=str(path), ccdnum=35)


def plan(with_references=False):
    return plan_reprocessing(GalImage.objects.all(), PipelineOptions(), with_references)


def command(*words, **options):
    out, err = io.StringIO(), io.StringIO()
    call_command(*map(str, words), **options, stdout=out, stderr=err, no_color=True)
    return out.getvalue(), err.getvalue()


def test_results_say_of_which_files_they_were_made(files):
    for image in GalImage.objects.all():
        assert image.files["image"]["path"] == image.path
        assert image.data_version == f"{image.exposure.pipeline_version} v1"
    assert plan().n_up_to_date == 2


def test_a_second_version_of_a_search_exposure_is_processed(files):
    before = image_of(files.searches[0])
    path = second_version(files.searches[0])
    (result,) = process(files, [path])
    assert result.status == Status.DONE
    after = image_of(path)
    assert (after.pk, after.data_version) == (before.pk, "V5.3.1 v2")
    assert after.exposure.pipeline_version == "V5.3.1"
    assert after.sky == pytest.approx(1.1 * before.sky, rel=0.01)
    (result,) = process(files, [path])
    assert result.status == "unchanged"


def test_a_worker_that_is_handed_a_second_version_does_it_too(files):
    path = second_version(files.searches[0])
    image = image_of(files.searches[0])
    image.path = str(path)
    image.save()
    assert pipeline.process_chip(image.pk, files.options).status == Status.DONE


def test_a_weight_that_was_replaced_is_seen(files):
    _, weight, _ = siblings(files.searches[0])
    with fits.open(weight, mode="update") as hdus:
        hdus["N4"].data[50:60, 50:60] = 0
    made_over = plan()
    assert (made_over.n_searches, made_over.n_other_files) == (1, 1)
    told, _ = command("reprocess", "--all", dry_run=True)
    assert "Of all these 1 were made of files or published stars that are others now" in told
    (result,) = process(files, files.searches)
    assert result.status == Status.DONE
    assert plan().n_up_to_date == 2


def test_a_catalogue_with_other_stars_makes_other_results(files):
    folder = Path(files.options.catalogue)
    tiles = sorted(folder.iterdir())
    before = {tile: tile.read_bytes() for tile in tiles}
    try:
        for tile in tiles:
            tile.write_bytes(before[tile])
        assert plan().n_up_to_date == 2
        for tile in tiles:
            with fits.open(tile, mode="update") as hdus:
                hdus[1].data["ra"] += 1e-5
        assert (plan().n_searches, plan().n_references_kept) == (1, 1)
        for tile in tiles:
            tile.unlink()
        assert plan().n_up_to_date == 2
    finally:
        for tile in tiles:
            tile.write_bytes(before[tile])


def test_files_that_were_moved_are_no_others(files):
    folder = files.reference.parent
    elsewhere = folder.with_name("elsewhere")
    shutil.move(folder, elsewhere)
    try:
        paths = [elsewhere / path.name for path in (files.reference, *files.searches)]
        assert {result.status for result in process(files, paths)} == {"unchanged"}
        images = GalImage.objects.all()
        assert {Path(i.files["weight"]["path"]).parent for i in images} == {elsewhere, folder}
        assert all(len(i.files) == 4 for i in images)
        assert {Path(i.path).parent for i in images} == {elsewhere}
        assert plan().n_up_to_date == 2
    finally:
        shutil.rmtree(elsewhere)


def test_files_that_are_not_there_leave_results_in_date(files):
    shutil.rmtree(files.reference.parent)
    assert plan().n_up_to_date == 2


def test_a_reference_keeps_its_sources_and_says_that_its_files_are_others(files):
    catalogues = set(GalReference.objects.values_list("pk", flat=True))
    path = second_version(files.reference)
    words = "process_exposure", "--reference", path, "--ccds", 35
    told, warned = command(*words, **files.arguments)
    assert "1 chips: 1 unchanged" in told
    assert "_v1.fits (V4.8.2a v1), where now" in warned
    assert "Left as it was made: N4. --again makes it anew" in warned
    assert image_of(path).data_version == "V4.8.2a v1"
    left = plan()
    assert (left.n_references_kept, left.n_searches, left.n_other_files) == (1, 0, 1)
    assert plan(with_references=True).n_references == 1
    assert set(GalReference.objects.values_list("pk", flat=True)) == catalogues


def test_a_reference_is_made_of_its_second_version_where_that_is_wanted(files):
    path = second_version(files.reference)
    words = "process_exposure", "--reference", path, "--again", "--ccds", 35
    _, warned = command(*words, **files.arguments)
    assert "Left as" not in warned
    assert image_of(path).data_version == "V5.3.1 v2"
    assert plan().n_references_kept == 0


def test_a_file_that_changes_while_it_is_read_fails_the_chip(files, monkeypatch):
    read_chip = pipeline.read_chip

    def read_and_change(*arguments):
        chip = read_chip(*arguments)
        siblings(files.searches[0])[2].touch()
        return chip

    monkeypatch.setattr(pipeline, "read_chip", read_and_change)
    image = image_of(files.searches[0])
    result = pipeline.process_chip(image.pk, files.options, again=True)
    assert result.failed and "changed while it was read" in result.error
    image.refresh_from_db()
    assert image.files == {} and image.data_version == ""
