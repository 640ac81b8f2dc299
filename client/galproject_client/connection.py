"""Requests to a survey's server: with its token, patient where it is busy, page after page."""

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

from galproject_client.errors import NotAllowedError, SurveyError, UnreachableError, error_of

BUSY = frozenset({429, 502, 503, 504})
# Of these nothing was done: a vote may be sent again, too.
NOTHING_DONE = frozenset({429, 503})
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
PAGE_ROWS = 5000  # the most that the API gives at once


@dataclass(frozen=True)
class Patience:
    """How often and how long a busy or unreachable server is asked again."""

    tries: int = 5
    first_wait_seconds: float = 0.5  # doubled each time, unless the server says how long
    longest_wait_seconds: float = 120.0  # if the server asks for more, it is an error
    answer_seconds: float = 120.0  # until the server must have begun to answer


class Connection:
    """A survey's address and token, by which it is asked.

    Raises SurveyError if there is no address, or if the token would go over the network in the
    clear.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        patience: Patience = Patience(),
        session: requests.Session | None = None,
    ) -> None:
        url = url or os.environ.get("GALPROJECT_URL", "")
        if not url:
            raise SurveyError(
                "The survey's address is not known: Survey(url), or GALPROJECT_URL in the "
                "environment"
            )
        self.url = url.rstrip("/")
        self.patience = patience
        self._session = session or requests.Session()
        self._token = token or os.environ.get("GALPROJECT_TOKEN", "")
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SurveyError(f"{url!r} is no address: write https://... as in the browser")
        if parts.scheme == "http" and self._token and not _is_near(parts.hostname):
            raise SurveyError(
                f"{url} would show the token to everybody on the way: write https:// instead"
            )

    def __repr__(self) -> str:
        return f"Connection({self.url!r})"  # without the token, as notebooks show this

    def get(self, path: str, **asked: Any) -> requests.Response:
        """What an address answers; a parameter that is None is left out."""
        return self._asked("GET", path, params=_given(asked))

    def post(self, path: str, **said: Any) -> Any:
        """What an address answers to JSON that is sent to it."""
        return self._asked("POST", path, json=_given(said)).json()

    def rows(self, path: str, **asked: Any) -> Iterator[dict[str, Any]]:
        """The rows of a table, read page by page as they are needed."""
        asked = {"page_size": PAGE_ROWS, **_given(asked)}
        while True:
            page = self.get(path, **asked).json()
            yield from page["results"]
            if not page["next"]:
                return
            # Its cursor alone: behind a proxy a server may call itself by another name.
            (asked["cursor"],) = parse_qs(urlsplit(page["next"]).query)["cursor"]

    def _asked(self, method: str, path: str, **content: Any) -> requests.Response:
        """The answer to a request, tried again while the server is busy."""
        wait = self.patience.first_wait_seconds
        again = BUSY if method == "GET" else NOTHING_DONE
        for left in reversed(range(self.patience.tries)):
            try:
                response = self._sent(method, path, **content)
            except requests.RequestException as error:
                # Whether a vote arrived is not known, so that it is not sent twice.
                if not left or method != "GET" or not _may_pass(error):
                    raise UnreachableError(f"{self.url} can't be reached: {error}") from error
                time.sleep(wait)
            else:
                if response.ok:
                    return response
                if not left or response.status_code not in again:
                    raise self._error_of(response)
                time.sleep(self._wait_of(response, wait))
            wait *= 2
        raise ValueError("Patience.tries must be 1 or more")

    def _sent(self, method: str, path: str, **content: Any) -> requests.Response:
        headers = {"Authorization": f"Token {self._token}"} if self._token else {}
        response = self._session.request(
            method,
            self.url + path,
            headers=headers,
            timeout=self.patience.answer_seconds,
            allow_redirects=False,
            **content,
        )
        if response.is_redirect:
            raise SurveyError(
                f"{self.url}{path} leads on to {response.headers['Location']}: give the survey's "
                "own address, with https:// if it has that"
            )
        return response

    def _wait_of(self, response: requests.Response, wait: float) -> float:
        """Seconds to wait, as the server says if it does."""
        said = response.headers.get("Retry-After", "")
        seconds = float(said) if said.isdecimal() else wait
        if seconds > self.patience.longest_wait_seconds:
            raise UnreachableError(f"{error_of(response)} (ask again in {seconds:.0f} s)")
        return seconds

    def _error_of(self, response: requests.Response) -> SurveyError:
        if response.status_code == 401 and not self._token:
            return NotAllowedError(
                f"{self.url} asks for a token: make one at {self.url}/api/tokens/, and give it as "
                "Survey(url, token) or as GALPROJECT_TOKEN in the environment"
            )
        return error_of(response)


def _is_near(host: str) -> bool:
    return host in LOOPBACK or host.endswith(".localhost")


def _may_pass(error: requests.RequestException) -> bool:
    return isinstance(
        error,
        requests.ConnectionError | requests.Timeout | requests.exceptions.ChunkedEncodingError,
    ) and not isinstance(error, requests.exceptions.SSLError)


def _given(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters that are not None; True and False as the API writes them."""
    return {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in asked.items()
        if value is not None
    }
