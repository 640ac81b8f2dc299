"""What a model says is shown to nobody before their own vote, unless the campaign says so."""

import pytest
from django.urls import reverse

from tests.builders.campaigns import candidate, ids_of, make_campaign, make_voter, post_json, vote
from tests.builders.candidates import make_candidates
from tests.builders.learnt_models import agreed_candidates, make_model
from variables.models import GalCandidate, GalDecision, GalScore, LearntModel
from variables.vetting.decisions import VettingError, undo_decisions
from variables.votes.scores import percent, seen_scores

pytestmark = pytest.mark.django_db
WORDS = "real 93 %"


@pytest.fixture
def scored(client):
    """Candidates that are scored as 93 % real, and a voter who is logged in."""
    made = agreed_candidates()
    model = make_model(made)
    GalCandidate.objects.update(consensus=None, n_votes=0)
    GalScore.objects.update(real=0.93, probability_1=0.8, probability_2=0.1)
    assert model.is_current
    voter = make_voter()
    client.force_login(voter)
    return voter


def page_of(client, pk):
    return client.get(reverse("candidate", args=[pk])).content.decode()


def list_of(client):
    return client.get(reverse("candidates")).content.decode()


def decide_on(client, campaign, pk, key):
    body = {"refsource_id": str(pk), "action": "vote", "choice": "rr-lyrae", "how": "key"}
    body |= {"key": key, "shown": {"lane": "card", "epochs": 3, "cutouts": 0}}
    return post_json(client, "vet_decide", campaign, decisions=[body])


def test_outside_of_campaigns_everybody_sees_what_the_model_says(client, scored):
    pk = GalCandidate.objects.order_by("pk").first().pk
    assert WORDS in page_of(client, pk) and "93 %" in list_of(client)
    assert seen_scores([pk])[pk].text.startswith(f"{WORDS}; ")


def test_before_ones_own_vote_nothing_tells_what_the_model_says(client, scored):
    campaign = make_campaign(candidates="all")
    pk = ids_of(campaign)[0]
    cards = client.get(reverse("vet_next", args=[campaign.pk])).json()["objects"]
    assert [one["score"] for one in cards] == [""] * len(cards)
    assert WORDS not in page_of(client, pk) and "93 %" not in list_of(client)
    other = make_voter()
    vote(other, pk, "rr-lyrae", campaign)
    assert WORDS not in page_of(client, pk)
    assert set(seen_scores([pk], other)) == {pk} and seen_scores([pk], scored) == {}


def test_after_ones_vote_it_is_on_the_page_and_in_lists(client, scored):
    campaign = make_campaign(candidates="all")
    pk = ids_of(campaign)[0]
    vote(scored, pk, "rr-lyrae", campaign)
    assert WORDS in page_of(client, pk) and list_of(client).count("93 %") == 2  # text and title


def test_who_saw_it_can_take_the_vote_back_and_give_no_other(client, scored):
    campaign = make_campaign(candidates="all")
    first, second = ids_of(campaign)[:2]
    for pk in (first, second):
        vote(scored, pk, "rr-lyrae", campaign)
    page_of(client, first)
    for _ in (second, first):
        undo_decisions(scored, campaign)
    assert WORDS not in page_of(client, first)
    vote(scored, second, "flare", campaign)
    with pytest.raises(VettingError):
        vote(scored, first, "flare", campaign)


def test_a_card_tells_of_the_one_before_so_that_a_wrong_key_can_be_mended(client, scored):
    campaign = make_campaign(candidates="all")
    first, second = ids_of(campaign)[:2]
    client.get(reverse("vet_next", args=[campaign.pk]))
    answer = decide_on(client, campaign, first, "a").json()
    assert answer == {"saved": 1}
    undo_decisions(scored, campaign)
    assert decide_on(client, campaign, first, "b").json() == {"saved": 1}
    score = decide_on(client, campaign, second, "c").json()["score"]
    assert score["refsource_id"] == str(first) and score["text"].startswith(WORDS)


def test_a_campaign_may_show_it_before(client, scored):
    campaign = make_campaign(candidates="all", shows_scores=True)
    cards = client.get(reverse("vet_next", args=[campaign.pk])).json()["objects"]
    assert cards and all(one["score"].startswith(WORDS) for one in cards)
    pk = ids_of(campaign)[0]
    assert WORDS in page_of(client, pk)
    # Another campaign with the same candidates doesn't.
    make_campaign(candidates="all")
    assert WORDS not in page_of(client, pk)


def test_a_model_never_votes(scored):
    assert not GalDecision.objects.exists()
    pk = GalCandidate.objects.order_by("pk").first().pk
    assert candidate(pk).n_votes == 0 and candidate(pk).consensus is None


def test_without_a_model_in_use_nothing_is_said(client, scored):
    LearntModel.objects.update(is_current=False)
    pk = GalCandidate.objects.order_by("pk").first().pk
    assert seen_scores([pk]) == {} and "by the model" not in page_of(client, pk)
    new = make_candidates(2, ra=300.0)[0]
    LearntModel.objects.update(is_current=True)
    assert seen_scores([new.pk]) == {}  # which is not scored yet


def test_no_probability_is_told_as_certain():
    assert [percent(p) for p in (0.001, 0.5, 0.999)] == ["< 1 %", "50 %", "> 99 %"]
