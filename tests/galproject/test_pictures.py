"""Pictures of a simulated night: rendered once, kept, and mended where something is missing."""

from io import StringIO

import numpy as np
import pytest
from django.core.management import call_command
from PIL import Image

from exposures.models import GalCheckpoint, GalImage
from photometry.models import GalReference
from tests.galproject.nights import night, processed  # noqa: F401
from variables.models import GalCandidate, GalVarObj
from variables.pictures.places import cutouts_path, picture_path
from variables.pictures.render import render_catalogue
from variables.pictures.sprite import TILE, cutout_layout, read_sprite

pytestmark = pytest.mark.django_db


def catalogue_with_candidates():
    candidate = GalCandidate.objects.order_by("-n_detections", "-max_significance").first()
    return candidate.catalogue, candidate


def test_every_epoch_of_every_candidate_is_cut_out(processed):  # noqa: F811
    catalogue, _ = catalogue_with_candidates()
    rendered = render_catalogue(catalogue)
    assert rendered.problems == ()
    candidates = GalCandidate.objects.filter(catalogue=catalogue)
    assert rendered.n_candidates == candidates.count() > 0
    epochs = list(catalogue.coverages.values_list("image", flat=True))
    for candidate in candidates:
        assert set(cutout_layout(candidate.pk).image_ids) == set(epochs)


def test_twice_renders_nothing_anew_and_a_new_epoch_only_its_column(processed):  # noqa: F811
    catalogue, candidate = catalogue_with_candidates()
    render_catalogue(catalogue)
    before = cutouts_path(candidate.pk).read_bytes()
    assert render_catalogue(catalogue).n_tiles == 0
    last = catalogue.coverages.order_by("-image__exposure__mjd").first()
    last.delete()
    render_catalogue(catalogue)
    assert len(cutout_layout(candidate.pk).image_ids) == 1
    last.save(force_insert=True)
    again = render_catalogue(catalogue)
    assert again.n_tiles == GalCandidate.objects.filter(catalogue=catalogue).count()
    assert cutouts_path(candidate.pk).read_bytes() == before


def test_a_change_stands_out_in_its_difference(processed):  # noqa: F811
    changes = GalVarObj.objects.believed().exclude(delta_mag=None).filter(significance__gt=40)
    strong = [c for c in changes if abs(c.delta_mag) > 0.5]
    assert strong
    for catalogue in GalReference.objects.filter(active=True):
        render_catalogue(catalogue)
    seen = 0
    for change in strong:
        sprite = read_sprite(change.refsource_id)
        tile = sprite.difference[sprite.image_ids.index(change.image_id)].astype(int)
        middle = tile[TILE // 2 - 1 : TILE // 2 + 2, TILE // 2 - 1 : TILE // 2 + 2].mean() - 128
        seen += (middle > 20) == (change.delta_mag < 0) and abs(middle) > 20
    assert seen >= 0.8 * len(strong)


def test_a_file_that_is_gone_costs_its_own_column_and_is_told(processed):  # noqa: F811
    catalogue, candidate = catalogue_with_candidates()
    cutouts_path(candidate.pk).unlink(missing_ok=True)
    gone = GalImage.objects.filter(coverages__catalogue=catalogue).order_by("pk").first()
    GalImage.objects.filter(pk=gone.pk).update(path="/nowhere/gone.fits")
    rendered = render_catalogue(catalogue)
    assert len(rendered.problems) == 1 and "gone.fits" in rendered.problems[0]
    assert gone.pk not in cutout_layout(candidate.pk).image_ids
    assert GalCheckpoint.objects.filter(step="pictures", level="warning").exists()


def test_chips_have_pictures_from_the_pipeline_and_the_command_mends_them(processed):  # noqa: F811
    image = GalImage.objects.order_by("pk").first()
    with Image.open(picture_path(image.pk)) as picture:
        assert picture.size == (image.width, image.height)
        assert np.ptp(np.asarray(picture)) > 100
    picture_path(image.pk).unlink()
    out = StringIO()
    call_command("render_pictures", exposure=image.exposure.identifier, stdout=out)
    assert picture_path(image.pk).exists() and "1 pictures of chips" in out.getvalue()


def test_what_belongs_to_nothing_is_cleaned_away(processed):  # noqa: F811
    stray = picture_path(10**9)
    stray.parent.mkdir(parents=True, exist_ok=True)
    stray.write_bytes(b"")
    out = StringIO()
    call_command("render_pictures", clean=True, stdout=out)
    assert not stray.exists() and picture_path(GalImage.objects.first().pk).exists()
