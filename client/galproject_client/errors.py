"""What can go wrong when a survey is asked, each with what its server says of it."""

from collections.abc import Mapping
from typing import Any

import requests


class SurveyError(Exception):
    """A survey did not answer what it was asked."""


class NotAllowedError(SurveyError):
    """There is no token, it is no longer good, or its owner may not do this."""


class NotThereError(SurveyError):
    """There is nothing of that id."""


class RefusedError(SurveyError):
    """The survey can't take what it was given, such as a position that is none."""


class UnreachableError(SurveyError):
    """The server could not be reached, or was too busy for longer than one waits."""


KINDS: dict[int, type[SurveyError]] = {
    401: NotAllowedError,
    403: NotAllowedError,
    404: NotThereError,
    429: UnreachableError,
}


def error_of(response: requests.Response) -> SurveyError:
    """The error that an answer stands for, with the address and the server's words."""
    status = response.status_code
    kind = KINDS.get(status, RefusedError if status < 500 else UnreachableError)
    address = response.url.partition("?")[0]
    return kind(f"{address} answered {status}: {_words_of(response)}")


def _words_of(response: requests.Response) -> str:
    try:
        said = response.json()
    except requests.JSONDecodeError:
        return response.reason or "no reason given"
    return _as_text(said)


def _as_text(said: Any) -> str:
    """Words of the server, which names the fields that it complains of."""
    if isinstance(said, Mapping):
        if set(said) == {"detail"}:
            return str(said["detail"])
        return "; ".join(f"{name}: {_as_text(words)}" for name, words in said.items())
    if isinstance(said, list):
        return " ".join(map(_as_text, said))
    return str(said)
