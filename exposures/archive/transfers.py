"""The transfer of a file: its first byte, its announced length, and the bytes."""

import re
from dataclasses import dataclass

from exposures.archive.errors import ContentError

RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")


@dataclass(frozen=True)
class Transfer:
    """The answer to a request for a file."""

    response: object  # requests.Response, whose body is still to be read
    transport: object  # Transport, which bounds it
    offset: int  # bytes of the file that come before
    announced_bytes: int | None  # to come from there, as the answer tells; None if it doesn't
    is_resumable: bool  # a later request can go on where this one ends

    def pieces(self, most_bytes, size):
        """Yield the bytes in pieces of about ``size``, ``most_bytes`` at most in all.

        Raises ContentError before more is read than that.
        """
        yield from self.transport.pieces(self.response, most_bytes, size)


def transfer_of(response, offset, transport) -> Transfer:
    """The Transfer of a response to a request for a file from byte ``offset`` on.

    Raises ContentError if it is another part of the file.
    """
    start = _range_start(response, offset) if response.status_code == 206 else 0
    return Transfer(
        response,
        transport,
        start,
        _announced_bytes(response),
        response.status_code == 206 or response.headers.get("Accept-Ranges") == "bytes",
    )


def _range_start(response, offset):
    text = response.headers.get("Content-Range", "").strip()
    match = RANGE.fullmatch(text)
    start, end, total = match.groups() if match else ("-1", "-1", "*")
    is_rest = int(start) == offset <= int(end) and (total == "*" or int(end) == int(total) - 1)
    if not is_rest:
        raise ContentError(
            f"{response.url}: asked for the file from byte {offset} on, the archive sent "
            f"{text[:60]!r}"
        )
    return offset


def _announced_bytes(response):
    """Content-Length, unless the answer is compressed, when it isn't that of the file."""
    text = response.headers.get("Content-Length", "")
    is_packed = response.headers.get("Content-Encoding", "identity") != "identity"
    is_chunked = "Transfer-Encoding" in response.headers
    if is_packed or is_chunked or not re.fullmatch(r"[0-9]{1,18}", text):
        return None
    return int(text)
