"""Notices: who is told of what, when it is seen, and that a mail comes once."""

import re
import smtplib
from datetime import timedelta
from functools import partial

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from exposures.models import GalJob
from galproject.queue import tasks
from galproject.queue.jobs import close_job
from tests.builders.campaigns import ids_of, make_campaign, make_user, make_voter, vote
from tests.builders.candidates import make_candidate
from tests.builders.sessions import at_once
from variables.discussion.commenting import change_comment, comment_on, withdraw_comment
from variables.labels.marking import set_favourite
from variables.models import Campaign, GalCandidate, GalNotice, GalUnblinding, NoticeKind
from variables.notices.mailing import MailError, send_notices, unsubscribe_token
from variables.notices.reading import choose, mark_read, unread_count
from variables.vetting import campaigns

pytestmark = pytest.mark.django_db
SITE, SECRET = "https://gal.example.org", "it rises as an RR Lyrae does"


@pytest.fixture
def candidate():
    return make_candidate(2)


@pytest.fixture
def mails(settings):
    settings.MAIL_IS_SET, settings.EMAIL_HOST = True, "mail.example.org"
    return mail.outbox


def client_of(user):
    client = Client()
    client.force_login(user)
    return client


def told(user):
    return list(GalNotice.objects.visible_to(user).order_by("pk").values_list("kind", flat=True))


def with_mail(user, kind=NoticeKind.MENTION, how="once"):
    user.email = f"{user.username}@example.org"
    user.save()
    choose(user, {kind: how})
    return user


class RefusingBackend(EmailBackend):
    """A mail server that is down."""

    def send_messages(self, messages):
        raise smtplib.SMTPServerDisconnected("Connection unexpectedly closed")


# --- Who is told of what


def test_of_a_comment_each_is_told_once_and_its_author_is_not(candidate):
    ann, bob, carl, dora, eve = (make_voter(name) for name in ("ann", "bob", "carl", "dora", "eve"))
    vote(dora, candidate.pk)
    set_favourite(carl, candidate.pk)
    first = comment_on(candidate, ann, "a ghost?")
    comment_on(candidate, bob, "no, see @EVE, @ann and @nobody", answers=first.pk)
    assert told(ann) == ["mention"]
    assert told(bob) == []
    assert told(carl) == told(dora) == ["comment", "comment"]
    assert told(eve) == ["mention"]
    comment_on(candidate, eve, "yes", answers=first.pk)
    assert told(ann) == ["mention", "reply"] and told(bob) == ["reply"]


def test_only_who_may_see_the_candidate_is_told(candidate):
    outside, gone = make_user(name="outside"), make_user(name="gone")
    outside.user_permissions.clear()
    gone.is_active = False
    gone.save()
    comment_on(candidate, make_voter(), "@outside @gone look")
    assert not GalNotice.objects.exists()


def test_who_is_mentioned_later_is_told_then_and_once(candidate):
    ann, bob = make_voter("ann"), make_voter("bob")
    made = comment_on(candidate, ann, "look")
    for text in ("look @bob", "look, @bob"):
        change_comment(made, ann, text)
    assert told(bob) == ["mention"]
    withdraw_comment(made, ann)
    page = client_of(bob).get(reverse("notices")).content.decode()
    assert "ann mentions you" in page and "look" not in page.partition("How you are told")[0]


def test_a_class_that_is_agreed_or_changes_is_told_to_others(candidate):
    ann, bob, carl = make_voter("ann"), make_voter("bob"), make_user("view_galcandidate")
    set_favourite(carl, candidate.pk)
    vote(ann, candidate.pk, "flare")
    assert told(ann) == [] and told(carl) == ["class"]
    vote(bob, candidate.pk, "rr-lyrae")
    assert told(ann) == ["class"], "the vote of another changed it"
    assert told(carl) == ["class"], "the earlier one, which nobody saw, is replaced"
    words = GalNotice.objects.get(user=carl).words
    assert "don't agree" in words
    vote(bob, candidate.pk, "flare")
    assert "stellar flare" in GalNotice.objects.get(user=carl).words


def test_many_classes_at_once_are_one_notice():
    campaign = make_campaign(12, votes_wanted=1)
    reader = make_user()
    ann = make_voter()
    for pk in ids_of(campaign):
        vote(ann, pk, campaign=campaign)
    GalNotice.objects.all().delete()
    GalCandidate.objects.update(consensus=None)
    for pk in ids_of(campaign):
        set_favourite(reader, pk)
    campaigns.close(campaign)
    (one,) = GalNotice.objects.filter(user=reader)
    assert one.words == "People agree anew, or no longer, on 12 candidates"


def test_members_of_a_campaign_are_told_when_it_begins_and_ends():
    ann, bob = make_voter("ann"), make_voter("bob")
    campaign = make_campaign(1, members=(ann,))
    assert told(ann) == ["begins"] and told(bob) == []
    campaign.members.add(bob)
    assert told(bob) == ["begins"]
    campaigns.close(Campaign.objects.get(), by=bob)
    campaigns.close(Campaign.objects.get(), by=bob)
    assert told(ann) == ["begins", "ends"] and told(bob) == ["begins"]


def test_who_asked_for_processing_is_told_that_it_failed(candidate):
    ann = make_user(name="ann")
    image = candidate.catalogue.image
    job = GalJob.objects.create(exposure=image.exposure, requested_by="ann")
    type(image).objects.filter(pk=image.pk).update(job=job, status="failed")
    close_job(job)
    (one,) = GalNotice.objects.filter(user=ann)
    assert one.words.startswith("What you asked for failed: 1 chip")
    assert one.get_absolute_url() == image.exposure.get_absolute_url()


# --- The page, and its number in the head of each page


def test_unread_ones_are_counted_on_each_page_and_marked_as_read(candidate):
    ann = make_voter("ann")
    client = client_of(ann)
    for number in range(3):
        comment_on(candidate, make_voter(), f"@ann {number}")
    for address in ("/", reverse("notices"), reverse("tags")):
        page = client.get(address).content.decode()
        assert re.search(r'class="n-unread">3<', page), address
    ids = list(GalNotice.objects.filter(user=ann).order_by("pk").values_list("pk", flat=True))
    client.post(reverse("read_notices"), {"notice": ids[0]})
    assert unread_count(ann) == 2
    client.post(reverse("read_notices"), {"last": ids[1]})
    assert unread_count(ann) == 1, "what came since the page was opened stays unread"
    client.post(reverse("read_notices"), {"last": ids[2]})
    assert "n-unread" not in client.get("/").content.decode()
    assert client.post(reverse("read_notices")).status_code == 400


def test_nobody_marks_anothers_notice_as_read(candidate):
    ann = make_voter("ann")
    comment_on(candidate, make_voter(), "@ann")
    assert mark_read(make_voter(), pk=GalNotice.objects.get().pk) == 0
    assert unread_count(ann) == 1


def test_old_notices_are_removed(candidate):
    make_voter("ann")
    comment_on(candidate, make_voter(), "@ann")
    now = timezone.now()
    GalNotice.objects.update(time=now - timedelta(days=200))
    assert GalNotice.objects.remove_old() == 0
    GalNotice.objects.update(read=now - timedelta(days=91))
    assert GalNotice.objects.remove_old() == 1


# --- Blindness


def test_what_is_blind_is_held_back_on_pages_and_in_mails_until_ones_own_vote(mails):
    campaign = make_campaign(1)
    pk = ids_of(campaign)[0]
    ann, bob = make_voter("ann"), with_mail(make_voter("bob"))
    choose(bob, {NoticeKind.CLASS: "once"})
    set_favourite(bob, pk)
    vote(ann, pk, campaign=campaign)
    comment_on(GalCandidate.objects.get(pk=pk), ann, f"@bob {SECRET}")
    assert unread_count(bob) == 0 and told(bob) == []
    for address in ("/", reverse("notices")):
        assert SECRET not in client_of(bob).get(address).content.decode()
    assert send_notices(SITE, daily=False).n_mails == 0 and mails == []
    vote(bob, pk, "flare", campaign)
    assert not GalUnblinding.objects.exists()
    assert "mention" in told(bob)
    assert send_notices(SITE, daily=False).n_mails == 1
    assert SECRET in mails[0].body
    assert GalUnblinding.objects.filter(user=bob, refsource_id=pk).exists()


# --- Mails


def test_a_mail_says_who_what_and_where_and_how_it_ends(candidate, mails):
    bob = with_mail(make_voter("bob"))
    made = comment_on(candidate, make_voter("ann"), "@bob a <ghost> & more")
    assert send_notices(SITE, daily=False).n_mails == 1
    assert send_notices(SITE, daily=False).n_mails == 0
    (sent,) = mails
    assert sent.to == ["bob@example.org"]
    assert sent.subject == f"galproject: ann mentions you on candidate {candidate.pk}"
    assert "@bob a <ghost> & more" in sent.body
    assert f"{SITE}/candidates/{candidate.pk}/#comment-{made.pk}" in sent.body
    away = re.search(rf"{SITE}(/notices/unsubscribe/\S+)", sent.body)[1]
    assert sent.extra_headers["List-Unsubscribe"] == f"<{SITE}{away}>"
    anybody = Client()
    assert "End them" in anybody.get(away).content.decode()
    assert bob.notice_choices.get(kind="mention").told == "once", "to look changes nothing"
    anybody.post(away)
    comment_on(candidate, make_voter(), "@bob once more")
    assert send_notices(SITE, daily=False).n_mails == 0


def test_a_daily_mail_has_all_of_a_day_and_none_comes_at_once(candidate, mails):
    with_mail(make_voter("bob"), how="daily")
    for number in range(3):
        comment_on(candidate, make_voter(), f"@bob number {number}")
    assert send_notices(SITE, daily=False).n_mails == 0
    assert send_notices(SITE, daily=True).n_notices == 3
    (sent,) = mails
    assert sent.subject == "galproject: 3 notices"
    assert all(f"number {number}" in sent.body for number in range(3))


def test_nothing_is_mailed_without_a_server_an_address_or_a_wish(candidate, settings, mails):
    with_mail(make_voter("bob"))
    anna = make_voter("anna")
    choose(anna, {NoticeKind.MENTION: "once"})
    make_voter("carl")
    comment_on(candidate, make_voter(), "@bob @anna @carl")
    settings.MAIL_IS_SET = False
    assert tasks.mail_notices()["mails"] == 0 and mails == []
    page = client_of(anna).get(reverse("notices")).content.decode()
    assert "sends no mail" in page and "at once" not in page
    settings.MAIL_IS_SET = True
    assert tasks.mail_notices()["mails"] == 1
    assert tasks.mail_daily() == {"removed": 0, "mails": 0}


def test_a_server_that_fails_is_told_and_tried_again(candidate, mails, settings):
    with_mail(make_voter("bob"), how="daily")
    comment_on(candidate, make_voter(), "@bob")
    working = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = f"{__name__}.RefusingBackend"
    with pytest.raises(MailError, match=r"took 0 mails .*Connection unexpectedly"):
        send_notices(SITE, daily=True)
    one = GalNotice.objects.get()
    assert one.mailed is None and one.tries == 1
    settings.EMAIL_BACKEND = working
    assert send_notices(SITE, daily=False).n_mails == 0, "not before a minute has passed"
    GalNotice.objects.update(next_try=timezone.now())
    assert send_notices(SITE, daily=False).n_mails == 1, "and not only the next day"
    assert len(mails) == 1


def test_choices_follow_those_that_wait_and_are_kept(candidate, mails):
    bob = with_mail(make_voter("bob"))
    comment_on(candidate, make_voter(), "@bob")
    chosen = dict.fromkeys(NoticeKind.values, "page")
    client_of(bob).post(reverse("choose_notices"), chosen)
    assert send_notices(SITE, daily=False).n_mails == 0
    refused = client_of(bob).post(reverse("choose_notices"), chosen | {"reply": "pigeon"})
    assert refused.status_code == 400


def test_a_link_that_ends_mails_is_signed():
    bob = make_voter("bob")
    token = unsubscribe_token(bob)
    for wrong in ("nonsense", f"{bob.pk + 1}:{token.partition(':')[2]}"):
        assert Client().get(reverse("unsubscribe", args=[wrong])).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_of_two_processes_at_once_one_sends_a_mail(mails, settings):
    bob = with_mail(make_voter("bob"))
    GalNotice.objects.create(
        user=bob, kind="mention", mail="once", time=timezone.now(), actor=bob, text=""
    )
    send = partial(send_notices, SITE, daily=False)
    sent = [mailed.n_mails for mailed in at_once(send, send)]
    assert sorted(sent) == [0, 1] and len(mails) == 1
