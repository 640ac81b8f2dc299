"""Who may see and do what: every address, as nobody and as each group."""

import re

import pytest
from django.contrib.auth.models import Group, User
from django.core.cache import cache
from django.test import Client
from django.urls import URLPattern, get_resolver, reverse

from galproject.groups import MAY, permissions_of
from photometry.models import GalObject
from tests.variables.candidates import join_all, make_candidate
from variables.models import Campaign, GalFlag, Taxonomy

pytestmark = pytest.mark.django_db

GROUPS = tuple(MAY)
ALL = set(GROUPS)
VOTE, CURATE, OPERATE = {"vetters", "curators"}, {"curators"}, {"operators"}

# Each address: its method, who may, and what it takes. An address that is not here fails a test.
ADDRESSES = {
    "home": ("get", ALL),
    "working_status": ("get", ALL),
    "run_failed": ("post", OPERATE),
    "exposure": ("get", ALL),
    "run_failed_of_exposure": ("post", OPERATE),
    "candidates": ("get", ALL),
    "export_candidates": ("get", ALL),
    "repeat_detections": ("get", ALL),
    "save_search": ("post", ALL),
    "delete_search": ("post", set()),
    "candidate": ("get", ALL),
    "candidate_data": ("get", ALL),
    "candidate_field": ("get", ALL),
    "candidate_periods": ("get", ALL),
    "vetting": ("get", ALL),
    "new_campaign": ("get", CURATE),
    "campaign": ("get", ALL),
    "close_campaign": ("post", CURATE),
    "reopen_campaign": ("post", CURATE),
    "rename_campaign": ("post", CURATE),
    "follow_up_campaign": ("post", CURATE),
    "flag_artifacts": ("post", CURATE),
    "export_decisions": ("get", CURATE),
    "vet": ("get", VOTE),
    "vet_list": ("get", VOTE),
    "vet_next": ("get", VOTE),
    "vet_decide": ("post", VOTE),
    "vet_undo": ("post", VOTE),
    "vet_release": ("post", VOTE),
    "vote": ("post", VOTE),
    "cutouts": ("get", ALL),
    "strip": ("get", ALL),
    "image_picture": ("get", ALL),
    "flags": ("get", ALL),
    "flag_source": ("post", CURATE),
    "decide_flags": ("post", CURATE),
    "decide_flag_group": ("post", CURATE),
    "decide_flag": ("post", CURATE),
    "image": ("get", ALL),
    "flag_image": ("post", CURATE),
    "image_covered": ("get", ALL),
    "image_quality": ("post", {"curators", "operators"}),
    "references": ("get", ALL),
    "references_preview": ("get", ALL),
    "choose_reference": ("post", CURATE),
    "withdraw_reference": ("post", CURATE),
    "change_reference_set": ("post", CURATE),
    "api_documentation": ("get", ALL),
    "make_token": ("post", ALL),
    "revoke_token": ("post", ALL),
    "api-schema": ("get", ALL),
    "api-curve": ("get", ALL),
    "api-cone": ("get", ALL),
    **{
        f"api-{thing}-{kind}": ("get", ALL)
        for thing in ("exposure", "image", "reference", "candidate", "flag", "vote")
        for kind in ("list", "detail")
    },
    "api-candidate-light-curve": ("get", ALL),
    "api-object-detail": ("get", ALL),
    "api-object-light-curve": ("get", ALL),
    "password_change": ("get", ALL),
    "password_change_done": ("get", ALL),
}
OPEN = {"login", "logout"}
# What may be refused for other reasons than who asks: nothing is rendered, chosen or voted yet.
REFUSALS = {200, 204, 302, 400, 404, 405, 409, 422}


def addresses(patterns, prefix=""):
    """(name, pattern) of every address outside of the admin."""
    for pattern in patterns:
        if isinstance(pattern, URLPattern):
            if pattern.name:
                yield pattern.name, pattern
        elif getattr(pattern, "namespace", None) != "admin":
            yield from addresses(pattern.url_patterns, prefix)


@pytest.fixture
def things():
    """One of each thing that an address can name."""
    candidate = make_candidate(2)
    join_all()
    boss = User.objects.create_user("boss")
    taxonomy = Taxonomy.objects.get(is_current=True)
    campaign = Campaign.objects.create(name="c", taxonomy=taxonomy, created_by=boss)
    flag = GalFlag.objects.create(refsource_id=candidate.pk, artifact="ghost", state="proposed")
    image = candidate.catalogue.image
    vetting = ("campaign", "vet", "artifacts", "decisions", "follow")
    return {
        "refsource_id": candidate.pk,
        "exposure": image.exposure_id,
        "image": image.pk,
        "campaign": campaign.pk,
        "flag": flag.pk,
        "candidate": candidate.pk,
        "reference": candidate.catalogue_id,
        "object": GalObject.objects.first().pk,
        "vetting": vetting,
    }


def address(name, things):
    """An address of this name, of a thing that is there."""
    pattern = next(p for n, p in addresses(get_resolver().url_patterns) if n == name)
    arguments = re.findall(r"<(?:\w+:)?(\w+)>|\?P<(\w+)>", str(pattern.pattern))
    named = [a or b for a, b in arguments]
    if not named or named == ["format"]:
        return reverse(name)
    if name == "strip":
        return reverse(name, args=[things["candidate"], things["image"]])
    if named[0] == "refsource_id":
        return reverse(name, args=[things["refsource_id"]])
    return reverse(name, args=[things[kind_of(name)]])


def kind_of(name):
    if name.startswith("api-"):
        return {"vote": "flag"}.get(name.split("-")[1], name.split("-")[1])
    if name in ("cutouts",) or name.startswith("candidate"):
        return "candidate"
    if (
        "flag" in name
        and "image" not in name
        and "artifacts" not in name
        or name == "delete_search"
    ):
        return "flag"
    if name.startswith(("image", "flag_image", "withdraw")):
        return "image"
    if name in ("exposure", "run_failed_of_exposure"):
        return "exposure"
    return "campaign"


def ask(client, method, url):
    if method == "get":
        return client.get(url, {"ra": 266, "dec": -29} if "cone" in url else {})
    body = '{"decisions": []}' if "decide/" in url and "vet" in url else "{}"
    return client.post(url, body, content_type="application/json")


def test_every_address_is_in_the_table():
    known = {name for name, _ in addresses(get_resolver().url_patterns)}
    assert known - OPEN == set(ADDRESSES)


@pytest.mark.parametrize("name", ADDRESSES)
def test_nobody_sees_anything(name, things, client):
    method, _ = ADDRESSES[name]
    response = ask(client, method, address(name, things))
    if name.startswith("api-"):
        assert response.status_code in (401, 403)
    else:
        assert response.status_code == 302 and response.url.startswith("/login/")


@pytest.mark.parametrize("group", GROUPS)
def test_each_group_may_what_it_may(group, things, client):
    cache.clear()
    user = User.objects.create_user("somebody")
    user.groups.add(Group.objects.get(name=group))
    client.force_login(user)
    wrong = {}
    for name, (method, who) in ADDRESSES.items():
        status = ask(client, method, address(name, things)).status_code
        is_refused = status == 403
        if is_refused == (group in who) or not (is_refused or status in REFUSALS):
            wrong[name] = status
    assert wrong.pop("delete_search") == 404  # of somebody else's, or none
    assert wrong == {}


@pytest.mark.parametrize(("name", "who"), [("api-flag-list", CURATE), ("api-vote-list", VOTE)])
@pytest.mark.parametrize("group", GROUPS)
def test_the_api_is_written_to_by_those_who_may(group, name, who, things, client):
    cache.clear()
    user = User.objects.create_user("somebody")
    user.groups.add(Group.objects.get(name=group))
    client.force_login(user)
    said = {"refsource_id": things["refsource_id"], "artifact": "ghost", "choice": "rr-lyrae"}
    response = client.post(reverse(name), said, content_type="application/json")
    assert response.status_code == (201 if group in who else 403)
    for method in ("put", "patch", "delete"):
        assert getattr(client, method)(reverse(name)).status_code in (403, 405)


@pytest.mark.parametrize("name", [n for n, (method, _) in ADDRESSES.items() if method == "post"])
def test_a_post_without_its_token_is_refused(name, things):
    client = Client(enforce_csrf_checks=True)
    boss = User.objects.create_superuser("root")
    client.force_login(boss)
    assert client.post(address(name, things), {}).status_code == 403


def test_groups_may_no_more_than_they_should():
    for name in GROUPS:
        held = {
            f"{app}.{codename}"
            for app, codename in Group.objects.get(name=name).permissions.values_list(
                "content_type__app_label", "codename"
            )
        }
        beyond_viewing = {p for p in held if ".view_" not in p}
        assert beyond_viewing == permissions_of(name)
        assert "variables.view_galcandidate" in held
        assert not any(p.startswith(("auth.", "authtoken.")) for p in held)
