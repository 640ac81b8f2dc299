"""The order in which candidates of a campaign are vetted, and what is expected to be left."""

import numpy as np
import pytest
from django.urls import reverse

from tests.builders.campaigns import ids_of, make_campaign, make_voter, vote
from tests.builders.learnt_models import agreed_candidates, make_model
from variables.models import GalCandidate, GalScore, LearntModel
from variables.science.learning.expectation import expectation, teaches
from variables.vetting.queue_order import QueueOrder, remaining_in


def test_the_interval_holds_the_number_of_real_ones_that_are_left():
    rng = np.random.default_rng(1)
    p = rng.beta(0.3, 1.0, 400)
    is_done = np.arange(400) < 150
    expected = expectation(p, is_done)
    inside = [
        expected.low <= (rng.random(250) < p[150:]).sum() <= expected.high for _ in range(1000)
    ]
    assert 0.93 < np.mean(inside) < 0.98
    assert expected.n_left == 250 and expected.real == pytest.approx(p[150:].sum())
    assert expected.share_done == pytest.approx(p[:150].sum() / p.sum())
    wider = expectation(p, is_done, calibration_error=0.05)
    assert wider.high == pytest.approx(expected.high + 12.5)


def test_where_nothing_real_is_expected_all_are_done():
    assert expectation(np.zeros(3), np.zeros(3, bool)).share_done == 1
    assert expectation(np.zeros(0), np.zeros(0, bool)).real == 0


def test_the_most_uncertain_teaches_most():
    p = np.array([0.0, 0.1, 0.5, 0.8, 1.0])
    assert np.argsort(-teaches(p)).tolist()[:3] == [2, 3, 1]
    assert teaches(p)[2] == pytest.approx(1) and np.isfinite(teaches(p)).all()


@pytest.fixture
def scored(db):
    """Candidates with rising probabilities of being real, by their ids."""
    made = agreed_candidates(2)
    make_model(made)
    GalCandidate.objects.update(consensus=None, n_votes=0)
    ids = sorted(one.pk for one in made)
    for number, pk in enumerate(ids):
        GalScore.objects.filter(refsource_id=pk).update(real=number / len(ids))
    return ids


def test_the_likeliest_come_first_and_the_most_uncertain_where_they_are_to_teach(scored):
    n = len(scored)
    likeliest = ids_of(make_campaign(candidates="all", order=QueueOrder.LIKELIEST))
    assert likeliest == scored[::-1]
    teaching = ids_of(make_campaign(candidates="all", order=QueueOrder.TEACHING))
    assert teaching[0] == scored[n // 2] and {teaching[-1], teaching[-2]} == {scored[0], scored[-1]}


def test_without_a_model_the_order_is_that_of_the_evidence(scored):
    usual = ids_of(make_campaign(candidates="all"))
    LearntModel.objects.update(is_current=False)
    assert ids_of(make_campaign(candidates="all", order=QueueOrder.LIKELIEST)) == usual


def test_a_campaign_says_how_many_real_ones_are_left(scored, client):
    campaign = make_campaign(candidates="all", order=QueueOrder.LIKELIEST)
    voter = make_voter()
    client.force_login(voter)
    before = remaining_in(campaign)
    assert before.expected.real == pytest.approx((len(scored) - 1) / 2, abs=1e-4)
    assert before.expected.share_done == pytest.approx(0, abs=1e-6) and not before.may_stop
    for pk in ids_of(campaign)[: len(scored) * 4 // 5]:
        vote(voter, pk, "artifact", campaign)
    after = remaining_in(campaign)
    # Four in five have 24 in 25 of the real ones, whatever was said of them.
    assert after.expected.share_done > 0.95 and after.may_stop
    page = client.get(reverse("campaign", args=[campaign.pk])).content.decode()
    assert "real ones left" in page and "enough to stop" in page


def test_a_campaign_without_scores_says_nothing_of_it(scored):
    campaign = make_campaign(candidates="all")
    GalScore.objects.all().delete()
    assert remaining_in(campaign) is None
