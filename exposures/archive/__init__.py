"""A client of the NOIRLab Astro Data Archive: InstCal exposures found and fetched."""

from exposures.archive.client import Archive, ArchiveAccount
from exposures.archive.download import FetchOptions
from exposures.archive.errors import ArchiveError
from exposures.archive.fetching import FetchResult, bytes_to_come, fetch, fetch_all
from exposures.archive.queries import Query
from exposures.archive.retry import RetryPolicy
from exposures.archive.search import find
from exposures.archive.triplets import ArchiveExposure

__all__ = [
    "Archive",
    "ArchiveAccount",
    "ArchiveError",
    "ArchiveExposure",
    "FetchOptions",
    "FetchResult",
    "Query",
    "RetryPolicy",
    "bytes_to_come",
    "fetch",
    "fetch_all",
    "find",
]
