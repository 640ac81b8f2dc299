"""Votes on a whole group of a contact sheet, by who has seen its extremes."""

import json
from time import time

import pytest
from django.urls import reverse

from tests.builders.campaigns import (
    copy_candidates,
    ids_of,
    make_campaign,
    make_voter,
    post_json,
    vote,
)
from tests.builders.candidates import make_candidates
from tests.builders.sessions import at_once
from tests.variables.test_vetting_sheets import draw
from variables.models import CampaignObject, GalCandidate, GalUnblinding, GalVarObj
from variables.vetting import groups, shown
from variables.vetting.forms import MAX_TOKEN
from variables.vetting.groups import decide_group, lease_group
from variables.vetting.leases import lease_next, release_leases

pytestmark = pytest.mark.django_db
N = 40


@pytest.fixture
def pictures(settings, tmp_path):
    settings.GALPROJECT_PICTURES = str(tmp_path)


@pytest.fixture
def ann():
    return make_voter("ann")


@pytest.fixture
def campaign(pictures):
    """A campaign of one group, of which the significances are 1 to N; pictures of all."""
    make_candidates(1)
    copy_candidates(N - 1)
    change = GalVarObj.objects.latest("significance")
    for k, one in enumerate(GalCandidate.objects.order_by("pk"), 1):
        GalCandidate.objects.filter(pk=one.pk).update(max_significance=k)
        if k > 1:
            change.pk, change.refsource_id = None, one.pk
            change.save(force_insert=True)
        draw(one.pk, change.image_id)
    return make_campaign(lane="sheet", candidates="those")


@pytest.fixture
def later(monkeypatch):
    """Some seconds pass after the extremes were sent."""
    monkeypatch.setattr(shown.time, "time", lambda: time() + 9)


def stroke_of(group, choice="artifact", key="g1", seconds=0.8):
    """What a browser says after a look at the extremes of a group."""
    said = [
        {"refsource_id": t["refsource_id"], "shown": {"stamp": t["stamp"], "seconds": seconds}}
        for t in group["objects"]
    ]
    return {"group": group["group"]["token"], "choice": choice, "key": key, "seen": said}


def ask(client, campaign, **query):
    return client.get(reverse("vet_group", args=[campaign.pk]), query).json()


def test_the_extremes_of_a_group_are_shown_the_least_significant_first(client, ann, campaign):
    client.force_login(ann)
    group = ask(client, campaign, n=10)
    assert group["group"]["n"] == N and len(group["objects"]) == 10
    significance = [tile["significance"] for tile in group["objects"]]
    assert significance == [1, 2, 3, 4, 5, 36, 37, 38, 39, 40]
    assert [tile["extreme"] for tile in group["objects"]] == ["least"] * 5 + ["most"] * 5
    assert CampaignObject.objects.filter(leased_to=ann).count() == N
    assert len(ask(client, campaign)["objects"]) == groups.EXTREMES


def test_one_stroke_votes_on_each_and_says_so_and_one_undoes_it(client, ann, campaign, later):
    client.force_login(ann)
    group = ask(client, campaign, n=10)
    answer = post_json(client, "vet_decide_group", campaign, **stroke_of(group))
    assert answer.json() == {"saved": N}
    votes = campaign.decisions.filter(how="group", choice__slug="artifact", user=ann)
    assert votes.values("refsource_id").distinct().count() == N
    assert all(v.shown["group"] == group["group"]["name"] for v in votes)
    assert sum("image" in v.shown for v in votes) == 10
    assert set(campaign.objects_in.values_list("n_votes", flat=True)) == {1}
    # What is sent twice is saved once, and taken back once.
    again = post_json(client, "vet_decide_group", campaign, **stroke_of(group))
    assert again.json() == {"saved": 0}
    for _ in range(2):
        undone = post_json(client, "vet_undo", campaign, batch="g1").json()
        assert undone == {"undone": N, "after": 0}
    assert not campaign.decisions.votes_standing().exists()
    assert campaign.decisions.filter(action="undo").count() == N


def test_what_came_free_after_a_group_was_told_is_not_voted_on(client, ann, campaign, later):
    bob = make_voter("bob")
    held = {one.refsource_id for one in lease_next(campaign, bob, 15)}
    client.force_login(ann)
    group = ask(client, campaign, n=10)
    assert group["group"]["n"] == N - 15
    release_leases(campaign, bob)
    answer = post_json(client, "vet_decide_group", campaign, **stroke_of(group))
    assert answer.json() == {"saved": N - 15}
    voted = campaign.decisions.votes_standing().values_list("refsource_id", flat=True)
    assert held.isdisjoint(voted)


def test_a_group_of_thousands_is_told_by_a_token_that_is_read(campaign, ann):
    ids = [(7 << 22) + 40 * k + k % 7 for k in range(20_000)]
    objects = [CampaignObject(campaign=campaign, refsource_id=pk) for pk in ids]
    tiles = [{"refsource_id": str(pk)} for pk in ids[:24]]
    token = groups.token_of(campaign, ann, "a group", tiles, objects)
    assert len(token) < MAX_TOKEN / 4
    assert groups.read_token(ann, campaign, token) == ("a group", ids[:24], ids)


def test_extremes_whose_vote_was_taken_back_have_to_be_seen_again(client, ann, campaign, later):
    client.force_login(ann)
    post_json(client, "vet_decide_group", campaign, **stroke_of(ask(client, campaign, n=10)))
    post_json(client, "vet_undo", campaign, batch="g1")
    group = ask(client, campaign, n=10)
    unseen = stroke_of(group, key="g2", seconds=0.1)
    assert post_json(client, "vet_decide_group", campaign, **unseen).status_code == 409
    assert not campaign.decisions.votes_standing().exists()
    post_json(client, "vet_decide_group", campaign, **stroke_of(group, key="g3"))
    assert sum("image" in v.shown for v in campaign.decisions.votes_standing()) == 10


def test_the_last_act_is_the_whole_stroke_for_a_page_that_was_loaded_anew(
    client, ann, campaign, later
):
    client.force_login(ann)
    post_json(client, "vet_decide_group", campaign, **stroke_of(ask(client, campaign)))
    assert post_json(client, "vet_undo", campaign).json()["undone"] == N


def test_exceptions_among_the_extremes_keep_their_own_vote(client, ann, campaign, later):
    client.force_login(ann)
    group = ask(client, campaign, n=10)
    first, second, *_ = (int(tile["refsource_id"]) for tile in group["objects"])
    vote(ann, first, "flare", campaign)
    skip = {"refsource_id": str(second), "action": "skip", "how": "key"}
    post_json(client, "vet_decide", campaign, decisions=[skip])
    body = stroke_of(group)
    body["seen"] = body["seen"][2:]
    assert post_json(client, "vet_decide_group", campaign, **body).json() == {"saved": N - 2}
    assert not campaign.decisions.filter(how="group", refsource_id__in=[first, second]).exists()


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        (lambda b: b["seen"].pop(), 409, "not shown to you with a picture"),
        (lambda b: b["seen"][3]["shown"].update(seconds=0.1), 409, "not on the screen long enough"),
        (lambda b: b["seen"][3]["shown"].update(seconds=99), 409, "not on the screen long enough"),
        (lambda b: b["seen"][3]["shown"].pop("stamp"), 409, "not shown to you"),
        (lambda b: b.update(group=b["group"][:-2]), 409, "look at it again"),
        (lambda b: b.update(group=""), 409, "look at it again"),
        (lambda b: b.update(choice="nova"), 409, "no class “nova”"),
        (lambda b: b.update(key=""), 400, "no key of its own"),
        (lambda b: b.update(key="k" * 41), 400, "key has 41"),
        (lambda b: b.update(key="carried-1"), 400, "no key of its own"),
        (lambda b: b.update(seen=[5]), 400, "no vote on a group"),
        (lambda b: b.update(seen={}), 400, "no vote on a group"),
        (lambda b: b.update(choice=["flare"]), 400, "choice is no text"),
    ],
)
def test_a_stroke_without_a_look_at_every_extreme_is_refused_whole(
    client, ann, campaign, later, change, status, reason
):
    client.force_login(ann)
    body = stroke_of(ask(client, campaign, n=10))
    change(body)
    answer = post_json(client, "vet_decide_group", campaign, **body)
    assert answer.status_code == status and reason in answer.json()["error"]
    assert not campaign.decisions.exists()


def test_a_look_at_a_group_is_of_one_person_in_one_campaign(client, ann, campaign, later):
    client.force_login(ann)
    body = stroke_of(ask(client, campaign))
    release_leases(campaign, ann)
    other = make_campaign(lane="sheet", candidates="those")
    assert post_json(client, "vet_decide_group", other, **body).status_code == 409
    client.force_login(make_voter("bob"))
    assert post_json(client, "vet_decide_group", campaign, **body).status_code == 409


def test_others_keep_what_they_have_in_hand_or_have_voted_on(client, ann, campaign, later):
    bob = make_voter("bob")
    in_hand = {one.refsource_id for one in lease_next(campaign, bob, 5)}
    voted = ids_of(campaign)[-1]
    vote(bob, voted, "flare", campaign)
    client.force_login(ann)
    group = ask(client, campaign)
    assert group["group"]["n"] == N - 6
    saved = post_json(client, "vet_decide_group", campaign, **stroke_of(group)).json()["saved"]
    assert saved == N - 6
    by_ann = set(campaign.decisions.filter(user=ann).values_list("refsource_id", flat=True))
    assert not by_ann & (in_hand | {voted})


def test_whoever_has_seen_others_votes_gives_none_by_a_stroke(client, ann, campaign, later):
    pk = ids_of(campaign)[20]
    GalUnblinding.objects.create(user=ann, refsource_id=pk, time=campaign.created)
    client.force_login(ann)
    body = stroke_of(ask(client, campaign))
    assert post_json(client, "vet_decide_group", campaign, **body).json() == {"saved": N - 1}
    assert not campaign.decisions.filter(refsource_id=pk).exists()


def test_nothing_of_a_group_tells_of_others_votes(client, ann, campaign):
    bob = make_voter("bob")
    other = make_campaign(lane="sheet", candidates="those", votes_wanted=2)
    vote(bob, ids_of(other)[0], "microlensing", other)
    client.force_login(ann)
    told = json.dumps(ask(client, other))
    assert "microlensing" not in told and "bob" not in told


def test_small_groups_groups_without_a_picture_and_cards_have_none(client, ann, campaign):
    client.force_login(ann)
    release_leases(campaign, ann)
    for pk in ids_of(campaign)[: N - groups.LEAST + 1]:
        vote(ann, pk, "artifact", campaign)
    assert ask(client, campaign)["group"] is None
    cards = make_campaign(lane="card", candidates="those")
    assert ask(client, cards) == {"group": None, "objects": [], "after": 0}
    make_candidates(30)
    bare = make_campaign(lane="sheet", candidates="those")
    bare.objects_in.update(group="one")
    CampaignObject.objects.filter(campaign=bare, refsource_id__in=ids_of(campaign)).delete()
    assert ask(client, bare)["group"] is None


@pytest.mark.django_db(transaction=True)
def test_two_processes_at_once_give_each_candidate_one_vote(campaign, later):
    people = [make_voter("ann"), make_voter("bob")]
    looked = lease_group(campaign, people[0], 10)
    release_leases(campaign, people[0])
    again = lease_group(campaign, people[1], 10)
    release_leases(campaign, people[1])

    def strike(user, group, key):
        seen = {int(t["refsource_id"]): {"stamp": t["stamp"], "seconds": 0.8} for t in group.tiles}
        stroke = groups.GroupStroke(group.token, "artifact", key, seen)
        return lambda: len(decide_group(user, campaign, stroke))

    ann, bob = people
    # Of each of them twice, as where an answer was lost.
    acts = [strike(ann, looked, "a"), strike(bob, again, "b"), strike(ann, looked, "a")]
    assert sum(at_once(*acts)) == N
    votes = campaign.decisions.votes_standing()
    assert votes.count() == votes.values("refsource_id").distinct().count() == N


@pytest.mark.django_db(transaction=True)
def test_two_processes_at_once_are_not_given_the_same_group(campaign):
    ann, bob = make_voter("ann"), make_voter("bob")
    got = at_once(
        lambda: lease_group(campaign, ann, 10),
        lambda: lease_group(campaign, bob, 10),
    )
    leased = campaign.objects_in.exclude(leased_to=None).values_list("leased_to", flat=True)
    assert [group for group in got if group] and len(set(leased)) == 1
