"""Lists of what one has vetted, by the class that is to be seen."""

from types import SimpleNamespace

import pytest
from django.http import QueryDict
from django.test import RequestFactory

from tests.builders.campaigns import make_campaign, make_voter, vote
from tests.builders.candidates import make_candidates
from variables.candidates.filters import CandidateFilter
from variables.models import CampaignObject, GalCandidate
from variables.vetting.campaigns import close
from variables.watches.searching import WatchedFilter

pytestmark = pytest.mark.django_db


@pytest.fixture
def vetter():
    return make_voter("annie")


@pytest.fixture
def voted_on(vetter):
    """{what was said: id} of candidates, some of which are vetted again in an open campaign."""
    names = ("undecided", "agreed", "disputed", "vetted again", "voted again", "by others")
    ids = dict(zip(names, (one.pk for one in make_candidates(len(names))), strict=True))
    other, third = make_voter(), make_voter()
    for name in names[:-1]:
        vote(vetter, ids[name], "rr-lyrae")
    vote(other, ids["disputed"], "qso")
    for voter in (other, third):
        for name in ("agreed", "vetted again", "voted again", "by others"):
            vote(voter, ids[name], "rr-lyrae")
    again = make_campaign(candidates="those", votes_wanted=2)
    seen = [ids["agreed"], ids["disputed"], ids["by others"]]
    again.objects_in.filter(refsource_id__in=seen).delete()
    GalCandidate.objects.filter(pk=ids["undecided"]).update(consensus=None, is_disputed=False)
    vote(vetter, ids["voted again"], "rr-lyrae", again)
    return ids


def listed(user, cls="none"):
    request = RequestFactory().get("/")
    request.user = user
    asked = QueryDict(f"cls={cls}&vetted=me&per=source")
    return set(CandidateFilter(asked, request=request).qs.values_list("pk", flat=True))


@pytest.mark.parametrize("most", [2000, 0])
def test_classes_of_own_votes_are_those_agreed_on_and_not_those_that_are_blind_again(
    voted_on, vetter, monkeypatch, most
):
    monkeypatch.setattr("variables.models.candidate_querysets.MANY_VOTES", most)
    assert listed(vetter) == {voted_on["undecided"], voted_on["vetted again"]}
    assert listed(vetter, "rr-lyrae") == {voted_on["agreed"], voted_on["voted again"]}
    assert listed(vetter, "disputed") == {voted_on["disputed"]}


def test_what_was_voted_on_before_a_campaign_is_blind_until_the_vote_in_it(voted_on, vetter):
    blind = CampaignObject.objects.blind_though_voted(vetter)
    assert set(blind.values_list("refsource_id", flat=True)) == {
        voted_on["undecided"],
        voted_on["vetted again"],
    }
    close(CampaignObject.objects.get(refsource_id=voted_on["vetted again"]).campaign)
    assert not CampaignObject.objects.blind_though_voted(vetter).exists()


def test_a_watched_search_has_own_votes_that_are_blind_again(voted_on, vetter):
    search = SimpleNamespace(query="cls=rr-lyrae&vetted=me&per=source")
    watched = WatchedFilter(SimpleNamespace(user=vetter, search=search)).qs
    assert set(watched.values_list("pk", flat=True)) == {
        voted_on[name] for name in ("agreed", "vetted again", "voted again")
    }
