"""What happens until a command begins."""

import json
import subprocess
import sys
from functools import cache

import pytest
from django.conf import settings

from galproject.management.command_line import CommandLine

TOLD = """
import gc, json, sys
from django.core.management.base import BaseCommand
import manage
seen = {}
execute = BaseCommand.execute
def told(command, *args, **options):
    seen["collects"] = gc.isenabled()
    try:
        return execute(command, *args, **options)
    finally:
        seen["views"] = "galproject.urls" in sys.modules
        seen["statistics"] = "scipy.stats" in sys.modules
BaseCommand.execute = told
sys.argv = ["manage.py", *sys.argv[1:]]
try:
    manage.main()
finally:
    print(json.dumps(seen))
"""


@cache
def begun(*words):
    """What was so when a command was run as manage.py does."""
    run = subprocess.run(
        [sys.executable, "-c", TOLD, *words],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    return json.loads(run.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    ("words", "has_views"),
    [(["working_status"], False), (["check"], True)],
)
def test_commands_load_the_pages_only_where_they_serve_or_check_them(words, has_views):
    seen = begun(*words)
    assert seen["collects"]
    assert seen["views"] is has_views


def test_commands_do_not_wait_for_the_import_of_scipy_stats():
    assert not begun("check")["statistics"]


def test_a_command_that_does_not_exist_is_refused(capsys):
    with pytest.raises(SystemExit):
        CommandLine(["manage.py", "no_such_command"]).execute()
    assert "Unknown command" in capsys.readouterr().err
