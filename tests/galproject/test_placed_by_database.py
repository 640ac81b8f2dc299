"""Images are placed by stars of the database as by those of tiles, and by their version."""

import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection

from exposures.models import GalCheckpoint, GalImage, GalPublishedCatalogue
from exposures.published.definitions import known_definitions
from exposures.published.loading import LoadOptions, load_catalogue, remove_catalogue
from galproject.configuration.pipeline_options import PipelineOptions
from galproject.queue.reprocessing import plan_reprocessing
from galproject.queue.runs import prepare, run_chips
from photometry.models import GalMatch, GalSource
from photometry.science.matching.states import MatchState
from photometry.science.refraction import RefractionOptions
from tests.builders.processed_night import ONE_CCD, remove_survey

pytestmark = pytest.mark.django_db

GAIA = known_definitions()["gaia_dr3"]
BY_DATABASE = PipelineOptions()


def load(folder, **options):
    return load_catalogue(GAIA, [Path(folder)], LoadOptions(**options)).catalogue


def process(path, options=BY_DATABASE, again=False, **how):
    """Process chips of an exposure, of which none may fail."""
    ids = prepare([path], options, **how).image_ids
    results = list(run_chips(ids, options, again=again))
    assert len(results) == len(ids) and not any(result.failed for result in results)


@pytest.fixture(scope="module")
def by_database(night, django_db_setup, django_db_blocker):
    """Two chips of a reference and one of a search image, placed by the database."""
    with django_db_blocker.unblock():
        load(night.options.catalogue)
        process(night.reference, is_reference=True)
        process(night.searches[0], ccds=ONE_CCD)
        yield night
        remove_survey()
        remove_catalogue("gaia_dr3")


def facts_of(image):
    """What the stars that an image was placed by tell."""
    positions = GalSource.objects.measured_on(image).order_by("refsource_id")
    return {
        "rms": image.astrometric_rms_mas,
        "zero_point": image.zero_point,
        "offset": image.figures["wcs_offset"],
        "sources": positions.count(),
        "ra": np.array(positions.values_list("ra", flat=True)),
    }


def test_a_chip_placed_by_the_database_is_where_one_placed_by_tiles_is(by_database):
    images = list(GalImage.objects.references().order_by("ccdnum"))
    found = [facts_of(image) for image in images]
    for image in images:
        assert any(kind.startswith("published gaia_dr3") for kind in image.files)
    process(by_database.reference, by_database.options, is_reference=True, again=True)
    for image, by_published in zip(images, found, strict=True):
        by_tiles = facts_of(GalImage.objects.get(pk=image.pk))
        assert by_tiles["sources"] > 200 and by_tiles["rms"] < 60
        for name, value in by_tiles.items():
            assert by_published[name] == pytest.approx(value, rel=1e-6, abs=1e-9), name


def plan(with_references=False):
    return plan_reprocessing(GalImage.objects.all(), BY_DATABASE, with_references)


def moved_tiles(tiles, folder):
    """Tiles in another folder, with stars a hundredth of a second of arc from where they were."""
    folder.mkdir()
    for tile in Path(tiles).iterdir():
        table = Table.read(tile)
        table["ra"] += 1e-2 / 3600
        table.write(folder / tile.name)
    return folder


def test_results_are_out_of_date_once_the_catalogue_has_other_stars(by_database, tmp_path):
    assert plan().n_up_to_date == 3
    first = GalPublishedCatalogue.objects.get()
    again = load(by_database.options.catalogue, again=True)
    assert again.pk != first.pk and plan().n_up_to_date == 3
    load(moved_tiles(by_database.options.catalogue, tmp_path / "moved"), version="DR4")
    left = plan()
    assert (left.n_searches, left.n_references_kept, left.n_other_files) == (1, 2, 3)
    told = io.StringIO()
    call_command("reprocess", "--all", dry_run=True, stdout=told)
    assert "were made of files or published stars that are others now" in told.getvalue()
    process(by_database.searches[0], ccds=ONE_CCD)
    assert plan().n_up_to_date == 1
    remove_catalogue("gaia_dr3")
    assert plan().n_up_to_date == 3


def test_cuts_of_the_catalogue_count_where_it_was_of_the_database(by_database):
    cuts = replace(BY_DATABASE.catalogue_cuts, max_excess_noise=1.0)
    others = replace(BY_DATABASE, catalogue_cuts=cuts)
    assert plan_reprocessing(GalImage.objects.all(), others).n_up_to_date == 0


def test_the_chips_page_and_its_log_say_by_what_it_was_placed(by_database, client):
    client.force_login(User.objects.get_or_create(username="reader", is_superuser=True)[0])
    image = GalImage.objects.references().first()
    page = client.get(image.get_absolute_url()).content.decode()
    assert re.search(r"<dt>Placed by</dt>\s*<dd>gaia_dr3 DR3</dd>", page)
    log = GalCheckpoint.objects.filter(ccdnum=image.ccdnum, note="placed by gaia_dr3 DR3")
    assert log.filter(exposure=image.exposure).count() == 1


def refraction_on(night):
    """The refraction of a search image placed by tiles, with few stars as bright as it takes."""
    few = replace(night.options.reduction, refraction=RefractionOptions(min_stars=8))
    options = replace(night.options, reduction=few)
    process(night.searches[0], options, again=True, ccds=ONE_CCD)
    return GalImage.objects.searches().get().astrometry["refraction"]


def test_refraction_goes_by_colours_of_stars_that_sources_are_matched_with(by_database):
    """Those in the database are made redder by three magnitudes, so that one sees which count."""
    assert GalMatch.objects.filter(state=MatchState.MATCHED).count() >= 40
    with connection.cursor() as cursor:
        cursor.execute("UPDATE galpublishedstars SET mags[2] = mags[2] + 3")
    by_match = refraction_on(by_database)
    GalMatch.objects.all().delete()
    by_place = refraction_on(by_database)
    assert by_place["n_used"] >= 8 and by_match["n_used"] >= 8
    assert by_match["middle"] > by_place["middle"] + 2


def test_tiles_are_asked_first_and_told(by_database):
    process(by_database.searches[0], by_database.options, again=True, ccds=ONE_CCD)
    image = GalImage.objects.searches().get()
    kinds = [kind for kind in image.files if kind not in ("image", "weight", "mask")]
    assert kinds and all(kind.startswith("catalogue chunk-") for kind in kinds)
    assert GalCheckpoint.objects.filter(note__startswith="placed by chunk-").exists()


def test_without_either_the_wcs_of_the_header_stands(by_database):
    remove_catalogue("gaia_dr3")
    process(by_database.searches[0], again=True, ccds=ONE_CCD)
    image = GalImage.objects.searches().get()
    assert "astrometry: no catalogue; the header's WCS stands" in image.notes
    assert set(image.files) == {"image", "weight", "mask"}
