"""Stars and artifacts whose truth is made up, selected with one reference and with a set."""

import numpy as np
import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse

from exposures.models import GalCheckpoint, GalImage
from galproject.processing.reference_choice import select_anew
from galproject.references import sets, tasks, views
from photometry.models import (
    GalCoverage,
    GalNonDetection,
    GalObjectSource,
    GalReferenceMag,
    GalReferenceMember,
    GalSource,
)
from photometry.references.reference_sets import active_catalogue
from photometry.storage import storage
from tests.builders.candidates import crossmatch_all
from tests.builders.new_detections import make_detection
from tests.builders.survey_rows import make_image, make_sources
from variables.derived.refresh import refresh_candidates
from variables.models import GalCandidate, GalFlag, GalNewSource, GalVarObj
from variables.new_sources.association import replace_new_detections

pytestmark = pytest.mark.django_db

# Sources by their rank in the catalogue.
STREAK, GHOST, FLARED, ECLIPSED, VARIABLE, LATER = range(10, 16)
N_EPOCHS = 5
SIZE = {"width": 2000, "height": 2000, "zero_point": 30.0, "zero_point_error": 0.01}
SEEN = {"fwhm_arcsec": 1.0, "fwhm_pixels": 4.0, "sky": 500.0, "sky_noise": 10.0}


def as_observed(rows, seed, changes):
    """Rows measured anew with noise, some of them {rank: mag} off."""
    rows = rows.copy()
    off = np.zeros(len(rows))
    off[list(changes)] = list(changes.values())
    rows["mag"] += off + np.random.default_rng(seed).normal(0, 0.01, len(rows))
    rows["flux"] = 10 ** (-0.4 * (rows["mag"] - 30))
    rows["flux_err"] = 0.01 * rows["flux"]
    return rows


@pytest.fixture
def field():
    """A primary with a catalogue, and search images on which it was measured."""
    rng = np.random.default_rng(4)
    true = make_sources(300)
    true["mag"], true["mag_err"] = rng.uniform(15, 19, 300), 0.015
    true["x"], true["y"] = rng.uniform(100, 1900, (2, 300))
    true["rchi2"] = rng.uniform(0.8, 1.2, 300)
    image = make_image("primary", is_reference=True, n_sources=300, **SIZE, **SEEN)
    # Ranks are in the order of the sky: what is special is put in after that is known.
    ids = storage.catalogue_sources(storage.create_catalogue(image, true, {}, "1"))
    storage.delete_image_results(image)
    rows = as_observed(ids, 0, {STREAK: -1, GHOST: -1, FLARED: -1.5, ECLIPSED: 0.8})
    rows["rchi2"][STREAK] = 400
    catalogue = storage.create_catalogue(image, rows, {}, "1")
    true = ids.copy()
    true["refsource_id"] = storage.catalogue_sources(catalogue)["refsource_id"]
    for epoch in range(1, N_EPOCHS + 1):
        add_epoch(image, true, epoch)
    select_anew(catalogue)
    refresh_candidates([catalogue.pk])
    return true["refsource_id"].tolist()


def add_epoch(reference, true, epoch):
    changes = {VARIABLE: (0, 0.5, 1.0, 0.4, 0.8, 1.4)[epoch]}
    changes |= {4: {ECLIPSED: 0.8}, 5: {LATER: -2.0}}.get(epoch, {})
    rows = as_observed(true, epoch, changes)
    dark = rows[[GHOST]]
    dark["flux"], dark["flux_err"], dark["mag"], dark["mag_err"] = -5.0, 20.0, np.nan, np.nan
    image = make_image(
        f"s{epoch}", mjd=60000.0 + epoch, reference=reference, n_sources=299, **SIZE, **SEEN
    )
    storage.replace_measurements(image, np.delete(rows, GHOST), dark)


def primary():
    return GalImage.objects.select_related("exposure").get(exposure__identifier="primary")


def exposures(*names):
    return [GalImage.objects.get(exposure__identifier=name).exposure for name in names]


def change(*names, is_added=True):
    find = sets.possible_pairs if is_added else sets.pairs_now
    for pairs in find(exposures(*names)):
        sets.change_sets(pairs, is_added, "tester")


def detections(refsource_id):
    """{exposure: kind} of the accepted changes of a source."""
    found = GalVarObj.objects.accepted().filter(refsource_id=refsource_id)
    return dict(found.values_list("image__exposure__identifier", "kind"))


def test_with_one_reference_its_artifacts_vary_on_every_other_image(field):
    assert set(detections(field[GHOST]).values()) == {"vanished"}
    for rank in (GHOST, FLARED):
        assert len(detections(field[rank])) == N_EPOCHS
    assert len(detections(field[ECLIPSED])) == N_EPOCHS - 1
    changed = set(GalVarObj.objects.accepted().values_list("refsource_id", flat=True))
    assert changed <= {field[i] for i in (STREAK, GHOST, FLARED, ECLIPSED, VARIABLE, LATER)}


def test_with_a_set_false_variables_end_and_real_ones_stay(field):
    change("s1", "s2")
    assert detections(field[STREAK]) == {}  # no star's shape on the primary
    assert detections(field[GHOST]) == {"primary": "brighter"}
    assert detections(field[FLARED]) == {"primary": "brighter"}
    assert detections(field[ECLIPSED]) == {"primary": "fainter", "s4": "fainter"}
    assert detections(field[LATER]) == {"s5": "brighter"}
    assert len(detections(field[VARIABLE])) == N_EPOCHS
    changed = set(GalVarObj.objects.accepted().values_list("refsource_id", flat=True))
    assert changed == {field[i] for i in (GHOST, FLARED, ECLIPSED, VARIABLE, LATER)}


def test_what_varied_on_the_primary_stays_a_candidate_beside_the_proposal(field):
    change("s1", "s2")
    at_fault = {field[i] for i in (STREAK, GHOST, FLARED, ECLIPSED)}
    proposed = GalFlag.objects.proposed().filter(artifact="reference")
    assert set(proposed.values_list("refsource_id", flat=True)) == at_fault
    reason = proposed.get(refsource_id=field[ECLIPSED]).reason
    assert "made up primary i N4 is at fault: 0.8" in reason and "mag fainter" in reason
    assert "nothing is there" in proposed.get(refsource_id=field[GHOST]).reason
    candidates = GalCandidate.objects.filter(pk__in=at_fault)
    assert candidates.filter(is_flagged=False).count() == len(at_fault)
    causes = dict(candidates.values_list("refsource_id", "cause"))
    assert causes[field[FLARED]] == "reference" and causes[field[ECLIPSED]] == "real"
    flared = GalCandidate.objects.get(pk=field[FLARED])
    own = GalReferenceMag.objects.get(pk=field[FLARED])
    assert flared.reference_mag == pytest.approx(own.mag) and own.n_used == 2
    assert own.outlying_image_id == primary().pk


def test_what_was_said_of_a_flag_outlives_the_set(field):
    change("s1", "s2")
    GalFlag.objects.filter(refsource_id=field[FLARED]).update(state="declined")
    change("s3")
    change("s1", is_added=False)
    flags = GalFlag.objects.filter(refsource_id=field[FLARED])
    assert [flag.state for flag in flags] == ["declined"]


def test_images_measured_by_older_code_can_not_be_members_and_lose_nothing(field):
    image = GalImage.objects.get(exposure__identifier="s3")
    image.coverages.update(n_non_detections=None)
    GalNonDetection.objects.filter(galimage_id=image.pk).delete()
    with pytest.raises(sets.GalprojectError, match="before sources without light were kept"):
        change("s3")
    change("s1", "s2")
    assert detections(field[GHOST]) == {"primary": "brighter", "s3": "vanished"}


def new_source(catalogue, *names):
    """A source that the reference does not have, as detected on search images."""
    for name in names:
        detection = make_detection(catalogue)
        image = GalImage.objects.get(exposure__identifier=name)
        replace_new_detections(image, [detection])
    return GalNewSource.objects.get().pk


def everything(refsource_id):
    """What the tables have of a source, its candidate included."""
    changes = GalVarObj.objects.filter(refsource_id=refsource_id).order_by("pk")
    candidate = GalCandidate.objects.filter(pk=refsource_id).values_list("kind", "n_detections")
    return list(changes.values()), list(candidate), GalSource.objects.light_curve(refsource_id)


def test_new_sources_outlast_a_new_selection_and_are_in_no_mean(field):
    catalogue = active_catalogue(primary())
    pk = new_source(catalogue, "s1", "s2", "s4")
    refresh_candidates([catalogue.pk])
    changes, candidate, light_curve = everything(pk)
    assert [row["kind"] for row in changes] == ["new"] * 3
    assert candidate == [("new", 3)]
    before = dict(GalImage.objects.values_list("pk", "n_variables"))
    change("s1", "s2")
    changes_after, candidate_after, light_curve_after = everything(pk)
    assert (changes_after, candidate_after) == (changes, candidate)
    assert len(light_curve_after) == len(light_curve) == 3
    first, last = catalogue.id_range
    assert GalReferenceMag.objects.filter(pk__range=(first, last)).count() == 300
    assert not GalReferenceMag.objects.filter(pk=pk).exists()
    change("s1", "s2", is_added=False)
    assert everything(pk)[0] == changes
    assert dict(GalImage.objects.values_list("pk", "n_variables")) == before


@pytest.fixture
def curator(client):
    user = User.objects.create_user("curator")
    codenames = ["view_survey", "choose_reference"]
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client.force_login(user)
    return client


def post(client, action, *names, reason="to try"):
    members = [exposure.pk for exposure in exposures(*names)]
    url = reverse("change_reference_set", args=[primary().exposure_id])
    return client.post(url, {"action": action, "member": members, "reason": reason})


def test_a_curator_adds_and_removes_members_on_the_page(field, curator):
    page = reverse("references_preview", args=[primary().exposure_id])
    assert "The primary is alone" in curator.get(page).content.decode()
    assert post(curator, "add", "s1", "s2").status_code == 302
    shown = curator.get(page).content.decode()
    assert "selected anew on 5 images" in shown and "Member added" in shown
    assert "wrong: they are" in shown and "made up s1 i" in shown
    assert post(curator, "remove", "s1").status_code == 302
    assert [m.image.exposure.identifier for m in GalReferenceMember.objects.all()] == ["s2"]


def test_what_the_page_can_not_do_it_says(field, curator):
    assert post(curator, "add", reason="why").status_code == 422
    refused = post(curator, "add", "s1", reason="")
    assert refused.status_code == 422 and "Say why." in refused.content.decode()
    assert post(curator, "remove", "s1").status_code == 302
    page = curator.get(reverse("references_preview", args=[primary().exposure_id]))
    assert "is not in the reference set of" in page.content.decode()


def test_a_large_change_is_made_by_a_worker(field, curator, monkeypatch):
    asked = []
    GalCoverage.objects.update(n_sources=sets.MAX_ROWS)  # of each of two images
    monkeypatch.setattr(views, "queue_set_change", lambda *arguments: asked.append(arguments))
    assert post(curator, "add", "s1", "s2").status_code == 302
    assert not GalReferenceMember.objects.exists()
    (arguments,) = asked
    tasks.change_reference_set(*arguments)
    assert GalReferenceMember.objects.count() == 2
    assert GalReferenceMag.objects.filter(pk=field[GHOST], flags=1).exists()


def test_a_worker_that_is_refused_says_so_in_the_log(field):
    member = exposures("s1")[0]
    GalImage.objects.filter(exposure=member).first().coverages.all().delete()
    tasks.change_reference_set(primary().exposure_id, [member.pk], True, "curator", "")
    line = GalCheckpoint.objects.get(exposure=primary().exposure, level="error")
    assert "can't be in a reference set" in line.note


def test_the_means_are_those_of_the_catalogue_in_use(field):
    change("s1", "s2")
    catalogue = active_catalogue(primary())
    first, last = catalogue.id_range
    assert GalReferenceMag.objects.filter(pk__range=(first, last)).count() == 300
    storage.drop_catalogue(catalogue)
    assert not GalReferenceMag.objects.exists() and not GalNonDetection.objects.exists()


def test_objects_show_the_robust_mean_as_long_as_there_is_one(field):
    def shown():
        return dict(GalObjectSource.objects.values_list("pk", "mag"))

    crossmatch_all()
    own = shown()
    change("s1", "s2")
    mean = GalReferenceMag.objects.get(pk=field[FLARED]).mag
    with_set = shown()
    assert with_set[field[FLARED]] == mean and mean - own[field[FLARED]] > 1
    GalObjectSource.objects.all().delete()
    crossmatch_all()
    assert shown() == with_set  # the same when they are cross-matched anew
    change("s1", "s2", is_added=False)
    assert shown() == own
