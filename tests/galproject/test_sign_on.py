"""Sign-on by OpenID Connect: who is let in, as whom, into which groups, and who is refused."""

from dataclasses import replace

import pytest
from django.contrib.auth.models import Group, User
from django.core.cache import cache

from galproject.configuration.environment import read_environment
from galproject.configuration.sign_on import SignOn, sign_on_from
from galproject.models import SignOnIdentity
from galproject.sign_on.checks import sign_on_is_complete
from tests.builders.openid_provider import CLIENT, SECRET, make_key, running_provider
from tests.builders.people import make_person

pytestmark = pytest.mark.django_db

ANNIE = {"sub": "0001", "preferred_username": "annie", "groups": ["team"], "email": "a@b.org"}


@pytest.fixture(scope="module")
def one_provider():
    with running_provider() as provider:
        yield provider


@pytest.fixture
def provider(one_provider, settings):
    """A provider, at which the person logs in next that it is told of."""
    cache.clear()
    one_provider.person, one_provider.token_claims = dict(ANNIE), {}
    one_provider.signed_with, one_provider.algorithm = None, "RS256"
    settings.SIGN_ON = SignOn(
        one_provider.issuer,
        CLIENT,
        SECRET,
        label="the institute",
        groups=(("team", "vetters"), ("heads", "curators")),
        makes_accounts=True,
    )
    settings.AUTHENTICATION_BACKENDS = [
        *settings.AUTHENTICATION_BACKENDS,
        "galproject.sign_on.backend.SignOnBackend",
    ]
    return one_provider


def come(client, provider, path="/sign-on/"):
    """Go to the provider, log in there, and come back."""
    return client.get(provider.log_in(client.get(path).url))


def refused(response, words):
    assert response.status_code == 403
    text = response.content.decode()
    assert "could not be logged in" in text and words in text, text
    return "_auth_user_id" not in response.client.session


def groups_of(name):
    return set(User.objects.get(username=name).groups.values_list("name", flat=True))


def test_who_comes_from_the_provider_has_an_account_in_the_groups_of_their_claims(client, provider):
    response = come(client, provider, "/sign-on/?next=/flags/")
    assert response.status_code == 302 and response.url == "/flags/"
    user = User.objects.get(username="annie")
    assert not user.has_usable_password() and user.email == "a@b.org"
    assert groups_of("annie") == {"vetters"}
    assert client.get("/candidates/").status_code == 200


def test_groups_follow_the_claims_and_those_given_here_stay(client, provider):
    come(client, provider)
    User.objects.get().groups.add(Group.objects.get(name="operators"))
    provider.person["groups"] = ["heads", "choir"]
    come(client, provider)
    assert groups_of("annie") == {"curators", "operators"}


def test_a_person_is_known_by_their_subject_whatever_they_are_called_now(client, provider):
    come(client, provider)
    provider.person["preferred_username"] = "anne"
    come(client, provider)
    assert [user.username for user in User.objects.all()] == ["annie"]


def test_another_with_the_same_name_does_not_get_the_account(client, provider):
    come(client, provider)
    client.logout()
    provider.person["sub"] = "0002"
    assert refused(come(client, provider), "belongs to somebody else")


def test_an_account_that_is_there_is_matched_by_name_where_none_are_made(
    client, provider, settings
):
    settings.SIGN_ON = replace(settings.SIGN_ON, makes_accounts=False)
    assert refused(come(client, provider), "no account annie here")
    assert not User.objects.exists()
    annie = make_person("annie")
    come(client, provider)
    assert int(client.session["_auth_user_id"]) == annie.pk
    assert groups_of("annie") == {"vetters", "readers"}


def test_without_a_mapping_groups_are_given_here(client, provider, settings):
    settings.SIGN_ON = replace(settings.SIGN_ON, groups=())
    come(client, provider)
    assert groups_of("annie") == set()
    assert "waits for a group" in client.get("/").content.decode()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"token_claims": {"nonce": "another"}}, "Nonce"),
        ({"token_claims": {"nonce": None}}, "Nonce"),
        ({"signed_with": make_key()}, "Signature verification failed"),
        ({"algorithm": "none"}, "isn&#x27;t valid"),
        ({"algorithm": "HS256"}, "isn&#x27;t valid"),
        ({"token_claims": {"iss": "https://elsewhere.org"}}, "Invalid issuer"),
        ({"token_claims": {"aud": "another client"}}, "Audience"),
        ({"token_claims": {"exp": 1_000_000_000}}, "expired"),
        ({"token_claims": {"sub": "0003"}}, "somebody else than"),
        ({"person": ANNIE | {"groups": ["choir"]}}, "no group that galproject knows"),
        ({"person": {"sub": "0001", "preferred_username": "annie"}}, "no group that galproject"),
        ({"person": {"sub": "0001", "groups": "team"}}, "tell your name"),
        ({"person": ANNIE | {"preferred_username": "an nie"}}, "be a name here"),
    ],
)
def test_who_or_what_is_not_right_is_refused_with_the_reason(client, provider, change, words):
    for name, value in change.items():
        setattr(provider, name, value)
    assert refused(come(client, provider), words)
    assert not User.objects.exists() and not SignOnIdentity.objects.exists()


def test_administrators_and_deactivated_people_are_not_let_in_by_a_name(client, provider):
    User.objects.create_superuser("annie")
    assert refused(come(client, provider), "is an administrator")
    User.objects.update(is_superuser=False, is_active=False)
    assert refused(come(client, provider), "not active")


def test_who_is_deactivated_is_out_at_once(client, provider):
    come(client, provider)
    User.objects.update(is_active=False)
    assert client.get("/candidates/").status_code == 302


def test_an_answer_that_was_not_asked_for_is_refused(client, provider):
    location = client.get("/sign-on/").url
    assert refused(client.get("/sign-on/callback/?code=1&state=made-up"), "begun in this browser")
    back = provider.log_in(location)
    assert client.get(back).status_code == 302
    assert client.get(back).status_code == 403  # once is enough
    assert client.get("/sign-on/callback/?error=access_denied").status_code == 403


def test_a_provider_that_does_not_answer_is_told_of(client, provider, settings):
    settings.SIGN_ON = replace(settings.SIGN_ON, issuer="http://127.0.0.1:1")
    assert refused(client.get("/sign-on/"), "can&#x27;t be asked")
    settings.SIGN_ON = replace(settings.SIGN_ON, issuer=provider.issuer + "/")
    assert refused(client.get("/sign-on/"), "another issuer")


def test_permissions_are_looked_up_without_asking_the_provider(client, provider):
    come(client, provider)
    provider.asked.clear()
    client.get("/candidates/")
    assert provider.asked == []


def test_who_logs_out_is_told_how_to_log_out_at_the_provider(client, provider):
    come(client, provider)
    assert client.post("/logout/").url == "/signed-out/"
    page = client.get("/signed-out/").content.decode()
    assert f"{provider.issuer}/logout?client_id={CLIENT}" in page
    client.force_login(make_person("by password"), "django.contrib.auth.backends.ModelBackend")
    assert client.post("/logout/").url == "/login/"


def test_the_login_page_has_a_button_only_where_sign_on_is_set(client, provider, settings):
    assert "Log in by the institute" in client.get("/login/").content.decode()
    settings.SIGN_ON = SignOn()
    assert "sign-on" not in client.get("/login/").content.decode()
    for path in ("/sign-on/", "/sign-on/callback/?code=1&state=2", "/signed-out/"):
        assert client.get(path).status_code == 404


def test_the_check_says_what_is_missing_or_unsafe(settings):
    given = {"GALPROJECT_OIDC_ISSUER": "http://login.example.org"}
    settings.SIGN_ON = sign_on_from(read_environment(given))
    (error,) = sign_on_is_complete()
    assert "GALPROJECT_OIDC_CLIENT_ID, GALPROJECT_OIDC_CLIENT_SECRET not set" in error.msg
    given |= {"GALPROJECT_OIDC_CLIENT_ID": "x", "GALPROJECT_OIDC_CLIENT_SECRET": "y"}
    given["GALPROJECT_OIDC_GROUPS"] = "gal team=vetters, heads=curators"
    settings.SIGN_ON = sign_on_from(read_environment(given))
    assert [error.id for error in sign_on_is_complete()] == ["galproject.E005"]
    assert settings.SIGN_ON.our_groups(["heads", "choir"]) == {"curators"}
    settings.SIGN_ON = sign_on_from(read_environment({}))
    assert sign_on_is_complete() == []
