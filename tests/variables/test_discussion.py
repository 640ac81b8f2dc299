"""Comments beside votes: threads, mentions, withdrawal, and who sees them when."""

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from tests.builders.campaigns import ids_of, make_campaign, make_user, make_voter, post_json, vote
from tests.builders.candidates import make_candidate
from variables.discussion.commenting import (
    CommentError,
    change_comment,
    comment_on,
    threads_on,
    withdraw_comment,
)
from variables.discussion.people import names_like
from variables.models import GalCandidate, GalComment, GalDecision, GalUnblinding
from variables.models.discussion import mentioned_in
from variables.replacements.annotations import transfer_annotations
from variables.vetting import campaigns

pytestmark = pytest.mark.django_db
SECRET = "it rises as an RR Lyrae does"


@pytest.fixture
def candidate():
    return make_candidate(2)


@pytest.fixture
def voted():
    """An open campaign, its only candidate, and a comment of somebody who has voted on it."""
    campaign = make_campaign(1)
    pk = ids_of(campaign)[0]
    ann = make_voter("ann")
    vote(ann, pk, campaign=campaign)
    one = GalCandidate.objects.get(pk=pk)
    return campaign, one, comment_on(one, ann, SECRET)


def client_of(user):
    client = Client()
    client.force_login(user)
    return client


def texts(threads):
    return [(one.first.text, [answer.text for answer in one.answers]) for one in threads]


def pages_of(candidate):
    """What a person can ask about a candidate's comments."""
    pk = candidate.pk
    return (
        reverse("candidate", args=[pk]),
        reverse("candidate_comments", args=[pk]),
        f"/api/comments/?refsource_id={pk}",
        "/api/comments/?format=csv",
        "/admin/variables/galcomment/",
    )


def test_an_answer_to_an_answer_is_in_the_same_thread(candidate):
    ann, bob = make_voter(), make_voter()
    first = comment_on(candidate, ann, "a ghost?")
    answer = comment_on(candidate, bob, "no", answers=first.pk)
    comment_on(candidate, ann, "why", answers=answer.pk)
    comment_on(candidate, bob, "a trail near it")
    assert texts(threads_on(candidate, ann)) == [
        ("a ghost?", ["no", "why"]),
        ("a trail near it", []),
    ]


def test_exposures_and_images_have_threads_of_their_own(candidate):
    ann = make_voter("ann")
    image = candidate.catalogue.image
    client = client_of(ann)
    for kind, subject in (("exposure", image.exposure), ("image", image)):
        address = reverse(f"comment_on_{kind}", args=[subject.pk])
        client.post(address, {"text": f"clouds on this {kind}"})
        assert texts(threads_on(subject, ann)) == [(f"clouds on this {kind}", [])]
        assert f"clouds on this {kind}" in client.get(subject.get_absolute_url()).content.decode()
    assert threads_on(candidate, ann) == ()


def test_only_its_author_changes_or_withdraws_a_comment_which_stays_as_withdrawn(candidate):
    ann, bob = make_voter("ann"), make_voter()
    made = comment_on(candidate, ann, "a goast")
    for act in (lambda: change_comment(made, bob, "mine"), lambda: withdraw_comment(made, bob)):
        with pytest.raises(CommentError, match="Only its author"):
            act()
    client = client_of(ann)
    client.post(reverse("change_comment", args=[made.pk]), {"text": "a ghost"})
    assert "a ghost" in client.get(reverse("candidate", args=[candidate.pk])).content.decode()
    client.post(reverse("withdraw_comment", args=[made.pk]))
    for address in pages_of(candidate):
        page = client_of(bob).get(address, follow=True).content.decode()
        assert "a ghost" not in page
    assert "Withdrawn" in client.get(reverse("candidate", args=[candidate.pk])).content.decode()
    with pytest.raises(CommentError, match="withdrawn already"):
        change_comment(GalComment.objects.get(), ann, "again")
    with pytest.raises(CommentError, match="was withdrawn"):
        comment_on(candidate, bob, "an answer", answers=made.pk)


def test_comments_are_blind_in_an_open_campaign_until_ones_own_vote(voted):
    campaign, one, made = voted
    bob = make_voter("bob")
    bob.is_staff = True
    bob.save()
    bob.user_permissions.add(*make_user("view_galcomment").user_permissions.all())
    client = client_of(bob)
    for address in pages_of(one):
        assert SECRET not in client.get(address).content.decode(), address
    with pytest.raises(CommentError):
        comment_on(one, bob, "I see", answers=made.pk)
    assert client.post(reverse("change_comment", args=[made.pk]), {"text": "x"}).status_code == 404
    vote(bob, one.pk, "flare", campaign)
    for address in pages_of(one):
        assert SECRET in client.get(address).content.decode(), address


def test_whoever_has_read_comments_gives_no_other_blind_vote(voted):
    campaign, one, _ = voted
    bob = make_voter()
    vote(bob, one.pk, "flare", campaign)
    threads_on(one, bob)
    assert GalUnblinding.objects.filter(user=bob, refsource_id=one.pk).exists()


def test_comments_alone_unblind_too():
    campaign = make_campaign(1)
    pk = ids_of(campaign)[0]
    one = GalCandidate.objects.get(pk=pk)
    ann, bob = make_voter(), make_voter()
    vote(bob, pk, "flare", campaign)
    threads_on(one, bob)
    assert not GalUnblinding.objects.exists(), "there was nothing to be seen"
    comment_on(one, ann, SECRET)
    threads_on(one, bob)
    assert GalUnblinding.objects.get().user == bob


def test_comments_are_open_once_the_campaign_is_closed(voted):
    campaign, one, _ = voted
    reader = make_user()
    assert threads_on(one, reader) == ()
    campaigns.close(campaign)
    assert texts(threads_on(one, reader)) == [(SECRET, [])]


def test_a_comment_from_a_card_is_saved_once_and_is_no_decision():
    campaign = make_campaign(1)
    ann = make_voter("ann")
    (pk,) = ids_of(campaign)
    said = {
        "refsource_id": pk,
        "action": "comment",
        "comment": "see @bob",
        "how": "key",
        "key": "k1",
    }
    for _ in range(2):
        answer = post_json(client_of(ann), "vet_decide", campaign, decisions=[said])
        assert answer.status_code == 200
    assert GalComment.objects.get().text == "see @bob"
    assert not GalDecision.objects.exists()


def test_readers_read_and_do_not_comment(candidate):
    reader = client_of(make_user())
    comment_on(candidate, make_voter(), "a ghost?")
    assert "a ghost?" in reader.get(reverse("candidate", args=[candidate.pk])).content.decode()
    address = reverse("comment_on_candidate", args=[candidate.pk])
    assert reader.post(address, {"text": "hm"}).status_code == 403


@pytest.mark.parametrize("text", ["", "  \n ", "x" * 2001])
def test_a_comment_without_a_text_or_with_too_long_a_one_is_refused(candidate, text):
    client = client_of(make_voter())
    address = reverse("comment_on_candidate", args=[candidate.pk])
    assert client.post(address, {"text": text}).status_code == 302
    assert not GalComment.objects.exists()


def test_text_of_a_comment_is_no_html(candidate):
    ann = make_voter("ann")
    comment_on(candidate, ann, "<script>x</script> & @bob")
    page = client_of(ann).get(reverse("candidate", args=[candidate.pk])).content.decode()
    assert "&lt;script&gt;x&lt;/script&gt; &amp; <b>@bob</b>" in page


def test_comments_come_and_go_by_the_api(candidate):
    client = client_of(make_voter("ann"))
    said = {"refsource_id": candidate.pk, "text": "fades"}
    made = client.post("/api/comments/", said, content_type="application/json")
    assert made.status_code == 201 and made.json()["user"] == "ann"
    answer = said | {"text": "slowly", "answers": made.json()["id"]}
    assert client.post("/api/comments/", answer, content_type="application/json").status_code == 201
    rows = client.get(f"/api/comments/?refsource_id={candidate.pk}").json()["results"]
    assert [row["text"] for row in rows] == ["fades", "slowly"]
    missing = said | {"refsource_id": 77}
    assert (
        client.post("/api/comments/", missing, content_type="application/json").status_code == 404
    )


def test_names_are_found_in_a_text_and_not_in_addresses():
    assert mentioned_in("@Ann, look; so @bob.b. said (@c-d), ann@example.org @") == {
        *("ann", "bob.b", "c-d")
    }


def test_people_are_offered_who_may_see_the_candidate():
    make_user(name="henrietta")
    outside = make_user(name="henry")
    outside.user_permissions.clear()
    assert names_like("hen") == ["henrietta"]
    answer = client_of(make_user()).get(reverse("people"), {"q": "HENR"})
    assert answer.json() == {"names": ["henrietta"]}


def test_comments_follow_a_source_to_its_replacement(candidate):
    comment_on(candidate, make_voter(), "hm")
    transfer_annotations(np.array([candidate.pk]), np.array([candidate.pk + 1]))
    assert GalComment.objects.get().refsource_id == candidate.pk + 1
