"""Answers of the archive, parsed from JSON that may hold anything."""

import json
import math
from dataclasses import dataclass

from exposures.archive.errors import MalformedError

LONGEST_WORDS = 300  # of the archive's own, that are passed on
MOST_DIGITS = 30  # of a number


@dataclass(frozen=True)
class Answer:
    """A complete answer to a request."""

    url: str
    status: int
    reason: str
    content: bytes
    wait_seconds: float | None = None  # that Retry-After asks for

    @property
    def json(self):
        """Its content as JSON of any type; None if it isn't JSON."""
        return parsed(self.content)

    @property
    def message(self) -> str:
        """The archive's error message, which has several names, else the status."""
        answer = self.json
        if isinstance(answer, dict):
            keys = ("errorMessage", "message", "detail")
            answer = next((answer[key] for key in keys if answer.get(key)), "")
        words = " ".join(str(answer or "").split())[:LONGEST_WORDS].strip().rstrip(".")
        return words or f"{self.status} {self.reason or ''}".strip()

    @property
    def has_code(self) -> bool:
        """Whether the archive refused the request with an error code."""
        answer = self.json
        return isinstance(answer, dict) and "errorCode" in answer


def parsed(content):
    """Parse bytes as JSON; None if invalid, nested too deeply or with impossible numbers."""
    try:
        return json.loads(content, parse_constant=_refused, parse_int=_int, parse_float=_float)
    except (ValueError, RecursionError):
        return None


def _refused(name):
    raise ValueError(f"{name} is no JSON")


def _int(text):
    if len(text) > MOST_DIGITS:
        raise ValueError("a number too long")
    return int(text)


def _float(text):
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number too large")
    return number


def rows_of_page(answer) -> list[dict]:
    """A page of a search: its head, then its rows. Raises MalformedError."""
    page = answer.json
    if not (isinstance(page, list) and page and all(isinstance(row, dict) for row in page)):
        raise MalformedError(
            f"the archive's answer is no list of rows ({answer.url}): {_start(answer.content)}. "
            "See whether that is the archive, or try again later"
        )
    last = end_of(page[0])
    if not (last is None or type(last) is int):
        raise MalformedError(
            f"the archive doesn't say where its next page begins ({answer.url}), but {last!r:.60}. "
            "Try again later"
        )
    return page


def end_of(head):
    """The number of the last row on a page, from its head; None if the head doesn't say."""
    parameters = head.get("PARAMETERS")
    return parameters.get("last") if isinstance(parameters, dict) else None


def _start(content):
    return f"it begins with {content[:40].decode('utf-8', 'replace')!r}"
