"""What is called a candidate is the same on every page, in lists, in the API and in campaigns."""

import re

import pytest
from django.contrib.auth.models import User
from django.http import QueryDict
from django.urls import reverse

from galproject.home import survey_state
from photometry.models import GalReference
from tests.builders.candidates import (
    add_epoch,
    crossmatch_all,
    make_candidate,
    make_candidates,
    make_catalogue,
)
from tests.builders.people import make_person
from variables.candidates.filters import CandidateFilter
from variables.candidates.repeat_detections import Counting, count_repeat_detections, repeated
from variables.derived.refresh import refresh_candidates
from variables.models import GalCandidate
from variables.vetting.campaigns import personal_campaigns

pytestmark = pytest.mark.django_db
N_CANDIDATES = 7


@pytest.fixture
def survey():
    """7 candidates; 2 that fail a cut each time, 1 flagged, 1 flagged away, 1 replaced."""
    make_candidates(N_CANDIDATES)
    failing = make_catalogue(5, ra=150.0)
    add_epoch(failing, 60001.0, {0: 0.8, 1: 0.9}, failed_cuts=1)
    refresh_candidates([failing.pk])
    make_candidate(2, ra=160.0, is_flagged=True)
    flagged_away = make_candidate(2, ra=165.0, is_flagged=True)
    GalCandidate.objects.filter(pk=flagged_away.pk).update(n_detections=0)
    replaced = make_candidate(3, ra=170.0)
    GalReference.objects.filter(pk=replaced.catalogue_id).update(active=False)


@pytest.fixture
def reader(client):
    client.force_login(make_person("annie"))
    return client


def words(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", response.content.decode()))


def listed(query):
    return CandidateFilter(QueryDict(query)).qs.count()


def test_one_number_of_candidates_everywhere(survey, reader):
    assert GalCandidate.objects.accepted().count() == N_CANDIDATES
    assert survey_state.candidates().n_accepted == N_CANDIDATES
    assert sum(n for _, n in count_repeat_detections()) == N_CANDIDATES
    begun = personal_campaigns("", User.objects.get())
    assert sum(campaign.objects_in.count() for campaign in begun) == N_CANDIDATES
    api = reader.get(reverse("api-candidate-list")).json()["results"]
    assert len(api) == N_CANDIDATES
    for page in ("home", "candidates"):
        assert f"{N_CANDIDATES} candidates" in words(reader.get(reverse(page))), page
    for page in ("home", "candidates", "repeat_detections"):
        assert "A candidate is a star that changed" in words(reader.get(reverse(page))), page


def test_numbers_on_pages_are_those_of_the_lists_that_they_link_to(survey, reader):
    shown = survey_state.candidates()
    assert (shown.n_undetected, shown.n_flagged) == (2, 2)
    page = reader.get(reverse("home")).content.decode()
    links = re.findall(r'<a\s+href="[^"?]+\?([^"]*)"\s*>(\d+)</a>', page)
    assert len(links) == 2
    for query, n in links:
        assert listed(query.replace("&amp;", "&")) == int(n), query
    for evidence in shown.evidence:
        bounds = f"detections_min={evidence.first}&detections_max={evidence.last or ''}"
        assert listed(bounds) == evidence.n_candidates
    for counting in (Counting(), Counting(accepted_only=False)):
        for row in repeated(counting).rows:
            assert listed(row.query) == row.count, row.query


@pytest.mark.parametrize(
    ("query", "n", "noun"),
    [
        ("", 7, "candidates"),
        ("undetected=only", 2, "changed sources"),
        ("undetected=both", 9, "changed sources"),
        ("artifact=both", 9, "changed sources"),
        ("artifact=only", 2, "changed sources"),
        ("artifact=both&undetected=both", 11, "changed sources"),
        ("detections_max=0", 2, "changed sources"),
        ("detections_min=1", 7, "candidates"),
    ],
)
def test_what_is_no_candidate_is_there_where_it_is_asked_for(survey, reader, query, n, noun):
    assert listed(query) == n
    assert f"{n} {noun}" in words(reader.get(f"{reverse('candidates')}?{query}"))


def test_a_star_of_two_filters_is_one_candidate_on_every_page(reader):
    for name in "gi":
        make_candidate(2 if name == "g" else 3, name, ra=200.0, dec=-40.0)
    crossmatch_all()
    refresh_candidates()
    assert GalCandidate.objects.accepted().count() == 2
    assert survey_state.candidates().n_accepted == listed("") == 1
    assert listed("per=source") == 2 and listed("undetected=only") == 0
