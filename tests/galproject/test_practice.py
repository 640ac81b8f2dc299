"""Practice: what is asked and told, that it counts nowhere, and that gold stays blind."""

import pytest
from django.db import connection

from galproject.models import PracticeItem, PracticeRun
from galproject.practice.runs import N_ITEMS, begin, curve_of
from tests.builders.campaigns import make_campaign, make_voter
from tests.builders.candidates import make_candidate
from tests.builders.people import make_person
from variables.models import Campaign, CampaignObject, GalDecision, Taxonomy, TaxonomyClass

pytestmark = pytest.mark.django_db


@pytest.fixture
def vetter(client):
    user = make_person("annie", "vetters")
    client.force_login(user)
    return user


def known_one(slug="rr-lyrae"):
    """A candidate that is gold of a closed campaign."""
    candidate = make_candidate(3)
    campaign = make_campaign(candidates=[candidate])
    choice = TaxonomyClass.objects.get(slug=slug, taxonomy=campaign.taxonomy)
    CampaignObject.objects.filter(campaign=campaign).update(gold=choice)
    Campaign.objects.filter(pk=campaign.pk).update(closed="2026-01-01T00:00Z")
    return candidate


def answer(client, rank, slug):
    response = client.post(f"/practice/{rank}/answer/", {"choice": slug})
    assert response.status_code == 302
    return client.get(response.url).content.decode()


def items():
    return PracticeItem.objects.select_related("truth").order_by("rank")


def test_a_run_tells_after_each_answer_what_it_is_and_keeps_the_score(client, vetter):
    assert "Begin" in client.get("/practice/").content.decode()
    client.post("/practice/begin/")
    assert items().count() == N_ITEMS
    wrong = next(c for c in ("cepheid", "flare") if c != items()[0].truth.slug)
    told = answer(client, 1, wrong)
    assert f"It is another: {items()[0].truth.label}" in told and "Simulated" in told
    for item in items()[1:]:
        told = answer(client, item.rank, item.truth.slug)
        assert f"Right: {item.truth.label}" in told
    assert "To your score" in told
    page = client.get("/practice/").content.decode()
    assert f"<b>{N_ITEMS - 1} of {N_ITEMS}</b>" in page and "Practise again" in page
    client.post("/practice/begin/")
    assert PracticeRun.objects.count() == 2


def test_an_answer_is_given_once(client, vetter):
    client.post("/practice/begin/")
    truth = items()[0].truth.slug
    answer(client, 1, "other")
    assert "It is another" in answer(client, 1, truth)
    assert "no class" in answer(client, 2, "quark")
    assert items()[1].answer is None


def test_known_stars_come_first_and_their_page_says_why(client, vetter):
    candidate = known_one()
    client.post("/practice/begin/")
    item = items().get(refsource_id=candidate.pk)
    data = client.get(f"/practice/{item.rank}/light-curve.json").json()
    assert data["curves"]["refsource_id"] == candidate.pk
    told = answer(client, item.rank, "rr-lyrae")
    assert "Right: RR Lyrae" in told and candidate.get_absolute_url() in told


def test_a_candidate_that_comes_into_an_open_campaign_is_neither_asked_nor_told(client, vetter):
    candidate = known_one()
    client.post("/practice/begin/")
    item = items().get(refsource_id=candidate.pk)
    other_run = f"/practice/?run={item.run_id}&told={item.rank}"
    answer(client, item.rank, "cepheid")
    assert "RR Lyrae" in client.get(other_run).content.decode()
    make_campaign(candidates=[candidate])
    assert "It is another" not in client.get(other_run).content.decode()
    PracticeItem.objects.filter(pk=item.pk).update(answer=None)
    assert "is in a campaign now" in answer(client, item.rank, "rr-lyrae")
    PracticeItem.objects.filter(rank__lt=item.rank).delete()
    client.get("/practice/")
    assert PracticeItem.objects.get(pk=item.pk).refsource_id is None
    assert begin(make_voter()).items.filter(refsource_id=candidate.pk).count() == 0


def test_gold_of_an_open_campaign_is_never_practised(vetter):
    candidate = make_candidate(3)
    campaign = make_campaign(candidates=[candidate])
    choice = campaign.taxonomy.classes.get(slug="rr-lyrae")
    CampaignObject.objects.filter(campaign=campaign).update(gold=choice)
    assert not begin(vetter).items.exclude(refsource_id=None).exists()


def test_practice_leaves_no_trace_in_votes_campaigns_learning_and_exports(client, vetter):
    known_one()
    tables = [name for name in connection.introspection.table_names() if name.startswith("gal")]
    tables = [name for name in tables if not name.startswith("galpractice")]
    before = {name: contents(name) for name in tables}
    client.post("/practice/begin/")
    for item in items():
        answer(client, item.rank, item.truth.slug)
    assert {name: contents(name) for name in tables} == before
    assert not GalDecision.objects.exists()


def contents(table):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT md5(string_agg(t::text, ',' ORDER BY t::text)) FROM \"{table}\" t")
        return cursor.fetchone()


def test_the_first_page_offers_it_to_vetters_until_they_have_done_it_once(client, vetter):
    make_candidate(2)
    offer = "Practise on 20 known stars"
    assert offer in client.get("/").content.decode()
    run = begin(vetter)
    assert offer in client.get("/").content.decode()
    PracticeRun.objects.filter(pk=run.pk).update(finished="2026-01-01T00:00Z")
    assert offer not in client.get("/").content.decode()
    client.force_login(make_person("reader"))
    assert offer not in client.get("/").content.decode()


def test_nobody_sees_another_s_run(client, vetter):
    run = begin(make_voter())
    run.items.filter(rank=1).update(answer=run.items.get(rank=1).truth)
    page = client.get(f"/practice/?run={run.pk}&told=1").content.decode()
    assert "Right:" not in page and "Begin" in page
    assert client.get("/practice/1/light-curve.json").status_code == 404


def test_a_simulated_star_is_the_same_whenever_it_is_drawn(vetter):
    item = begin(vetter).items.first()
    assert curve_of(item) == curve_of(PracticeItem.objects.get(pk=item.pk))


def test_two_clicks_begin_one_run(vetter):
    assert begin(vetter) == begin(vetter)


def test_without_a_taxonomy_a_message_says_why_there_is_none(client, vetter):
    Taxonomy.objects.update(is_current=False)
    client.post("/practice/begin/")
    assert "could be practised" in client.get("/practice/").content.decode()
