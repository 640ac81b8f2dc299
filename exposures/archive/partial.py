"""Files being written: locked, under a hidden name, renamed once complete."""

import errno
import fcntl
import hashlib
import os
import shutil
from contextlib import contextmanager
from pathlib import Path

from exposures.archive.errors import StorageError

FULL = (errno.ENOSPC, errno.EDQUOT)


class Partial:
    """An open temporary file with an exclusive lock."""

    def __init__(self, path, file, final):
        self.path, self.final = path, final
        self.is_worth_keeping = False  # something can go on where it ends
        self._file = file

    @property
    def size(self) -> int:
        """Bytes."""
        return os.fstat(self._file.fileno()).st_size

    def shorten(self, n_bytes):
        """Truncate to ``n_bytes`` and continue writing there."""
        with storage_errors(self.final.parent):
            self._file.truncate(n_bytes)

    def write(self, content):
        """Write bytes; raises StorageError if the disk is full, for one."""
        rest = memoryview(content)
        with storage_errors(self.final.parent):
            while rest:  # a disk that fills up takes a part first
                rest = rest[self._file.write(rest) :]

    def md5(self) -> str:
        """The MD5 of the bytes on disk."""
        with storage_errors(self.final.parent):
            self._file.seek(0)
            return hashlib.file_digest(self._file, "md5").hexdigest()

    def finish(self):
        """Rename it to its final name, replacing a file there."""
        with storage_errors(self.final.parent):
            os.fsync(self._file.fileno())
            os.replace(self.path, self.final)
        # It has gone: the next to have this temporary name is another's.
        self.is_worth_keeping = True


@contextmanager
def writing(final: Path, suffix=".part"):
    """Open a Partial for a file, continuing an earlier one; removed unless worth keeping.

    Waits where another process writes the same. Raises StorageError.
    """
    path = hidden(final, suffix)
    with storage_errors(final.parent):
        file = _locked(path)
    with file:
        partial = Partial(path, file, final)
        try:
            yield partial
        except StorageError:
            partial.is_worth_keeping = False
            raise
        finally:
            if not partial.is_worth_keeping:
                path.unlink(missing_ok=True)


def hidden(final: Path, suffix=".part") -> Path:
    """A name that no pattern for images matches."""
    return final.with_name(f".{final.name}{suffix}")


def _locked(path):
    while True:
        # Not through a link that somebody has put there.
        opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o666)
        file = os.fdopen(opened, "a+b", buffering=0)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            # Who had the lock before may have moved or removed what we opened.
            if path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        except BaseException:
            file.close()
            raise
        file.close()


def md5_of(path: Path) -> str:
    """The MD5 of a complete file."""
    with storage_errors(path.parent), open(path, "rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def remove_leftovers(folder: Path, wanted):
    """Remove partial files left by crashes, but for those of ``wanted`` final paths."""
    kept = {hidden(final) for final in wanted}
    with storage_errors(folder):
        for path in set(folder.glob(".c4d_*.part")) - kept:
            with open(path, "ab") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:  # somebody writes it
                    continue
                path.unlink(missing_ok=True)


def check_space(folder: Path, n_bytes, margin_bytes):
    """Raise StorageError if a folder lacks room for ``n_bytes`` and a margin."""
    free = free_bytes(folder)
    if free < n_bytes + margin_bytes:
        raise StorageError(
            f"{folder}: no room for {size_text(n_bytes)}: {size_text(free)} are free, of which "
            f"{size_text(margin_bytes)} are to stay so. Free some, or choose another folder or "
            "fewer exposures or chips; what is fetched is kept"
        )


def free_bytes(folder: Path) -> int:
    """The free bytes on a folder's disk; the folder need not exist yet."""
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    with storage_errors(there):
        return shutil.disk_usage(there).free


def size_text(n_bytes) -> str:
    """A size in words, such as 481 MB."""
    for unit, power in (("TB", 12), ("GB", 9), ("MB", 6)):
        if n_bytes >= 10**power:
            return f"{n_bytes / 10**power:.3g} {unit}"
    return f"{n_bytes / 1000:.3g} kB"


@contextmanager
def storage_errors(folder):
    """Turn a full disk or an unwritable folder into a StorageError."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise StorageError(
                f"{folder}: the disk is full. Free some room, or choose another folder, and give "
                "the same command again; what is fetched is kept"
            ) from error
        raise StorageError(
            f"{error.filename or folder}: {error.strerror or error}. "
            "Choose a folder that you may write to"
        ) from error
