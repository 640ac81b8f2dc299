"""Votes, flags and campaigns follow their star when its reference is made again."""

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse

from photometry.storage import storage
from tests.builders.campaigns import candidate as candidate_of
from tests.builders.campaigns import make_campaign, make_user, make_voter, vote
from tests.builders.candidates import add_epoch, crossmatch_all, make_candidate, make_catalogue
from tests.builders.reference_catalogues import make_reference
from variables.derived.refresh import refresh_candidates
from variables.flags.marking import flag_source
from variables.models import GalCandidate, GalDecision, GalFlag, GalSuccession, StarList
from variables.vetting.decisions import undo_decisions, votes_visible_to

pytestmark = pytest.mark.django_db


def make_again(candidate):
    """Make a candidate's reference again, the old one dropped, and measure an image with it."""
    image = candidate.catalogue.image
    rows = storage.catalogue_sources(candidate.catalogue)
    rank = int(candidate.pk - rows["refsource_id"][0])
    new = storage.create_catalogue(image, rows, {}, "again", drop_previous=True)
    crossmatch_all()
    add_epoch(new, 60100.0, {rank: 0.8})
    refresh_candidates()
    return GalCandidate.objects.get(pk=new.id_range[0] + rank)


@pytest.fixture
def matched_candidate():
    candidate = make_candidate(2)
    crossmatch_all()
    return candidate


def test_votes_count_once_on_the_source_in_the_place_of_another(matched_candidate):
    first, second = make_voter(), make_voter()
    for user in (first, second):
        vote(user, matched_candidate.pk)
    again = candidate_of(make_again(matched_candidate).pk)
    assert again.pk != matched_candidate.pk
    assert (again.n_votes, again.consensus.slug) == (2, "rr-lyrae")
    assert GalDecision.objects.votes_standing().count() == 2
    assert {row.user for row in votes_visible_to(first, again.pk)} == {first, second}
    assert votes_visible_to(make_voter(), again.pk) == []
    crossmatch_all()
    assert GalDecision.objects.votes_standing().count() == 2


def test_who_has_voted_on_the_new_source_keeps_that_vote(matched_candidate):
    user = make_voter()
    vote(user, matched_candidate.pk, "rr-lyrae")
    rows = storage.catalogue_sources(matched_candidate.catalogue)
    image, rank = (
        matched_candidate.catalogue.image,
        int(matched_candidate.pk - rows["refsource_id"][0]),
    )
    new = storage.create_catalogue(image, rows, {}, "again", drop_previous=True)
    add_epoch(new, 60100.0, {rank: 0.8})
    refresh_candidates()
    vote(user, new.id_range[0] + rank, "eclipsing")
    crossmatch_all()
    assert candidate_of(new.id_range[0] + rank).consensus.slug == "eclipsing"


def test_flags_hide_the_source_in_the_place_of_another(matched_candidate):
    flag_source(matched_candidate.pk, "other", "a ghost", make_user())
    again = make_again(matched_candidate)
    assert again.is_flagged and GalFlag.objects.get().refsource_id == again.pk


def test_a_campaign_goes_on_with_its_candidates(matched_candidate):
    campaign = make_campaign(candidates=1)
    user = make_voter()
    vote(user, matched_candidate.pk, campaign=campaign)
    again = make_again(matched_candidate)
    (own,) = campaign.objects_in.all()
    assert (own.refsource_id, own.n_votes) == (again.pk, 1)
    # A transferred decision is not what somebody did last.
    assert undo_decisions(user, campaign) == []
    assert candidate_of(again.pk).n_votes == 1


def test_a_list_of_stars_has_the_source_in_the_place_of_another(matched_candidate):
    kept = [matched_candidate.pk - 1, 7, matched_candidate.pk]
    stars = StarList.objects.create(name="l", user=make_user(), query="", refsource_ids=kept)
    again = make_again(matched_candidate)
    stars.refresh_from_db()
    assert stars.refsource_ids == [7, again.pk - 1, again.pk]
    both = GalCandidate.objects.with_ids(StarList.objects.sources_of(stars.pk)).values_list(
        "pk", "kind"
    )
    assert dict(both) == {again.pk: "changed", again.pk - 1: "varies"}


def test_an_old_address_leads_to_the_candidate_in_its_place(matched_candidate, client):
    flag_source(matched_candidate.pk, "other", "", make_user())
    again = make_again(matched_candidate)
    client.force_login(make_voter())
    old = client.get(reverse("candidate", args=[matched_candidate.pk]))
    assert old.status_code == 302 and old["Location"] == again.get_absolute_url()
    assert client.get(reverse("candidate", args=[again.pk + 1])).status_code == 404


def test_of_sources_that_nobody_spoke_of_nothing_is_kept(matched_candidate):
    make_again(matched_candidate)
    assert not GalSuccession.objects.exists() and not GalDecision.objects.exists()


def test_a_candidate_shows_the_class_of_its_star_in_another_filter_to_those_who_may_see(client):
    in_i, in_g = (make_catalogue(8, name, seed=4) for name in "ig")
    for catalogue in (in_i, in_g):
        add_epoch(catalogue, 60001.0, {3: 0.6})
    refresh_candidates()
    crossmatch_all()
    own, other = (GalCandidate.objects.get(catalogue=c) for c in (in_i, in_g))
    campaign = make_campaign(candidates=2, query="per=source")
    voter, blind = make_voter(), make_voter()
    for one in (own, other):
        vote(voter, one.pk, "eclipsing", campaign)
    blind.user_permissions.add(Permission.objects.get(codename="add_galflag"))
    shown = {}
    for user in (voter, blind):
        client.force_login(User.objects.get(pk=user.pk))
        shown[user] = client.get(own.get_absolute_url()).content.decode()
        assert f'href="{other.get_absolute_url()}"' in shown[user]
    place = shown[voter].index("its candidates")
    assert "1 vote" in shown[voter][place:] or "Eclipsing" in shown[voter][place : place + 600]
    assert "blind until you vote" in shown[blind][shown[blind].index("its candidates") :]


def test_the_list_of_an_object_has_its_candidates_of_all_filters(client):
    in_i, in_g = (make_catalogue(8, name, seed=4) for name in "ig")
    for catalogue in (in_i, in_g):
        add_epoch(catalogue, 60001.0, {3: 0.6, 5: 0.6})
    make_reference("far", "r", [0.0], [0.0], ra=100.0)
    refresh_candidates()
    crossmatch_all()
    own = GalCandidate.objects.filter(catalogue=in_i).first()
    found = GalCandidate.objects.of_object_of(own.pk)
    assert {c.filter for c in found} == {"i", "g"} and found.count() == 2
