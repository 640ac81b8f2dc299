"""What can go wrong between us and the archive."""

from exposures.errors import GalprojectError


class ArchiveError(GalprojectError):
    """The archive refused, could not be reached, or gave what can't be used."""


class LoginError(ArchiveError):
    """No login, or one that the archive does not know: no other file will fare better."""


class UnreachableError(ArchiveError):
    """The archive does not answer: no other file will fare better."""


class BusyError(ArchiveError):
    """The archive asks to come again later; ``wait_seconds`` is None if it doesn't say when."""

    def __init__(self, message, wait_seconds=None):
        super().__init__(message)
        self.wait_seconds = wait_seconds


class SlowError(ArchiveError):
    """What was asked for comes too slowly to be waited for."""


class MalformedError(ArchiveError):
    """An answer that can't be: to be told, and not asked for again."""


class NoCutError(ArchiveError):
    """The archive can't give single chips of this file."""


class ContentError(ArchiveError):
    """What came is not the file that was asked for."""


class StorageError(ArchiveError):
    """The folder can't hold the files: no other file will fare better."""
