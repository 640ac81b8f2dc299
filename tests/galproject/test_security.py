"""What protects people and their data: policies, cookies, throttled logins."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import RequestFactory
from django.urls import reverse

from galproject.site.client_address import client_address
from tests.builders.people import make_person

pytestmark = pytest.mark.django_db
PROJECT = Path(__file__).resolve().parents[2]


def test_production_settings_pass_django_s_own_check():
    environment = {
        **os.environ,
        "GALPROJECT_HTTPS": "true",
        "GALPROJECT_HOSTS": "gal.example.org",
        "GALPROJECT_PROXIES": "1",
        "GALPROJECT_ORIGINS": "https://gal.example.org",
        "SECRET_KEY": "".join(chr(48 + k) for k in range(70)),
    }
    check = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    done = subprocess.run(check, cwd=PROJECT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_pages_run_no_script_but_files_of_ours(client):
    client.force_login(User.objects.create_superuser("root"))
    for url in (
        "/",
        "/candidates/",
        "/vetting/",
        "/admin/",
        "/admin/variables/galvarobj/",
        "/api/",
    ):
        response = client.get(url)
        policy = response["Content-Security-Policy"]
        assert "script-src 'self';" in f"{policy};" and "default-src 'none'" in policy
        page = response.content.decode()
        assert "<script>" not in page and " onclick=" not in page and "javascript:" not in page
        assert response["X-Frame-Options"] == "DENY"
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["Referrer-Policy"] == "same-origin"
        assert "no-cache" in response["Cache-Control"]


def test_guessing_is_stopped_for_one_address_and_nobody_else(client, settings):
    make_person("annie", password="a long enough one")
    url, wrong = reverse("login"), {"username": "annie", "password": "wrong"}
    for _ in range(settings.AXES_FAILURE_LIMIT):
        last = client.post(url, wrong)
    assert last.status_code == 429 and "15 minutes" in last.content.decode()
    right = {"username": "annie", "password": "a long enough one"}
    assert client.post(url, right).status_code == 429
    assert client.post(url, right, REMOTE_ADDR="10.0.0.9").status_code == 302


@pytest.mark.parametrize(
    ("n_proxies", "written", "expected"),
    [(0, "6.6.6.6", "10.0.0.1"), (1, "6.6.6.6, 7.7.7.7", "7.7.7.7"), (2, "7.7.7.7", "10.0.0.1")],
)
def test_an_address_is_only_taken_from_proxies_of_one_s_own(settings, n_proxies, written, expected):
    settings.N_PROXIES = n_proxies
    request = RequestFactory().get("/", REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR=written)
    assert client_address(request) == expected


def test_weak_passwords_are_refused(client):
    user = make_person("annie", password="a long enough one")
    client.force_login(user)
    said = {"old_password": "a long enough one", "new_password1": "short", "new_password2": "short"}
    page = client.post(reverse("password_change"), said).content.decode()
    assert "at least 10 characters" in page
