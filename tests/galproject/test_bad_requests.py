"""Requests that nobody means: each gives 400 with words, or nothing at all, and none a fault."""

import json
import time
from base64 import b64encode

import pytest
from axes.models import AccessAttempt
from django import forms
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import transaction
from django.test import RequestFactory
from django.urls import reverse
from django_filters import FilterSet, NumberFilter
from rest_framework import serializers

from exposures.errors import GalprojectError
from exposures.input.filters import BoundedFilter
from exposures.input.form_fields import FloatField, IntegerField
from galproject.api.filters import BoundedFilterSet
from galproject.site.client_address import client_address
from galproject.status.time_arguments import parse_time
from tests.builders.candidates import crossmatch_all, make_candidate
from variables.candidates.filters import CandidateFilter
from variables.models import Campaign, CampaignObject, SavedSearch, Taxonomy

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss(client):
    cache.clear()
    user = User.objects.create_superuser("root")
    client.force_login(user)
    client.user = user
    return client


@pytest.mark.parametrize("url", ["/candidates/", "/api/candidates/"])
@pytest.mark.parametrize("name", ["object", "detections_min", "chip", "mag_min", "radius"])
@pytest.mark.parametrize("value", ["-1e1000000", "9" * 5000, "NaN", "1_0", "１２", "1e400"])
def test_a_number_without_bounds_is_refused_at_once(boss, url, name, value):
    began = time.process_time()
    answer = boss.get(url, {name: value})
    assert answer.status_code == 400 and time.process_time() - began < 2


def test_every_number_of_a_form_and_of_a_filter_has_bounds():
    fields = [
        (form.__qualname__, name, field)
        for form in _subclasses(forms.Form)
        for name, field in form.base_fields.items()
    ]
    numbers = [one for one in fields if isinstance(one[2], forms.IntegerField)]
    assert len(numbers) >= 4
    assert [one for one in numbers if not isinstance(one[2], IntegerField | FloatField)] == []
    filters = [one for kind in _subclasses(FilterSet) for one in kind.base_filters.items()]
    assert len(filters) > 10
    unbounded = [n for n, f in filters if isinstance(f, NumberFilter) and not _is_bounded(f)]
    assert unbounded == []
    serialized = [
        (kind.__qualname__, name)
        for kind in _subclasses(serializers.Serializer)
        if kind.__name__.startswith(("New", "Cone")) and not kind.__name__.startswith("ConeM")
        for name, field in kind().fields.items()
        if isinstance(field, serializers.IntegerField | serializers.FloatField)
        and (field.min_value is None or field.max_value is None)
    ]
    assert serialized == []


def _is_bounded(one):
    return isinstance(one, BoundedFilter)


def _subclasses(kind):
    """Those of the project, however deep."""
    found = [one for below in kind.__subclasses__() for one in (below, *_subclasses(below))]
    ours = ("exposures.", "photometry.", "variables.", "galproject.")
    return [one for one in found if one.__module__.startswith(ours)]


def test_filters_of_the_api_have_the_bounds_of_their_columns(boss):
    make_candidate(2)
    assert issubclass(BoundedFilterSet, FilterSet)
    for name, value in (
        *(("ccdnum", "40000"), ("ccdnum", "-1"), ("exposure", "9" * 30), ("exposure", "１")),
        ("is_reference", "perhaps"),
    ):
        answer = boss.get("/api/images/", {name: value})
        assert answer.status_code == 400 and name in answer.json()
    assert boss.get("/api/images/", {"is_reference": "true", "ccdnum": "1"}).status_code == 200


def test_a_position_may_have_any_sign_and_is_refused_with_words(boss):
    for value in ("%", "100%s", "266 nan", "1_0 2_0", "１２ ３", "\\", "{0}"):
        for url in ("/candidates/", "/api/candidates/", "/references/"):
            answer = boss.get(url, {"position": value})
            page = answer.content.decode()
            assert answer.status_code == (200 if "references" in url else 400)
            assert "no position" in page or "Give a position" in page


@pytest.mark.parametrize("written", ["p=abc", "p=", "p=1.5", "p=99999999999999999999", "o=x"])
def test_a_tampered_cursor_of_the_api_is_refused(boss, written):
    cursor = b64encode(written.encode()).decode()
    for thing in ("candidates", "exposures", "votes"):
        answer = boss.get(f"/api/{thing}/", {"cursor": cursor})
        assert answer.status_code == 400 and "cursor" in answer.json()


def test_a_page_size_is_a_number_and_cut_to_the_largest(boss):
    for value in ("0", "-1", "x", "1e3", "9" * 5000):
        answer = boss.get("/api/exposures/", {"page_size": value})
        assert answer.status_code == 400 and "page_size" in answer.json()
    assert boss.get("/api/exposures/", {"page_size": "999999"}).status_code == 200


@pytest.mark.parametrize(
    "text",
    [
        *("9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "9999-12-31", "0001-01-01"),
        *("99999999999d", "9" * 400 + "w", "٣d", "2026-02-30", "2026-11-23T18:00\0"),
    ],
)
def test_a_time_beyond_all_time_zones_is_none(boss, text):
    with pytest.raises(GalprojectError, match="is not a time"):
        parse_time(text)
    if "\0" not in text:
        page = boss.get(reverse("working_status"), {"since": text})
        assert "is not a time" in page.content.decode()


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options", "head", "trace"])
def test_addresses_that_are_only_read_say_so_to_other_methods(boss, method):
    candidate = make_candidate(2)
    crossmatch_all()
    candidate.refresh_from_db()
    for url in (
        *("/api/cone/", f"/api/sources/{candidate.pk}/light-curve/"),
        *(f"/api/objects/{candidate.object_id}/", f"/api/candidates/{candidate.pk}/light-curve/"),
    ):
        status = getattr(boss, method)(url).status_code
        expected = {"options": {200}, "head": {200, 400}}.get(method, {405})
        assert status in expected, url


@pytest.mark.parametrize("path", ["candidates", "exposures", "images", "flags/images", "vetting"])
def test_nothing_is_at_an_address_with_an_id_beyond_64_bits(boss, path):
    for pk in (2**63, "9" * 4000, "9" * 5000, "１"):
        assert boss.get(f"/{path}/{pk}/").status_code == 404
    assert boss.get(f"/pictures/cutouts/{'9' * 4000}.png").status_code == 404


@pytest.mark.parametrize("query", ["position=%00", "sort=%ED%A0%80", "page=%ff", "a%00=1"])
def test_text_that_can_t_be_stored_is_refused_everywhere_and_named(boss, query):
    name = query.partition("%00=")[0].partition("=")[0] if "=%" in query else "parameter"
    for url in ("/candidates/", "/flags/", "/admin/variables/galflag/", "/login/", "/"):
        page = boss.get(f"{url}?{query}")
        assert page.status_code == 400 and name in page.content.decode()
        posted = boss.post(url, query, content_type="application/x-www-form-urlencoded")
        assert posted.status_code == 400
    answer = boss.get(f"/api/candidates/?{query}")
    assert answer.status_code == 400 and name in answer.json()["detail"]


def test_cookies_and_headers_without_meaning_are_refused(client):
    for headers in (
        {"HTTP_COOKIE": "sessionid=a\0b"},
        {"HTTP_AUTHORIZATION": "Token a\0b"},
        {"HTTP_X_FORWARDED_FOR": "\0"},
    ):
        assert client.get("/api/exposures/", **headers).status_code == 400
    assert client.get("/candidates/?" + "a" * 9000).status_code == 400


@pytest.mark.parametrize("charset", ["utf-16", "hex", "utf-7", "none-such"])
def test_a_form_in_another_encoding_is_refused_and_a_page_is_read(boss, charset):
    kind = f"application/x-www-form-urlencoded; charset={charset}"
    assert boss.generic("POST", reverse("save_search"), b"name=a", kind).status_code == 400
    assert (
        boss.generic("GET", "/candidates/", content_type=kind.replace("x-", "")).status_code == 200
    )


def test_a_form_in_parts_is_text_and_has_no_file(boss):
    url = reverse("save_search")
    assert boss.post(url, {"name": "ü😀", "query": ""}).status_code == 302
    assert SavedSearch.objects.get().name == "ü😀"
    for part in (
        b'name="name"\r\n\r\na\0b',
        b'name="name"\r\n\r\n\xff',
        b'name="f"; filename="x"\r\n\r\nabc',
    ):
        body = b"--b\r\nContent-Disposition: form-data; " + part + b"\r\n--b--\r\n"
        answer = boss.post(url, body, content_type="multipart/form-data; boundary=b")
        assert answer.status_code == 400


def test_a_search_that_was_saved_with_nonsense_stops_nobody(boss):
    candidate = make_candidate(2)
    other = User.objects.create_user("other")
    query = f"detections_min=-1e1000000&object={'9' * 1000}&position=%25"
    SavedSearch.objects.create(user=other, name="bomb", query=query, is_shared=True)
    page = boss.get("/candidates/")
    assert page.status_code == 200 and "bomb" in page.content.decode()
    began = time.process_time()
    assert boss.get(f"/candidates/?{query}").status_code == 400
    opened = boss.get(f"/candidates/{candidate.pk}/", {"list": query})
    assert opened.status_code == 200
    assert boss.get(reverse("new_campaign"), {"list": query}).status_code == 200
    assert not CandidateFilter(None).qs.filter(pk=0) and time.process_time() - began < 3


@pytest.fixture
def campaign(boss):
    candidate = make_candidate(2)
    taxonomy = Taxonomy.objects.get(is_current=True)
    made = Campaign.objects.create(name="c", taxonomy=taxonomy, created_by=boss.user)
    CampaignObject.objects.create(campaign=made, refsource_id=candidate.pk, rank=1)
    made.candidate = candidate
    return made


@pytest.mark.parametrize(
    "decisions",
    [
        *('"x"', "5", "[5]", "[[]]", '[{"refsource_id": NaN}]', '[{"refsource_id": [1]}]'),
        *('[{"refsource_id": %s}]' % ("9" * 5000), '[{"refsource_id": 1, "comment": "\\ud800"}]'),
        *('[{"refsource_id": 1, "shown": {"a": NaN}}]', '[{"refsource_id": true}]'),
        *("[" * 50_000, '[{"refsource_id": 1, "choice": ["flare"]}]'),
    ],
    ids=range(12),
)
def test_a_vote_that_is_none_is_told_in_json(boss, campaign, decisions):
    for name, body in (
        ("vet_decide", f'{{"decisions": {decisions}}}'),
        ("vet_undo", f'{{"keys": {decisions}}}'),
    ):
        url = reverse(name, args=[campaign.pk])
        answer = boss.post(url, body, content_type="application/json")
        assert answer.status_code == 400 and "no decisions" in answer.json()["error"]


@pytest.mark.parametrize("thing", ["votes", "flags"])
def test_what_the_api_can_t_take_is_told_in_json(boss, campaign, thing):
    row = {"refsource_id": campaign.candidate.pk, "choice": "flare", "artifact": "ghost"}
    text = "comment" if thing == "votes" else "reason"
    good = json.dumps(row)
    for bad in (
        *('{"refsource_id": NaN}', '{"refsource_id": %s}' % ("9" * 5000), "[1]", "[" * 50_000),
        *(
            good.replace("}", f', "{text}": "\\ud800"}}'),
            good.replace("}", f', "{text}": "\\u0000"}}'),
        ),
        *(good.replace("}", f', "{text}": {{}}}}'), good.replace("}", f', "{text}": []}}')),
        json.dumps(row | {"refsource_id": "1_0"}),
        json.dumps(row | {"refsource_id": 2**63}),
    ):
        answer = boss.post(f"/api/{thing}/", bad, content_type="application/json")
        assert answer.status_code == 400 and answer.json(), bad[:80]
    assert boss.post(f"/api/{thing}/", good, content_type="application/json").status_code == 201


def test_a_cone_is_asked_for_in_numbers(boss):
    for name, value in (("ra", "NaN"), ("dec", "inf"), ("radius_arcsec", "1_0"), ("ra", "360.1")):
        asked = {"ra": "266", "dec": "-29", name: value}
        answer = boss.get("/api/cone/", asked)
        assert answer.status_code == 400 and name in answer.json()


def test_look_ups_of_the_admin_that_make_no_sense_are_refused_with_words(boss):
    for path, query in (
        ("axes/accessattempt", "ip_address__gte=x"),
        ("variables/galflag", "region__exact=x"),
        ("exposures/galjob", "asked_by__range=a"),
        ("exposures/galjob", f"closed__year__lt={'9' * 20}"),
        ("exposures/galimage", "ccdnum__gte=many"),
        ("exposures/galfield", "filters__in=x"),
    ):
        with transaction.atomic():
            answer = boss.get(f"/admin/{path}/?{query}")
            transaction.set_rollback(True)
        assert answer.status_code == 400, path
        assert query.partition("=")[0] in answer.content.decode()
    assert boss.get("/admin/exposures/galimage/?ccdnum__gte=3&o=1").status_code == 200


def test_where_a_flag_s_form_leads_back_to_is_a_path_of_ours(boss):
    for url in ("x", "{}", "//evil.example/", "https://evil.example/", "javascript:x"):
        answer = boss.post(reverse("decide_flags"), {"action": "accept", "next": url})
        assert answer.status_code == 302 and answer.url == reverse("flags")
    back = boss.post(reverse("decide_flags"), {"action": "accept", "next": "/flags/?state=x"})
    assert back.url == "/flags/?state=x"


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("1.2.3.4:5678", "1.2.3.4"),
        ("[::1]:443", "::1"),
        ("[2001:DB8::7]", "2001:db8::7"),
        ("fe80::1%eth0", "fe80::1"),
        ("::ffff:1.2.3.4", "1.2.3.4"),
        ("garbage", "10.0.0.1"),
        ("999.1.1.1", "10.0.0.1"),
        ("010.0.0.1", "10.0.0.1"),
        ("1.2.3.4:x", "10.0.0.1"),
        ("6.6.6.6, 1.2.3.4:80", "1.2.3.4"),
    ],
)
def test_an_address_is_plain_however_a_proxy_writes_it(settings, written, plain):
    settings.N_PROXIES = 1
    request = RequestFactory().get("/", REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR=written)
    assert client_address(request) == plain


def test_wrong_logins_from_all_ports_of_an_address_are_counted_together(client, settings):
    settings.N_PROXIES = 1
    User.objects.create_user("annie", password="a long enough one")
    wrong = {"username": "annie", "password": "wrong"}
    for port in range(settings.AXES_FAILURE_LIMIT):
        last = client.post(reverse("login"), wrong, HTTP_X_FORWARDED_FOR=f"1.2.3.4:{5000 + port}")
    assert last.status_code == 429
    attempt = AccessAttempt.objects.get()
    assert attempt.ip_address == "1.2.3.4"
    assert attempt.failures_since_start == settings.AXES_FAILURE_LIMIT
    right = {"username": "annie", "password": "a long enough one"}
    again = client.post(reverse("login"), right, HTTP_X_FORWARDED_FOR="1.2.3.4:9")
    assert again.status_code == 429
    elsewhere = client.post(reverse("login"), right, HTTP_X_FORWARDED_FOR="[2001:db8::7]:9")
    assert elsewhere.status_code == 302


@pytest.mark.parametrize("peer", ["", "garbage"])
def test_wrong_logins_are_counted_where_no_address_is_known(client, settings, peer):
    User.objects.create_user("annie", password="a long enough one")
    wrong = {"username": "annie", "password": "wrong"}
    for _ in range(settings.AXES_FAILURE_LIMIT):
        last = client.post(reverse("login"), wrong, REMOTE_ADDR=peer)
    assert last.status_code == 429
