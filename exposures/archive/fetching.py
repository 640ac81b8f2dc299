"""Fetching of exposures from the archive into a folder, one by one."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from exposures.archive.client import Archive
from exposures.archive.download import (
    FetchedFile,
    FetchOptions,
    NoProgress,
    expected_bytes,
    fetch_file,
)
from exposures.archive.errors import ArchiveError, LoginError, StorageError, UnreachableError
from exposures.archive.partial import check_space, remove_leftovers, storage_errors
from exposures.archive.triplets import ArchiveExposure

COMPLETE = FetchOptions()


@dataclass(frozen=True)
class FetchResult:
    """The outcome of fetching an exposure."""

    exposure: ArchiveExposure
    files: tuple[FetchedFile, ...]
    seconds: float
    error: ArchiveError | None = None

    @property
    def failed(self) -> bool:
        return self.error is not None

    @property
    def was_in_place(self) -> bool:
        """Whether all its files were there already."""
        return not self.failed and self.n_bytes == 0

    @property
    def n_bytes(self) -> int:
        """The bytes received."""
        return sum(file.n_bytes for file in self.files)

    @property
    def path(self) -> Path | None:
        """The path of the image, fetched last of the three files; None if it failed."""
        return None if self.failed else self.files[-1].path

    @property
    def notes(self) -> tuple[str, ...]:
        """Anything unusual, told once if the three files agree."""
        return tuple(dict.fromkeys(note for file in self.files for note in file.notes))


def fetch(exposure, folder, ccdnums=None, archive=None) -> Path:
    """Fetch an exposure's three files, or some of its chips, into ``folder``; the image's path.

    What is there already stays. Raises ArchiveError.
    """
    options = FetchOptions(ccdnums=frozenset(ccdnums) if ccdnums else None)
    (result,) = fetch_all([exposure], folder, options, archive=archive)
    if result.error:
        raise result.error
    return result.path


def fetch_all(
    exposures, folder, options=COMPLETE, progress=None, archive=None
) -> Iterator[FetchResult]:
    """Fetch exposures into ``folder``, yielding each FetchResult as it is complete.

    An exposure that can't be fetched is a result with an error; the others go on. Raises
    LoginError, StorageError or UnreachableError where none of the others would fare better.
    """
    exposures, folder = list(exposures), Path(folder)
    archive, progress = archive or Archive(), progress or NoProgress()
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    remove_leftovers(
        folder, {folder / file.name for exposure in exposures for file in exposure.files}
    )
    check_space(folder, bytes_to_come(exposures, folder, options), options.margin_bytes)
    for exposure in exposures:
        yield _fetch(archive, exposure, folder, options, progress)


def bytes_to_come(exposures, folder, options=COMPLETE) -> int:
    """An estimate of the bytes to fetch for the complete exposures."""
    return sum(
        expected_bytes(file, Path(folder), options)
        for exposure in exposures
        if exposure.is_complete
        for file in exposure.files
    )


def _fetch(archive, exposure, folder, options, progress):
    start, files = time.monotonic(), []
    error = _incompleteness(exposure)
    try:
        # The mask first, as the smallest; the image last, as it promises its siblings.
        for file in () if error else exposure.files:
            # One by one: what was fetched before a failure is kept.
            files.append(  # noqa: PERF401
                fetch_file(archive, exposure, file, folder, options, progress)
            )
    except (LoginError, StorageError):
        raise
    except UnreachableError as lost:
        if not archive.answers():
            raise
        error = lost
    except ArchiveError as refusal:
        error = refusal
    return FetchResult(exposure, tuple(files), time.monotonic() - start, error)


def _incompleteness(exposure):
    if exposure.is_complete:
        return None
    odd = f" (there is {', '.join(exposure.odd_names)})" if exposure.odd_names else ""
    return ArchiveError(
        f"the archive has no {' and no '.join(exposure.missing)} of it{odd}. "
        "Leave it out, or look again after the next pipeline run"
    )
