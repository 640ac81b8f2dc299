"""Examinations of this machine: folders and room on disk, memory, the clock, backups."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from django.conf import settings

from exposures.archive.partial import size_text
from exposures.errors import GalprojectError
from galproject.backup.manifest import read_manifest
from galproject.doctor.findings import fails, ok, warning

FEW_BYTES, NO_BYTES = 20e9, 2e9  # free, of a disk that a night is written to
TEMPORARY_SHARE = 0.1  # of that, for what is removed again at once
TEMPORARY = "temporary files"
FEW_FILES = 50_000  # that a file system can still hold
GB_A_WORKER = 1.5  # on a full chip
BACKUP_DAYS = 1.5  # a backup each night, and half a day for it to run
TIMEDATECTL = ("timedatectl", "show", "--property=NTPSynchronized", "--value")


def folders():
    """Findings on the folders that the pages and workers write to, and on the room there."""
    seen = {}
    for subject, path in (
        ("pictures", settings.GALPROJECT_PICTURES),
        ("exposures", settings.GALPROJECT_EXPOSURES),
        (TEMPORARY, tempfile.gettempdir()),
    ):
        there = _existing(Path(path))
        yield _writable(subject, Path(path), there)
        seen.setdefault(there.stat().st_dev, (subject, there))
    for subject, there in seen.values():
        yield disk(subject, there, TEMPORARY_SHARE if subject == TEMPORARY else 1)


def disk(subject, there, share=1):
    """A finding on the room of the disk of the folder ``there``, for a ``share`` of a night."""
    disk = os.statvfs(there)
    free, files = disk.f_bavail * disk.f_frsize, disk.f_favail
    words = f"{size_text(free)} free on the disk of {subject} ({there})"
    advice = (
        "Make room: an old catalogue (docs/large-survey.md), old backups, or a larger disk; "
        "what could not be written is done again by --failed and render_pictures"
    )
    if free < share * NO_BYTES:
        return fails("disk", words, advice)
    if free < share * FEW_BYTES:
        return warning("disk", words, advice)
    # File systems that make inodes as they need them say that they have none.
    if disk.f_files and files < FEW_FILES:
        return warning("disk", f"room for {files:,} more files on the disk of {there}", advice)
    return ok("disk", words)


def memory():
    """A finding on whether all workers of this host fit into its memory."""
    wanted = settings.N_WORKERS * GB_A_WORKER
    here = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    words = f"{settings.N_WORKERS} workers take up to {wanted:.1f} GB of {here:.1f} GB"
    if wanted <= here:
        return ok("memory", words)
    return warning("memory", words, "Lower GALPROJECT_WORKERS on this host")


def clock():
    """A finding on whether the system says that its clock follows others'."""
    if not shutil.which(TIMEDATECTL[0]):
        return ok("clock", "timedatectl is not here to say whether it is set by others")
    told = subprocess.run(TIMEDATECTL, capture_output=True, text=True, check=False, timeout=10)
    if told.stdout.strip() == "no":
        return warning(
            "clock",
            "this machine's clock is not set by a time server",
            "Install systemd-timesyncd or chrony: timedatectl set-ntp true",
        )
    if told.stdout.strip() == "yes":
        return ok("clock", "set by a time server")
    return ok("clock", "the system does not say whether it is set by others")


def catalogue():
    """Findings on the astrometric catalogue, where one in files is named."""
    path = settings.GALPROJECT_CATALOGUE
    if path and not Path(path).exists():
        words = f"GALPROJECT_CATALOGUE names {path}, which is not there"
        yield fails("catalogue", words, "Mount it, or name another; chips fail without")


def packages():
    """A finding on whether the packages are those of this version's list."""
    listed, installed = (
        settings.BASE_DIR / "requirements.txt",
        Path(sys.prefix) / "requirements.txt",
    )
    if installed.is_file() and installed.read_bytes() != listed.read_bytes():
        words = "other versions are installed than requirements.txt has"
        return warning("packages", words, "Run scripts/setup requirements.txt, and restart")
    version = ".".join(map(str, sys.version_info[:3]))
    return ok("packages", f"Python {version} in {sys.prefix}")


def backups():
    """A finding on the newest backup, where a folder of them is named."""
    if not settings.GALPROJECT_BACKUPS:
        return ok(
            "backups", "GALPROJECT_BACKUPS names no folder of them, so that none is looked at"
        )
    folder = Path(settings.GALPROJECT_BACKUPS)
    advice = "Run manage.py backup, and see why the nightly one did not: docs/deploy.md"
    try:
        found = sorted(folder.glob("[!.]*/manifest.json"), key=lambda path: path.stat().st_mtime)
    except OSError as error:
        return fails("backups", f"{folder} can't be read ({error.strerror})", advice)
    if not found:
        return fails("backups", f"there is none in {folder}", advice)
    newest = found[-1]
    try:
        read_manifest(newest.parent)
    except GalprojectError as error:
        return fails("backups", str(error), advice)
    days = (time.time() - newest.stat().st_mtime) / 86_400
    words = f"the newest, {newest.parent}, is {days:.1f} days old"
    return ok("backups", words) if days < BACKUP_DAYS else warning("backups", words, advice)


def _existing(path):
    return next(one for one in (path, *path.absolute().parents) if one.exists())


def _writable(subject, path, there):
    """A finding on whether a file can be made in a folder, or the folder where it is missing."""
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        words = f"{there} can't be written to ({error.strerror})"
        advice = f"Give it to the user of workers and pages (here uid {os.geteuid()})"
        return fails(subject, words, advice)
    return ok(subject, f"{path} can be written to" if there == path else f"{path} can be made")
