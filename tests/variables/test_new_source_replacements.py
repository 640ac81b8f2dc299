"""Votes, flags and campaigns are transferred from a new source to the one that replaces it."""

import numpy as np
import pytest

from photometry.storage import storage
from tests.builders.campaigns import candidate as candidate_of
from tests.builders.campaigns import make_campaign, make_user, make_voter, vote
from tests.builders.candidates import make_catalogue
from tests.variables.test_new_sources import ARCSEC, DEC, RA, detection, see
from variables.derived.refresh import refresh_candidates
from variables.flags.marking import flag_source
from variables.models import GalDecision, GalFlag, GalLostSource, GalNewSource, GalSuccession
from variables.new_sources.replacements import follow_new_sources

pytestmark = pytest.mark.django_db


@pytest.fixture
def nova():
    """A new source that two people voted on, one of whom flagged it, in a campaign."""
    catalogue = make_catalogue(30, ra=RA, dec=DEC)
    for mjd in (60001.0, 60002.0):
        see(catalogue, mjd, detection(catalogue))
    source = GalNewSource.objects.get()
    campaign = make_campaign(candidates=1)
    for _ in range(2):
        vote(make_voter(), source.pk, campaign=campaign)
    return source


def make_again(catalogue, *places, drop_previous=True):
    """The catalogue made again, with more sources some arcseconds north of RA, DEC."""
    rows = storage.catalogue_sources(catalogue)
    rows = np.concatenate([rows, rows[: len(places)]])
    if places:
        rows["ra"][-len(places) :] = RA
        rows["dec"][-len(places) :] = DEC + np.array(places) * ARCSEC
    new = storage.create_catalogue(catalogue.image, rows, {}, "again", drop_previous)
    follow_new_sources(new)
    return new


def source_at(catalogue, north):
    rows = storage.catalogue_sources(catalogue)
    return int(rows["refsource_id"][np.argmin(np.abs(rows["dec"] - DEC - north * ARCSEC))])


@pytest.mark.parametrize("drop_previous", [True, False])
def test_they_follow_to_the_source_that_the_reference_has_now(nova, drop_previous):
    flag_source(nova.pk, "other", "a ghost", make_user())
    again = make_again(nova.catalogue, 0.1, drop_previous=drop_previous)
    place = source_at(again, 0.1)
    assert set(GalDecision.objects.votes_standing().values_list("refsource_id", flat=True)) == {
        place
    }
    assert GalDecision.objects.votes_standing().count() == 2
    assert GalFlag.objects.get().refsource_id == place
    assert GalSuccession.objects.latest_of(nova.pk) == place
    assert not GalLostSource.objects.exists()
    assert follow_new_sources(again) == 0


def test_they_wait_for_a_source_that_is_new_once_more(nova):
    again = make_again(nova.catalogue)
    assert GalLostSource.objects.get().pk == nova.pk
    for mjd in (60003.0, 60004.0):
        see(again, mjd, detection(again, east=0.05))
    assert follow_new_sources(again) == 1
    source = GalNewSource.objects.get()
    refresh_candidates([again.pk])
    candidate = candidate_of(source.pk)
    assert (candidate.n_votes, candidate.consensus.slug) == (2, "rr-lyrae")
    assert not GalLostSource.objects.exists()


def test_a_star_beside_it_gets_nothing(nova):
    again = make_again(nova.catalogue, 0.4)
    assert not GalDecision.objects.filter(refsource_id=source_at(again, 0.4)).exists()
    assert GalLostSource.objects.get().pk == nova.pk


def test_of_two_that_may_be_meant_neither_gets_anything(nova):
    make_again(nova.catalogue, 0.1, -0.1)
    assert GalLostSource.objects.get().pk == nova.pk
    assert not GalSuccession.objects.exists()


def test_other_filters_get_nothing(nova):
    storage.drop_catalogue(nova.catalogue)
    in_g = make_catalogue(30, "g", ra=RA, dec=DEC, seed=1)
    make_again(in_g, 0.0)
    assert GalLostSource.objects.get().filter == "i"
    assert not GalSuccession.objects.exists()


def test_of_those_that_nobody_spoke_of_no_place_is_kept():
    catalogue = make_catalogue(30, ra=RA, dec=DEC)
    for mjd in (60001.0, 60002.0):
        see(catalogue, mjd, detection(catalogue))
    make_again(catalogue)
    assert not GalLostSource.objects.exists()
