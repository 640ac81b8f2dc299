"""Pictures of a simulated night: rendered once, kept, and mended where something is missing."""

import errno
import shutil
from io import BytesIO, StringIO
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.urls import reverse
from PIL import Image

from exposures.locks import Claimed
from exposures.models import GalCheckpoint, GalImage, GalJob
from exposures.science.footprints import contains
from galproject.queue import jobs, tasks
from photometry.models import GalReference
from photometry.storage.storage import delete_image_results
from variables.candidates.neighbours import neighbourhood
from variables.models import Campaign, CampaignObject, GalCandidate, GalVarObj, Taxonomy
from variables.pictures import chips, sprite
from variables.pictures.paths import (
    cutouts_path,
    cutouts_url,
    picture_path,
    picture_url,
    small_picture_path,
)
from variables.pictures.render import Rendered, render_catalogue
from variables.pictures.sprite import TILE, cutout_layout, read_sprite
from variables.pictures.stretch import grey, stretch_tables

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def own_pictures(processed, settings, tmp_path):
    """What the pipeline has drawn, in a folder of the test's own."""
    folder = tmp_path / "pictures"
    shutil.copytree(Path(settings.GALPROJECT_PICTURES) / "images", folder / "images")
    settings.GALPROJECT_PICTURES = str(folder)


def catalogue_with_candidates():
    candidate = GalCandidate.objects.order_by("-n_detections", "-max_significance").first()
    return candidate.catalogue, candidate


def epochs_of(candidate):
    """Ids of the images that a candidate lies on by its footprint, in order of time."""
    covered = GalImage.objects.filter(coverages__catalogue=candidate.catalogue)
    images = covered.select_related("exposure").order_by("exposure__mjd", "pk")
    place = [candidate.ra], [candidate.dec]
    return tuple(image.pk for image in images if contains(image.footprint, *place)[0])


def test_every_epoch_of_every_candidate_is_cut_out_and_no_image_beside_it():
    catalogue, _ = catalogue_with_candidates()
    rendered = render_catalogue(catalogue)
    assert rendered.problems == ()
    candidates = GalCandidate.objects.filter(catalogue=catalogue).to_be_seen()
    assert rendered.n_candidates == candidates.count() > 0
    for candidate in candidates:
        layout = cutout_layout(candidate.pk)
        assert layout.image_ids == epochs_of(candidate)
        with Image.open(cutouts_path(candidate.pk)) as picture:
            assert picture.size == (layout.n_columns * TILE, 2 * TILE)
        changed = GalVarObj.objects.filter(refsource_id=candidate.pk)
        assert set(changed.values_list("image", flat=True)) <= set(layout.image_ids)


def test_what_fails_the_cuts_everywhere_is_drawn_only_where_somebody_asks(django_user_model):
    catalogue, candidate = catalogue_with_candidates()
    same = GalCandidate.objects.filter(pk=candidate.pk)
    same.update(n_detections=0)
    n_others = render_catalogue(catalogue).n_candidates
    n_failing = catalogue.candidates.filter(n_detections=0, varies=False).count()
    assert not cutouts_path(candidate.pk).exists()
    call_command("render_pictures", catalogue=[catalogue.pk], stdout=(out := StringIO()))
    assert "Cutouts of 0 candidates" in out.getvalue()
    assert render_catalogue(catalogue, everything=True).n_candidates == n_failing
    cutouts_path(candidate.pk).unlink()
    same.update(n_votes=1)
    assert render_catalogue(catalogue).n_candidates == 1
    cutouts_path(candidate.pk).unlink()
    same.update(n_votes=0)
    owner = django_user_model.objects.create(username="owner")
    taxonomy = Taxonomy.objects.first()
    campaign = Campaign.objects.create(name="all", taxonomy=taxonomy, created_by=owner)
    CampaignObject.objects.create(campaign=campaign, refsource_id=candidate.pk, rank=0)
    assert render_catalogue(catalogue).n_candidates == 1
    assert n_others == catalogue.candidates.count() - n_failing


def test_a_second_time_draws_nothing_and_from_the_start_gives_the_same_bytes():
    catalogue, candidate = catalogue_with_candidates()
    render_catalogue(catalogue)
    path = cutouts_path(candidate.pk)
    before, modified = path.read_bytes(), path.stat().st_mtime_ns
    assert render_catalogue(catalogue) == Rendered()
    assert path.stat().st_mtime_ns == modified
    path.unlink()
    assert render_catalogue(catalogue).n_candidates == 1
    assert path.read_bytes() == before


@pytest.mark.parametrize("which", [0, -1])
def test_a_new_epoch_adds_its_column_in_its_place(which):
    catalogue, candidate = catalogue_with_candidates()
    render_catalogue(catalogue)
    before = cutouts_path(candidate.pk).read_bytes()
    epochs = epochs_of(candidate)
    late = catalogue.coverages.get(image=epochs[which])
    late.delete()
    render_catalogue(catalogue)
    assert cutout_layout(candidate.pk).image_ids == tuple(e for e in epochs if e != late.image_id)
    late.save(force_insert=True)
    again = render_catalogue(catalogue)
    assert again.n_tiles == again.n_candidates > 0
    assert cutouts_path(candidate.pk).read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"no picture"])
def test_a_damaged_file_of_cutouts_is_drawn_anew(content):
    catalogue, candidate = catalogue_with_candidates()
    render_catalogue(catalogue)
    path = cutouts_path(candidate.pk)
    before = path.read_bytes()
    path.write_bytes(content)
    assert cutout_layout(candidate.pk) is None
    assert render_catalogue(catalogue).n_candidates == 1
    assert path.read_bytes() == before


def test_a_change_stands_out_in_its_difference():
    changes = GalVarObj.objects.accepted().exclude(delta_mag=None).filter(significance__gt=40)
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


def damage(image, folder, kind):
    """Have a chip's file gone, or cut off in the middle."""
    path = Path(image.path)
    for sibling in path.parent.glob(path.name.replace("_ooi_", "_oo?_")):
        content = sibling.read_bytes()
        cut_off = kind == "cut off" and sibling.name == path.name
        (folder / sibling.name).write_bytes(content[: len(content) // 2] if cut_off else content)
    damaged = folder / path.name
    if kind == "gone":
        damaged.unlink()
    GalImage.objects.filter(pk=image.pk).update(path=damaged)


@pytest.mark.parametrize("kind", ["gone", "cut off"])
def test_a_damaged_image_costs_its_own_column_and_is_told(tmp_path, kind):
    catalogue, candidate = catalogue_with_candidates()
    epochs = epochs_of(candidate)
    image = GalImage.objects.get(pk=epochs[0])
    damage(image, tmp_path, kind)
    rendered = render_catalogue(catalogue)
    assert len(rendered.problems) == 1 and str(tmp_path) in rendered.problems[0]
    assert cutout_layout(candidate.pk).image_ids == epochs[1:]
    warning = GalCheckpoint.objects.get(step="pictures", level="warning")
    assert warning.exposure_id == image.exposure_id and str(tmp_path) in warning.note
    GalImage.objects.filter(pk=image.pk).update(path=image.path)
    assert render_catalogue(catalogue).problems == ()
    assert cutout_layout(candidate.pk).image_ids == epochs


def test_a_reference_that_is_gone_leaves_what_there_is():
    catalogue, candidate = catalogue_with_candidates()
    render_catalogue(catalogue)
    before = cutouts_path(candidate.pk).read_bytes()
    catalogue.coverages.first().delete()
    catalogue.image.path = "/nowhere/gone.fits"
    assert "gone.fits" in render_catalogue(catalogue).problems[0]
    assert cutouts_path(candidate.pk).read_bytes() == before


def test_a_catalogue_is_rendered_by_one_process_at_once():
    catalogue, candidate = catalogue_with_candidates()
    other = connections["default"].copy("other")
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, %s)", [Claimed.PICTURES, catalogue.pk])
        assert "elsewhere" in render_catalogue(catalogue).problems[0]
        # A server ends a session a moment after its connection was closed.
        cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [Claimed.PICTURES, catalogue.pk])
    other.close()
    assert cutout_layout(candidate.pk) is None
    assert render_catalogue(catalogue).n_candidates


def test_a_full_disk_is_told_and_fails_nothing(monkeypatch):
    catalogue, _candidate = catalogue_with_candidates()
    image = GalImage.objects.order_by("pk").first()
    picture_path(image.pk).unlink(missing_ok=True)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(sprite, "write_whole", full)
    monkeypatch.setattr(chips, "write_whole", full)
    assert "No space left" in render_catalogue(catalogue).problems[0]
    errors = StringIO()
    call_command("render_pictures", exposure=[image.exposure.identifier], stderr=errors)
    assert "No space left" in errors.getvalue()


def test_pictures_are_kept_by_browsers_and_not_sent_again(admin_client):
    catalogue, candidate = catalogue_with_candidates()
    render_catalogue(catalogue)
    image = GalImage.objects.order_by("pk").first()
    for url in (cutouts_url(candidate.pk), picture_url(image)):
        answer = admin_client.get(url)
        assert answer.status_code == 200 and answer["Content-Type"] == "image/png"
        assert b"".join(answer.streaming_content).startswith(b"\x89PNG")
        assert {"private", "immutable", "max-age=31536000"} <= set(
            answer["Cache-Control"].split(", ")
        )
        again = admin_client.get(url, headers={"If-None-Match": answer["ETag"]})
        assert again.status_code == 304


def test_what_is_not_rendered_has_no_address_and_is_not_found(admin_client):
    image = GalImage.objects.order_by("pk").first()
    picture_path(image.pk).unlink(missing_ok=True)
    assert picture_url(image) is None and cutouts_url(5 << 20) is None
    for url in (reverse("image_picture", args=[image.pk]), reverse("cutouts", args=[5 << 20])):
        answer = admin_client.get(url)
        assert answer.status_code == 404 and "ETag" not in answer
        assert "immutable" not in answer.get("Cache-Control", "")


def test_pictures_go_with_what_they_show(django_capture_on_commit_callbacks):
    catalogue, candidate = catalogue_with_candidates()
    render_catalogue(catalogue)
    image = catalogue.image
    call_command("render_pictures", exposure=[image.exposure.identifier], stdout=StringIO())
    kept = GalImage.objects.exclude(pk=image.pk).first()
    picture = picture_path(image.pk)
    with django_capture_on_commit_callbacks(execute=True):
        delete_image_results(image)
        image.delete()
    assert not cutouts_path(candidate.pk).parent.exists()
    assert not picture.exists() and picture_path(kept.pk).exists()


def test_chips_have_pictures_from_the_pipeline_and_the_command_mends_them():
    image = GalImage.objects.order_by("pk").first()
    with Image.open(picture_path(image.pk)) as picture:
        assert picture.size == (image.width, image.height)
        assert np.ptp(np.asarray(picture)) > 100
    picture_path(image.pk).unlink()
    out = StringIO()
    call_command("render_pictures", exposure=[image.exposure.identifier], stdout=out)
    assert picture_path(image.pk).exists() and "1 pictures of chips" in out.getvalue()


def test_pictures_of_an_older_version_are_drawn_anew():
    image = GalImage.objects.order_by("pk").first()
    path, small = picture_path(image.pk), small_picture_path(image.pk)
    Image.new("L", (9, 9)).save(path)
    assert chips.white_sigma_of(image.pk) is None
    out = StringIO()
    call_command("render_pictures", exposure=[image.exposure.identifier], stdout=out)
    assert chips.white_sigma_of(image.pk) > 0 and "1 pictures of chips" in out.getvalue()
    small.unlink()
    call_command("render_pictures", exposure=[image.exposure.identifier], stdout=out)
    with Image.open(small) as picture:
        assert picture.height <= chips.SMALL_HEIGHT


def test_greys_become_those_of_other_stretches_by_their_tables():
    heights = np.array([[-2.0, 0.0, 3.0, 10.0, 40.0]])  # of the sky's noise
    shades = grey(100 + 5 * heights, 100.0, 5.0, 5 * 40.0) / 255
    tables = stretch_tables(40.0)
    even = np.linspace(0, 1, len(tables["linear"]))
    linear, log = (np.interp(shades[0], even, tables[name]) for name in ("linear", "log"))
    assert linear == pytest.approx(np.clip((heights[0] + 2) / 14, 0, 1), abs=0.02)
    assert log == pytest.approx(np.log1p(heights[0] + 2) / np.log1p(42), abs=0.02)
    assert shades[0, 0] == 0 and shades[0, -1] == 1


def test_what_belongs_to_nothing_is_cleaned_away():
    stray, small = picture_path(10**9), small_picture_path(10**9)
    stray.parent.mkdir(parents=True, exist_ok=True)
    for path in (stray, small):
        path.write_bytes(b"")
    out = StringIO()
    call_command("render_pictures", clean=True, stdout=out)
    assert (
        not stray.exists()
        and not small.exists()
        and picture_path(GalImage.objects.first().pk).exists()
    )


def test_what_the_command_does_not_know_is_said():
    with pytest.raises(CommandError, match="999999"):
        call_command("render_pictures", catalogue=[999999])
    with pytest.raises(CommandError, match="no-such"):
        call_command("render_pictures", exposure=["no-such"])


def test_a_job_that_closes_has_its_catalogues_rendered(monkeypatch):
    catalogue, candidate = catalogue_with_candidates()
    search = GalImage.objects.get(pk=epochs_of(candidate)[0])
    job = GalJob.objects.create(exposure=search.exposure, queued=True)
    search.exposure.images.update(job=job)
    asked = []
    monkeypatch.setattr(
        jobs, "send_tasks", lambda task, messages, **_: asked.append((task, messages))
    )
    jobs.close_job(job)
    assert ("render_cutouts", [(catalogue.pk,)]) in [
        (task, [message]) for task, messages in asked for message in messages
    ]
    tasks.render_cutouts(catalogue.pk)
    assert cutout_layout(candidate.pk) is not None
    assert tasks.render_cutouts(999999) == {"candidates": 0, "problems": ()}


def test_a_chip_is_drawn_upwards_with_its_masked_pixels_and_no_higher_than_a_page():
    rng = np.random.default_rng(1)
    data = rng.normal(200, 5, (2050, 1023)).astype("f4")
    weight = np.ones_like(data)
    data[:9, :9] = 5000  # a star in the lower left corner
    data[-9:, -9:], weight[-9:, -9:] = 60_000, 0
    with Image.open(BytesIO(chips.draw_chip(data, weight).png())) as picture:
        pixels = np.asarray(picture).astype(int)
    assert pixels.shape == (684, 341)
    assert pixels[-2, 1] > 200 and pixels[1, -2] > 200
    assert 20 < np.median(pixels) < 120


def test_cutouts_have_north_up_and_east_left_as_the_finder_has():
    for catalogue in GalReference.objects.filter(active=True):
        render_catalogue(catalogue)
    half, at = TILE // 2, []
    for candidate in GalCandidate.objects.current().to_be_seen():
        tile, scale = read_sprite(candidate.pk), candidate.image.orientation.arcsec_per_pixel
        for star in neighbourhood(candidate).others:
            right, down = -star.east_arcsec / scale, -star.north_arcsec / scale
            if (
                star.first.mag < candidate.reference_mag + 1
                and 4 < np.hypot(right, down) < half - 2
            ):
                near = [half + np.array([row, column]) for row, column in _turned(down, right)]
                greys = [_brightest(tile.reference, *np.rint(place).astype(int)) for place in near]
                at.append(greys)
    said, *others = np.array(at, float).mean(axis=0)
    assert len(at) > 5 and said > max(others) + 10


def _turned(down, right):
    """Where a star would be, were the picture turned or mirrored: first as it is."""
    for a, b in ((down, right), (right, down)):
        for sign in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
            yield sign[0] * a, sign[1] * b


def _brightest(tile, row, column):
    return tile[row - 1 : row + 2, column - 1 : column + 2].max()
