"""Requests that schemathesis makes by the API's own schema: no fault, and answers keep to it."""

import pytest
import schemathesis
from django.core.cache import cache
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from rest_framework.throttling import UserRateThrottle
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
)

from galproject.wsgi import application
from tests.builders.candidates import crossmatch_all, make_candidates
from tests.builders.people import make_person, token_header
from tests.fuzz import SEED, n_cases

pytestmark = pytest.mark.django_db

FEW = 5  # requests of each kind to each operation
CHECKS = [not_a_server_error, response_schema_conformance, content_type_conformance]
KINDS = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)


@pytest.fixture
def headers(monkeypatch):
    monkeypatch.setattr(UserRateThrottle, "THROTTLE_RATES", {"user": None})
    # Else each request ends the connection, and the test's transaction with it.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    cache.clear()
    make_candidates(4)
    crossmatch_all()
    yield token_header(make_person("ann", "curators"))
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def operations(headers):
    schema = schemathesis.openapi.from_wsgi(
        "/api/schema/?format=json", application, headers=headers
    )
    return [found.ok() for found in schema.get_all_operations()]


def try_out(operation, headers, n):
    """Ask an operation ``n`` times for what its schema allows, and for what it does not."""

    @seeded(SEED)
    @settings(
        max_examples=n,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.one_of([operation.as_strategy(kind) for kind in KINDS]))
    def ask(case):
        with transaction.atomic():
            response = case.call(headers=headers)
            transaction.set_rollback(True)
        case.validate_response(response, checks=CHECKS)

    ask()


def test_the_api_keeps_to_its_schema_whatever_it_is_asked(headers):
    found = operations(headers)
    assert len(found) > 15
    for operation in found:
        try_out(operation, headers, n_cases(len(found) * 2 * FEW) // len(found))
