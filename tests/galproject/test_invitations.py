"""Invitations: an account that begins with a link for one use."""

import re
from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from galproject.invitations.inviting import InvitationError, accept, invite, site_address
from galproject.models import Invitation
from tests.builders.sessions import at_once

pytestmark = pytest.mark.django_db

PASSWORD = "nine variable stars"
OVER = "This link opens nothing any more"


def command(*words, **options):
    out = StringIO()
    call_command("invite", *words, stdout=out, stderr=StringIO(), **options)
    return out.getvalue().strip()


def path_of(name="annie", group="vetters", **options):
    """The path of the link of a new invitation."""
    return re.sub(r"^https?://[^/]+", "", command(name, group, **options))


def choose(client, path, password=PASSWORD):
    return client.post(path, {"new_password1": password, "new_password2": password})


def test_a_link_sets_a_password_lets_its_person_in_and_opens_nothing_afterwards(client):
    path = path_of()
    assert not User.objects.get(username="annie").is_active
    assert "Welcome, annie" in client.get(path).content.decode()
    response = choose(client, path)
    assert response.status_code == 302 and response.url == "/"
    user = User.objects.get(username="annie")
    assert user.is_active and [g.name for g in user.groups.all()] == ["vetters"]
    assert client.get("/candidates/").status_code == 200
    for again in (client.get(path), choose(Client(), path, "another long password")):
        assert again.status_code == 404 and OVER in again.content.decode()
    assert User.objects.get().check_password(PASSWORD)


def test_looking_at_a_link_does_not_use_it(client):
    path = path_of()
    assert [client.get(path).status_code for _ in range(3)] == [200] * 3


@pytest.mark.parametrize(("password", "words"), [("short", "10 characters"), ("9" * 12, "numeric")])
def test_a_password_has_to_pass_the_validators_and_the_link_stays_good(client, password, words):
    path = path_of()
    response = choose(client, path, password)
    assert response.status_code == 422 and words in response.content.decode()
    assert not User.objects.get(username="annie").is_active
    assert choose(client, path).status_code == 302


@pytest.mark.parametrize("change", ["expire", "withdraw", "replace", "activate", "delete"])
def test_a_link_that_is_over_opens_one_clear_page(client, change):
    path = path_of()
    if change == "expire":
        Invitation.objects.update(expires=timezone.now() - timedelta(seconds=1))
    elif change == "withdraw":
        command(withdraw="annie")
    elif change == "replace":
        newer = path_of(group="readers")
        assert client.get(newer).status_code == 200
        assert [g.name for g in User.objects.get().groups.all()] == ["readers"]
    elif change == "activate":
        User.objects.update(is_active=True)
    else:
        User.objects.all().delete()
    for response in (client.get(path), choose(client, path)):
        assert response.status_code == 404 and OVER in response.content.decode()
    assert not User.objects.exclude(password__startswith="!").exists()


def test_no_table_has_the_key_of_a_link():
    key = path_of().strip("/").split("/")[-1]
    for table in connection.introspection.table_names():
        with connection.cursor() as cursor:
            cursor.execute(f'SELECT count(*) FROM "{table}" t WHERE t::text LIKE %s', [f"%{key}%"])
            assert cursor.fetchone() == (0,), table


def test_invitations_are_listed_with_their_state():
    for name in ("annie", "henrietta", "cecilia"):
        path_of(name)
    command(withdraw="henrietta")
    Invitation.objects.filter(user__username="cecilia").update(expires=timezone.now())
    lines = command(list=True).splitlines()
    states = {line.split(":")[0]: line.split(":")[1].split()[0].rstrip(",") for line in lines}
    assert states == {"annie": "open", "henrietta": "withdrawn", "cecilia": "expired"}


@pytest.mark.parametrize(
    ("words", "options", "message"),
    [
        (("annie",), {}, "NAME and GROUP"),
        ((), {}, "NAME and GROUP"),
        (("annie", "vetters"), {"list": True}, "NAME and GROUP"),
        (("annie", "astronomers"), {}, "no group astronomers; there are curators, operators"),
        (("an nie", "vetters"), {}, "valid username"),
        (("x" * 151, "vetters"), {}, "150"),
        (("member", "vetters"), {}, "an account member already"),
        ((), {"withdraw": "annie"}, "No invitation of annie"),
        (("annie", "vetters"), {"email": "annie"}, "--email"),
        (("annie", "vetters"), {"site": "gal"}, "--site"),
    ],
)
def test_what_cannot_be_done_is_said_and_makes_no_account(words, options, message):
    User.objects.create_user("member", password=PASSWORD)
    with pytest.raises(CommandError, match=message):
        command(*words, **options)
    assert User.objects.count() == 1


def test_a_deactivated_member_is_not_let_in_by_another_invitation(client):
    choose(client, path_of())
    User.objects.update(is_active=False)
    with pytest.raises(CommandError, match="an account annie already"):
        command("annie", "curators")


def test_mail_is_sent_where_a_server_is_set_and_an_address_given(settings):
    settings.MAIL_IS_SET = True
    link = command("annie", "vetters", email="annie@example.org", site="https://gal.example.org")
    (message,) = mail.outbox
    assert message.to == ["annie@example.org"] and link in message.body
    assert link.startswith("https://gal.example.org/invitation/")
    path_of("henrietta")
    assert len(mail.outbox) == 1


def test_without_a_mail_server_the_link_is_printed_and_said_to_be_unsent():
    out = StringIO()
    with pytest.raises(CommandError, match=r"GALPROJECT_EMAIL_URL names no server.* link above"):
        call_command("invite", "annie", "vetters", email="annie@example.org", stdout=out)
    assert "/invitation/" in out.getvalue() and mail.outbox == []


@pytest.mark.parametrize(
    ("origins", "hosts", "https", "address"),
    [
        (["https://gal.example.org"], ["localhost"], True, "https://gal.example.org"),
        (["https://*.example.org"], [".example.org", "gal.org"], True, "https://gal.org"),
        ([], ["localhost"], False, "http://localhost:8000"),
    ],
)
def test_links_have_the_address_that_the_settings_name(settings, origins, hosts, https, address):
    settings.CSRF_TRUSTED_ORIGINS, settings.ALLOWED_HOSTS = origins, hosts
    settings.HTTPS = https
    assert site_address() == address


def test_administrators_withdraw_an_invitation_in_the_tables(admin_client, client):
    path = path_of()
    row = Invitation.objects.get()
    url = reverse("admin:galproject_invitation_changelist")
    assert "annie" in admin_client.get(url).content.decode()
    admin_client.post(url, {"action": "withdraw", "_selected_action": [row.pk]})
    row.refresh_from_db()
    assert row.withdrawn and client.get(path).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_of_two_who_use_a_link_at_once_one_wins():
    invitation, _ = invite("annie", "vetters", 7)

    def use(password):
        try:
            accept(Invitation.objects.get(pk=invitation.pk), password)
        except InvitationError:
            return None
        return password

    passwords = ["the first long one", "the second long one"]
    won = [p for p in at_once(*(lambda p=p: use(p) for p in passwords)) if p]
    assert len(won) == 1
    assert User.objects.get(username="annie").check_password(won[0])
