"""A period is a part of a vote: stored, blind as the rest, and agreed on with the class."""

import json

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from tests.builders.campaigns import (
    candidate,
    ids_of,
    make_campaign,
    make_taxonomy,
    make_voter,
    post_json,
    vote,
)
from tests.builders.candidates import make_candidate
from variables.models import GalDecision, GalPeriod
from variables.vetting.decisions import undo_decisions

pytestmark = pytest.mark.django_db


@pytest.fixture
def star(db):
    make_taxonomy()
    return make_candidate().pk


def agreed(refsource_id):
    one = candidate(refsource_id)
    return one.agreed_period_days, one.agreed_period_err


def test_people_agree_on_the_period_of_those_who_chose_the_class(star):
    vote(make_voter(), star, period_days=0.5432)
    assert agreed(star) == (0.5432, None)
    vote(make_voter(), star, period_days=0.5434)
    vote(make_voter(), star, choice="eclipsing", period_days=1.0864)
    days, error = agreed(star)
    assert days == pytest.approx(0.5433) and error == pytest.approx(0.0002 / 2**0.5)


def test_without_a_class_there_is_no_period_to_agree_on(star):
    vote(make_voter(), star, period_days=0.5)
    vote(make_voter(), star, choice="eclipsing", period_days=0.5)
    assert candidate(star).is_disputed and agreed(star) == (None, None)


def test_an_undone_vote_takes_its_period_back():
    campaign = make_campaign(1)
    (star,), voter = ids_of(campaign), make_voter()
    vote(voter, star, campaign=campaign, period_days=0.5)
    assert agreed(star) == (0.5, None)
    undo_decisions(voter, campaign)
    assert agreed(star) == (None, None)


@pytest.mark.parametrize("choice", ["artifact", "artifact/artifact-edge", "uncertain"])
def test_only_a_variable_has_a_period(star, choice):
    assert vote(make_voter(), star, choice=choice, period_days=0.5).period_days is None


def test_the_table_holds_no_period_that_is_none(star):
    row = vote(make_voter(), star, period_days=0.5)
    for period in (0, -1.0, float("nan"), float("inf")):
        with pytest.raises(IntegrityError), transaction.atomic():
            row.pk, row.period_days = None, period
            row.save(force_insert=True)


def test_a_browser_sends_a_period_with_a_vote(client):
    campaign = make_campaign(1)
    (star,) = ids_of(campaign)
    client.force_login(make_voter())
    row = {"refsource_id": str(star), "choice": "rr-lyrae", "how": "key", "key": "one"}
    answer = post_json(client, "vet_decide", campaign, decisions=[row | {"period_days": 0.61}])
    assert answer.json() == {"saved": 1}
    assert GalDecision.objects.get().period_days == 0.61


@pytest.mark.parametrize("period", [0, -0.5, 1e9, True, "0.5", [0.5]])
def test_what_is_no_period_is_refused_in_one_line(client, period):
    campaign = make_campaign(1)
    (star,) = ids_of(campaign)
    client.force_login(make_voter())
    row = {"refsource_id": str(star), "choice": "rr-lyrae", "period_days": period}
    answer = post_json(client, "vet_decide", campaign, decisions=[row])
    assert answer.status_code == 400 and "period_days" in answer.json()["error"]
    assert not GalDecision.objects.exists()


def test_a_page_takes_a_typed_period_and_refuses_what_is_none(client, star):
    client.force_login(make_voter())
    for typed in ("half a day", "-1", "nan"):
        page = client.post(
            reverse("vote", args=[star]), {"choice": "rr-lyrae", "period_days": typed}, follow=True
        )
        assert "the period" in page.text or "period_days" in page.text
    assert not GalDecision.objects.exists()
    client.post(reverse("vote", args=[star]), {"choice": "rr-lyrae", "period_days": "0.5432"})
    client.post(reverse("vote", args=[star]), {"choice": "rr-lyrae", "period_days": ""})
    periods = GalDecision.objects.order_by("pk").values_list("period_days", flat=True)
    assert list(periods) == [0.5432, None]


def test_others_periods_are_hidden_until_one_has_voted(client):
    campaign = make_campaign(1)
    (star,) = ids_of(campaign)
    for _ in range(2):
        vote(make_voter(), star, campaign=campaign, period_days=0.54321)
    reader = make_voter()
    client.force_login(reader)
    addresses = (
        f"/candidates/{star}/",
        "/candidates/export/?format=csv",
        f"/api/candidates/{star}/",
    )
    for address in addresses:
        assert b"0.54321" not in client.get(address).getvalue(), address
    vote(reader, star, campaign=campaign, period_days=0.54321)
    for address in addresses:
        assert b"0.54321" in client.get(address).getvalue(), address


def test_the_api_takes_a_period_and_gives_it_back(client, star):
    client.force_login(make_voter())
    body = {"refsource_id": star, "choice": "rr-lyrae", "period_days": 0.61}
    answer = client.post("/api/votes/", json.dumps(body), content_type="application/json")
    assert answer.status_code == 201 and answer.json()["period_days"] == 0.61
    body["period_days"] = 0
    refused = client.post("/api/votes/", json.dumps(body), content_type="application/json")
    assert refused.status_code == 400 and "period_days" in refused.json()


def test_the_error_is_that_of_the_light_curves_where_it_is_larger(star):
    figures = dict.fromkeys(("power", "n_cycles", "amplitude_mag", "r21", "phi21"), 1.0)
    GalPeriod.objects.create(
        refsource_id=star,
        rank=1,
        days=0.5,
        error_days=0.001,
        false_alarm=1e-6,
        **figures | {"r31": 1.0, "phi31": 1.0},
        **dict.fromkeys(("n_harmonics", "alias", "alias_of", "n_epochs", "n_filters"), 1),
    )
    vote(make_voter(), star, period_days=1.0)
    assert agreed(star) == (1.0, pytest.approx(0.004))  # the same in cycles a day
