"""The count of what vetting takes is that of the pages: each page one request, one key each."""

import pytest
from django.urls import reverse

from benchmarks import person_hours
from benchmarks.person_hours import Effort, effort_of
from tests.builders.campaigns import copy_candidates, make_campaign, make_voter, post_json
from tests.builders.candidates import make_candidates
from tests.variables.test_vetting_sheets import draw
from variables.models import GalCandidate, GalVarObj
from variables.vetting import groups, shown, views

pytestmark = pytest.mark.django_db
SIZES = (130, 45, 12, 7, 61, 19, 30)


def vote_on_groups(client, campaign):
    """Vote on all large groups; how many strokes that took."""
    for n in range(100):
        answer = client.get(reverse("vet_group", args=[campaign.pk])).json()
        if not answer["group"]:
            return n
        seen = [
            {"refsource_id": t["refsource_id"], "shown": {"stamp": t["stamp"], "seconds": 1}}
            for t in answer["objects"]
        ]
        body = {"group": answer["group"]["token"], "choice": "artifact", "key": f"g{n}"}
        assert post_json(client, "vet_decide_group", campaign, **body, seen=seen).json()["saved"]
    raise AssertionError("there is no end of groups")


def vote_on_the_rest(client, campaign, n_tiles):
    """Vote on all that is left; how many pages that took."""
    for n in range(100):
        address = reverse("vet_next", args=[campaign.pk])
        objects = client.get(address, {"n": n_tiles}).json()["objects"]
        if not objects:
            return n
        rows = [{"refsource_id": one["refsource_id"], "choice": "uncertain"} for one in objects]
        post_json(client, "vet_decide", campaign, decisions=rows)
    raise AssertionError("there is no end of pages")


@pytest.fixture
def campaign(settings, tmp_path):
    """A campaign of groups of these sizes, of each of which all have pictures."""
    settings.GALPROJECT_PICTURES = str(tmp_path)
    make_candidates(1)
    copy_candidates(sum(SIZES) - 1)
    change = GalVarObj.objects.latest("significance")
    ids = list(GalCandidate.objects.order_by("pk").values_list("pk", flat=True))
    GalVarObj.objects.bulk_create(
        GalVarObj(**{**values(change), "refsource_id": pk}) for pk in ids[1:]
    )
    for pk in ids:
        draw(pk, change.image_id)
    made = make_campaign(lane="sheet", candidates="those")
    objects = iter(list(made.objects_in.order_by("rank").values_list("pk", flat=True)))
    for k, size in enumerate(SIZES):
        members = [next(objects) for _ in range(size)]
        made.objects_in.filter(pk__in=members).update(group=f"group {k}")
    return made


def values(change):
    names = (f.attname for f in change._meta.fields if not f.primary_key)
    return {name: getattr(change, name) for name in names}


def test_groups_and_sheets_are_as_many_as_pages_show(client, campaign, monkeypatch):
    client.force_login(make_voter())
    now = shown.time.time
    monkeypatch.setattr(shown.time, "time", lambda: now() + 9)
    counted = effort_of(SIZES, 0, n_tiles=views.TILES_AT_ONCE)
    strokes = vote_on_groups(client, campaign)
    pages = vote_on_the_rest(client, campaign, views.TILES_AT_ONCE)
    assert (strokes, pages) == (counted.groups, counted.sheets) == (4, 1)
    assert campaign.objects_in.filter(n_votes=1).count() == sum(SIZES)


def test_the_count_is_by_the_limits_of_the_pages():
    assert (person_hours.LEAST, person_hours.EXTREMES) == (groups.LEAST, groups.EXTREMES)
    assert person_hours.TILES == views.TILES_AT_ONCE


def test_hours_are_those_of_pages_and_looks():
    before = Effort(0, 463, 12_189, 2_468)
    assert before.hours == pytest.approx(25.6, abs=0.05) and before.keys == 12_652
    assert Effort(231, 0, 0).hours == pytest.approx(231 * 14 / 3600)
