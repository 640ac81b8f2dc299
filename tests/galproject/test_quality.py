"""Images that are doubted, fail or are overruled, through the whole pipeline."""

from dataclasses import replace

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.urls import reverse

from exposures.doubts import GalQualityDecision
from exposures.models import GalCheckpoint, GalImage, Status
from galproject.processing import pipeline
from galproject.quality.overruling import overrule
from tests.builders.people import make_person
from tests.builders.processed_night import ONE_CCD, process
from tests.photometry.test_image_quality import double_exposure, ring
from variables.models import Cut, GalCandidate, GalVarObj

pytestmark = pytest.mark.django_db

Verdict = GalQualityDecision.Verdict
DOUBTED = Cut.DOUBTED_IMAGE


@pytest.fixture
def curator():
    user = make_person("ada", password="a long enough one")
    user.groups.add(Group.objects.get(name="curators"))
    return user


@pytest.fixture
def spoil(monkeypatch):
    """A function that has all chips that are read from now on be spoilt."""
    read = pipeline.read_chip

    def begin(how):
        monkeypatch.setattr(pipeline, "read_chip", lambda *args: how(read(*args)))

    return begin


def process_search(night, **how):
    """Process one chip of the first search exposure again; its result."""
    ((result,), _) = process(night, night.searches[:1], again=True, ccds=ONE_CCD, **how)
    return result


def search_image(night):
    """The chip that is processed again."""
    return GalImage.objects.get(path=str(night.searches[0]), ccdnum__in=ONE_CCD)


def n_detections():
    return sum(GalCandidate.objects.values_list("n_detections", flat=True))


def accepted(image):
    return GalVarObj.objects.accepted().filter(image=image).count()


def test_changes_of_a_doubted_image_are_stored_and_not_counted(processed, spoil):
    before = n_detections()
    lost = accepted(search_image(processed))
    spoil(double_exposure)
    assert process_search(processed).is_doubted
    image = search_image(processed)
    assert image.is_doubted
    assert image.doubts
    assert image.n_variables == 0
    assert any(note.startswith("doubted: ") for note in image.notes)
    assert image.figures["chi2_nu"] > 0
    own = image.variables.all()
    assert own.exists()
    assert all(change.failed_cuts & DOUBTED for change in own)
    line = GalCheckpoint.objects.get(exposure=image.exposure, ccdnum=image.ccdnum, step="doubted")
    assert line.level == GalCheckpoint.Level.WARNING
    assert "its changes are not counted" in line.note
    assert n_detections() == before - lost < before


def test_ordinary_images_are_not_doubted(processed):
    assert not GalImage.objects.filter(is_doubted=True).exists()
    for image in GalImage.objects.all():
        assert image.figures
        assert image.zero_point_source == "catalogue"


def test_doubting_a_good_image_and_undoing_it_moves_its_changes(processed, curator):
    image = next(i for i in GalImage.objects.searches() if accepted(i))
    counted, all_counted = accepted(image), n_detections()
    overrule(image, Verdict.DOUBTED, curator, "a satellite beside it")
    image.refresh_from_db()
    assert image.is_doubted
    assert not image.doubts
    assert (accepted(image), image.n_variables) == (0, 0)
    assert n_detections() == all_counted - counted
    overrule(image, Verdict.AS_MEASURED, curator, "it was the other chip")
    image.refresh_from_db()
    assert not image.is_doubted
    assert (accepted(image), n_detections()) == (counted, all_counted)
    said = list(image.quality_decisions.values_list("verdict", "user__username", "reason"))
    assert said == [
        ("doubted", "ada", "a satellite beside it"),
        ("measured", "ada", "it was the other chip"),
    ]


def test_what_people_decided_holds_when_an_image_is_measured_again(
    processed,
    spoil,
    curator,
):
    overrule(search_image(processed), Verdict.ACCEPTED, curator, "exposed twice, and wanted")
    spoil(double_exposure)
    process_search(processed)
    image = search_image(processed)
    assert image.doubts
    assert not image.is_doubted
    assert image.n_variables == accepted(image) > 0


def test_chip_beyond_the_second_limits_fails_and_keeps_its_figures(
    processed,
    spoil,
    curator,
):
    spoil(ring)
    assert process_search(processed).status == Status.FAILED
    image = search_image(processed)
    assert not image.variables.exists()
    assert "its quality is beyond the limits: " in image.error
    assert "(at most " in image.error
    assert "quality.fail." in image.error
    assert image.figures["psf_hollow"] > 1.5
    overrule(image, Verdict.ACCEPTED, curator, "a test of the focus")
    process_search(processed)
    assert search_image(processed).status == Status.DONE


def test_doubted_reference_has_its_search_images_doubted(processed, curator):
    reference = GalImage.objects.references().order_by("pk").first()
    under = GalImage.objects.filter(coverages__catalogue__image=reference)
    counted = n_detections()
    overrule(reference, Verdict.DOUBTED, curator, "trailed")
    assert under.exists()
    for image in under:
        assert image.is_doubted
        assert image.doubts == ["reference"]
        assert not accepted(image)
    assert n_detections() < counted
    overrule(reference, Verdict.AS_MEASURED, curator, "no, fine")
    assert not under.filter(is_doubted=True).exists()
    assert n_detections() == counted


def test_doubted_reference_warns_or_is_refused(processed, spoil):
    limits = replace(processed.options.quality.doubt, elongation=1.0001)
    quality = replace(processed.options.quality, doubt=limits)
    warned = replace(processed, options=replace(processed.options, quality=quality))
    result = process_search(warned, is_reference=True)
    assert (result.is_doubted, result.failed) == (True, False)
    quality = replace(quality, refuse_doubted_references=True)
    strict = replace(processed, options=replace(processed.options, quality=quality))
    result = process_search(strict, is_reference=True)
    assert result.failed
    assert "elongation" in result.error


def test_a_decision_takes_the_permission_and_a_reason(processed, curator, client):
    image = GalImage.objects.searches().first()
    url = reverse("image_quality", args=[image.pk])
    reader = make_person("eve")
    reader.groups.add(Group.objects.get(name="readers"))
    client.force_login(reader)
    assert client.post(url, {"verdict": "doubted", "reason": "x"}).status_code == 403
    client.force_login(curator)
    client.post(url, {"verdict": "doubted", "reason": " "})
    assert not GalQualityDecision.objects.exists()
    page = client.post(url, {"verdict": "doubted", "reason": "thin cloud"}, follow=True)
    text = page.content.decode()
    assert "This image is doubted" in text
    assert "thin cloud" in text
    assert "Undo: leave it to what was measured" in text
    assert "Elongation of the PSF" in text


def test_status_pages_and_command_tell_of_doubted_chips(
    processed,
    spoil,
    curator,
    client,
    capsys,
):
    spoil(double_exposure)
    process_search(processed)
    image = search_image(processed)
    call_command("working_status", doubted=True)
    out = capsys.readouterr().out
    assert "is doubted: " in out
    assert "DOUBTED: 1 chip." in out
    assert str(image.exposure) in out
    client.force_login(curator)
    for url in (reverse("working_status") + "?doubted=on", image.exposure.get_absolute_url()):
        assert "doubted" in client.get(url).content.decode()
    row = client.get(f"/api/images/{image.pk}/").json()
    assert row["is_doubted"]
    assert row["doubts"]
