"""Environment variables: each is checked, and one line says which can't be used."""

import os
import subprocess
import sys

import pytest
from django.conf import settings

from galproject.configuration.environment import (
    VARIABLES,
    InvalidEnvironmentError,
    read_environment,
    unknown_variables,
)
from galproject.site.checks import variables_are_known


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        *(("GALPROJECT_HTTPS", value) for value in ("2", "ja", "truee")),
        *(("GALPROJECT_DEBUG", value) for value in ("-1", "[]")),
        *(("GALPROJECT_PROXIES", value) for value in ("x", "-1", "1.5", "1e3", "10", "9" * 5000)),
        *(("GALPROJECT_WORKERS", value) for value in ("1e3", "0", "100000", "two")),
        *(("GALPROJECT_NIGHTS", value) for value in ("-1", "0", "1000000000")),
        *(("GALPROJECT_LOG_LEVEL", value) for value in ("loud", "10", "NOTSET ")),
        *(("GALPROJECT_API_RATE", value) for value in ("x", "0/hour", "-3/s", "3000", "1/week")),
        ("GALPROJECT_HOSTS", "https://gal.example.org"),
        ("GALPROJECT_HOSTS", "gal.example.org:8000"),
        ("GALPROJECT_HOSTS", "a b"),
        ("GALPROJECT_ORIGINS", "gal.example.org"),
        ("GALPROJECT_ORIGINS", "https://gal.example.org/page"),
        *(("DATABASE_URL", value) for value in ("garbage", "mysql://u@h/x", "postgresql://")),
        ("DATABASE_URL", "postgresql://u:p@h:port/x"),
        ("DATABASE_URL", "postgresql://u:p@[::/x"),
        ("DATABASE_URL", "postgresql:///x?colour=red"),
        ("GALPROJECT_DATABASE", "../other"),
        ("GALPROJECT_DATABASE", "x" * 64),
        ("GALPROJECT_REDIS_URL", "localhost"),
        ("GALPROJECT_PICTURES", "/etc/passwd"),
        ("GALPROJECT_EXPOSURES", "/etc/passwd/exposures"),
        ("GALPROJECT_STATIC_ROOT", "/dev/null"),
        ("GALPROJECT_HOST", "x" * 65),
        ("GALPROJECT_HOST", "a\x1b[31m"),
        ("GALPROJECT_OPTIONS", "a\udcff.toml"),
        ("GALPROJECT_ARCHIVE_URL", "ftp://archive"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named_with_what_is_allowed(variable, value):
    with pytest.raises(InvalidEnvironmentError) as error:
        read_environment({variable: value})
    (line,) = str(error.value).splitlines()
    assert line.startswith(f"{variable}=")
    assert line.endswith(f": must be {VARIABLES[variable].description}")
    assert line.isprintable() and len(line) < 300


def test_every_variable_says_what_it_may_be():
    assert all(field.description for field in VARIABLES.values())


def test_a_variable_that_is_empty_is_as_one_that_is_not_set():
    assert read_environment(dict.fromkeys(VARIABLES, " ")) == read_environment({})
    assert read_environment({"GALPROJECT_HOSTS": ""}).hosts == ["localhost", "127.0.0.1", "[::1]"]


@pytest.mark.parametrize(
    ("variable", "value", "name", "expected"),
    [
        *(("GALPROJECT_HTTPS", value, "https", True) for value in ("true", "1", "on", "Yes")),
        *(("GALPROJECT_HTTPS", value, "https", False) for value in ("false", "0", "off", "No")),
        (
            "GALPROJECT_HOSTS",
            "gal.example.org, .b.org,*",
            "hosts",
            ["gal.example.org", ".b.org", "*"],
        ),
        ("GALPROJECT_ORIGINS", "https://*.a.org:8443", "origins", ["https://*.a.org:8443"]),
        ("GALPROJECT_LOG_LEVEL", "debug", "log_level", "DEBUG"),
        ("GALPROJECT_API_RATE", "5/min", "api_rate", "5/min"),
        ("GALPROJECT_WORKERS", "16", "workers", 16),
        *(
            ("DATABASE_URL", url, "database_url", url)
            for url in (
                "postgresql:///galproject?host=/run/postgresql&user=me",
                "postgres://u:p%40ss@db.example.org:5433/gal?sslmode=require",
                "postgresql://u:p@[::1]:5432/gal",
            )
        ),
    ],
)
def test_what_people_write_is_taken(variable, value, name, expected):
    assert getattr(read_environment({variable: value}), name) == expected


def test_no_message_tells_a_password():
    with pytest.raises(InvalidEnvironmentError) as error:
        read_environment(
            {
                "DATABASE_URL": "mysql://me:hush@host/x?password=hush",
                "GALPROJECT_REDIS_URL": "http:hush@host",
                "SECRET_KEY": "hush\x00",
            }
        )
    assert len(str(error.value).splitlines()) == 3
    assert "hush" not in str(error.value)


def test_a_misspelt_variable_is_told_of(monkeypatch):
    (line,) = unknown_variables({"GALPROJECT_HTPS": "true", "HOME": "/", "GALPROJECT_HTTPS": "1"})
    assert "GALPROJECT_HTPS" in line and "did you mean GALPROJECT_HTTPS?" in line
    assert unknown_variables({"GALPROJECT_OPTION_INPUT__GAIN": "2", "GALPROJECT_TOKEN": "x"}) == []
    before = len(variables_are_known())
    monkeypatch.setenv("GALPROJECT_NIGHT", "3")
    *_, warning = variables_are_known()
    assert len(variables_are_known()) == before + 1
    assert "GALPROJECT_NIGHTS" in warning.msg


def test_a_command_ends_with_a_line_for_each_wrong_variable_and_no_traceback():
    wrong = {"GALPROJECT_HTTPS": "2", "GALPROJECT_WORKERS": "1e3"}
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=settings.BASE_DIR,
        env=os.environ | wrong,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "manage.py: GALPROJECT_HTTPS='2': must be true or false",
        "manage.py: GALPROJECT_WORKERS='1e3': must be a whole number from 1 to 256",
    ]
