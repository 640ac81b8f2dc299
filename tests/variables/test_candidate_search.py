"""Searches of candidates: what they find, and how many candidates they look at for that."""

import json
import re

import pytest
from django.db import connection
from django.http import QueryDict
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from exposures.fenced import behind_fence, fenced
from exposures.keyset import KeysetOrder
from exposures.planner import BY_INDEXES, planned
from exposures.streams import streamed
from tests.builders.many_candidates import make_many_candidates
from tests.builders.people import make_person
from variables.candidates import search
from variables.candidates.filters import CandidateFilter
from variables.candidates.listing import listing
from variables.candidates.search import CandidateSearch
from variables.models import GalCandidate
from variables.models.candidate_indexes import OF_SAMPLE, SAMPLED_OF, SAMPLES

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


@pytest.fixture
def small_limits(monkeypatch):
    """Limits as small against some thousand candidates as the real ones are against millions."""
    for name, value in {"WINDOW": 100, "FEW": 4, "ENOUGH": 2, "PARTS": (2, 1)}.items():
        monkeypatch.setattr(search, name, value)


def chosen(query):
    request = RequestFactory().get("/")
    request.user = None
    return CandidateFilter(QueryDict(query), request=request).qs


@pytest.mark.parametrize("query", QUERIES)
def test_a_search_finds_what_matches_in_order(query, small_limits):
    make_many_candidates(3000)
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


def test_nothing_is_lost_between_windows_wherever_a_page_begins(small_limits, monkeypatch):
    monkeypatch.setattr(search, "FEW", 1)
    make_many_candidates(3000)
    rows = chosen("mag_max=16.3")
    order = KeysetOrder("max_delta_mag", descending=True)
    everything = [(row.max_delta_mag, row.pk) for row in order.sorted(rows)]
    for at in range(0, len(everything) - 31, 9):
        found = CandidateSearch(rows, order).first(everything[at], False, 30)
        assert [key.pk for key in found] == [pk for _, pk in everything[at + 1 : at + 31]]


def test_few_are_estimated_where_many_would_have_to_be_looked_up(small_limits, monkeypatch):
    make_many_candidates(3000)
    rows = chosen("mag_max=16.3")
    monkeypatch.setattr(search, "FEW", 10_000)
    assert CandidateSearch(rows, KeysetOrder("pk")).count.is_exact
    for name in ("FEWEST", "LOOKED_UP"):
        monkeypatch.setattr(search, name, 1)
    assert not CandidateSearch(rows, KeysetOrder("pk")).count.is_exact


@pytest.mark.parametrize("query", QUERIES)
def test_few_are_counted_and_many_estimated_by_the_sample(query, small_limits):
    make_many_candidates(3000)
    rows = chosen(query)
    n, count = rows.count(), CandidateSearch(rows, KeysetOrder("pk")).count
    if count.is_exact:
        assert count.n == n and str(count) == f"{n:,}"
    else:
        n_sampled = n / SAMPLED_OF
        assert abs(count.n - n) < 4 * SAMPLED_OF * max(2 * n_sampled, 1) ** 0.5
        assert str(count).startswith("about ")
    assert count.is_exact == (n < 4 * SAMPLED_OF) or 200 < n < 1200


def rows_touched(plan):
    """The rows of tables that a plan reads, whether they fit or not."""
    own = 0
    # A bitmap's entries are no rows yet: a million take a tenth of a second. What is behind a fence
    # is counted there.
    others = "Bitmap Index Scan", "Subquery Scan"
    if "Scan" in plan["Node Type"] and plan["Node Type"] not in others:
        lost = plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Index Recheck", 0)
        own = (plan["Actual Rows"] + lost) * plan["Actual Loops"]
    return own + sum(map(rows_touched, plan.get("Plans", [])))


def touched_by_page(query):
    """The rows of candidates that all queries of a page of the list read."""
    request = RequestFactory().get("/")
    request.user = make_person(f"{GalCandidate.objects.count()} {query}")
    data = QueryDict(query)
    with CaptureQueriesContext(connection) as queries:
        listing(data, request)
    touched = 0
    with connection.cursor() as cursor:
        for one in queries:
            if one["sql"].startswith("SET LOCAL"):
                cursor.execute(one["sql"])
            elif one["sql"].startswith("SELECT") and "galcandidates" in one["sql"]:
                cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {one['sql']}")
                plan = cursor.fetchone()[0]
                plan = json.loads(plan) if isinstance(plan, str) else plan
                touched += rows_touched(plan[0]["Plan"])
    return touched


def test_pages_read_few_candidates_more_where_there_are_four_times_as_many(small_limits):
    asked = [*QUERIES, "sort=-reference_mag", "kind=varies&sort=-max_significance"]
    make_many_candidates(2500)
    before = [touched_by_page(query) for query in asked]
    make_many_candidates(7500)
    for query, few, many in zip(asked, before, map(touched_by_page, asked), strict=True):
        # The sample grows with the survey, and what matches a condition of which an index is.
        assert many < 2 * few + 10_000 / 8, query


@pytest.mark.parametrize("query", [*QUERIES, "position=0.0+0.0&radius=3600"])
def test_all_that_match_are_read_once_in_order_whether_few_or_many(query, small_limits):
    make_many_candidates(3000)
    for sort in ("-star_detections", "max_delta_mag", "-max_delta_mag", "cause", "pk"):
        order = KeysetOrder(sort.removeprefix("-"), sort.startswith("-"))
        search_of_all = CandidateSearch(chosen(query), order)
        read = [row.pk for row in streamed(search_of_all.parts, 100)]
        assert read == [row.pk for row in order.sorted(chosen(query))]


def test_a_fence_changes_nothing_but_the_way(small_limits):
    make_many_candidates(300)
    for query in (*QUERIES, "exposure=nowhere", "known_class=RR", "cls=none&vetted=nobody"):
        rows = chosen(query)
        assert set(fenced(rows)) == set(rows) <= set(behind_fence(rows)), query
        assert fenced(rows.sampled()).count() == rows.sampled().count()
        assert list(fenced(rows.order_by("-pk"))[:5]) == list(rows.order_by("-pk")[:5])
    assert not fenced(GalCandidate.objects.none()).exists()


def test_what_filters_ask_of_the_sample_is_in_one_of_its_indexes():
    field = GalCandidate._meta.get_field
    indexes = [
        {field(name).column for name in ("refsource_id", *OF_SAMPLE, *more)}
        for more in SAMPLES.values()
    ]
    asked = [
        *("kind=new&mag_min=1&change_min=0.1&sigma_min=2&excess_min=0.1", "alarm_max=1e-3"),
        *("period_min=1&colour_max=1&absolute_min=2", "known=known&agreement=alias&cause=edge"),
        *("known_class=RR", "cls=none", "cls=disputed", "vetted=nobody", "artifact=only", "chip=3"),
        *("changes_min=2&detections_min=2", "filter=i&changes_min=2", "per=source&changes_min=2"),
        "position=10+10&radius=3600",
    ]
    make_many_candidates(1)
    for query in asked:
        sql = str(fenced(chosen(query).sampled()).order_by().values("pk").query)
        columns = set(re.findall(r'"galcandidates"\."(\w+)"', sql))
        assert any(columns <= index for index in indexes), (query, columns)


def test_a_part_of_an_order_that_a_filter_rules_out_is_not_read():
    make_many_candidates(10)
    detected = chosen("undetected=only").filter(star_detections__gt=0)
    with planned(BY_INDEXES):
        assert "One-Time Filter: false" in fenced(detected).explain()
    assert "One-Time Filter: false" not in fenced(detected).explain()
