"""The folder of an export: held by one process, and what is told of errors in it."""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from exposures.errors import GalprojectError

LOCK, RELEASES = ".lock", "releases"
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")


def check_name(name: str, what: str) -> None:
    """Raise GalprojectError of a name that is none for a folder: ``what`` it is of."""
    if not NAME.fullmatch(name) or name == RELEASES:
        raise GalprojectError(
            f"{name!r} is no name of {what}. Take lower-case letters, digits, '.', '_', '-'"
        )


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold a folder, which is made, so that no other export writes there.

    Partial files of one that was killed are removed. Raises GalprojectError where another holds it.
    """
    with told_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        held = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR, 0o644)
    try:
        if not _takes(held):
            raise GalprojectError(f"{folder}: another export writes there. Wait until it has ended")
        with told_errors(folder):
            for left in folder.glob("**/writing.*"):
                left.unlink(missing_ok=True)
            yield
    finally:
        os.close(held)


def _takes(held: int) -> bool:
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def told_errors(folder: Path) -> Iterator[None]:
    """Turn what the disk says into a GalprojectError that names the file and what to do."""
    try:
        yield
    except OSError as error:
        raise GalprojectError(
            f"{error.filename or folder}: {error.strerror or error}. Free some room, or name "
            "another folder, and run the command again: what is finished is kept"
        ) from error
