"""Numbers for Prometheus: whom they are for, what they count, and what reads them."""

import json
import re
from contextlib import closing
from datetime import timedelta

import psycopg2
import pytest
import yaml
from django.conf import settings
from django.db import OperationalError, connection
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import include, path
from django.utils import timezone
from django_q.models import OrmQ, Schedule, Task
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from exposures.locks import Claimed
from exposures.models import GalImage, Status
from galproject.metrics import survey_numbers
from galproject.metrics.middleware import PageMetricsMiddleware
from galproject.urls import urlpatterns as others
from tests.builders.exposures_in_work import held_elsewhere, make_exposure

TOKEN = "of-prometheus-only-0123456789"
DEPLOY = settings.BASE_DIR / "deploy"
MEASURED = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    *settings.MIDDLEWARE,
    "galproject.metrics.middleware.PageMetricsMiddleware",
]
urlpatterns = [path("metrics", include("galproject.metrics.urls")), *others]
pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


@pytest.fixture(autouse=True)
def on(settings):
    settings.METRICS_TOKEN, settings.MIDDLEWARE = TOKEN, MEASURED


def asked(token=TOKEN, scheme="Bearer"):
    return Client().get("/metrics", headers={"Authorization": f"{scheme} {token}"})


def numbers():
    """All samples, {(name, labels): value}."""
    response = asked()
    assert response.status_code == 200
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(response.content.decode())
        for sample in family.samples
    }


def number(name, **labels):
    return numbers()[name, tuple(sorted(labels.items()))]


def test_only_who_has_the_token_reads_the_numbers(admin_client):
    assert admin_client.get("/metrics").status_code == 401
    for response in (Client().get("/metrics"), asked("another"), asked("", ""), asked(TOKEN, "x")):
        assert response.status_code == 401
        assert b"galproject_chips" not in response.content
    assert asked().status_code == 200
    assert Client().post("/metrics").status_code == 405


def test_there_are_none_where_no_token_is_set(settings):
    settings.METRICS_TOKEN = ""
    assert asked("").status_code == 404


@pytest.mark.urls("galproject.urls")
def test_the_address_is_not_even_there_by_default():
    assert asked().status_code == 404


def test_chips_are_counted_by_status_and_by_the_hour():
    make_exposure("c4d_1", [Status.QUEUED, Status.QUEUED, Status.DONE, Status.FAILED])
    long_ago = make_exposure("c4d_2", [Status.DONE])
    GalImage.objects.filter(exposure=long_ago).update(finished=timezone.now() - timedelta(hours=2))
    assert number("galproject_chips", status="queued") == 2
    assert number("galproject_chips", status="done") == 2
    assert number("galproject_chips_ended_last_hour", status="done") == 1
    assert number("galproject_chips_ended_last_hour", status="failed") == 1


def test_claims_messages_failures_and_late_workers_are_counted():
    now = timezone.now()
    for minutes in (5, 10):
        sent = now - timedelta(minutes=minutes)
        OrmQ.objects.create(key="galproject", payload="x", lock=sent)
    OrmQ.objects.create(key="galproject", payload="fetched", lock=now + timedelta(hours=1))
    Task.objects.create(id="0" * 32, name="x", func="x", success=False, started=now, stopped=now)
    Schedule.objects.filter(func=survey_numbers.EACH_MINUTE).update(
        next_run=now - timedelta(minutes=7)
    )
    with held_elsewhere(Claimed.CHIP, 5, 6):
        assert number("galproject_chips_in_hand") == 2
    assert number("galproject_messages") == 2
    assert number("galproject_oldest_message_seconds") == pytest.approx(600, abs=60)
    assert number("galproject_tasks_failed_last_hour") == 1
    assert number("galproject_workers_late_seconds") == pytest.approx(420, abs=60)


def test_sessions_and_what_they_leave_open_are_seen():
    there = connection.get_connection_params() | {"cursor_factory": None}
    with closing(psycopg2.connect(**there)) as other:
        other.cursor().execute("SELECT 1")
        assert number("galproject_database_connections") >= 2
    assert number("galproject_database_max_connections") >= 10
    assert number("galproject_database_bytes") > 1e6
    assert number("galproject_database_up") == 1


def test_numbers_of_pages_are_there_while_the_database_is_away(monkeypatch):
    def away(*_):
        raise OperationalError("connection refused")

    monkeypatch.setattr(survey_numbers, "execute", away)
    found = numbers()
    assert found["galproject_database_up", ()] == 0
    assert not [name for name, _ in found if name.startswith("galproject_chips")]
    assert ("galproject_disk_free_bytes", (("folder", "pictures"),)) in found


def test_pages_are_counted_by_view_and_status():
    labels = {"view": "login", "method": "GET", "status": "200"}
    name = "django_http_responses_total_by_status_view_method_total"
    before = REGISTRY.get_sample_value(name, labels) or 0
    Client().get("/login/")
    assert number(name, **labels) == before + 1


def test_a_method_that_a_visitor_makes_up_gets_no_number_of_its_own():
    request = RequestFactory().generic("MADE-UP", "/login/")
    PageMetricsMiddleware(lambda _: HttpResponse())(request)
    methods = {dict(labels).get("method") for _, labels in numbers()}
    assert "<invalid method>" in methods and "MADE-UP" not in methods


def test_as_many_statements_are_asked_however_much_there_is(django_assert_num_queries):
    with django_assert_num_queries(13):
        asked()
    make_exposure("c4d_1", [Status.DONE] * 5)
    with django_assert_num_queries(13):
        asked()


def expressions():
    """Every expression of the dashboard and of the alerts."""
    dashboard = json.loads((DEPLOY / "grafana" / "galproject.json").read_text())
    for panel in dashboard["panels"]:
        yield from (target["expr"] for target in panel["targets"])
    yield from (one["query"]["query"] for one in dashboard["templating"]["list"][1:])
    rules = yaml.safe_load((DEPLOY / "prometheus" / "galproject.rules.yml").read_text())
    yield from (rule["expr"] for group in rules["groups"] for rule in group["rules"])


def test_what_dashboard_and_alerts_ask_for_is_there():
    Client().get("/login/")
    text = asked().content.decode()
    known = {name for name, _ in numbers()}
    # Counters without a sample yet, as of errors that nobody has had.
    known |= set(re.findall(r"^# TYPE (\w+) counter$", text, re.M))
    wanted = set()
    for expression in expressions():
        wanted |= set(re.findall(r"\b(?:galproject|django)_\w+", expression))
    assert len(wanted) > 15
    assert wanted - known == set()


def test_labels_that_dashboard_and_alerts_choose_by_are_there():
    known = {(name, label) for name, labels in numbers() for label, _ in labels}
    chosen = re.compile(r"\b(galproject_\w+)\{([^}]*)\}")
    for expression in expressions():
        for name, inside in chosen.findall(expression):
            for label in re.findall(r"(\w+)=", inside):
                assert label == "job" or (name, label) in known
