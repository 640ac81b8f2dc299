"""Errors in exchanges with the archive."""

from exposures.errors import GalprojectError


class ArchiveError(GalprojectError):
    """The archive refused, could not be reached, or sent something unusable."""


class LoginError(ArchiveError):
    """No login, or one that the archive does not know: no other file will fare better."""


class UnreachableError(ArchiveError):
    """The archive does not answer: no other file will fare better."""


class BusyError(ArchiveError):
    """The archive is busy; ``wait_seconds`` is None if it doesn't say for how long."""

    def __init__(self, message, wait_seconds=None):
        super().__init__(message)
        self.wait_seconds = wait_seconds


class SlowError(ArchiveError):
    """The answer arrives too slowly."""


class MalformedError(ArchiveError):
    """An answer that violates the protocol; asking again would not help."""


class NoCutError(ArchiveError):
    """The archive can't give single chips of this file."""


class ContentError(ArchiveError):
    """The received bytes are not those of the requested file."""


class StorageError(ArchiveError):
    """The folder can't hold the files: no other file will fare better."""
