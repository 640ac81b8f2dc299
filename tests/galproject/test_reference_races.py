"""References changed by two people at once, and taken away from under somebody's decision."""

import re
import time
from threading import Barrier, Event

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection, connections, transaction
from django.test import Client
from django.urls import reverse

from exposures.errors import GalprojectError
from exposures.locks import Claimed
from exposures.models import GalCheckpoint, GalImage
from galproject.processing.locking import key_of
from galproject.references import changes, tasks
from galproject.references.changes import change_reference
from photometry.models import GalReference
from photometry.storage import storage
from tests.builders.campaigns import make_campaign, make_voter, post_json, vote
from tests.builders.exposures_in_work import held_elsewhere
from tests.builders.sessions import SECONDS, at_once
from tests.galproject.test_references import field  # noqa: F401
from variables.flags.marking import flag_source
from variables.models import GalCandidate, GalFlag

pytestmark = pytest.mark.django_db(transaction=True)


def curator(name):
    user = User.objects.create_user(name)
    codenames = ["view_survey", "choose_reference", "add_galflag"]
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


def image_of(name):
    return GalImage.objects.get(exposure__identifier=name)


def words(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def choose(client, name, old="withdraw", **more):
    image = image_of(name)
    data = {"image": image.pk, "old": old, "reason": f"{name} is better", **more}
    return client.post(reverse("choose_reference", args=[image.exposure_id]), data, follow=True)


@pytest.fixture
def decided_at_once(monkeypatch):
    """Both have looked at what is there before either changes it."""
    barrier, change = Barrier(2, timeout=SECONDS), changes.change_reference

    def wait(*arguments):
        barrier.wait()
        return change(*arguments)

    monkeypatch.setattr(changes, "change_reference", wait)


@pytest.mark.parametrize(
    ("first", "second", "old"),
    [("1s", "2s", "withdraw"), ("1s", "2s", "keep"), ("2s", "2s", "withdraw")],
    ids=["others", "others beside the old one", "the same"],
)
def test_of_two_who_choose_at_once_one_is_told_what_the_other_chose(
    field,  # noqa: F811
    sent,
    decided_at_once,
    first,
    second,
    old,
):
    ann, bob = curator("ann"), curator("bob")
    pages = at_once(lambda: choose(ann, first, old), lambda: choose(bob, second, old))
    said = [words(page) for page in pages]
    assert all(page.status_code == 200 for page in pages)
    assert sorted("The references are changed" in text for text in said) == [False, True]
    line = GalCheckpoint.objects.get(step="reference chosen")
    (refused,) = [text for text in said if "The references are changed" not in text]
    assert "not those that you decided about any more" in refused and line.note in refused
    made = GalImage.objects.references().filter(exposure__identifier__in=[first, second])
    assert [image.exposure for image in made.select_related("exposure")] == [line.exposure]


def test_who_looks_at_an_old_page_is_told_what_changed_since(field, sent):  # noqa: F811
    ann, bob = curator("ann"), curator("bob")
    preview = reverse("references_preview", args=[image_of("2s").exposure_id])
    (known,) = re.findall(r'name="known" value="(\w+)"', bob.get(preview).content.decode())
    assert "The references are changed" in words(choose(ann, "1s", "keep"))
    refused = words(choose(bob, "2s", "keep", known=known))
    assert "by ann: 1s is better" in refused and not image_of("2s").is_reference
    (known,) = re.findall(r'name="known" value="(\w+)"', bob.get(preview).content.decode())
    assert "The references are changed" in words(choose(bob, "2s", "keep", known=known))


def test_who_chooses_or_withdraws_what_somebody_has_is_told_so(field, sent):  # noqa: F811
    ann, bob = curator("ann"), curator("bob")
    choose(ann, "2s")
    assert "by ann: 2s is better" in words(choose(bob, "2s"))
    old = image_of("1r")
    url = reverse("withdraw_reference", args=[old.exposure_id])
    page = bob.post(url, {"image": old.pk, "reason": "bad"}, follow=True)
    assert "reference withdrawn, N4 by ann" in words(page)
    assert GalCheckpoint.objects.filter(step__startswith="reference ").count() == 2


def test_a_change_is_made_whole_or_not_at_all(field, sent, monkeypatch):  # noqa: F811
    def fail(*_):
        raise KeyError

    monkeypatch.setattr(changes, "_enqueue", fail)
    with pytest.raises(KeyError):
        change_reference([image_of("2s").pk], [field.reference.pk], "ann", "")
    assert not image_of("2s").is_reference and image_of("1r").is_reference
    assert GalReference.objects.filter(active=True).exists()
    assert not GalCheckpoint.objects.filter(step__startswith="reference ").exists()


def test_a_page_that_waits_for_another_change_too_long_says_so(field, sent):  # noqa: F811
    ann = curator("ann")
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '100ms'")
    try:
        with held_elsewhere(Claimed.REFERENCES, key_of("i")):
            page = choose(ann, "2s")
    finally:
        connection.close()
    assert page.status_code == 503 and "Somebody else is changing the same" in words(page)
    assert not image_of("2s").is_reference


def test_a_message_that_comes_twice_changes_and_says_nothing_more(field, sent):  # noqa: F811
    message = [image_of("2s").pk], [field.reference.pk], "ann", "", [field.reference.pk]
    for _ in range(2):
        tasks.change_reference(*message)
    assert GalCheckpoint.objects.filter(step__startswith="reference").count() == 2


def test_a_catalogue_that_is_read_on_and_on_is_out_of_use_all_the_same(
    field,  # noqa: F811
    sent,
):
    reading = connections["default"].copy()
    try:
        reading.set_autocommit(False)
        with reading.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM galsources")
        chosen, withdrawn = [image_of("2s").pk], [field.reference.pk]
        change_reference(chosen, withdrawn, "ann", "", drop_lock_seconds=0.2)
    finally:
        reading.close()
    assert image_of("2s").is_reference and not GalReference.objects.get().active
    assert "a long query reads" in GalCheckpoint.objects.get(step="reference").note


def test_what_is_read_is_not_blocked_while_references_are_changed(
    field,  # noqa: F811
    sent,
    monkeypatch,
):
    """Partitions go after the change, a moment each: not in a transaction of minutes."""
    read = []
    enqueue = changes._enqueue  # noqa: SLF001  the last step of a change

    def look(*arguments):
        another = connections["default"].copy()
        try:
            with another.cursor() as cursor:
                cursor.execute("SET lock_timeout = '200ms'")
                cursor.execute("SELECT count(*) FROM galsources")
                read.append(cursor.fetchone()[0])
        finally:
            another.close()
        return enqueue(*arguments)

    monkeypatch.setattr(changes, "_enqueue", look)
    change_reference([image_of("2s").pk], [field.reference.pk], "ann", "")
    assert read and read[0] > 0 and not GalReference.objects.exists()


def while_dropped(act):
    """What a function gives that is called while another session drops the catalogue."""
    is_dropping = Event()

    def drop():
        with transaction.atomic():
            storage.drop_catalogue(GalReference.objects.get())
            is_dropping.set()
            time.sleep(0.5)  # the other has met it by then

    def meet():
        is_dropping.wait(SECONDS)
        return act()

    return at_once(drop, meet)[1]


@pytest.mark.parametrize("action", ["undo", "accept"])
def test_a_flag_decided_on_while_its_catalogue_is_dropped_gives_an_answer(
    field,  # noqa: F811
    action,
):
    ann = curator("ann")
    flag = flag_source(field.ids[0], "cosmic", "", User.objects.get(username="ann"))
    if action != "undo":
        GalFlag.objects.filter(pk=flag.pk).update(state=GalFlag.State.PROPOSED)
    ann.get(reverse("flags"))  # what takes time once is done
    url = reverse("decide_flag", args=[flag.pk])
    response = while_dropped(lambda: ann.post(url, {"action": action, "reason": ""}))
    assert response.status_code in (302, 404)
    assert not GalReference.objects.exists()


def test_a_vote_taken_back_while_its_catalogue_is_dropped_gives_an_answer(field):  # noqa: F811
    ann = make_voter("ann")
    campaign = make_campaign(candidates=list(GalCandidate.objects.all()))
    client = Client()
    client.force_login(ann)
    for pk in field.ids[:2]:
        vote(ann, pk, campaign=campaign)
    assert post_json(client, "vet_undo", campaign).json()["undone"] == 1
    response = while_dropped(lambda: post_json(client, "vet_undo", campaign))
    assert response.status_code == 200 and response.json()["undone"] == 1


def test_errors_of_references_are_no_faults(field, sent):  # noqa: F811
    with pytest.raises(GalprojectError, match="decided about"):
        change_reference([field.reference.pk], [], "ann", "")
