"""Searches of candidates: what they find among many, and in which order."""

import pytest
from django.db import transaction
from django.http import QueryDict
from django.test import RequestFactory

from exposures.keyset import KeysetOrder
from exposures.streams import streamed
from tests.builders.many_candidates import make_many_candidates
from variables.candidates import search
from variables.candidates.filters import CandidateFilter
from variables.candidates.search import CandidateSearch
from variables.models.candidate_indexes import SAMPLED_OF

pytestmark = pytest.mark.django_db

QUERIES = [
    "",
    "kind=varies",  # at the end of the order
    "kind=varies&change_min=0.1",  # frequent each, and never together
    "cause=edge&mag_max=17",
    "period_min=1",
    "mag_max=16.3",  # of one in six: some in a first window, all in a second
    "chip=17",
    "artifact=only",
]


@pytest.fixture(scope="module")
def many(django_db_setup, django_db_blocker):
    """Some thousand candidates, for the tests of this module, which only read them."""
    with django_db_blocker.unblock(), transaction.atomic():
        make_many_candidates(3000)
        yield
        transaction.set_rollback(True)


def limit(monkeypatch):
    """Set limits as small against some thousand candidates as the real are against millions."""
    for name, value in {"WINDOW": 100, "FEW": 4, "ENOUGH": 2, "PARTS": (2, 1)}.items():
        monkeypatch.setattr(search, name, value)


@pytest.fixture
def small_limits(monkeypatch):
    limit(monkeypatch)


def chosen(query):
    request = RequestFactory().get("/")
    request.user = None
    return CandidateFilter(QueryDict(query), request=request).qs


@pytest.mark.parametrize("query", QUERIES)
def test_a_search_finds_what_matches_in_order(query, many, small_limits):
    rows = chosen(query)
    for sort in ("-star_detections", "max_delta_mag", "-max_delta_mag", "period_days", "pk"):
        order = KeysetOrder(sort.removeprefix("-"), sort.startswith("-"))
        all_rows = list(order.sorted(rows))
        found = CandidateSearch(rows, order)
        ids = [row.pk for row in all_rows]
        assert [key.pk for key in found.first(None, False, 30)] == ids[:30]
        assert [key.pk for key in found.first(None, True, 30)] == ids[::-1][:30]
        for at in (len(ids) // 3, len(ids) - 2):
            if 0 <= at < len(ids):
                place = getattr(all_rows[at], order.column), ids[at]
                assert [k.pk for k in found.first(place, False, 30)] == ids[at + 1 : at + 31]
                assert [k.pk for k in found.first(place, True, 30)] == ids[:at][::-1][:30]


def test_nothing_is_lost_between_windows_wherever_a_page_begins(many, small_limits, monkeypatch):
    monkeypatch.setattr(search, "FEW", 1)
    rows = chosen("mag_max=16.3")
    order = KeysetOrder("max_delta_mag", descending=True)
    everything = [(row.max_delta_mag, row.pk) for row in order.sorted(rows)]
    for at in range(0, len(everything) - 31, 9):
        found = CandidateSearch(rows, order).first(everything[at], False, 30)
        assert [key.pk for key in found] == [pk for _, pk in everything[at + 1 : at + 31]]


def test_few_are_estimated_where_many_would_have_to_be_looked_up(many, small_limits, monkeypatch):
    rows = chosen("mag_max=16.3")
    monkeypatch.setattr(search, "FEW", 10_000)
    assert CandidateSearch(rows, KeysetOrder("pk")).count.is_exact
    for name in ("FEWEST", "LOOKED_UP"):
        monkeypatch.setattr(search, name, 1)
    assert not CandidateSearch(rows, KeysetOrder("pk")).count.is_exact


@pytest.mark.parametrize("query", QUERIES)
def test_few_are_counted_and_many_estimated_by_the_sample(query, many, small_limits):
    rows = chosen(query)
    n, count = rows.count(), CandidateSearch(rows, KeysetOrder("pk")).count
    if count.is_exact:
        assert count.n == n and str(count) == f"{n:,}"
    else:
        n_sampled = n / SAMPLED_OF
        assert abs(count.n - n) < 4 * SAMPLED_OF * max(2 * n_sampled, 1) ** 0.5
        assert str(count).startswith("about ")
    assert count.is_exact == (n < 4 * SAMPLED_OF) or 200 < n < 1200


@pytest.mark.parametrize("query", [*QUERIES, "position=0.0+0.0&radius=3600"])
def test_all_that_match_are_read_once_in_order_whether_few_or_many(query, many, small_limits):
    for sort in ("-star_detections", "max_delta_mag", "-max_delta_mag", "cause", "pk"):
        order = KeysetOrder(sort.removeprefix("-"), sort.startswith("-"))
        search_of_all = CandidateSearch(chosen(query), order)
        read = [row.pk for row in streamed(search_of_all.parts, 100)]
        assert read == [row.pk for row in order.sorted(chosen(query))]
