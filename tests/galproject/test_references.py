"""References compared, chosen and withdrawn."""

import re
from functools import partial

import numpy as np
import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse

from exposures.errors import GalprojectError
from exposures.locks import Claimed
from exposures.models import GalCheckpoint, GalField, GalImage, GalJob, GalOptionSet, Status
from exposures.science.positions import read_position
from galproject.configuration.pipeline_options import PipelineOptions
from galproject.references import changes, tasks
from galproject.references.blink import blink_pair
from galproject.references.changes import change_reference, plan, plan_withdrawal
from galproject.references.mosaic import mosaics
from galproject.references.patches import SkyPatch
from galproject.references.quality import best_of, qualities, sort
from galproject.references.withdrawal import withdraw_references
from galproject.status.thumbnails import thumbnails
from photometry.models import GalReference, GalSource
from photometry.science.calibration.depth import limiting_magnitude
from tests.builders.exposures_in_work import held_elsewhere
from tests.builders.flagged_field import make_change, make_field, make_search
from tests.builders.people import make_person
from tests.builders.queries import n_queries_of
from tests.builders.survey_rows import make_image, square
from variables.derived.refresh import refresh_candidates
from variables.flags.marking import flag_source
from variables.models import GalCandidate, GalVarObj
from variables.pictures.chips import write_chip_picture
from variables.pictures.paths import small_picture_path

pytestmark = pytest.mark.django_db

MEASURED = {
    "fwhm_arcsec": 1.0,
    "fwhm_pixels": 4.0,
    "sky": 500.0,
    "sky_noise": 10.0,
    "zero_point": 30.0,
    "zero_point_error": 0.01,
    "masked_fraction": 0.01,
    "n_detected": 900,
}
PATCH = SkyPatch(266.0, -29.0, 0.5, "i")


def blurred(name, factor, **columns):
    """An exposure whose seeing, and so whose depth, is worse by a factor."""
    wider = {"fwhm_arcsec": factor, "fwhm_pixels": 4 * factor}
    return make_image(name, **MEASURED | wider | columns)


@pytest.fixture
def field(settings):
    """A reference with changes on one search image, and another search image without."""
    x, y = np.random.default_rng(1).uniform(0, 2000, (2, 50))
    field = make_field(x, y, changed=range(3))
    make_search(field.reference, field.rows, name="2s", mjd=60002.0)
    options = PipelineOptions().as_json()
    GalImage.objects.update(option_set=GalOptionSet.objects.of(options), **MEASURED)
    refresh_candidates(refsource_ids=field.ids)
    field.search.refresh_from_db()
    field.reference.refresh_from_db()
    return field


def second():
    return GalImage.objects.get(exposure__identifier="2s")


@pytest.fixture
def reader(client):
    client.force_login(make_person("reader"))
    return client


@pytest.fixture
def curator(client):
    user = make_person("curator")
    user.user_permissions.add(Permission.objects.get(codename="choose_reference"))
    client.force_login(user)
    client.user = user
    return client


def text(response):
    """A page with one blank wherever a browser shows one."""
    return " ".join(response.content.decode().split())


def test_five_sigma_is_five_times_the_noise_under_the_psf():
    sigma = 4.0 / 2.3548
    y, x = np.mgrid[-20:21, -20:21]
    psf = np.exp(-(x**2 + y**2) / (2 * sigma**2))
    psf /= psf.sum()
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 10, (3000, *psf.shape))
    flux = (noise * psf).sum(axis=(1, 2)) / (psf**2).sum()
    expected = 30 - 2.5 * np.log10(5 * flux.std())
    assert limiting_magnitude(30, 10, 4) == pytest.approx(expected, abs=0.04)


def test_depth_is_unknown_where_anything_is():
    depth = limiting_magnitude([30, None, 30, 30], [10, 10, None, 0], [4, 4, 4, 4])
    assert np.isfinite(depth).tolist() == [True, False, False, False]


def test_sharp_and_deep_exposures_are_suggested_and_the_best_are_marked():
    for name, factor in (("poor", 2.0), ("good", 1.0), ("fair", 1.4)):
        blurred(name, factor, sky=900.0 if name == "good" else 400.0)
    make_image("new", status=Status.PENDING)
    found = qualities(PATCH.exposures())
    assert [q.exposure.identifier for q in found] == ["good", "fair", "poor", "new"]
    assert [q.rank for q in found] == [1, 2, 3, None]
    best = best_of(found)
    assert best["fwhm_arcsec"] == 1.0 and best["sky"] == 400.0
    assert "masked_percent" not in best  # the same of all
    assert best["depth"] == found[0].depth > found[1].depth


def test_seeing_counts_beyond_what_it_does_to_depth():
    blurred("sharp", 1.0, zero_point=30.0)
    blurred("deep", 2.0, zero_point=31.0)  # deeper by 0.25 mag, all the same
    found = qualities(PATCH.exposures())
    assert found[0].exposure.identifier == "sharp" and found[0].depth < found[1].depth


def test_an_exposure_that_lacks_chips_comes_after_whole_ones():
    part, whole = blurred("part", 1.0), blurred("whole", 1.5)
    for image, status in ((part, Status.FAILED), (whole, Status.DONE)):
        columns = MEASURED if status == Status.DONE else {}
        GalImage.objects.create(
            exposure=image.exposure, ccdnum=2, chip_name="N5", hdu=2, status=status, **columns
        )
    found = qualities(PATCH.exposures())
    assert [q.exposure.identifier for q in found] == ["whole", "part"]
    assert (found[1].n_done, found[1].n_chips) == (1, 2)


def test_the_comparison_is_sorted_both_ways_and_the_unknown_is_last():
    for name, factor in (("a", 2.0), ("b", 1.0)):
        blurred(name, factor)
    make_image("new", status=Status.PENDING)
    found = qualities(PATCH.exposures())

    def names(by):
        return "".join(q.exposure.identifier[0] for q in sort(found, by))

    assert (names("fwhm_arcsec"), names("-fwhm_arcsec")) == ("ban", "abn")
    assert names("password") == names("rank") == "ban"


def test_a_patch_has_its_filter_and_its_sky():
    blurred("here", 1.0)
    blurred("other filter", 1.0, filter="g")
    blurred("far", 1.0, ra=270.0)
    assert [e.identifier for e in PATCH.exposures()] == ["here"]


@pytest.mark.parametrize(
    "written", ["266.417 -29.008", "266.417, -29.008", "17:45:40.08 -29:00:28.8"]
)
def test_positions_are_read_as_people_write_them(written):
    assert read_position(written) == pytest.approx((266.417, -29.008), abs=1e-6)


@pytest.mark.parametrize("written", ["266", "here there", "1 2 3", "400 0"])
def test_what_is_no_position_is_refused(written):
    with pytest.raises(GalprojectError):
        read_position(written)


def test_what_depends_is_counted_and_nothing_is_changed(field):
    change = plan([second()])
    assert [i.pk for i in change.old] == [field.reference.pk]
    assert change.search_ids == {field.search.pk}
    assert (change.n_lost, change.n_lost_changes, change.n_candidates) == (50, 0, 3)
    assert change.n_votes == change.n_stranded == 0
    assert change.seconds is None  # nothing says how long it took
    assert GalCandidate.objects.count() == 3 and not second().is_reference


def test_the_work_is_estimated_from_what_chips_took(field):
    started = "2026-01-01 00:00Z"
    images = GalImage.objects.filter(is_reference=False)
    images.update(started=started, finished="2026-01-01 00:02Z")
    GalImage.objects.references().update(started=started, finished="2026-01-01 00:10Z")
    assert plan([second()]).seconds == 600 + 120


def test_a_chosen_reference_is_queued_and_what_depends_waits_for_it(
    field, sent, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        jobs = change_reference([second().pk], [], "curator", "sharper")
    assert {job.exposure.identifier for job in jobs} == {"2s", "1s"}
    new, search = second(), GalImage.objects.get(pk=field.search.pk)
    assert new.is_reference and new.status == Status.QUEUED and search.status == Status.WAITING
    assert [pk for pk, _ in sent] == [new.pk]
    assert GalImage.objects.get(pk=field.reference.pk).status == Status.DONE
    assert GalVarObj.objects.filter(image=search).count() == 3  # until it is measured anew
    line = GalCheckpoint.objects.get(step="reference chosen")
    assert (line.exposure, line.note) == (new.exposure, "N4 by curator: sharper")


def test_an_old_reference_becomes_a_search_image_and_nothing_of_it_is_left(field, sent):
    change_reference([second().pk], [field.reference.pk], "curator", "sharper")
    old = GalImage.objects.get(pk=field.reference.pk)
    assert not old.is_reference and old.status == Status.WAITING and old.fwhm_arcsec is None
    assert not GalReference.objects.exists() and not GalCandidate.objects.exists()
    assert not GalSource.objects.filter(refsource_id__in=field.ids).exists()
    assert not GalVarObj.objects.exists()
    assert GalCheckpoint.objects.filter(step="reference withdrawn").count() == 1


def test_a_catalogue_that_people_said_something_of_is_retired_and_stays(field, sent):
    flag_source(field.ids[0], "cosmic", "", User.objects.create_user("curator"))
    change_reference([second().pk], [field.reference.pk], "curator", "sharper")
    catalogue = GalReference.objects.get()
    assert not catalogue.active and catalogue.image_id == field.reference.pk
    assert GalCandidate.objects.filter(pk=field.ids[0]).exists()
    assert not GalCandidate.objects.current().exists()
    assert GalSource.objects.filter(refsource_id=field.ids[0], is_reference=True).exists()
    # A failure of the chip, or another choice, leaves it as well.
    GalImage.objects.update(status=Status.DONE)
    change_reference([field.reference.pk], [], "curator", "back")
    assert GalReference.objects.filter(pk=catalogue.pk).exists()


def test_no_search_image_is_left_without_a_reference(field, sent):
    assert plan_withdrawal([field.reference]).n_stranded == 2
    with pytest.raises(GalprojectError, match="2 search images have no other reference"):
        withdraw_references([field.reference])
    with pytest.raises(GalprojectError, match="no other reference"):
        change_reference([], [field.reference.pk], "curator", "bad")
    assert GalReference.objects.filter(active=True).count() == 1
    assert not GalCheckpoint.objects.filter(step__startswith="reference").exists()


def test_a_reference_elsewhere_or_in_another_filter_does_not_serve(field):
    make_image("far", ra=268.0, is_reference=True)
    make_image("green", filter="g", is_reference=True)
    failed = make_image("failed", is_reference=True, status=Status.FAILED)
    assert plan_withdrawal([field.reference]).n_stranded == 2
    GalImage.objects.filter(pk=failed.pk).update(status=Status.DONE)
    assert plan_withdrawal([field.reference]).n_stranded == 0


def test_a_chip_in_work_stops_the_change_before_it_begins(field, sent):
    GalImage.objects.filter(pk=second().pk).update(status=Status.WORKING, host="alpha")
    with pytest.raises(GalprojectError, match=r"on alpha\. Wait"):
        change_reference([second().pk], [field.reference.pk], "curator", "")
    assert GalReference.objects.filter(active=True).exists() and not second().is_reference


@pytest.mark.django_db(transaction=True)
def test_a_reference_that_a_worker_has_in_hand_is_not_withdrawn(field):
    make_image("other", is_reference=True)
    refused = pytest.raises(GalprojectError, match="being worked on as a reference")
    with held_elsewhere(Claimed.CHIP, field.reference.pk), refused:
        withdraw_references([field.reference])
    assert GalReference.objects.filter(active=True).exists()


def test_readers_compare_and_may_not_choose(reader, field):
    page = text(reader.get(reverse("references"), {"position": "266 -29", "filter": "i"}))
    assert "made up 2s i" in page and "Suggestion" in page and "Reference now, 1 chip" in page
    pk = second().exposure_id
    page = text(reader.get(reverse("references_preview", args=[pk])))
    assert "1</strong> search image" in page and "queue the work" not in page
    for name in ("choose_reference", "withdraw_reference"):
        url, data = reverse(name, args=[pk]), {"image": second().pk, "reason": "mine"}
        assert reader.post(url, data).status_code == 403 and reader.get(url).status_code == 405
    assert not second().is_reference


def test_curators_choose_see_why_it_was_and_withdraw(curator, field, sent):
    exposure = second().exposure
    url = reverse("choose_reference", args=[exposure.pk])
    data = {"image": second().pk, "old": "keep", "reason": "sharp <b>"}
    page = text(curator.post(url, data, follow=True))
    assert "2 chips are asked for" in page
    assert "N4 by curator: sharp &lt;b&gt;" in page and second().is_reference
    GalImage.objects.update(status=Status.DONE)
    url = reverse("withdraw_reference", args=[field.reference.exposure_id])
    data = {"image": field.reference.pk, "reason": "no longer"}
    page = text(curator.post(url, data, follow=True))
    assert "Reference withdrawn" in page and "no longer" in page
    assert not GalImage.objects.get(pk=field.reference.pk).is_reference


def test_a_choice_without_a_reason_or_of_another_exposure_s_chip_is_explained(curator, field):
    url = reverse("choose_reference", args=[second().exposure_id])
    for data in ({"image": second().pk}, {"image": field.search.pk, "reason": "x"}, {}):
        response = curator.post(url, data)
        assert response.status_code == 422 and 'role="alert"' in text(response)
    assert not second().is_reference


def test_what_becomes_of_the_old_reference_is_chosen_by_somebody(curator, field):
    exposure = second().exposure_id
    page = text(curator.get(reverse("references_preview", args=[exposure])))
    radios = re.findall(r"<input type=.radio. name=.old.[^>]*>", page)
    assert len(radios) == 2 and not any("checked" in radio for radio in radios)
    data = {"image": second().pk, "reason": "sharper"}
    refused = curator.post(reverse("choose_reference", args=[exposure]), data)
    assert refused.status_code == 422 and "Choose what becomes of the old" in text(refused)
    assert not second().is_reference


def test_an_error_is_said_and_not_raised(curator, field):
    url = reverse("withdraw_reference", args=[field.reference.exposure_id])
    page = curator.post(url, {"image": field.reference.pk, "reason": "bad"}, follow=True)
    assert "have no other reference" in text(page)


def test_a_large_change_is_a_worker_s(
    curator, field, sent, monkeypatch, django_capture_on_commit_callbacks
):
    queued = []
    GalImage.objects.filter(pk=second().pk).update(n_sources=changes.MAX_ROWS + 1)
    monkeypatch.setattr(changes, "async_task", lambda *a, **_: queued.append(a))
    url = reverse("choose_reference", args=[second().exposure_id])
    asked = {"image": second().pk, "old": "keep", "reason": "deep"}
    with django_capture_on_commit_callbacks(execute=True):
        page = text(curator.post(url, asked, follow=True))
    assert "A worker makes the change" in page and not second().is_reference
    ((task, *arguments),) = queued
    assert task == "galproject.references.tasks.change_reference"
    tasks.change_reference(*arguments)
    assert second().is_reference


def test_what_a_worker_could_not_change_is_in_the_log(field):
    tasks.change_reference([], [field.reference.pk], "curator", "bad")
    line = GalCheckpoint.objects.get(level="error")
    assert line.exposure == field.reference.exposure and "no other reference" in line.note


def test_fields_are_offered_in_their_filters(reader, field):
    GalField.objects.create(name="Baade", ra=270.9, dec=-30.0, filters=["g"])
    GalField.objects.create(name="The same", ra=266.05, dec=-29.0)
    page = text(reader.get(reverse("references")))
    assert "Baade" in page and "The same" not in page
    links = re.findall(r'href="(\?position=[^"]+)"', page)
    assert len(links) == 2
    shown = reader.get(reverse("references") + links[0].replace("&amp;", "&"))
    assert "made up 1r i" in text(shown)


def test_empty_pages_say_what_to_do(reader, field):
    page = text(reader.get("/references/", {"position": "10 10", "filter": "i"}))
    assert "No exposure here" in page
    page = text(reader.get("/references/", {"position": "nowhere", "filter": "x"}))
    assert page.count('role="alert"') == 2
    GalVarObj.objects.all().delete()
    assert reader.get(reverse("references_preview", args=[987654])).status_code == 404


def test_the_pages_take_few_queries_however_many_exposures(curator, field):
    make_change(second(), field.rows[7])
    words = {"position": "266 -29", "filter": "i"}
    pages = (
        partial(curator.get, "/references/", words),
        partial(curator.get, reverse("references_preview", args=[second().exposure_id])),
    )
    n_queries = []
    for numbers in (range(3), range(3, 40)):
        for n in numbers:
            blurred(f"n{n}", 1 + n / 40, mjd=60010.0 + n)
        n_queries.append([n_queries_of(page) for page in pages])
    assert text(pages[0]()).count("<tr") > 40
    assert n_queries[1] == n_queries[0]
    assert max(n_queries[0]) <= 19


def test_pages_need_nothing_from_elsewhere_and_nothing_inline(curator, field):
    for url in (
        "/references/",
        "/references/?position=266+-29&filter=i",
        reverse("references_preview", args=[second().exposure_id]),
        reverse("references_preview", args=[field.reference.exposure_id]),
    ):
        page = text(curator.get(url))
        assert not re.findall(r'(?:src|href|action)="(?:https?:)?//', page)
        assert not re.search(r"<style|\sstyle=|\son\w+=", page)
        ids = re.findall(r' id="([^"]+)"', page)
        assert len(ids) == len(set(ids))


def test_a_mosaic_has_north_up_east_left_and_pictures_the_right_way_round(settings, tmp_path):
    settings.GALPROJECT_PICTURES = str(tmp_path)
    image = make_image("1", width=2000, height=2000)
    path = small_picture_path(image.pk)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"png")
    (tile,) = mosaics([image.exposure])[image.exposure_id].tiles
    corners = np.array([point.split(",") for point in tile.points.split()], float)
    # The made-up chip has x to the east, so to the left, and y to the north.
    assert corners[0] == pytest.approx([6, 6], abs=0.01)
    assert corners[1] == pytest.approx([-6, 6], abs=0.01)
    a, b, c, d, e, f = map(float, tile.matrix.split())
    assert (e, f) == pytest.approx(corners[3], abs=0.01)  # the upper left of the picture
    assert (a + e, b + f) == pytest.approx(corners[2], abs=0.01)
    assert (c + e, d + f) == pytest.approx(corners[0], abs=0.01)
    assert tile.picture.startswith(reverse("small_picture", args=[image.pk]))


# --- Two exposures in turn


def place_on_blink(chip, pixel, image):
    """Where a pixel of a chip is drawn, arcminutes to the west and south of the centre."""
    a, b, c, d, e, f = chip["matrix"]
    across = (pixel[0] + 0.5) / image.width
    down = 1 - (pixel[1] + 0.5) / image.height
    return np.array([a * across + c * down + e, b * across + d * down + f])


def drawn_image(name, ra, **columns):
    image = make_image(name, ra=ra, width=2000, height=2000, **columns)
    noise = np.random.default_rng(1).normal(100, 5, (40, 40))
    write_chip_picture(image, noise.astype("f4"), np.ones((40, 40)))
    return image


@pytest.mark.django_db
def test_the_same_sky_of_two_exposures_is_drawn_in_one_place():
    images = [drawn_image("1", 266.0), drawn_image("2", 266.05)]
    pair = blink_pair(images[0].exposure, images[1].exposure, (266.02, -29.02))
    places = []
    for image, side in zip(images, pair.sides, strict=True):
        (chip,) = side.chips
        # The made-up chip has x to the east, and y to the north.
        corner = square(image.ra, image.dec)[:2]
        places.append(place_on_blink(chip, (-0.5, -0.5), image))
        east = (corner[0] - 266.02) * np.cos(np.radians(corner[1])) * 60
        assert places[-1] == pytest.approx([-east, -60 * (corner[1] + 29.02)], abs=0.05)
        assert set(pair.tables[chip["white"]]) == {"linear", "log"}
    apart = 0.05 * 60 * np.cos(np.radians(29))
    assert places[0][0] - places[1][0] == pytest.approx(apart, abs=0.02)


@pytest.mark.django_db
def test_the_page_of_two_exposures_says_what_each_is_and_what_lacks_a_picture(admin_client):
    drawn = drawn_image("1", 266.0, fwhm_arcsec=1.23, fwhm_pixels=4.7)
    bare = make_image("2", ra=266.0)
    ids = {"a": drawn.exposure_id, "b": bare.exposure_id}
    text = admin_client.get(reverse("references_blink"), ids).content.decode()
    assert "1.23″" in text and text.count("render_pictures --exposure 2") == 1
    assert admin_client.get(reverse("references_blink"), ids | {"b": 10**9}).status_code == 404
    assert admin_client.get(reverse("references_blink"), {"a": "x"}).status_code == 404


@pytest.mark.django_db
def test_lists_have_the_small_picture_of_the_chip_in_the_middle(admin_client):
    middle = drawn_image("1", 266.0, ccdnum=31)
    bare = make_image("2", ra=266.0)
    edge = make_image("3", ra=266.0, ccdnum=1)
    GalImage.objects.filter(pk=edge.pk).update(exposure=middle.exposure)
    found = thumbnails([middle.exposure_id, bare.exposure_id])
    assert list(found) == [middle.exposure_id]
    answer = admin_client.get(found[middle.exposure_id])
    assert answer["Content-Type"] == "image/png" and "immutable" in answer["Cache-Control"]
    GalJob.objects.create(exposure=middle.exposure)
    assert found[middle.exposure_id] in admin_client.get("/working-status/").content.decode()
