"""The project's environment variables, read and checked in one place."""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import psycopg2
from django.core.exceptions import ImproperlyConfigured
from environ import Env
from psycopg2.extensions import make_dsn
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)

from exposures.errors import GalprojectError
from galproject.configuration.secret_key import weakness_of

PREFIX = "GALPROJECT_"
OPTION_PREFIX = "GALPROJECT_OPTION_"  # of the pipeline's options, which are checked as such
# Names without the prefix that are read elsewhere: by examples and tests.
READ_ELSEWHERE = ("URL", "TOKEN", "REQUIRE_BROWSER", "WRITE_RESULTS")
SHOWN_CHARACTERS = 80  # of a value in a message
_HOST = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST_NAME = re.compile(rf"\*|\.?{_HOST}(\.{_HOST})*\.?|\[[0-9A-Fa-f:.]+\]")
_ORIGIN = re.compile(rf"https?://(\*\.)?({_HOST}(\.{_HOST})*|\[[0-9A-Fa-f:.]+\])(:\d{{1,5}})?")
_RATE = r"[1-9]\d{0,8}/(s|sec|second|m|min|minute|h|hour|d|day)"
_LOGIN = re.compile(r"(?<=:).*@|(?<=password=)[^&]*")  # of a URL, right or wrong


class InvalidEnvironmentError(GalprojectError, ImproperlyConfigured):
    """Invalid environment variables: one line each, with the value and what is allowed."""


def _printable(text):
    if not text.isprintable():
        raise ValueError("it has characters that can't be printed")
    return text


def _folder(text):
    """Parse a folder that exists or can be made."""
    path = Path(_printable(text)).expanduser()
    found = next((p for p in (path, *path.absolute().parents) if p.exists()), path)
    if not found.is_dir():
        raise ValueError(f"{found} is no folder")
    return str(path)


def _matching(pattern):
    def check(text):
        if not re.fullmatch(pattern, text):
            raise ValueError("another form")
        return text

    return AfterValidator(check)


def _items(text):
    """Split a list; values that aren't text are split already."""
    if not isinstance(text, str):
        return text
    return [part.strip() for part in text.split(",") if part.strip()]


def _database_url(text):
    """Parse the URL of a database that names one."""
    scheme = text.partition("://")[0]
    if scheme not in ("postgres", "postgresql"):
        raise ValueError(f"begins with {scheme[:SHOWN_CHARACTERS]!r}")
    database = Env.db_url_config(_printable(text), engine="postgresql")
    if not database["NAME"]:
        raise ValueError("it names no database")
    if not 0 < int(database["PORT"] or 5432) < 65536:
        raise ValueError("its port is none")
    try:
        make_dsn(**database.get("OPTIONS", {}))
    except (psycopg2.ProgrammingError, TypeError) as error:
        raise ValueError(str(error)) from error
    return text


def _hard_to_guess(text):
    if weakness_of(_printable(text)):
        raise ValueError("easily guessed")
    return text


Text = Annotated[str, AfterValidator(_printable)]
Folder = Annotated[str, AfterValidator(_folder)]
Names = Annotated[list[Annotated[str, _matching(_HOST_NAME)]], BeforeValidator(_items)]
Origins = Annotated[list[Annotated[str, _matching(_ORIGIN)]], BeforeValidator(_items)]
Pairs = Annotated[list[Annotated[str, _matching(r"[^=]+=[^=]+")]], BeforeValidator(_items)]
Level = Annotated[
    str,
    BeforeValidator(lambda text: str(text).upper()),
    _matching("DEBUG|INFO|WARNING|ERROR|CRITICAL"),
]


def _variable(name, default, allowed, **bounds):
    """A field for an environment variable; ``allowed`` completes the message "must be"."""
    return Field(default, alias=name, description=allowed, **bounds)


def _seconds(name, default, least, most):
    allowed = f"a whole number of seconds from {least} to {most}"
    return _variable(name, default, allowed, ge=least, le=most)


class Environment(BaseModel):
    """The settings in the environment; empty variables count as unset."""

    model_config = ConfigDict(frozen=True)

    secret_key: Annotated[str, AfterValidator(_hard_to_guess)] = _variable(
        "SECRET_KEY",
        "",
        "50 random printable characters or more, no example or repetition; "
        "python -c 'import secrets; print(secrets.token_urlsafe(50))' makes one",
    )
    database_url: Annotated[str, AfterValidator(_database_url)] = _variable(
        "DATABASE_URL",
        "",
        "of PostgreSQL with q3c: postgresql://user:password@host:port/name",
    )
    database: Annotated[str, _matching(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}")] = _variable(
        "GALPROJECT_DATABASE",
        "",
        "the name of a database: up to 63 letters, digits, _, - and full stops",
    )
    debug: bool = _variable("GALPROJECT_DEBUG", False, "true or false")
    hosts: Names = _variable(
        "GALPROJECT_HOSTS",
        ["localhost", "127.0.0.1", "[::1]"],
        "names of hosts and commas, without https:// and port: gal.example.org,localhost",
    )
    https: bool = _variable("GALPROJECT_HTTPS", False, "true or false")
    origins: Origins = _variable(
        "GALPROJECT_ORIGINS", [], "addresses and commas, without a path: https://gal.example.org"
    )
    proxies: int = _variable("GALPROJECT_PROXIES", 0, "a whole number from 0 to 9", ge=0, le=9)
    api_rate: Annotated[str, _matching(_RATE)] = _variable(
        "GALPROJECT_API_RATE",
        "3000/hour",
        "a whole number above 0, a slash, and second, minute, hour or day: 3000/hour",
    )
    static_root: Folder | None = _variable("GALPROJECT_STATIC_ROOT", None, "a folder")
    workers: int = _variable("GALPROJECT_WORKERS", 2, "a whole number from 1 to 256", ge=1, le=256)
    redis_url: Annotated[str, _matching(r"(rediss?|unix)://\S+")] = _variable(
        "GALPROJECT_REDIS_URL", "", "of Redis: redis://host:6379/0"
    )
    host: Text = _variable("GALPROJECT_HOST", "", "up to 64 printable characters", max_length=64)
    test_data: Text = _variable("GALPROJECT_TEST_DATA", "", "a folder")
    exposures: Folder = _variable("GALPROJECT_EXPOSURES", "", "a folder, or where to make one")
    nights: int = _variable("GALPROJECT_NIGHTS", 7, "a whole number from 1 to 366", ge=1, le=366)
    pictures: Folder = _variable("GALPROJECT_PICTURES", "", "a folder, or where to make one")
    backups: Text = _variable("GALPROJECT_BACKUPS", "", "a folder")
    alerts: Annotated[str, _matching(r"kafka://[^/\s]+/[A-Za-z0-9._-]{1,249}|(?!\w+://)\S.*")] = (
        _variable("GALPROJECT_ALERTS", "", "a folder, or kafka://host:9092/topic")
    )
    options: Text = _variable("GALPROJECT_OPTIONS", "", "a TOML file")
    catalogue: Text = _variable("GALPROJECT_CATALOGUE", "", "a folder of tiles, or a file")
    log_level: Level = _variable(
        "GALPROJECT_LOG_LEVEL", "INFO", "DEBUG, INFO, WARNING, ERROR or CRITICAL"
    )
    page_seconds: int = _seconds("GALPROJECT_PAGE_SECONDS", 15, 1, 600)
    page_lock_seconds: int = _seconds("GALPROJECT_PAGE_LOCK_SECONDS", 10, 1, 600)
    page_idle_seconds: int = _seconds("GALPROJECT_PAGE_IDLE_SECONDS", 60, 1, 3600)
    worker_seconds: int = _seconds("GALPROJECT_WORKER_SECONDS", 3600, 60, 604_800)
    worker_lock_seconds: int = _seconds("GALPROJECT_WORKER_LOCK_SECONDS", 1800, 10, 86_400)
    worker_idle_seconds: int = _seconds("GALPROJECT_WORKER_IDLE_SECONDS", 900, 10, 86_400)
    cache: Folder = _variable("GALPROJECT_CACHE", "", "a folder")
    metrics_token: Annotated[str, _matching(r"[!-~]{20,200}")] = _variable(
        "GALPROJECT_METRICS_TOKEN", "", "20 to 200 printable characters without spaces"
    )
    email_url: Annotated[str, _matching(r"smtp(\+tls|\+ssl)?://\S+")] = _variable(
        "GALPROJECT_EMAIL_URL", "", "of a mail server: smtp+tls://user:password@host:587"
    )
    email_from: Text = _variable("GALPROJECT_EMAIL_FROM", "", "an e-mail address")
    oidc_issuer: Annotated[str, _matching(r"https?://[^\s/]+\S*")] = _variable(
        "GALPROJECT_OIDC_ISSUER", "", "the address of a provider, https://..."
    )
    oidc_client_id: Text = _variable("GALPROJECT_OIDC_CLIENT_ID", "", "printable text")
    oidc_client_secret: Text = _variable("GALPROJECT_OIDC_CLIENT_SECRET", "", "printable text")
    oidc_label: Text = _variable(
        "GALPROJECT_OIDC_LABEL", "your institute", "up to 60 printable characters", max_length=60
    )
    oidc_scopes: Annotated[str, _matching(r"openid( [!-~]+)*")] = _variable(
        "GALPROJECT_OIDC_SCOPES", "openid profile email", "openid and further scopes, with spaces"
    )
    oidc_name_claim: Text = _variable(
        "GALPROJECT_OIDC_NAME_CLAIM", "preferred_username", "the name of a claim"
    )
    oidc_groups_claim: Text = _variable("GALPROJECT_OIDC_GROUPS_CLAIM", "groups", "a claim's name")
    oidc_groups: Pairs = _variable(
        "GALPROJECT_OIDC_GROUPS", [], "pairs and commas, theirs=ours: gal-team=vetters,pis=curators"
    )
    oidc_makes_accounts: bool = _variable("GALPROJECT_OIDC_MAKES_ACCOUNTS", False, "true or false")
    archive_url: Annotated[str, _matching(r"https?://[^\s/]+\S*")] = _variable(
        "GALPROJECT_ARCHIVE_URL", "", "the address of an archive, https://..."
    )
    archive_email: Text = _variable("GALPROJECT_ARCHIVE_EMAIL", "", "an e-mail address")
    archive_password: Text = _variable("GALPROJECT_ARCHIVE_PASSWORD", "", "printable text")


VARIABLES = {field.alias: field for field in Environment.model_fields.values()}
SECRET = (
    *("SECRET_KEY", "GALPROJECT_ARCHIVE_PASSWORD", "GALPROJECT_OIDC_CLIENT_SECRET"),
    "GALPROJECT_METRICS_TOKEN",
)


def read_environment(variables: Mapping[str, str]) -> Environment:
    """The checked values of the ``variables`` of a process.

    Raises InvalidEnvironmentError with a line for each invalid variable.
    """
    given = {name: variables[name].strip() for name in VARIABLES if variables.get(name, "").strip()}
    try:
        return Environment.model_validate(given)
    except ValidationError as error:
        wrong = dict.fromkeys(str(fault["loc"][0]) for fault in error.errors())
        lines = [f"{name}={_shown(name, given[name])}: must be {_allowed(name)}" for name in wrong]
        raise InvalidEnvironmentError("\n".join(lines)) from None


def unknown_variables(variables: Mapping[str, str]) -> list[str]:
    """A line for each unknown variable with this project's prefix."""
    known = [*VARIABLES, *(PREFIX + name for name in READ_ELSEWHERE)]
    lines = []
    for name in sorted(variables):
        if name.startswith(PREFIX) and name not in known and not name.startswith(OPTION_PREFIX):
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else "docs/set-up.md lists them all"
            lines.append(f"{name} is set, and there is no such variable; {hint}")
    return lines


def _allowed(name):
    return VARIABLES[name].description


def _shown(name, value):
    """A value for a message: shortened to one line, and without secrets."""
    if name in SECRET:
        return "..."
    return repr(_LOGIN.sub("...", value))[: SHOWN_CHARACTERS + 2]
