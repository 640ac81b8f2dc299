"""PostgreSQL servers with q3c: finding installed ones, and installing by apt."""

import contextlib
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

OLDEST_MAJOR = 14  # that Django supports
MAIN_CLUSTER_SWITCH = "/etc/postgresql-common/createcluster.d/galproject.conf"
SERVER_FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/local/pgsql/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
)


class SetUpError(Exception):
    """An error of the set-up, with a message for the user."""


@dataclass(frozen=True, order=True)
class Server:
    """An installed PostgreSQL."""

    major: int
    programs: Path

    def has_q3c(self):
        share = self.programs.parent / "share"
        folders = (
            Path(f"/usr/share/postgresql/{self.major}/extension"),
            share / "extension",
            share / "postgresql" / "extension",
            share / f"postgresql@{self.major}" / "extension",
        )
        return any((folder / "q3c.control").is_file() for folder in folders)


def installed_servers():
    """Every installed PostgreSQL that is complete and recent enough, newest last."""
    folders = [path for pattern in SERVER_FOLDERS for path in Path("/").glob(pattern[1:])]
    if on_path := shutil.which("initdb"):
        folders.append(Path(on_path).resolve().parent)
    servers = {Server(_major(folder), folder.resolve()) for folder in folders}
    return sorted(server for server in servers if server.major >= OLDEST_MAJOR)


def _major(folder):
    if not all((folder / name).is_file() for name in ("postgres", "initdb", "pg_ctl")):
        return 0
    answer = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True)
    found = re.search(r"\) (\d+)", answer.stdout)
    return int(found[1]) if found else 0


def server_for(major):
    """The newest server with q3c, or that of version ``major``, installed if possible."""
    for attempt in (installed_servers, lambda: install_server(major)):
        usable = [s for s in attempt() if s.has_q3c() and major in (None, s.major)]
        if usable:
            return usable[-1]
    raise SetUpError(_how_to_install(major))


def _how_to_install(major):
    version = major or max((s.major for s in installed_servers()), default=None) or "NN"
    why = ""
    if major:
        why = (
            f"The cluster in .postgres was made by PostgreSQL {major}. "
            "(To begin with an empty one instead: scripts/database destroy --yes)\n"
        )
    return (
        f"{why}PostgreSQL with the q3c extension is needed. Install it:"
        f"\n  Debian, Ubuntu: sudo apt-get install postgresql-{version} postgresql-{version}-q3c"
        f"\n  elsewhere: PostgreSQL {OLDEST_MAJOR} or later, and https://github.com/segasai/q3c"
        "\nor set DATABASE_URL to a database that has it."
    )


def install_server(major):
    """Install PostgreSQL and q3c by apt if possible; returns the servers."""
    sudo = _privilege()
    if sudo is None or not shutil.which("apt-get"):
        return []
    print("Installing PostgreSQL and q3c with apt ...", flush=True)
    _apt(sudo, "update")
    version = _version_to_install(major)
    if version is None:
        return []
    packages = [f"postgresql-{version}", f"postgresql-{version}-q3c"]
    with _no_main_cluster(sudo):
        _apt(sudo, "install", "--no-install-recommends", *packages)
    return installed_servers()


def _privilege():
    """The prefix of a command that needs root; None if there is no way."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo"):
        allowed = subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode == 0
        return ["sudo", "-n"] if allowed else None
    return None


def _apt(sudo, *words):
    quiet = ["-y", "-qq", "-o", "DPkg::Lock::Timeout=120", "-o", "Dpkg::Use-Pty=0"]
    command = [*sudo, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", *quiet, *words]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        raise SetUpError(f"apt-get {' '.join(words)} failed:\n{done.stdout.strip()}")


def _version_to_install(major):
    """The requested version, else an installed server's, else the newest."""
    pattern = "^postgresql-[0-9]+-q3c$"
    found = subprocess.run(
        ["apt-cache", "search", "--names-only", pattern], capture_output=True, text=True
    )
    offered = {int(n) for n in re.findall(r"^postgresql-(\d+)-q3c", found.stdout, re.M)}
    offered = {n for n in offered if n >= OLDEST_MAJOR}
    if major:
        return major if major in offered else None
    here = {server.major for server in installed_servers()}
    return max(offered & here or offered, default=None)


@contextlib.contextmanager
def _no_main_cluster(sudo):
    """Keep Debian's packages from making and starting a cluster of their own meanwhile."""
    switch = 'mkdir -p "${0%/*}" && echo "create_main_cluster = false" > "$0"'
    subprocess.run([*sudo, "sh", "-c", switch, MAIN_CLUSTER_SWITCH], check=True)
    try:
        yield
    finally:
        subprocess.run([*sudo, "rm", "-f", MAIN_CLUSTER_SWITCH], check=True)
