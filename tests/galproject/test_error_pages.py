"""Pages for what is refused and what fails: what they say, and that they need no database."""

import re
from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import Group, User
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.core.management import call_command
from django.db import OperationalError
from django.test import Client
from django.urls import path, reverse
from django.utils import timezone

from galproject import urls as addresses
from galproject.site import survey_access
from galproject.site.groups import ACTS
from tests.builders.campaigns import make_campaign, make_user, make_voter
from tests.builders.candidates import make_candidate

WRONG = {"username": "annie", "password": "wrong"}
RIGHT = {"username": "annie", "password": "a long enough one"}


def raising(error):
    def view(request):
        raise error

    view.login_required = False
    return view


# The addresses of the site, and some that fail.
urlpatterns = [
    *addresses.urlpatterns,
    path("fails/", raising(RuntimeError("secret")), name="fails"),
    path("no-database/", raising(OperationalError("secret")), name="no-database"),
    path("suspicious/", raising(SuspiciousOperation("secret")), name="suspicious"),
    path("unclear/", raising(BadRequest("The form is not complete")), name="unclear"),
]
handler400, handler403 = addresses.handler400, addresses.handler403
handler404, handler500 = addresses.handler404, addresses.handler500


@pytest.fixture
def failing(settings, monkeypatch):
    """A client without the database, of a site with addresses that fail, open to everybody."""
    settings.ROOT_URLCONF = __name__
    fail = {"fails", "no-database", "suspicious", "unclear"}
    monkeypatch.setattr(survey_access, "OPEN", survey_access.OPEN | fail)
    return Client(raise_request_exception=False, enforce_csrf_checks=True)


def words(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", response.content.decode()))


@pytest.mark.parametrize(
    ("address", "status", "said"),
    [
        ("/fails/", 500, "an error of the server"),
        ("/no-database/", 503, "The database does not answer"),
        ("/suspicious/", 400, "not as this server expects it"),
        ("/unclear/", 400, "The form is not complete."),
        ("/nowhere/", 404, "nothing at this address"),
    ],
)
def test_what_fails_has_a_page_in_our_style_that_needs_no_database(failing, address, status, said):
    response = failing.get(address)
    assert response.status_code == status
    page = response.content.decode()
    assert said in words(response) and "secret" not in page
    assert "galproject.css" in page and 'href="/"' in page and "<h1>" in page


def test_a_form_without_its_token_is_explained_without_the_database(failing):
    response = failing.post("/login/", {})
    assert response.status_code == 403 and "no cookie of this site" in words(response)
    failing.cookies["csrftoken"] = "a" * 32
    response = failing.post("/login/", {})
    assert response.status_code == 403 and "not belong to your present login" in words(response)
    response = failing.post("/login/", {}, headers={"origin": "https://elsewhere.org"})
    assert response.status_code == 403 and "GALPROJECT_ORIGINS" in words(response)


def test_a_name_of_the_server_that_is_not_its_own_is_refused_with_a_page(failing):
    response = failing.get("/login/", headers={"host": "evil.example"})
    assert response.status_code == 400 and "GALPROJECT_HOSTS" in words(response)


def test_programs_get_errors_as_json(failing):
    response = failing.get("/fails/", headers={"accept": "application/json"})
    assert response.status_code == 500 and "on the server" in response.json()["detail"]
    response = failing.get("/nowhere/", headers={"accept": "application/json"})
    assert response.json() == {"detail": "There is nothing at this address."}


@pytest.mark.django_db
def test_a_form_s_own_address_opened_as_a_page_says_so(client):
    client.force_login(make_voter())
    response = client.get(reverse("save_search"))
    assert response.status_code == 405 and response["Allow"] == "POST"
    assert "only for forms" in words(response)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "permission", "groups"),
    [
        ("run_failed", "exposures.add_galjob", ["operators"]),
        ("vet_list", "variables.add_galdecision", ["curators", "vetters"]),
        ("decide_flags", "variables.add_galflag", ["curators"]),
        ("new_campaign", "variables.add_campaign", ["curators"]),
    ],
)
def test_a_refusal_names_the_missing_permission_and_who_gives_it(client, name, permission, groups):
    User.objects.create_superuser("root")
    client.force_login(make_user(name="annie"))
    response = client.post(reverse(name))
    assert response.status_code == 403
    said = words(response)
    assert permission in said and f"may not {ACTS[permission]}" in said
    assert f"into the group {' or '.join(groups)}" in said and "root" in said
    others = set(ACTS) - {permission}
    assert not any(other in said for other in others)


@pytest.mark.django_db
def test_a_refusal_without_an_administrator_says_how_one_is_made(client):
    client.force_login(make_user())
    assert "manage.py createsuperuser" in words(client.post(reverse("run_failed")))


@pytest.mark.django_db
def test_a_refusal_of_django_s_tables_names_what_is_missing_there(client):
    user = make_user("view_galjob")
    User.objects.filter(pk=user.pk).update(is_staff=True)
    client.force_login(user)
    for name, permission in (
        ("admin:exposures_galfield_add", "exposures.add_galfield"),
        ("admin:variables_galflag_changelist", "variables.view_galflag"),
    ):
        response = client.get(reverse(name))
        assert response.status_code == 403 and permission in words(response)


@pytest.mark.django_db
def test_who_is_not_invited_to_a_campaign_is_told_whose_it_is(client):
    ann, bob = make_voter("ann"), make_voter("bob")
    campaign = make_campaign(2, members=(ann,))
    client.force_login(bob)
    response = client.get(reverse("vet", args=[campaign.pk]))
    assert response.status_code == 403
    said = words(response)
    assert "is for ann" in said and campaign.created_by.get_username() in said
    assert "permission" not in said


@pytest.mark.django_db
def test_the_api_names_the_missing_permission_too(client):
    client.force_login(make_user())
    for name, permission in (("flag", "add_galflag"), ("vote", "add_galdecision")):
        response = client.post(reverse(f"api-{name}-list"), {})
        assert response.status_code == 403
        assert f"variables.{permission}" in response.json()["detail"]
    assert client.post(reverse("api-candidate-list"), {}).status_code == 405


@pytest.mark.django_db
def test_readers_are_not_told_to_vote_first(client):
    campaign = make_campaign(candidates=[make_candidate(3)])
    pk = campaign.objects_in.get().refsource_id
    pages = (reverse("candidate", args=[pk]), reverse("candidates"), reverse("vetting"))
    said = {}
    for user in (make_user(), make_voter()):
        client.force_login(user)
        said[user.pk] = " ".join(client.get(page).content.decode() for page in pages)
    reader, voter = said.values()
    for told in ("until you vote", "after your own", "own vote", "Vet this list"):
        assert told not in reader, told
        assert told in voter, told
    assert "when its campaign is closed" in reader


@pytest.mark.django_db
def test_a_lockout_says_when_it_ends_and_its_advice_helps(client, settings):
    user = User.objects.create_user(**RIGHT)
    user.groups.add(Group.objects.get(name="readers"))
    for _ in range(settings.AXES_FAILURE_LIMIT):
        response = client.post(reverse("login"), WRONG)
    assert response.status_code == 429 and int(response["Retry-After"]) <= 900
    end = AccessAttempt.objects.get().attempt_time + settings.AXES_COOLOFF_TIME
    said = words(response)
    assert f"{end:%H:%M:%S} UTC" in said and "in 15 minutes" in said
    assert "manage.py axes_reset_username annie" in said
    # A try before the end does not prolong it, and the page says the same end.
    assert f"{end:%H:%M:%S} UTC" in words(client.post(reverse("login"), RIGHT))
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=15, seconds=1))
    assert client.post(reverse("login"), RIGHT).status_code == 302


@pytest.mark.django_db
def test_the_command_that_a_lockout_names_lifts_it(client, settings):
    User.objects.create_user(**RIGHT)
    for _ in range(settings.AXES_FAILURE_LIMIT + 2):
        client.post(reverse("login"), WRONG)
    assert client.post(reverse("login"), RIGHT).status_code == 429
    call_command("axes_reset_username", "annie", verbosity=0)
    assert client.post(reverse("login"), RIGHT).status_code == 302
