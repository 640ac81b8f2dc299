"""How many candidates searches look at, and by which ways: each test has as many as it needs."""

import json
import re

import pytest
from django.db import connection
from django.http import QueryDict
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from exposures.fenced import behind_fence, fenced
from exposures.planner import BY_INDEXES, planned
from tests.builders.many_candidates import make_many_candidates
from tests.builders.people import make_person
from tests.variables.test_candidate_search import QUERIES, chosen, limit
from variables.candidates.listing import listing
from variables.models import GalCandidate
from variables.models.candidate_indexes import OF_SAMPLE, SAMPLES

pytestmark = pytest.mark.django_db


@pytest.fixture
def small_limits(monkeypatch):
    limit(monkeypatch)


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
