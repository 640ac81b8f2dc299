"""What a model is sure of is voted on in one stroke, after people checked a sample blindly."""

from dataclasses import replace
from html import unescape

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils.html import strip_tags

from galproject.configuration.pipeline_options import PipelineOptions
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
from variables.learning.examples import known_candidates, n_agreed
from variables.models import (
    CampaignObject,
    GalCandidate,
    GalScore,
    GalUnblinding,
    LearntModel,
    ModelCheck,
    Taxonomy,
)
from variables.science.learning.checks import greatest_share, size_of_sample
from variables.science.learning.options import LearningOptions
from variables.vetting import sure_artifacts
from variables.vetting.campaigns import close
from variables.vetting.decisions import VettingError
from variables.vetting.groups import lease_group
from variables.vetting.leases import lease_next
from variables.vetting.sure_artifacts import (
    draw_sample,
    objects_to_check,
    sure_artifacts_in,
    take_back,
    vote_on_the_rest,
)
from variables.votes.scores import seen_scores

N, N_SURE = 60, 40
FEW = LearningOptions(sure_share=0.2, sure_spare=0)  # a sample of 14


def make_scores(model, p_sure=0.004):
    """Scores of all candidates, of which a model is sure of the first N_SURE."""
    ids = GalCandidate.objects.order_by("pk").values_list("pk", flat=True)
    none = {f"class_{k}": 0 for k in (1, 2, 3)} | {f"probability_{k}": 0 for k in (1, 2, 3)}
    GalScore.objects.bulk_create(
        GalScore(refsource_id=pk, model_id=model.pk, real=p_sure if k < N_SURE else 0.6, **none)
        for k, pk in enumerate(ids)
    )


def make_learnt_model():
    LearntModel.objects.update(is_current=False)
    return LearntModel.objects.create(
        taxonomy=Taxonomy.objects.get(is_current=True),
        is_current=True,
        options={},
        features=[],
        classes=[],
        trained_on={},
        figures={},
        example_ids=[],
        n_agreed=0,
        data=b"",
    )


@pytest.fixture
def few(settings, monkeypatch):
    """Options by which few have to be checked."""
    options = replace(PipelineOptions(), learning=FEW)
    monkeypatch.setattr(sure_artifacts, "options_in_force", lambda: options)


@pytest.fixture
def campaign(db, few):
    """A campaign of N candidates, of which a model is sure of N_SURE that they are artifacts."""
    make_candidates(1)
    copy_candidates(N - 1)
    made = make_campaign(candidates="those")
    make_scores(make_learnt_model())
    return made


@pytest.fixture
def ann(campaign):
    return make_voter("ann")


def sampled(campaign):
    objects = campaign.objects_in.filter(is_sure=True).exclude(check_rank=None)
    return list(objects.values_list("refsource_id", flat=True))


def check_all(campaign, user, real=()):
    """Vote on all that people are asked to look at: artifacts, but for the ``real`` ones."""
    for pk in objects_to_check(campaign, user).values_list("refsource_id", flat=True):
        vote(user, pk, "rr-lyrae" if pk in real else "artifact", campaign)


def checked(campaign, user, n_real=0):
    draw_sample(campaign, user)
    check_all(campaign, user, sampled(campaign)[:n_real])


def text_of(client, campaign):
    return words_of(client.get(campaign.get_absolute_url()))


def words_of(answer):
    return " ".join(unescape(strip_tags(answer.content.decode())).split())


def button(client, name, campaign, **body):
    return words_of(client.post(reverse(name, args=[campaign.pk]), body, follow=True))


def test_the_upper_bound_fails_for_no_more_than_a_twentieth_of_samples():
    rng = np.random.default_rng(1)
    for share, n in ((0.01, 300), (0.05, 60), (0.3, 20)):
        found = rng.binomial(n, share, 4000)
        bounds = np.array([greatest_share(k, n) for k in range(n + 1)])
        assert np.mean(bounds[found] < share) < 0.06
    assert greatest_share(0, 299) == pytest.approx(1 - 0.05 ** (1 / 299))
    assert greatest_share(5, 5) == greatest_share(0, 0) == 1


@pytest.mark.parametrize(("share", "n_real"), [(0.01, 0), (0.01, 1), (0.2, 0), (0.001, 3), (1, 2)])
def test_a_sample_is_just_large_enough(share, n_real):
    n = size_of_sample(share, n_real)
    assert greatest_share(n_real, n) <= share
    assert n == n_real + 1 or greatest_share(n_real, n - 1) > share
    assert (size_of_sample(0.01), size_of_sample(0.01, 1)) == (299, 473)


def test_a_sample_is_mixed_with_as_many_others_and_nothing_tells_which_are_which(
    client, campaign, ann
):
    draw_sample(campaign, ann)
    client.force_login(ann)
    asked = list(objects_to_check(campaign, ann))
    n_sampled = sum(one.is_sure for one in asked)
    assert n_sampled == 14 and len(asked) == 28
    cards = client.get(reverse("check_next", args=[campaign.pk]), {"count": 1}).json()
    assert [one["refsource_id"] for one in cards["objects"]] == [
        str(one.refsource_id) for one in asked[:4]
    ]
    assert cards["left"] == 24 and all(one["score"] == "" for one in cards["objects"])
    assert [one["rank"] for one in cards["objects"]] == [1, 2, 3, 4]
    places = [k for k, one in enumerate(asked) if one.is_sure]
    assert places != list(range(14)) and places != list(range(14, 28))


def test_one_stroke_votes_on_the_rest_tells_its_error_and_is_taken_back(client, campaign, ann):
    client.force_login(ann)
    assert "sure of 40 candidates that nobody has voted on" in text_of(client, campaign)
    assert client.post(reverse("draw_check", args=[campaign.pk])).url.endswith("/check/")
    assert "some of which the model takes for artifacts; 0 have all votes" in text_of(
        client, campaign
    )
    check_all(campaign, ann)
    page = text_of(client, campaign)
    assert "Of 14 that people checked 0 are no artifacts: at most 19 % of the others" in page
    assert "Vote on all 26: artifacts" in page
    said = button(client, "vote_on_rest", campaign, key="k")
    assert "26 candidates are artifacts by your vote." in said
    assert "26 candidates have votes in one stroke: of the 14 that people checked first 0" in said
    votes = campaign.decisions.filter(how="model")
    assert votes.count() == 26 and set(votes.values_list("choice__slug", flat=True)) == {"artifact"}
    assert not set(votes.values_list("refsource_id", flat=True)) & set(sampled(campaign))
    assert ModelCheck.objects.get().greatest_share == pytest.approx(1 - 0.05 ** (1 / 14))
    # What is sent twice is saved once.
    assert "0 candidates are artifacts" in button(client, "vote_on_rest", campaign, key="k")
    assert "on 26 candidates are taken back" in button(client, "take_back_rest", campaign)
    assert campaign.objects_in.filter(n_votes=0).count() == N - 28
    assert len(vote_on_the_rest(campaign, ann, "again")) == 26
    assert post_json(client, "vet_undo", campaign).json()["undone"] == 26


def test_the_stroke_waits_for_the_whole_sample_and_for_all_its_votes(campaign, ann):
    with pytest.raises(VettingError, match="No sample was drawn"):
        vote_on_the_rest(campaign, ann, "k")
    draw_sample(campaign, ann)
    last = sampled(campaign)[0]
    for pk in objects_to_check(campaign, ann).values_list("refsource_id", flat=True):
        if pk != last:
            vote(ann, pk, "artifact", campaign)
    with pytest.raises(VettingError, match="not voted on yet: 27 of 28 are"):
        vote_on_the_rest(campaign, ann, "k")
    vote(ann, last, "artifact", campaign)
    assert sure_artifacts_in(campaign).state.n_real == 0
    campaign.votes_wanted = 2
    assert sure_artifacts_in(campaign).state.n_real is None


@pytest.mark.parametrize("choice", ["rr-lyrae", "uncertain"])
def test_a_sample_with_too_many_that_are_no_artifacts_refuses_the_stroke(
    client, campaign, ann, choice
):
    draw_sample(campaign, ann)
    vote(ann, sampled(campaign)[0], choice, campaign)
    check_all(campaign, ann)
    client.force_login(ann)
    said = button(client, "vote_on_rest", campaign, key="k")
    assert "Of 14 that were checked 1 are no artifacts" in said and "20 % are allowed" in said
    assert "They are voted on one by one." in said and "Vote on all" not in said
    assert not campaign.decisions.filter(how="model").exists()
    # Another sample would be drawn until one passes.
    with pytest.raises(VettingError, match="checked here already"):
        draw_sample(campaign, ann)


def test_another_model_is_checked_anew(campaign, ann):
    checked(campaign, ann, n_real=1)
    make_scores(make_learnt_model())
    with pytest.raises(VettingError, match="sure of 26 candidates: of fewer than 28"):
        draw_sample(campaign, ann)
    GalScore.objects.update(real=0.001)
    assert draw_sample(campaign, ann) != ModelCheck.objects.first()
    assert len(sampled(campaign)) == 14


def test_who_checks_sees_no_score_of_what_is_checked_not_even_afterwards(campaign, ann):
    checked(campaign, ann)
    asked = set(campaign.objects_in.exclude(check_rank=None).values_list("refsource_id", flat=True))
    assert seen_scores(asked, ann) == {}
    vote_on_the_rest(campaign, ann, "k")
    rest = campaign.decisions.filter(how="model").values_list("refsource_id", flat=True)
    assert set(seen_scores(rest, ann)) == set(rest) and seen_scores(rest, make_voter()) == {}
    close(campaign)
    assert set(seen_scores(asked, ann)) == asked


def test_where_scores_are_shown_or_voting_has_ended_nothing_is_checked(client, campaign, ann):
    campaign.shows_scores = True
    campaign.save()
    with pytest.raises(VettingError, match="Who votes here sees"):
        draw_sample(campaign, ann)
    client.force_login(ann)
    assert "sure are artifacts" not in text_of(client, campaign)
    campaign.shows_scores = False
    campaign.save()
    close(campaign)
    with pytest.raises(VettingError, match="is closed"):
        draw_sample(campaign, ann)
    LearntModel.objects.update(is_current=False)
    assert not sure_artifacts_in(campaign)


def test_gold_objects_votes_of_others_and_what_they_hold_are_left_out(campaign, ann):
    gold, voted, held, seen, *_ = ids_of(campaign)
    taxonomy = Taxonomy.objects.get(is_current=True)
    CampaignObject.objects.filter(refsource_id=gold).update(gold=taxonomy.classes.get(slug="flare"))
    bob = make_voter("bob")
    vote(bob, voted, "flare", campaign)
    checked(campaign, ann)
    assert sure_artifacts_in(campaign).state.check.n_sure == 38
    free = campaign.objects_in.filter(is_sure=True, check_rank=None, n_votes=0).order_by("rank")
    held, seen, *others = free.values_list("refsource_id", flat=True)
    before = campaign.objects_in.get(refsource_id=held).rank - 1
    assert lease_next(campaign, bob, 1, before)[0].refsource_id == held
    GalUnblinding.objects.create(user=ann, refsource_id=seen, time=campaign.created)
    votes = vote_on_the_rest(campaign, ann, "k")
    assert {one.refsource_id for one in votes} == set(others)


def test_what_is_checked_is_in_no_group_that_is_voted_on_in_one_stroke(campaign, ann):
    campaign.objects_in.update(group="one")
    draw_sample(campaign, ann)
    lease_group(campaign, ann, 10)
    leased = campaign.objects_in.filter(leased_to=ann)
    assert leased.count() in (0, N - 28) and not leased.exclude(check_rank=None).exists()


def test_strokes_teach_little_or_nothing_and_are_not_counted_as_agreed(campaign, ann):
    taxonomy = Taxonomy.objects.get(is_current=True)
    checked(campaign, ann)
    one_by_one = n_agreed()
    assert one_by_one == 28
    vote_on_the_rest(campaign, ann, "k")
    group = list(campaign.objects_in.filter(n_votes=0).values_list("refsource_id", flat=True))[:3]
    for pk in group:
        vote(ann, pk, "artifact", campaign, how="group", shown={"group": "g"})
    looked_at, *_ = group
    bob = make_voter("bob")
    vote(bob, looked_at, "artifact", campaign, how="group", shown={"group": "g", "image": 5})
    assert n_agreed() == 29
    known = known_candidates(taxonomy, 0.3)
    assert known.numbers == {
        "votes": {"artifact": 29},
        "gold": {},
        "strokes": {"artifact": 2},
    }
    weight = dict(zip(known.refsource_id.tolist(), known.examples.weight, strict=True))
    assert [weight[pk] for pk in group] == [1.0, 0.3, 0.3]
    assert known.examples.is_usual.tolist() == (known.examples.weight == 1).tolist()
    assert len(known_candidates(taxonomy, 0.0).refsource_id) == 29


@pytest.mark.django_db(transaction=True)
def test_two_processes_at_once_draw_one_sample_and_vote_once(campaign):
    ann, bob = make_voter("ann"), make_voter("bob")
    drawn = at_once(*(lambda who=who: draw_sample(campaign, who).pk for who in (ann, bob)))
    assert len(set(drawn)) == 1 and len(sampled(campaign)) == 14
    check_all(campaign, ann)
    acts = [
        lambda who=who, key=key: len(vote_on_the_rest(campaign, who, key))
        for who, key in ((ann, "a"), (bob, "b"), (ann, "a"))
    ]
    assert sum(at_once(*acts)) == 26
    votes = campaign.decisions.votes_standing().filter(how="model")
    assert votes.count() == votes.values("refsource_id").distinct().count() == 26
    back = at_once(*(lambda who=who: take_back(campaign, who) for who in (ann, bob)))
    assert sum(back) == 26 and not votes.exists()


def test_buttons_are_for_those_who_may_vote(client, campaign):
    for name in ("draw_check", "vote_on_rest", "take_back_rest", "check_undo"):
        client.force_login(User.objects.create_user(name))
        assert client.post(reverse(name, args=[campaign.pk])).status_code == 403
