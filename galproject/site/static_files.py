"""Static files, collected once for each state, compressed and hashed."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from bokeh.util.paths import bokehjs_path
from django.conf import settings
from django.contrib.staticfiles.finders import BaseFinder, get_finders
from django.core.files.storage import FileSystemStorage
from whitenoise.storage import CompressedManifestStaticFilesStorage

from exposures.errors import GalprojectError

# The two of Bokeh's thirty files, of 17 MB, that pages use.
BOKEH = ("bokeh.min.js", "bokeh-api.min.js")
OWN_SCRIPTS = settings.BASE_DIR / "static"
# ``import ... from "./name.js"``, as our scripts have it: the only way that one names another.
IMPORT = (r"""(?P<matched>from "(?P<url>\./[^"]+)")""", 'from "%(url)s"')
DAY_SECONDS = 86_400


class BokehFinder(BaseFinder):
    """Find the files of Bokeh's Python package that pages use."""

    def __init__(self, *_, **__):
        self.storage = FileSystemStorage(location=bokehjs_path() / "js")
        self.storage.prefix = "bokeh"

    def find(self, path, find_all=False, **_):
        folder, _, name = path.partition("/")
        found = [self.storage.path(name)] if folder == "bokeh" and name in BOKEH else []
        return found if find_all else next(iter(found), [])

    def list(self, ignore_patterns):
        return [(name, self.storage) for name in BOKEH]


class CollectedStorage(CompressedManifestStaticFilesStorage):
    """Hashed names, which browsers cache for good; plain names if nothing was collected."""

    keep_intermediate_files = False
    # Of our own scripts alone: those of packages name files that they don't bring along.
    patterns = (
        *CompressedManifestStaticFilesStorage.patterns,
        *((path.name, (IMPORT,)) for path in OWN_SCRIPTS.glob("*.js")),
    )

    def stored_name(self, name):
        return super().stored_name(name) if self.hashed_files else name


class StaticFolder:
    """A folder of collected files, kept while this process or its children run.

    ``path``: GALPROJECT_STATIC_ROOT, where that is set; else a folder of ``parent`` that is named
    by what is in it, so that it is made once, and a server that runs keeps its own files while
    another begins with newer ones. ``fd``: to be inherited by whoever needs the folder.

    Raises GalprojectError if it can't be made.
    """

    def __init__(self, parent: Path):
        try:
            self.path = Path(settings.STATIC_ROOT or parent / fingerprint())
            if settings.STATIC_ROOT or not self.path.is_dir():
                _collect(self.path)
            os.utime(self.path)
            self.fd = os.open(self.path, os.O_RDONLY)
            fcntl.flock(self.fd, fcntl.LOCK_SH)
            if not settings.STATIC_ROOT:
                _remove_unused(parent)
        except OSError as error:
            raise GalprojectError(
                f"{parent} can't be written to ({error.strerror}). Mend its rights, or set "
                "GALPROJECT_STATIC_ROOT to a folder for scripts and styles"
            ) from error

    def environment(self) -> dict[str, str]:
        return {"GALPROJECT_STATIC_ROOT": str(self.path)}


def fingerprint() -> str:
    """A hash of all static files and of the code that collects them."""
    seen = hashlib.sha256(Path(__file__).read_bytes())
    for finder in get_finders():
        for name, storage in finder.list([]):
            facts = os.stat(storage.path(name))
            seen.update(f"{name} {facts.st_size} {facts.st_mtime_ns}\n".encode())
    return seen.hexdigest()[:16]


def _collect(folder):
    """Collect static files, in place for a given folder, else atomically."""
    if settings.STATIC_ROOT:
        _run_collectstatic(folder)
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent, prefix=".") as part:
        _run_collectstatic(Path(part) / "files")
        # Somebody else may have been quicker.
        with suppress(OSError):
            os.rename(Path(part) / "files", folder)


def _run_collectstatic(folder):
    command = [sys.executable, settings.BASE_DIR / "manage.py", "collectstatic", "--noinput"]
    environment = {**os.environ, "GALPROJECT_STATIC_ROOT": str(folder)}
    done = subprocess.run(
        [*command, "--verbosity", "0"], env=environment, capture_output=True, text=True
    )
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1:] or ["see manage.py collectstatic"]
        raise GalprojectError(f"Scripts and styles can't be collected: {reason[0]}")


def _remove_unused(parent):
    """Remove unused folders of earlier states that are older than a day."""
    for folder in parent.glob("[!.]*"):
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime > DAY_SECONDS:
                _remove_unless_locked(folder)


def _remove_unless_locked(folder):
    fd = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder)
    finally:
        os.close(fd)
