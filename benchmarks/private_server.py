"""A PostgreSQL of one benchmark's or test's own, to be stopped, filled up and thrown away."""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT / "scripts"))

from postgresql_server import installed_servers  # noqa: E402

USER = "galproject"


@dataclass(frozen=True)
class PrivateServer:
    """A server that listens on a socket in its own folder alone."""

    folder: Path
    programs: Path
    account: pwd.struct_passwd  # as PostgreSQL doesn't run as root

    def url(self, database="postgres"):
        return f"postgresql:///{database}?host={self.folder}&user={USER}"

    def start(self, **settings):
        """Start it with settings of PostgreSQL's beside those that it always has."""
        options = f"-k {self.folder} -c listen_addresses= -c fsync=off"
        options += "".join(f" -c {name}={value}" for name, value in settings.items())
        self.run("pg_ctl", "start", "-w", "-D", self.data, "-l", self.folder / "log", "-o", options)

    def stop(self, mode="immediate"):
        """By default as if the power failed: what was committed is recovered at the start."""
        self.run("pg_ctl", "stop", "-w", "-D", self.data, "-m", mode)

    def sql(self, statement, database="postgres"):
        """Run one statement; its output, fields separated by tabs."""
        words = ["-X", "-q", "-A", "-t", "-F\t", "-v", "ON_ERROR_STOP=1", "-d", self.url(database)]
        return self.run("psql", *words, "-c", statement)

    @property
    def data(self):
        return self.folder / "data"

    def run(self, program, *words):
        switch = {}
        if os.geteuid() == 0:
            switch = {"user": self.account.pw_uid, "group": self.account.pw_gid, "extra_groups": []}
        # Not captured by a pipe, which the server would inherit and never close.
        with tempfile.TemporaryFile() as output:
            done = subprocess.run(
                [self.programs / program, *map(str, words)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                **switch,
            )
            output.seek(0)
            text = output.read().decode()
        if done.returncode:
            raise RuntimeError(f"{program} failed: {text}")
        return text


@contextmanager
def private_server(**settings):
    """A running server with an empty cluster, gone at the end; raises LookupError without one.

    ``settings`` are PostgreSQL's, for its first start.
    """
    usable = [server for server in installed_servers() if server.has_q3c()]
    if not usable:
        raise LookupError("no PostgreSQL with q3c is installed here")
    account = pwd.getpwnam("postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name)
    folder = Path(tempfile.mkdtemp(prefix="galproject-"))
    shutil.chown(folder, account.pw_uid, account.pw_gid)
    server = PrivateServer(folder, usable[-1].programs, account)
    try:
        server.run("initdb", "-D", server.data, "-U", USER, "-A", "trust", "-N", "-E", "UTF8")
        server.start(**settings)
        yield server
    finally:
        if (server.data / "postmaster.pid").exists():
            server.stop()
        shutil.rmtree(folder)
