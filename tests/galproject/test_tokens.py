"""Tokens of the API: names, ends, last uses, and what ends them; only digests are stored."""

import re
from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from galproject.models import ApiToken
from galproject.site.tokens import MAX_LIVE, TokenError, key_digest, make_token
from tests.builders.people import make_person

pytestmark = pytest.mark.django_db

OLD, NEW = "a long enough one", "another long enough one"


@pytest.fixture
def annie():
    cache.clear()
    return make_person("annie", password=OLD)


@pytest.fixture
def key(annie):
    return make_token(annie, "notebook", 30)[1]


def ask(client, key, address="/api/exposures/", scheme="Token"):
    return client.get(address, headers={"Authorization": f"{scheme} {key}"})


def make_on_page(client, name="notebook", days=90):
    return client.post(reverse("tokens"), {"name": name, "days": days})


def key_in(response):
    return re.search(r'class="key">(gal_[\w-]{43})<', response.content.decode())[1]


def test_a_key_is_shown_once_and_only_its_digest_is_stored(client, annie):
    client.force_login(annie)
    key = key_in(make_on_page(client))
    assert key not in client.get(reverse("tokens")).content.decode()
    token = ApiToken.objects.get()
    assert token.digest == key_digest(key) and key[:10] == token.start
    for table in connection.introspection.table_names():
        with connection.cursor() as cursor:
            cursor.execute(f'SELECT count(*) FROM "{table}" t WHERE t::text LIKE %s', [f"%{key}%"])
            assert cursor.fetchone() == (0,), table
    assert ask(client, key).status_code == 200


def test_a_person_has_several_tokens_each_with_a_name_and_an_end(client, annie):
    client.force_login(annie)
    keys = [key_in(make_on_page(client, name, days)) for name, days in (("a", 30), ("b", 365))]
    page = client.get(reverse("tokens")).content.decode()
    for token, days in zip(ApiToken.objects.order_by("pk"), (30, 365), strict=True):
        assert token.name in page and f"{token.expires:%Y-%m-%d}" in page
        assert abs(token.expires - timezone.now() - timedelta(days=days)) < timedelta(minutes=1)
    client.logout()
    assert [ask(client, one).status_code for one in keys] == [200, 200]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"name": "", "days": 30}, "required"),
        ({"name": "notebook", "days": 30}, "already"),
        ({"name": "x" * 61, "days": 30}, "at most 60"),
        ({"name": "new", "days": 100_000}, "valid choice"),
        ({"name": "new"}, "required"),
    ],
)
def test_a_form_that_makes_no_token_says_why(client, annie, key, said, reason):
    client.force_login(annie)
    answer = client.post(reverse("tokens"), said)
    assert answer.status_code == 422 and reason in answer.content.decode()
    assert ApiToken.objects.count() == 1


def test_nobody_has_more_tokens_than_they_can_oversee(annie):
    for number in range(MAX_LIVE):
        make_token(annie, str(number), 1)
    with pytest.raises(TokenError, match="end one first"):
        make_token(annie, "more", 1)


def test_a_token_is_ended_by_its_owner_alone(client, annie, key):
    token = ApiToken.objects.get()
    client.force_login(make_person("henrietta", "curators"))
    assert client.post(reverse("end_token", args=[token.pk])).status_code == 404
    assert ">notebook<" not in client.get(reverse("tokens")).content.decode()
    client.force_login(annie)
    assert ">notebook<" in client.get(reverse("tokens")).content.decode()
    assert client.post(reverse("end_token", args=[token.pk])).status_code == 302
    client.logout()
    refused = ask(client, key)
    assert refused.status_code == 401 and "ended by its owner" in refused.json()["detail"]
    assert refused["WWW-Authenticate"] == "Token"


def test_a_token_that_has_expired_is_refused_with_words(client, key):
    ApiToken.objects.update(expires=timezone.now() - timedelta(seconds=1))
    refused = ask(client, key)
    assert refused.status_code == 401 and "“notebook” is expired on" in refused.json()["detail"]
    assert "/api/tokens/" in refused.json()["detail"]


@pytest.mark.parametrize("wrong", ["", "gal_", "a b", "\xff", "0" * 5000, "%00", "None"])
def test_what_is_no_token_is_refused_with_words(client, key, wrong):
    refused = ask(client, wrong)
    assert refused.status_code == 401 and refused.json()["detail"]


def test_neither_a_digest_nor_the_start_of_a_key_opens_anything(client, key):
    for wrong in (key_digest(key), key[:10], key[:-1], key + "x", key.upper()):
        assert ask(client, wrong).status_code == 401
    assert ask(client, key, scheme="Basic").status_code == 401
    assert ask(client, key, "/candidates/").status_code == 302  # pages are for people


def test_the_last_use_is_noted_without_a_write_for_each_request(
    client, key, django_assert_num_queries
):
    assert ApiToken.objects.get().last_used is None
    ask(client, key)
    first = ApiToken.objects.get().last_used
    assert timezone.now() - first < timedelta(minutes=1)
    with django_assert_num_queries(4) as queries:
        assert ask(client, key).status_code == 200
    assert not [q for q in queries if q["sql"].startswith("UPDATE")]
    assert ApiToken.objects.get().last_used == first
    ApiToken.objects.update(last_used=first - timedelta(minutes=11))
    ask(client, key)
    assert ApiToken.objects.get().last_used >= first


def change_password(client, **said):
    names = {"old_password": OLD, "new_password1": NEW, "new_password2": NEW}
    return client.post(reverse("password_change"), names | said)


@pytest.mark.parametrize(("said", "status"), [({"end_tokens": "on"}, 401), ({}, 200)])
def test_who_changes_the_password_says_whether_tokens_end(client, annie, key, said, status):
    client.force_login(annie)
    assert "End my 1 API token, too" in client.get(reverse("password_change")).content.decode()
    assert change_password(client, **said).status_code == 302
    client.logout()
    answer = ask(client, key)
    assert answer.status_code == status
    assert status == 200 or "the password was changed" in answer.json()["detail"]


def test_who_has_no_token_is_not_asked(client, annie):
    client.force_login(annie)
    assert "API token" not in client.get(reverse("password_change")).content.decode()
    assert change_password(client).status_code == 302
    annie.refresh_from_db()
    assert annie.check_password(NEW)


def test_a_refused_change_of_the_password_ends_nothing(client, annie, key):
    client.force_login(annie)
    assert change_password(client, old_password="wrong", end_tokens="on").status_code == 200
    assert ApiToken.objects.live().count() == 1


def test_the_tables_change_one_s_own_password_on_the_same_page(client, annie):
    client.force_login(annie)
    assert client.get("/admin/password_change/").url == reverse("password_change")


@pytest.mark.parametrize("usable", ["true", "false"])
def test_a_password_that_an_administrator_changes_ends_tokens(client, annie, key, usable):
    client.force_login(User.objects.create_superuser("root"))
    said = {"password1": NEW, "password2": NEW, "usable_password": usable}
    if usable == "false":
        said |= {"unset-password": "Disable password-based authentication"}
    address = reverse("admin:auth_user_password_change", args=[annie.pk])
    page = client.post(address, said, follow=True).content.decode()
    assert "1 API token of theirs ended" in page
    client.logout()
    assert ask(client, key).status_code == 401


def test_a_deactivated_account_s_tokens_end_and_stay_ended(client, annie, key):
    annie.is_active = False
    annie.save()
    assert ask(client, key).status_code == 401
    annie.is_active = True
    annie.save()
    refused = ask(client, key)
    assert refused.status_code == 401 and "deactivated" in refused.json()["detail"]


def test_a_token_of_an_account_that_sql_deactivated_opens_nothing(client, annie, key):
    User.objects.update(is_active=False)
    assert ask(client, key).status_code == 401


def test_other_ways_to_a_new_password_end_tokens_too(annie, key, monkeypatch):
    monkeypatch.setattr("getpass.getpass", lambda **_: NEW)
    call_command("changepassword", "annie", stdout=StringIO())
    assert not ApiToken.objects.live().exists()


def test_a_password_that_is_hashed_anew_at_a_login_ends_none(client, annie, key, settings):
    hashers = list(settings.PASSWORD_HASHERS)
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.ScryptPasswordHasher", *hashers]
    before = annie.password
    assert client.post(reverse("login"), {"username": "annie", "password": OLD}).status_code == 302
    annie.refresh_from_db()
    assert annie.password != before and ApiToken.objects.live().count() == 1


def test_what_else_changes_of_an_account_ends_none(annie, key):
    annie.first_name = "Annie"
    annie.save()
    annie.last_login = timezone.now()
    annie.save(update_fields=["last_login"])
    assert ApiToken.objects.live().count() == 1
    annie.password = make_password(NEW)
    annie.save()
    assert ApiToken.objects.live().count() == 0


def test_administrators_see_and_end_tokens_and_never_their_keys(client, annie, key):
    client.force_login(User.objects.create_superuser("root"))
    table = reverse("admin:galproject_apitoken_changelist")
    token = ApiToken.objects.get()
    pages = [table, reverse("admin:galproject_apitoken_change", args=[token.pk])]
    for page in pages:
        text = client.get(page).content.decode()
        assert "notebook" in text and token.digest not in text and key not in text
    client.post(table, {"action": "end", "_selected_action": [token.pk]})
    client.logout()
    assert "by an administrator" in ask(client, key).json()["detail"]


def test_a_token_may_what_its_owner_may_and_no_more(client, annie, key):
    annie.groups.clear()
    refused = ask(client, key)
    assert refused.status_code == 403 and "waits for a group" in refused.json()["detail"]
