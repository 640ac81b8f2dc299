"""What the database refuses, on PostgreSQL itself: a page and JSON that say what to do."""

import os
import subprocess
import sys
from contextlib import closing, suppress

import psycopg2
import pytest
from django.conf import settings
from django.db import IntegrityError, OperationalError, connection
from django.db.backends.postgresql.base import DatabaseWrapper
from django.test import Client
from django.urls import path
from rest_framework.response import Response
from rest_framework.views import APIView

from galproject import urls as addresses
from galproject.configuration.environment import Environment
from galproject.site import survey_access
from galproject.site.database_errors import AWAY, FULL, NO_CONNECTION, trouble_of
from galproject.site.roles import Role, session_limits
from tests.galproject.test_error_pages import words

pytestmark = pytest.mark.django_db(transaction=True)

OPEN = "open in this test"  # the name of addresses that ask for no login


def run(*statements):
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def own_session(**changed):
    """A session of its own, as another process has it."""
    return DatabaseWrapper(connection.settings_dict | changed, "another")


def sleep_too_long():
    run("SET statement_timeout = '100ms'", "SELECT pg_sleep(10)")


def wait_for_a_lock():
    with closing(own_session()) as another, another.cursor() as cursor:
        another.set_autocommit(False)
        cursor.execute("LOCK galfields IN ACCESS EXCLUSIVE MODE")
        run("SET lock_timeout = '100ms'", "SELECT count(*) FROM galfields")


def wait_for_an_advisory_lock():
    with closing(own_session()) as another, another.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(1, 2)")
        run("SET lock_timeout = '100ms'", "SELECT pg_advisory_lock(1, 2)")


def lose_the_connection():
    connection.ensure_connection()
    pid = connection.connection.info.backend_pid
    with closing(own_session()) as another, another.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    run("SELECT 1")


def leave_a_transaction_open():
    run("SET idle_in_transaction_session_timeout = '50ms'", "BEGIN", "SELECT 1")
    with closing(own_session()) as another, another.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(0.3)")
    run("SELECT 1")


def connect_once_too_often():
    run("CREATE ROLE few_connections LOGIN CONNECTION LIMIT 0")
    try:
        own_session(USER="few_connections").ensure_connection()
    finally:
        run("DROP ROLE few_connections")


def connect_to_a_full_database():
    name = connection.settings_dict["NAME"]
    run("CREATE ROLE somebody LOGIN", f'ALTER DATABASE "{name}" CONNECTION LIMIT 0')
    try:
        own_session(USER="somebody").ensure_connection()
    finally:
        run(f'ALTER DATABASE "{name}" CONNECTION LIMIT -1', "DROP ROLE somebody")


def connect_to_nowhere():
    own_session(HOST="127.0.0.1", PORT="9").ensure_connection()


def write_to_a_standby():
    run("SET default_transaction_read_only = on", "CREATE TABLE there (a int)")


def read_what_was_dropped():
    run("SELECT count(*) FROM galsources_123456789")


CASES = {
    sleep_too_long: "takes the database too long",
    wait_for_a_lock: "Somebody else is changing the same",
    wait_for_an_advisory_lock: "Somebody else is changing the same",
    lose_the_connection: "The database does not answer",
    leave_a_transaction_open: "The database does not answer",
    connect_once_too_often: "has no connection left",
    connect_to_a_full_database: "has no connection left",
    connect_to_nowhere: "The database does not answer",
    write_to_a_standby: "takes no changes",
    read_what_was_dropped: "was removed at this moment",
}


def page(act):
    def view(request):
        act()

    view.login_required = False
    return view


class Program(APIView):
    """An address of the API that does what is asked by its name."""

    authentication_classes = permission_classes = throttle_classes = ()

    def get(self, request, act):
        next(case for case in CASES if case.__name__ == act)()
        return Response({})


def refuse_a_row():
    raise IntegrityError("secret")


urlpatterns = [
    *addresses.urlpatterns,
    *(path(f"{case.__name__}/", page(case), name=OPEN) for case in (*CASES, refuse_a_row)),
    path("api/<act>/", Program.as_view(), name=OPEN),
]
Program.login_required = False
handler400, handler403 = addresses.handler400, addresses.handler403
handler404, handler500 = addresses.handler404, addresses.handler500


@pytest.fixture(autouse=True)
def fresh_connection():
    yield
    with suppress(OperationalError):
        connection.close()


@pytest.fixture
def site(settings, monkeypatch):
    settings.ROOT_URLCONF = __name__
    monkeypatch.setattr(survey_access, "OPEN", survey_access.OPEN | {OPEN})
    return Client()


@pytest.mark.parametrize("case", CASES, ids=[case.__name__ for case in CASES])
def test_a_page_says_what_the_matter_is_and_what_to_do(site, case):
    response = site.get(f"/{case.__name__}/")
    assert response.status_code == 503 and int(response["Retry-After"]) > 0
    assert CASES[case] in words(response) and "For whoever runs this server" in words(response)
    assert "<h1>" in response.content.decode() and "SELECT" not in response.content.decode()


@pytest.mark.parametrize("case", CASES, ids=[case.__name__ for case in CASES])
def test_a_program_is_told_the_same_as_json(site, case):
    response = site.get(f"/api/{case.__name__}/")
    assert response.status_code == 503 and int(response["Retry-After"]) > 0
    assert CASES[case] in response.json()["detail"]


def test_the_next_page_is_served_as_ever(site):
    for case in (sleep_too_long, lose_the_connection):
        assert site.get(f"/{case.__name__}/").status_code == 503
        connection.close_if_unusable_or_obsolete()
        assert site.get("/login/").status_code == 200


def test_a_fault_of_the_code_is_not_told_as_the_database_s(site):
    site.raise_request_exception = False
    response = site.get("/refuse_a_row/")
    assert response.status_code == 500 and "an error of the server" in words(response)


@pytest.mark.parametrize(
    ("message", "trouble"),
    [
        ("FATAL:  sorry, too many clients already", NO_CONNECTION),
        ("FATAL:  remaining connection slots are reserved for roles with SUPERUSER", NO_CONNECTION),
        ("FATAL:  no more connections allowed (max_client_conn)", NO_CONNECTION),
        ("FATAL:  the database system is starting up", AWAY),
        ("FATAL:  the database system is in recovery mode", AWAY),
        ("could not translate host name", AWAY),
    ],
)
def test_what_is_said_of_a_connection_is_understood(message, trouble):
    assert trouble_of(OperationalError(f'connection to server at "h" failed: {message}')) == trouble


def test_a_full_disk_is_told_by_its_code():
    error = OperationalError("could not extend file")
    error.__cause__ = type("DiskFull", (psycopg2.OperationalError,), {"pgcode": "53100"})()
    assert trouble_of(error) == FULL


SHOW = "; ".join(
    f"cursor.execute('SHOW {name}'); print(*cursor.fetchone())"
    for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "jit")
)


def limits_of(first, *arguments):
    """What a process of its own has, whose first act and arguments are given."""
    arguments = ["manage.py", *arguments]
    # No application has to be loaded: limits are of the settings, by the name of the command.
    code = f"import sys; sys.argv = {arguments!r}; {first};"
    code += "from django.db import connection; cursor = connection.cursor();"
    done = subprocess.run(
        [sys.executable, "-c", code + SHOW],
        cwd=settings.BASE_DIR,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "galproject.settings"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


@pytest.mark.parametrize(
    ("first", "arguments", "expected"),
    [
        ("import galproject.wsgi", [], ["15s", "10s", "1min", "off"]),
        ("pass", ["qcluster"], ["1h", "30min", "15min", "off"]),
        ("pass", ["migrate"], ["0", "30min", "15min", "off"]),
    ],
)
def test_each_role_has_limits_of_its_own(first, arguments, expected):
    assert limits_of(first, *arguments) == expected


def test_limits_come_from_the_environment():
    environment = Environment.model_validate(
        {"GALPROJECT_PAGE_SECONDS": "5", "GALPROJECT_WORKER_LOCK_SECONDS": "60"}
    )
    assert "statement_timeout=5000 " in session_limits(Role.PAGES, environment)
    assert "lock_timeout=60000 " in session_limits(Role.COMMAND, environment)


@pytest.mark.parametrize("value", ["0", "-1", "601", "1e9", "9" * 4000, "soon"])
def test_pages_always_have_a_limit(value):
    with pytest.raises(ValueError, match="GALPROJECT_PAGE_SECONDS"):
        Environment.model_validate({"GALPROJECT_PAGE_SECONDS": value})
