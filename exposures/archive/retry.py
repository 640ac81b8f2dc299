"""Retries, waiting times and size limits of requests to the archive."""

import time
from collections import Counter
from dataclasses import dataclass

from urllib3.exceptions import HTTPError
from urllib3.util.retry import Retry

from exposures.archive.errors import BusyError, ContentError, UnreachableError


@dataclass(frozen=True)
class RetryPolicy:
    """Bounds of everything that is repeated, waited for or read, and the sizes of its parts."""

    connect_seconds: float = 15
    read_seconds: float = 120  # without a byte
    pace_seconds: float = 300  # after which it is looked whether bytes come quickly enough
    slowest_bytes_per_second: float = 5000  # over that time, else no more is waited for
    attempts: int = 6  # at one request, where the connection or the archive fails
    content_attempts: int = 2  # at one file whose content is wrong, which seldom changes
    backoff_seconds: float = 1  # before the second attempt; doubled from one to the next
    longest_wait_seconds: int = 120  # of the backoff, and of what Retry-After asks
    page_size: int = 1000  # rows
    most_rows: int = 1_000_000  # of one search
    most_pages: int = 5000  # of one search
    most_answer_bytes: int = 16 * 2**20  # of anything but a file: a page of rows takes 1 MB
    chunk_bytes: int = 2**18  # of a file, read at once
    space_step_bytes: int = 64 * 2**20  # of a file, after which it is looked how much room is left
    most_redirects: int = 5
    fresh_token_seconds: float = 60  # in which a token that is refused can't have expired

    def wait_seconds(self, n_failures, asked_for=None) -> float:
        """How long to wait after so many failures, or as long as the archive asked, bounded."""
        doubled = self.backoff_seconds * 2 ** (n_failures - 1)
        return min(self.longest_wait_seconds, doubled if asked_for is None else asked_for)

    def asked_seconds(self, response) -> float | None:
        """What an answer's Retry-After asks for, as seconds or as a date; None without one."""
        try:
            header = Retry(retry_after_max=self.longest_wait_seconds)
            return header.get_retry_after(response.raw)
        except (HTTPError, ValueError, OverflowError):  # no such number, no such date
            return None


DEFAULT_POLICY = RetryPolicy()


def retry(attempt, policy):
    """Call ``attempt`` until it returns; raises its last error when the policy allows no more.

    Only what may pass is tried again: BusyError, UnreachableError, ContentError.
    """
    failures = Counter()
    while True:
        try:
            return attempt()
        except (BusyError, UnreachableError, ContentError) as error:
            is_content = isinstance(error, ContentError)
            failures[is_content] += 1
            bound = policy.content_attempts if is_content else policy.attempts
            if failures[is_content] >= bound:
                raise
            wait = policy.wait_seconds(failures.total(), getattr(error, "wait_seconds", None))
            time.sleep(wait)
