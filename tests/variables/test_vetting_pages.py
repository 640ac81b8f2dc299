"""Pages and endpoints of vetting: who may what, what stays blind, how many queries they take."""

import csv
import io
from functools import partial

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.urls import reverse

from tests.builders.campaigns import (
    RUNS,
    copy_candidates,
    ids_of,
    make_campaign,
    make_user,
    make_voter,
    post_json,
    vote,
)
from tests.builders.candidates import make_candidates
from tests.builders.queries import n_queries_of
from variables.models import Campaign, GalDecision, GalFlag
from variables.vetting.campaigns import close
from variables.vetting.decisions import DecisionInput, decide

pytestmark = pytest.mark.django_db
SECRET = "a comment that nobody else may see yet"
VOTERS = ("vet", "vet_next", "vet_decide", "vet_undo", "vet_release")
POSTED = {"vet_decide", "vet_undo", "vet_release", "close_campaign", "reopen_campaign"}
POSTED |= {"follow_up_campaign", "flag_artifacts", "rename_campaign"}


@pytest.fixture
def ann():
    return make_voter("ann")


@pytest.fixture
def login(client):
    def as_user(user):
        client.force_login(user)
        return client

    return as_user


def ask(client, name, campaign):
    if name in POSTED:
        return post_json(client, name, campaign)
    return client.get(reverse(name, args=[campaign.pk]))


def said(pk, choice="flare", **columns):
    return {"refsource_id": str(pk), "choice": choice, "how": "key", **columns}


def told(answer):
    """What a page says, with its white space as a browser has it."""
    return " ".join(answer.content.decode().split())


def test_readers_see_campaigns_and_cannot_vote(login):
    campaign = make_campaign(2)
    client = login(make_user())
    assert client.get(reverse("vetting")).status_code == 200
    shown = client.get(campaign.get_absolute_url())
    assert shown.status_code == 200 and reverse("vet", args=[campaign.pk]) not in str(shown.content)
    for name in VOTERS:
        assert ask(client, name, campaign).status_code == 403, name
    assert client.post(reverse("vet_list")).status_code == 403
    assert client.post(reverse("vote", args=ids_of(campaign)[:1])).status_code == 403


@pytest.mark.parametrize(
    "name",
    ["close_campaign", "reopen_campaign", "rename_campaign", "follow_up_campaign"]
    + ["flag_artifacts", "export_decisions"],
)
def test_voters_do_not_run_campaigns(login, ann, name):
    campaign = make_campaign(2)
    assert ask(login(ann), name, campaign).status_code == 403
    assert login(ann).get(reverse("new_campaign")).status_code == 403


def test_a_campaign_of_others_is_closed_to_a_voter(login, ann):
    campaign = make_campaign(2, members=(make_voter(),))
    for name in VOTERS:
        assert ask(login(ann), name, campaign).status_code == 403, name


def test_a_list_is_vetted_by_oneself_after_a_look_at_what_will_be_in_it(login, ann):
    make_candidates(6)
    client, address = login(ann), reverse("vet_list")
    page = told(client.get(address, {"list": "detections_min=3"}))
    assert "<strong>2</strong> detected more often" in page and "detected once" not in page
    assert not Campaign.objects.exists()
    answer = client.post(address, {"list": "detections_min=3", "lane": "card"})
    campaign = Campaign.objects.get()
    assert answer["Location"] == reverse("vet", args=[campaign.pk])
    assert list(campaign.members.all()) == [ann] and campaign.query == "detections_min=3"
    for ask in (client.get, client.post):
        answer = ask(address, {"list": "detections_min=99"}, follow=True)
        assert b"no candidate in that list" in answer.content


def test_a_list_without_filters_is_split_by_lane_and_one_of_them_may_be_left(login, ann):
    make_candidates(6)
    client, address = login(ann), reverse("vet_list")
    page = told(client.get(address))
    assert "<strong>4</strong> detected once or twice" in page
    assert "<strong>2</strong> detected more often" in page and 'name="all"' not in page
    refused = client.post(address, {"list": ""})
    assert refused.status_code == 422 and b"Choose what to vet" in refused.content
    assert not Campaign.objects.exists()
    client.post(address, {"list": "", "lane": "card"})
    assert Campaign.objects.get().objects_in.count() == 2
    answer = client.post(address, {"list": "", "lane": ["sheet", "card"]}, follow=True)
    assert answer.redirect_chain == [(reverse("vetting"), 302)]
    lanes = {one.lane: one.objects_in.count() for one in Campaign.objects.exclude(pk=1)}
    assert lanes == {"sheet": 4, "card": 2}


def test_a_very_large_list_is_taken_only_by_who_says_so(login, ann):
    make_candidates(3)
    copy_candidates(2000, star_detections=1)
    client, address = login(ann), reverse("vet_list")
    assert 'name="all"' in client.get(address).content.decode()
    chosen = {"list": "", "lane": ["sheet", "card"]}
    refused = client.post(address, chosen)
    assert refused.status_code == 422 and b"2,003 candidates: confirm" in refused.content
    assert not Campaign.objects.exists()
    client.post(address, chosen | {"lane": "card"})
    assert Campaign.objects.get().lane == "card"
    assert client.post(address, chosen | {"all": "on"}).status_code == 302
    assert Campaign.objects.count() == 3


def test_who_made_a_campaign_closes_it_while_nobody_has_voted(login, ann):
    make_candidates(3)
    login(ann).post(reverse("vet_list"), {"list": "detections_min=3", "lane": "card"})
    campaign = Campaign.objects.get()
    page = login(ann).get(campaign.get_absolute_url()).content.decode()
    assert "Close" in page and "Rename" in page
    client = login(ann)
    client.post(reverse("rename_campaign", args=[campaign.pk]), {"name": "mine"})
    assert Campaign.objects.get().name == "mine"
    vote(ann, ids_of(campaign)[0], campaign=campaign)
    assert "Close" not in client.get(campaign.get_absolute_url()).content.decode()
    for name in ("close_campaign", "reopen_campaign", "rename_campaign"):
        answer = client.post(reverse(name, args=[campaign.pk]), {"name": "yours"})
        assert answer.status_code == 403 and b"Somebody has voted" in answer.content
    ask(client, "vet_undo", campaign)
    ask(client, "close_campaign", campaign)
    assert Campaign.objects.get().closed


def test_a_campaign_is_made_for_people_with_gold_that_is_named(login):
    one, *_ = make_candidates(3)
    runner, other = make_user(*RUNS), make_voter()
    form = {"name": "new", "lane": "card", "votes_wanted": 2, "n_gold": 0, "members": [other.pk]}
    address = reverse("new_campaign") + "?list=detections_min%3D1"
    refused = login(runner).post(address, form | {"gold": "nonsense"})
    assert b"is not a number and a class" in refused.content
    assert b"no class" in login(runner).post(address, form | {"gold": f"{one.pk} x"}).content
    made = login(runner).post(address, form | {"gold": f"{one.pk} flare"})
    campaign = Campaign.objects.get()
    assert made["Location"] == campaign.get_absolute_url()
    assert campaign.objects_in.get(refsource_id=one.pk).gold.slug == "flare"
    assert list(campaign.members.all()) == [other] and campaign.lane == "card"
    page = told(login(runner).get(address))
    assert "<strong>2</strong> that were detected once or twice" in page
    made = login(runner).post(address, form | {"name": "two", "lane": ""})
    assert made["Location"] == reverse("vetting")
    assert set(Campaign.objects.values_list("lane", flat=True)) == {"card", "sheet"}


def test_cards_come_in_batches_and_what_is_decided_does_not_come_again(login, ann):
    campaign = make_campaign(6)
    client, address = login(ann), reverse("vet_next", args=[campaign.pk])
    first = client.get(address, {"count": 1}).json()
    assert [c["refsource_id"] for c in first["objects"]] == [str(k) for k in ids_of(campaign)[:4]]
    assert first["left"] == 2
    card = first["objects"][0]
    assert card["light_curves"]["filters"][0]["mjd"] and card["statistics"]
    second = client.get(address, {"after": first["after"]}).json()
    assert len(second["objects"]) == 2 and "left" not in second
    rows = [said(c["refsource_id"]) for c in first["objects"]]
    assert post_json(client, "vet_decide", campaign, decisions=rows).json() == {"saved": 4}
    assert len(client.get(address).json()["objects"]) == 2
    assert client.get(address, {"after": second["after"]}).json()["skipped"] == 2


def test_decisions_are_taken_back_by_their_keys_however_often_that_is_sent(login, ann):
    campaign = make_campaign(2)
    client, pk = login(ann), ids_of(campaign)[0]
    post_json(client, "vet_decide", campaign, decisions=[said(pk, key="k1")])
    for _ in range(2):
        assert post_json(client, "vet_undo", campaign, keys=["k1"]).json()["undone"] == 1
    assert GalDecision.objects.filter(action="undo").count() == 1


@pytest.mark.parametrize(
    "body", ["", "[]", '{"decisions": [{}]}', '{"decisions": 5}', '{"decisions": [{"how": "x"}]}']
)
def test_nonsense_is_refused_with_a_reason(login, ann, body):
    address = reverse("vet_decide", args=[make_campaign(1).pk])
    answer = login(ann).post(address, body, content_type="application/json")
    assert answer.status_code == 400 and "no decisions" in answer.json()["error"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"how": "carried"}, "not how a person decides"),
        ({"how": "api"}, "not how a person decides"),
        ({"how": ["key"]}, "no decisions"),
        ({"shown": {"note": "x" * 100_000}}, "shown has 100,0"),
        ({"shown": {"batch": "x" * 65}}, "shown.batch"),
        ({"shown": {"batch": {"a": 1}}}, "shown.batch"),
        ({"shown": {"tiles": 10**30}}, "shown.tiles"),
        ({"shown": {"tiles": True}}, "shown.tiles"),
        ({"shown": {"lane": "other"}}, "shown.lane"),
        ({"shown": {"lane": ["card"]}}, "shown.lane"),
        ({"shown": "sheet"}, "shown is no object"),
        ({"shown": [["lane", "sheet"]]}, "shown is no object"),
        ({"comment": "x" * 2001}, "comment has 2,001 characters"),
        ({"comment": ["a"]}, "comment is no text"),
        ({"comment": "a\0b"}, "comment: the text has a NUL"),
        ({"comment": "\ud800"}, "no decisions"),
        ({"choice": "x" * 81}, "choice has 81"),
        ({"choice": {"rr-lyrae": 1}}, "choice is no text"),
        ({"key": "k" * 65}, "key has 65"),
        ({"key": "carried-1"}, "transferred votes"),
    ],
)
@pytest.mark.parametrize("lane", ["card", "sheet"])
def test_what_no_browser_says_of_a_decision_is_refused(login, ann, lane, change, reason):
    campaign = make_campaign(1, lane=lane)
    row = said(ids_of(campaign)[0]) | change
    answer = post_json(login(ann), "vet_decide", campaign, decisions=[row])
    assert answer.status_code == 400 and reason in answer.json()["error"]
    assert not GalDecision.objects.exists()


@pytest.mark.parametrize("lane", ["card", "sheet"])
def test_only_what_is_known_of_a_screen_is_stored(login, ann, lane):
    campaign = make_campaign(1, lane=lane)
    shown = {"lane": lane, "tiles": 3, "stamp": "s", "seconds": 1, "image": 7, "carried_from": 1}
    row = said(ids_of(campaign)[0]) | {"shown": shown, "user": 1, "time": "2020-01-01"}
    assert post_json(login(ann), "vet_decide", campaign, decisions=[row]).json() == {"saved": 1}
    assert GalDecision.objects.get().shown == {"lane": lane, "tiles": 3}


@pytest.mark.parametrize(
    ("vote", "reason"),
    [
        ({"choice": "flare", "comment": "x" * 2001}, "comment has 2,001 characters"),
        ({"choice": "x" * 81}, "choice has 81"),
        ({"choice": "flare", "comment": "a\0b"}, "comment”: the text has a NUL"),
    ],
)
def test_a_vote_on_a_candidate_s_page_is_bounded_too(login, ann, vote, reason):
    pk = ids_of(make_campaign(1))[0]
    page = login(ann).post(reverse("vote", args=[pk]), vote, follow=True).content.decode()
    assert reason in page and not GalDecision.objects.exists()


def test_the_lane_of_a_closed_campaign_leads_back_to_it(login, ann):
    campaign = make_campaign(2)
    close(campaign)
    assert (
        login(ann).get(reverse("vet", args=[campaign.pk]))["Location"] == f"/vetting/{campaign.pk}/"
    )
    assert login(ann).get(reverse("vet_next", args=[campaign.pk])).json()["closed"]
    rows = [said(ids_of(campaign)[0])]
    assert post_json(login(ann), "vet_decide", campaign, decisions=rows).status_code == 409


def test_nothing_that_is_served_tells_of_others_votes_before_ones_own(login, ann):
    campaign = make_campaign(2, votes_wanted=2)
    bob = User.objects.create_user("bob-the-other")
    one, two = ids_of(campaign)
    for pk in (one, two):
        vote(bob, pk, "microlensing", campaign)
        decide(bob, DecisionInput(pk, action="comment", comment=SECRET), campaign)
    pages = [reverse(name, args=[campaign.pk]) for name in ("campaign", "vet_next")]
    pages += [reverse(name, args=[one]) for name in ("candidate", "candidate_data")]
    pages += [reverse("vetting"), reverse("candidates") + "?sort=-last_mjd"]
    for page in pages:
        text = login(ann).get(page).content.decode()
        assert SECRET not in text and "bob-the-other" not in text, page
    answer = post_json(login(ann), "vet_decide", campaign, decisions=[said(one)])
    assert answer.json() == {"saved": 1}
    post_json(login(ann), "vet_undo", campaign)
    again = ask(login(ann), "vet_next", campaign).content.decode()
    assert SECRET not in again and "microlensing" not in again
    vote(ann, one, "flare", campaign)
    assert SECRET in login(ann).get(reverse("candidate", args=[one])).content.decode()
    assert SECRET not in login(ann).get(reverse("candidate", args=[two])).content.decode()


def test_gold_objects_look_like_others(login, ann):
    pk = make_candidates(2)[0].pk
    campaign = make_campaign(candidates="those", gold=((pk, "cataclysmic"),))
    cards = login(ann).get(reverse("vet_next", args=[campaign.pk])).json()["objects"]
    assert "gold" not in str(cards) and "cataclysmic" not in str(cards)
    assert len({tuple(card) for card in cards}) == 1


def test_the_export_of_an_open_campaign_is_blind_and_of_a_closed_one_whole(login):
    campaign, bob, runner = make_campaign(2), make_voter("bob"), make_user(*RUNS)
    one, two = ids_of(campaign)
    for pk in (one, two):
        vote(bob, pk, "qso", campaign)
    vote(runner, one, "flare", campaign)
    address = reverse("export_decisions", args=[campaign.pk])

    def exported():
        rows = csv.DictReader(io.StringIO(login(runner).get(address).content.decode()))
        return [(row["refsource_id"], row["person"], row["class"]) for row in rows]

    own = (str(one), runner.username, "flare")
    assert exported() == [(str(one), "bob", "qso"), own]
    close(campaign)
    assert exported() == [(str(one), "bob", "qso"), (str(two), "bob", "qso"), own]


def test_a_comment_is_no_formula_in_the_export(login):
    campaign, runner = make_campaign(1), make_user(*RUNS)
    (pk,) = ids_of(campaign)
    decide(runner, DecisionInput(pk, choice="flare", comment='=HYPERLINK("x")'), campaign)
    text = login(runner).get(reverse("export_decisions", args=[campaign.pk])).content.decode()
    (row,) = csv.DictReader(io.StringIO(text))
    assert row["comment"] == """'=HYPERLINK("x")""" and float(row["dec"]) < 0


def test_a_campaign_is_closed_its_disputes_vetted_again_and_its_artifacts_flagged(login):
    campaign, runner = make_campaign(3), make_user(*RUNS)
    one, two, _ = ids_of(campaign)
    for voter, choice in ((make_voter(), "flare"), (make_voter(), "qso")):
        vote(voter, one, choice, campaign)
    vote(runner, two, "artifact/artifact-cosmic", campaign)
    client = login(runner)
    assert ask(client, "close_campaign", campaign).status_code == 302
    text = " ".join(client.get(campaign.get_absolute_url()).content.decode().split())
    assert "Flag this artifact" in text and "Vet what is disputed again" in text
    again = ask(client, "follow_up_campaign", campaign)["Location"]
    assert "disputed" in client.get(again).content.decode()
    ask(client, "flag_artifacts", campaign)
    assert GalFlag.objects.standing().get().artifact == "cosmic"
    ask(client, "reopen_campaign", campaign)
    assert not Campaign.objects.get(pk=campaign.pk).closed


def test_a_vote_on_the_candidates_page_counts(login, ann):
    pk = make_candidates(1)[0].pk
    login(ann).post(reverse("vote", args=[pk]), {"choice": "flare", "comment": "fast"})
    assert GalDecision.objects.get().comment == "fast"
    answer = login(ann).post(reverse("vote", args=[pk]), {"choice": "x"}, follow=True)
    assert b"There is no class" in answer.content


# Two more than a server asks where something is written: a savepoint of the test.
QUERIES = {
    "card": {"campaign": 12, "vet": 7, "vet_next": 21, "vet_release": 6, "vet_undo": 15},
    "sheet": {"campaign": 12, "vet": 7, "vet_next": 14, "vet_release": 6, "vet_undo": 15},
}


@pytest.mark.parametrize("lane", QUERIES)
def test_pages_take_few_queries_however_many_candidates(login, lane):
    runner, n_queries = make_user(*RUNS), {}
    client = login(runner)
    for n_candidates in (9, 60):
        campaign = make_campaign(n_candidates, lane=lane)
        for pk in ids_of(campaign)[: n_candidates // 2]:
            vote(runner, pk, campaign=campaign)
            vote(make_voter(), pk, "flare", campaign)
        for name in QUERIES[lane]:
            page = partial(ask, client, name, campaign)
            with transaction.atomic():  # what a page takes or undoes is there for the others
                assert page().status_code == 200, name
                n_queries[name, n_candidates] = n_queries_of(page)
                transaction.set_rollback(True)
    wanted = {(name, n): number for name, number in QUERIES[lane].items() for n in (9, 60)}
    assert n_queries == wanted


def test_the_list_takes_as_many_queries_for_many_campaigns(login, ann):
    page, n_queries = partial(login(ann).get, reverse("vetting")), []
    for n_campaigns in (2, 9):
        for _ in range(n_campaigns):
            make_campaign(2)
        n_queries.append(n_queries_of(page))
    assert n_queries == [6, 6]


@pytest.mark.parametrize("n", [1, 60])
def test_decisions_take_few_queries_however_many(login, ann, django_assert_num_queries, n):
    campaign = make_campaign(60, lane="sheet")
    client = login(ann)
    rows = [said(pk, "artifact", key=f"k{pk}") for pk in ids_of(campaign)[:n]]
    # One more for one: which was voted on before it. And a savepoint of the test.
    with django_assert_num_queries(13 + (n == 1) + 2):
        assert post_json(client, "vet_decide", campaign, decisions=rows).json()["saved"] == n


def test_a_vote_is_chosen_by_somebody_and_nothing_before(login, ann):
    candidate = make_candidates(1)[0]
    page = login(ann).get(candidate.get_absolute_url()).content.decode()
    choices = page.partition('name="choice"')[2].partition("</select>")[0]
    assert choices.startswith(' required><option value="">') and "selected" not in choices
    address = reverse("vote", args=[candidate.pk])
    refused = login(ann).post(address, {"choice": "", "comment": "?"}, follow=True)
    assert "Choose a class" in refused.content.decode()
    assert not GalDecision.objects.exists()
