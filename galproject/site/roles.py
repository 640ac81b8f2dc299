"""Roles of processes, and their time limits in the database."""

import sys
from enum import Enum

# Commands of manage.py that are not what the others are.
SERVING, WORKING = ("runserver",), ("qcluster",)


class Role(Enum):
    """The role of a process."""

    PAGES = "pages"
    WORKER = "worker"  # of the queue
    COMMAND = "command"


_told = None


def set_role(role):
    """Set this process's role before settings are read."""
    global _told
    _told = role


def this_role() -> Role:
    """The role that was set, else that of the command."""
    if _told is not None:
        return _told
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    if command in SERVING:
        return Role.PAGES
    return Role.WORKER if command in WORKING else Role.COMMAND


def session_limits(role, environment) -> str:
    """PostgreSQL's session options for a role.

    Commands take as long as they take (a migration may write all of galsources anew), and give
    way to others as workers do. A transaction that somebody leaves open ends before those who
    wait for its locks give up.
    """
    kind = "page" if role is Role.PAGES else "worker"
    seconds = {
        "statement_timeout": 0 if role is Role.COMMAND else getattr(environment, f"{kind}_seconds"),
        "lock_timeout": getattr(environment, f"{kind}_lock_seconds"),
        "idle_in_transaction_session_timeout": getattr(environment, f"{kind}_idle_seconds"),
    }
    return " ".join(f"-c {name}={1000 * value}" for name, value in seconds.items())
