"""Hostile values in every parameter of every address: none is a fault of the server's."""

import logging
import random
from itertools import chain

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from drf_spectacular.generators import SchemaGenerator
from rest_framework.throttling import UserRateThrottle

from tests.fuzz import SEED, n_cases
from tests.fuzz.addresses import (
    Address,
    Reading,
    admin_lists,
    forms_of,
    last_keys,
    paths_of,
    routes,
)
from tests.fuzz.payloads import (
    HEADERS,
    JSON_VALUES,
    METHODS,
    PAYLOADS,
    RAW_BODIES,
    UNREADABLE,
    quoted,
    urlencoded,
)
from tests.fuzz.visitor import Visitor
from tests.galproject.test_seeding import seed
from variables.models import Campaign, SavedSearch
from variables.watches.watching import feed_key

pytestmark = pytest.mark.django_db

FEW = 300  # cases; each is one request, or two where a form is sent
LOGS_OUT = "/logout/"
JSON = "application/json"


@pytest.fixture(scope="module")
def survey(django_db_setup, django_db_blocker):
    """A small made-up survey, with people, flags, campaigns and a saved search."""
    logging.disable(logging.CRITICAL)  # to tell of thousands of refusals takes as long as they do
    with django_db_blocker.unblock(), transaction.atomic():
        seed(candidates=20, sources=1000, pictures=1)
        boss = User.objects.create_superuser("root")
        SavedSearch.objects.create(user=boss, name="all", query="detections_min=1")
        yield boss
        transaction.set_rollback(True)
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="module")
def addresses(survey):
    """{path: Address} of every address that there is."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(UserRateThrottle, "THROTTLE_RATES", {"user": None})
        reading, visitor, keys = Reading(monkeypatch), Visitor(survey), last_keys()
        keys["key"] = feed_key(survey)
        found = [_found(visitor, reading, *route, keys) for route in routes()]
        found = {one.path: one for one in found if one is not None and one.path != LOGS_OUT}
        _read_forms(visitor, reading, found)
        for path, names in admin_lists():
            found[path].names |= names
        assert not visitor.faults, visitor.told()
        yield found


def _found(visitor, reading, name, route, keys):
    """The address of a route, with the names that are read where nothing is sent."""
    is_posted = False  # which a route is for all its keys or for none
    for path in paths_of(name, route, keys):
        reading.taken()
        if not is_posted:
            response = visitor.ask("GET", path)
            is_posted = response.status_code == 405
        if is_posted:
            response = visitor.ask("POST", path)
        if response.status_code not in (404, 405):
            forms = [] if is_posted else _forms_in(response, path)
            return Address(path, reading.taken(), is_posted=is_posted, forms=forms)
    return None


def _forms_in(response, path):
    is_page = response.status_code == 200 and "text/html" in response["Content-Type"]
    return list(forms_of(response.content.decode(), path)) if is_page else []


def _read_forms(visitor, reading, found):
    """Add what pages have in their forms, and the names that are read where these are sent."""
    for path, fields in chain.from_iterable(address.forms for address in found.values()):
        if path in found:
            found[path].form |= fields
    for address in found.values():
        if address.form:
            reading.taken()
            visitor.ask("POST", address.path, body=urlencoded(address.form).encode())
            address.names |= reading.taken() | set(address.form)


@pytest.fixture
def visitor(survey):
    return Visitor(survey)


@pytest.fixture
def rng():
    return random.Random(SEED)


def chosen(rng, pairs, n):
    """``n`` of some pairs in an order by the seed, all of them before one comes again."""
    order = sorted(pairs)
    rng.shuffle(order)
    return [order[k % len(order)] for k in range(n)]


def test_nearly_every_address_is_found(addresses):
    named = {name: route for name, route in routes() if "format" not in route}
    assert len(addresses) > 0.85 * len(named)
    for part in ("/candidates/", "/vetting/", "/flags/", "/references/", "/api/", "/admin/"):
        assert any(path.startswith(part) for path in addresses)
    assert {"position", "detections_min", "sort", "page"} <= addresses["/candidates/"].names


@pytest.mark.parametrize("is_of_admin", [False, True])
def test_no_value_of_a_parameter_is_a_fault_of_the_server(addresses, visitor, rng, is_of_admin):
    places = [
        (address.path, name)
        for address in addresses.values()
        for name in address.names
        if address.is_of_admin == is_of_admin
    ]
    accepted = []
    for path, name in chosen(rng, places, n_cases(FEW if not is_of_admin else FEW // 3)):
        value = rng.choice(PAYLOADS)
        query, address = f"{quoted(name)}={quoted(value)}", addresses[path]
        if address.is_posted or name in address.form:
            body = urlencoded(address.form | {name: value}).encode()
            response = visitor.ask("POST", path, query, body)
        else:
            response = visitor.ask("GET", path, query)
        if value in UNREADABLE and response.status_code != 400:
            accepted.append((path, name, value))
    assert not visitor.faults, visitor.told()
    assert accepted == []


def test_no_method_and_no_header_is_a_fault_of_the_server(addresses, visitor, rng):
    cases = [(path, method) for path in addresses for method in METHODS]
    for path, method in chosen(rng, cases, n_cases(FEW // 4)):
        visitor.ask(method, path)
        visitor.ask(rng.choice(("GET", method)), path, **rng.choice(HEADERS))
    assert not visitor.faults, visitor.told()


def bodies_in_json(addresses):
    """(path, {name: JSON}) of what takes JSON: the API by its schema, and the vetting queue."""
    schema = SchemaGenerator().get_schema(request=None, public=True)
    components = schema["components"]["schemas"]
    for path, methods in schema["paths"].items():
        content = methods.get("post", {}).get("requestBody", {}).get("content", {})
        if JSON in content:
            names = components[content[JSON]["schema"]["$ref"].rpartition("/")[2]]["properties"]
            yield path, dict.fromkeys(names, '"1"')
    row = {"refsource_id": "1", "action": '"vote"', "choice": '"flare"', "comment": '""'}
    row |= {"how": '"key"', "key": '"k"', "shown": '{"lane": "sheet", "batch": "s"}'}
    for path in addresses:
        if path.endswith("/vet/decide/"):
            yield path, row
        elif path.endswith("/vet/undo/"):
            yield path, {"keys": '["k"]'}


def object_of(members):
    return "{" + ", ".join(f'"{name}": {value}' for name, value in members.items()) + "}"


def test_no_json_is_a_fault_of_the_server_or_answered_with_a_page(addresses, visitor, rng):
    known = dict(bodies_in_json(addresses))
    assert len(known) >= 4
    places = [(path, name) for path, row in known.items() for name in row]
    for path, name in chosen(rng, places, n_cases(FEW // 4)):
        body = object_of(known[path] | {name: rng.choice(JSON_VALUES)})
        if path.endswith("/vet/decide/"):
            body = f'{{"decisions": [{body}]}}'
        response = visitor.ask("POST", path, body=body.encode(), content_type=JSON)
        assert response["Content-Type"].startswith(JSON), (path, body[:200])
    for path, body in chosen(rng, [(p, b) for p in addresses for b in RAW_BODIES], FEW // 10):
        visitor.ask("POST", path, body=body, content_type=JSON)
    assert not visitor.faults, visitor.told()


def test_the_queue_of_votes_is_asked_in_a_campaign_that_goes_on(addresses):
    going_on = {one.pk for one in Campaign.objects.filter(closed=None)}
    assert any(f"/vetting/{pk}/vet/decide/" in addresses for pk in going_on)
