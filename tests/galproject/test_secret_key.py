"""The secret key: what is short or easily guessed is refused when anything starts."""

import os
import random
import secrets
import subprocess
import sys

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.utils import get_random_secret_key

from galproject.configuration.environment import InvalidEnvironmentError, read_environment
from galproject.configuration.secret_key import secret_key_in, weakness_of

EASY = [
    *("x", "secret", "changeme", "a" * 60, "ab" * 40, "abcdefg" * 10),
    *("0123456789" * 6, "1234567890abcdef" * 4, "qwertyuiop" * 6, "please-do-not-guess-me" * 3),
    "django-insecure-" + "w8(x!5kq@3b#z)v7m$t0=r&p2^y+e9d*c6f_h1j-n4a%g",
    "your-secret-key-goes-here-your-own-key-of-fifty-letters",
    "w8(x!5kq@3b#z)v7m$t0=r&p2^y+e9d*c6f_h1j-n4a%g"[:49],
]


@pytest.mark.parametrize("key", EASY)
def test_an_easily_guessed_key_is_refused_in_one_line_that_does_not_tell_it(key):
    with pytest.raises(InvalidEnvironmentError) as error:
        read_environment({"SECRET_KEY": key})
    (line,) = str(error.value).splitlines()
    assert line.startswith("SECRET_KEY=...: must be 50 random") and "makes one" in line


def test_random_keys_of_every_kind_are_taken():
    dice = random.Random(3)
    for _ in range(300):
        for key in (
            get_random_secret_key(),
            secrets.token_urlsafe(38),
            secrets.token_hex(25),
            "".join(dice.choices("0123456789", k=50)),
        ):
            assert weakness_of(key) == ""


@pytest.mark.parametrize("content", [b"", b"short\n", b"a" * 60, b"\xff\xfe" * 40])
def test_a_kept_key_that_is_easily_guessed_names_its_file(tmp_path, content):
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(ImproperlyConfigured, match=str(path)):
        secret_key_in(path)


def test_a_key_that_cannot_be_kept_is_asked_for(tmp_path):
    with pytest.raises(ImproperlyConfigured, match="Set SECRET_KEY instead"):
        secret_key_in(tmp_path / "nowhere" / "key")


def test_no_command_starts_with_such_a_key():
    done = subprocess.run(
        [sys.executable, "manage.py", "serve"],
        cwd=settings.BASE_DIR,
        env={**os.environ, "SECRET_KEY": "changeme"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2 and done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert "SECRET_KEY" in line and "changeme" not in line
