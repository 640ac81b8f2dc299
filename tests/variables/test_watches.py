"""Watched searches: what is new in them is told once, and nothing of what is blind."""

import smtplib
from functools import partial

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection
from django.test import Client
from django.urls import reverse

from tests.builders.campaigns import copy_candidates, make_campaign, make_user, make_voter, vote
from tests.builders.candidates import add_epoch, make_candidate
from tests.builders.sessions import at_once
from variables.derived.refresh import refresh_candidates
from variables.models import (
    CandidateBefore,
    GalCandidate,
    GalNotice,
    GalUnblinding,
    GalWatchNews,
    SavedSearch,
)
from variables.notices.mailing import MailError, send_notices
from variables.vetting import campaigns
from variables.watches import telling
from variables.watches.telling import tell_watches
from variables.watches.watching import feed_key, renew_feed_key, watch

pytestmark = pytest.mark.django_db
SITE = "https://gal.example.org"


def watching(user, query="", told="page", name="mine"):
    search = SavedSearch.objects.create(user=user, name=name, query=query)
    return watch(user, search, told)


def news_of(user):
    rows = GalWatchNews.objects.visible_to(user).order_by("pk")
    return list(rows.values_list("refsource_id", "kind"))


def change(candidate, **columns):
    GalCandidate.objects.filter(pk=candidate.pk).update(**columns)


@pytest.fixture
def ann():
    return make_user(name="ann")


@pytest.fixture
def mails(settings, ann):
    settings.MAIL_IS_SET, settings.EMAIL_HOST = True, "mail.example.org"
    ann.email = "ann@example.org"
    ann.save()
    return mail.outbox


# --- What is news


def test_a_candidate_is_new_when_it_enters_a_list_and_not_when_it_was_in_it(ann):
    inside, outside = make_candidate(3), make_candidate(1, ra=267.0)
    watching(ann, "detections_min=2")
    change(inside, n_detections=5, star_detections=5)
    change(outside, n_detections=2, star_detections=2)
    assert tell_watches() == 1
    assert news_of(ann) == [(outside.pk, "new")]
    change(outside, n_detections=3, star_detections=3)
    assert tell_watches() == 0
    assert not CandidateBefore.objects.exists()


def test_what_the_pipeline_stores_reaches_the_watch(ann):
    watching(ann, "sigma_min=20")
    candidate = make_candidate(2)
    tell_watches()
    assert (candidate.pk, "new") in news_of(ann)
    add_epoch(candidate.catalogue, 60100.0, {2: 2.5})
    refresh_candidates([candidate.catalogue_id])
    tell_watches()
    assert news_of(ann) == [(candidate.pk, "new"), (candidate.pk, "more")]
    assert "mag" in GalWatchNews.objects.first().words


def test_a_candidate_that_went_meanwhile_is_told_of_no_more(ann):
    candidate = make_candidate(2)
    watching(ann, "detections_min=2")
    change(candidate, max_delta_mag=9)
    GalCandidate.objects.all().delete()
    assert tell_watches() == 0


def test_what_was_kept_before_an_upgrade_lacks_columns_and_is_told(ann):
    candidate = make_candidate(1)
    watching(ann, "detections_min=2")
    change(candidate, n_detections=2, star_detections=2)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE galcandidatesbefore SET before = before - 'counted_as'")
    assert tell_watches() == 1


def test_nothing_is_kept_of_changes_while_nobody_watches():
    change(make_candidate(2), n_detections=5)
    assert not CandidateBefore.objects.exists()


def test_a_star_that_was_in_a_list_by_another_source_is_not_new_in_it(ann):
    first = make_candidate(3, object_id=7)
    watching(ann, "detections_min=2")
    (second,) = copy_candidates(1, object_id=7, n_detections=4, star_sources=2)
    change(first, star_sources=2)
    assert tell_watches() == 0
    change(second, object_id=8, star_sources=1)
    change(first, star_sources=1)
    assert tell_watches() == 0, "it was of a star that was in the list"


def test_a_candidate_of_a_new_reference_is_not_new_where_it_was_on_the_one_before(ann):
    before = make_candidate(3)
    before.catalogue.active = False
    before.catalogue.save()
    watching(ann, "detections_min=2")
    after = make_candidate(3)
    change(after, ra=before.ra, dec=before.dec)
    elsewhere = make_candidate(3, ra=268.0)
    tell_watches()
    assert news_of(ann) == [(elsewhere.pk, "new")]


def test_a_search_that_makes_no_sense_any_more_tells_nothing(ann):
    one = watching(ann)
    one.search.query = "detections_min=many"
    one.search.save()
    make_candidate(2)
    assert tell_watches() == 0


def test_a_search_that_the_database_refuses_keeps_no_other_from_being_told(ann, monkeypatch):
    candidate = make_candidate(1)
    watching(ann, "detections_min=2", name="refused")
    other = watching(ann, "detections_min=2", name="told")
    whole = telling._news_of  # noqa: SLF001

    def refusing(watch, changed):
        if watch.search.name == "refused":
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 / 0")
        return whole(watch, changed)

    monkeypatch.setattr(telling, "_news_of", refusing)
    change(candidate, n_detections=2, star_detections=2)
    assert tell_watches() == 1
    assert GalWatchNews.objects.get().watch == other


# --- Blindness and rights


def test_a_class_is_told_once_the_owner_may_know_it():
    ann, bob = make_voter("ann"), make_voter("bob")
    campaign = make_campaign(2, votes_wanted=1)
    pk, other = (row.refsource_id for row in campaign.objects_in.order_by("rank"))
    watching(ann, "detections_min=1")
    watching(ann, "cls=rr-lyrae", name="of a class")
    vote(bob, pk, "rr-lyrae", campaign)
    tell_watches()
    client = Client()
    client.force_login(ann)
    assert news_of(ann) == [] and not GalNotice.objects.filter(kind="watch").exists()
    assert not GalUnblinding.objects.exists(), "nobody was shown anything"
    for name in ("watch", "watches"):
        args = [ann.watches.first().pk] if name == "watch" else []
        assert "RR Lyrae" not in client.get(reverse(name, args=args)).content.decode()
    feed = reverse("watches_feed", args=[feed_key(ann)])
    assert str(pk) not in Client().get(feed).content.decode()
    vote(ann, pk, "rr-lyrae", campaign)
    tell_watches()
    assert sorted(kind for _, kind in news_of(ann)) == ["class", "new"]
    assert {source for source, _ in news_of(ann)} == {pk}
    vote(bob, other, "rr-lyrae", campaign)
    tell_watches()
    assert told_to(ann) == [pk, pk], "once she had voted"
    tell_watches()
    assert told_to(ann) == [pk, pk], "once"
    campaigns.close(campaign)
    assert {source for source, _ in news_of(ann)} == {pk, other}
    tell_watches()
    assert set(told_to(ann)) == {pk, other}


def told_to(user):
    """Candidates of the news that notices told somebody of, the first first."""
    told = GalWatchNews.objects.filter(notice__user=user).order_by("pk")
    return list(told.values_list("refsource_id", flat=True))


def test_a_feed_needs_no_login_and_ends_with_its_key_and_with_the_right_to_see(ann):
    candidate = make_candidate(1)
    one = watching(ann, "detections_min=2")
    change(candidate, n_detections=2, star_detections=2)
    tell_watches()
    key, client = feed_key(ann), Client()
    address = reverse("watch_feed", args=[key, one.pk])
    answer = client.get(address)
    assert answer["Content-Type"].startswith("application/atom+xml")
    assert f"Candidate {candidate.pk}: new in the list" in answer.content.decode()
    bob = make_user(name="bob")
    assert client.get(reverse("watch_feed", args=[feed_key(bob), one.pk])).status_code == 404
    ann.user_permissions.clear()
    assert client.get(address).status_code == 404
    change(candidate, n_detections=1, star_detections=1)
    change(candidate, n_detections=2, star_detections=2)
    assert tell_watches() == 0
    renew_feed_key(bob)
    assert client.get(reverse("watches_feed", args=[feed_key(bob)])).status_code == 200
    assert client.get(reverse("watches_feed", args=[key])).status_code == 404


def test_only_the_owner_sees_and_changes_a_watch(ann):
    one = watching(ann)
    client = Client()
    client.force_login(make_user(name="bob"))
    assert client.get(one.get_absolute_url()).status_code == 404
    for name in ("tell_watch", "end_watch", "see_watch"):
        asked = client.post(reverse(name, args=[one.pk]), {"told": "page", "last": 1})
        assert asked.status_code == 404
    search = one.search.pk
    form = {"search": search, "told": "page"}
    assert client.post(reverse("make_watch"), form).status_code == 400, "it isn't shared"
    SavedSearch.objects.update(is_shared=True)
    assert client.post(reverse("make_watch"), form).status_code == 302
    assert SavedSearch.objects.get().watches.count() == 2
    candidate = make_candidate(1)
    assert tell_watches() == 2
    SavedSearch.objects.update(is_shared=False)
    change(candidate, n_detections=0, varies=False)
    change(candidate, n_detections=1)
    assert tell_watches() == 0, "it came and went within a batch"
    make_candidate(1, ra=267.0)
    assert tell_watches() == 1, "of who owns the search alone"
    theirs = SavedSearch.objects.get().watches.exclude(user=ann).get()
    assert client.get(theirs.get_absolute_url()).status_code == 404
    assert GalWatchNews.objects.visible_to(theirs.user).count() == 0


# --- Mail


class RefusingBackend(EmailBackend):
    """A mail server that is down."""

    def send_messages(self, messages):
        raise smtplib.SMTPServerDisconnected("Connection unexpectedly closed")


def test_a_mail_has_the_candidates_and_is_sent_again_where_the_server_failed(ann, mails, settings):
    candidate = make_candidate(1)
    watching(ann, "detections_min=2", told="once")
    change(candidate, n_detections=2, star_detections=2)
    tell_watches()
    settings.EMAIL_BACKEND = f"{__name__}.RefusingBackend"
    with pytest.raises(MailError):
        send_notices(SITE, daily=False)
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    GalNotice.objects.update(next_try=None)
    send_notices(SITE, daily=False)
    send_notices(SITE, daily=False)
    (sent,) = mails
    assert sent.subject == "galproject: In “mine”: 1 new"
    assert f"- candidate {candidate.pk}: new in the list" in sent.body
    assert f"{SITE}/candidates/{candidate.pk}/" in sent.body


def test_what_is_seen_counts_no_longer_as_unseen(ann):
    candidate = make_candidate(1)
    one = watching(ann, "detections_min=2")
    change(candidate, n_detections=2, star_detections=2)
    tell_watches()
    client = Client()
    client.force_login(ann)
    page = client.get(one.get_absolute_url()).content.decode()
    assert str(candidate.pk) in page and 'class="unread"' in page
    client.post(reverse("see_watch", args=[one.pk]), {"last": GalWatchNews.objects.get().pk})
    assert 'class="unread"' not in client.get(one.get_absolute_url()).content.decode()
    assert not GalNotice.objects.unread().exists()


@pytest.mark.django_db(transaction=True)
def test_two_processes_at_once_tell_each_thing_once():
    ann = make_user(name="ann")
    candidate = make_candidate(1)
    watching(ann, "detections_min=2")
    for rank in range(3):
        change(candidate, n_detections=2 + rank, star_detections=2 + rank)
    told = at_once(*[partial(tell_watches)] * 2)
    assert sorted(told) == [0, 1]
    assert news_of(ann) == [(candidate.pk, "new")]
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM galcandidatesbefore")
        assert cursor.fetchone() == (0,)
