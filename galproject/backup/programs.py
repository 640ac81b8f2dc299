"""Finding and running pg_dump and pg_restore of a suitable version."""

import os
import re
import shutil
import subprocess
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from exposures.errors import GalprojectError

FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/local/pgsql/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
)
NAMES = ("pg_dump", "pg_restore")
# What libpq reads from the environment, so that no password stands among a program's arguments.
VARIABLES = {
    "dbname": "PGDATABASE",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "host": "PGHOST",
    "port": "PGPORT",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "sslcrl": "PGSSLCRL",
    "passfile": "PGPASSFILE",
    "service": "PGSERVICE",
    "channel_binding": "PGCHANNELBINDING",
    "gssencmode": "PGGSSENCMODE",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
    "connect_timeout": "PGCONNECT_TIMEOUT",
}
LAST_LINES = 4  # of what a program said, in an error


@dataclass(frozen=True, order=True)
class Programs:
    """The programs of one version of PostgreSQL."""

    major: int
    folder: Path


def programs_for(major) -> Programs:
    """The oldest programs that are no older than a server of this major version.

    Raises GalprojectError with what to install.
    """
    found = sorted(_installed())
    for programs in found:
        if programs.major >= major:
            return programs
    there = ", ".join(str(programs.major) for programs in found)
    raise GalprojectError(
        f"the server is PostgreSQL {major}, and pg_dump and pg_restore are "
        + (f"of {there} here. " if there else "not to be found here. ")
        + f"Install those of {major} or later (Debian, Ubuntu: postgresql-client-{major}), or put "
        "them on the PATH"
    )


def _installed():
    folders = {path.resolve() for pattern in FOLDERS for path in Path("/").glob(pattern[1:])}
    if on_path := shutil.which("pg_dump"):
        folders.add(Path(on_path).parent)
    for folder in folders:
        if all(os.access(folder / name, os.X_OK) for name in NAMES):
            major = _major(folder)
            if major:
                yield Programs(major, folder)


def _major(folder):
    try:
        done = subprocess.run([folder / "pg_dump", "--version"], capture_output=True, text=True)
    except OSError:
        return 0
    found = re.search(r"\) (\d+)", done.stdout)
    return int(found[1]) if found else 0


def run_program(programs, words, parameters, mark="", tell=lambda: None):
    """Run a program on the database of psycopg2's connection ``parameters``.

    ``tell`` is called for each line of what it says that has ``mark`` in it. Raises
    GalprojectError with the last lines where it fails.
    """
    name, *arguments = map(str, words)
    environment = os.environ | {"LC_ALL": "C"}
    environment |= {VARIABLES[k]: str(v) for k, v in parameters.items() if k in VARIABLES and v}
    # Limits of pages and workers are not for this.
    environment.pop("PGOPTIONS", None)
    last = deque(maxlen=LAST_LINES)
    with subprocess.Popen(
        [programs.folder / name, *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as process:
        try:
            for line in process.stderr:
                if mark and mark in line:
                    tell()
                elif "error" in line or "ERROR" in line or "DETAIL" in line or "HINT" in line:
                    last.append(line.strip())
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        said = " ".join(last) or f"it ended with status {process.returncode}"
        raise GalprojectError(f"{name} failed: {said}")
