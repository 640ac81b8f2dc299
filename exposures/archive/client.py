"""The NOIRLab Astro Data Archive's protocol: searches, login, and files by their md5."""

import os
import re
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from exposures.archive.answers import end_of, rows_of_page
from exposures.archive.errors import (
    ArchiveError,
    BusyError,
    ContentError,
    LoginError,
    MalformedError,
    NoCutError,
)
from exposures.archive.retry import DEFAULT_POLICY, retry
from exposures.archive.transfers import transfer_of
from exposures.archive.transport import TokenAuth, Transport

URL = "https://astroarchive.noirlab.edu"
BUSY_STATUSES = (429, 500, 502, 503, 504)
REFUSALS = (401, 403)
MD5 = re.compile("[0-9A-Fa-f]{32}")
# Of printable ASCII, as a header has to be.
TOKEN = re.compile("[!-~]{1,8192}")


@dataclass(frozen=True)
class ArchiveAccount:
    """The archive's address and our login; without an e-mail only public data are seen."""

    url: str = URL
    email: str = ""
    password: str = field(default="", repr=False)

    def __post_init__(self):
        if not _is_address(self.url):
            raise ArchiveError(
                f"{self.url.rpartition('@')[2]!r} is no archive's address. "
                f"Set GALPROJECT_ARCHIVE_URL to one such as {URL}, or unset it"
            )
        if bool(self.email) != bool(self.password):
            raise LoginError(
                "only one half of the login to the archive is set. "
                "Set both GALPROJECT_ARCHIVE_EMAIL and GALPROJECT_ARCHIVE_PASSWORD, or neither"
            )

    @classmethod
    def from_environment(cls, environment=None):
        """The account in GALPROJECT_ARCHIVE_URL, GALPROJECT_ARCHIVE_EMAIL and _PASSWORD.

        Raises ArchiveError if the address is none, or only one half of the login is set.
        """
        environment = os.environ if environment is None else environment
        url = environment.get("GALPROJECT_ARCHIVE_URL", "").strip() or URL
        email = environment.get("GALPROJECT_ARCHIVE_EMAIL", "").strip()
        password = environment.get("GALPROJECT_ARCHIVE_PASSWORD", "")
        return cls(url.rstrip("/"), email, password)


def _is_address(url):
    """Whether a URL is http or https without a login, which would show in error messages."""
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in ("https", "http") and parts.hostname and parts.port != 0
    except ValueError:
        return False
    return bool(is_address) and "@" not in parts.netloc and url.isprintable()


class Archive:
    """A session with the archive, which logs in before the first file."""

    def __init__(self, account=None, policy=DEFAULT_POLICY):
        self.account = account or ArchiveAccount.from_environment()
        self.policy = policy
        self._transport = Transport(policy)
        self._auth = TokenAuth()
        self._token_time = -float("inf")

    def answers(self) -> bool:
        """Whether the archive answers, tried once."""
        try:
            return self._transport.ask("GET", f"{self.account.url}/api/version/").status < 400
        except ArchiveError:
            return False

    def search(self, body, rectype="file"):
        """Yield every row of a search, page by page, with fields' "file:" and "hdu:" removed.

        Raises ArchiveError, with the archive's own words where it refused the search.
        """
        offset = n_rows = 0
        for _ in range(self.policy.most_pages):
            head, *rows = self._page(body, rectype, offset)
            yield from (_without_prefixes(row) for row in rows)
            if not rows:
                return
            n_rows += len(rows)
            last = end_of(head)
            last = offset + len(rows) if last is None else last
            if last <= offset or n_rows > self.policy.most_rows:
                break
            offset = last
        raise MalformedError(
            f"the archive's pages don't end ({self.account.url}): after {n_rows} rows, at row "
            f"{offset}, comes row {last:.20g}. Narrow the search"
        )

    @contextmanager
    def retrieve(self, md5, hdus=(), offset=0):
        """Start the Transfer of a file, from byte ``offset`` on if the archive can.

        Tried once. Raises BusyError or UnreachableError, also while it is read, where a
        repetition may help; ContentError where it can't go on from ``offset``, NoCutError where
        the archive can't cut ``hdus`` out; ArchiveError where it refused.
        """
        if not MD5.fullmatch(md5):
            raise MalformedError(
                f"the archive's record has no md5 of it, but {md5!r:.60} ({self.account.url}). "
                "Leave it out, or look again later"
            )
        with self._opened(md5, hdus, offset) as (response, transfer):
            self._check(response, hdus)
            yield transfer

    def _page(self, body, rectype, offset):
        parameters = {
            "format": "json",
            "limit": self.policy.page_size,
            "offset": offset,
            "rectype": rectype,
            # Pages of an unsorted search may overlap.
            "sort": "md5sum" if rectype == "file" else "hdu_idx",
        }
        answer = self._post("adv_search/find/", json=body, params=parameters)
        if answer.status != 200:
            raise ArchiveError(f"the archive refused the search: {answer.message} ({answer.url})")
        return rows_of_page(answer)

    def _post(self, endpoint, **request):
        """Post a request that changes nothing in the archive, and so may be retried."""
        return retry(lambda: self._post_once(endpoint, **request), self.policy)

    def _post_once(self, endpoint, **request):
        answer = self._transport.ask("POST", f"{self.account.url}/api/{endpoint}", **request)
        # What has a code of its own was understood and refused.
        if answer.status in BUSY_STATUSES and not answer.has_code:
            raise _busy(answer)
        return answer

    @contextmanager
    def _opened(self, md5, hdus, offset):
        """Request a file, with a second try by a new token; returns response and Transfer."""
        if self.account.email and not self._auth.token:
            self.log_in()
        with self._get(md5, hdus, offset) as response:
            is_refused = response.status_code in REFUSALS and self._token_may_have_expired()
            if not is_refused:
                yield response, transfer_of(response, offset, self._transport)
                return
        self.log_in()
        with self._get(md5, hdus, offset) as response:
            yield response, transfer_of(response, offset, self._transport)

    def _get(self, md5, hdus, offset):
        # Compressed in transit, neither sizes nor offsets would be those of the file.
        headers = {"Accept-Encoding": "identity"}
        if offset:
            headers["Range"] = f"bytes={offset}-"
        return self._transport.opened(
            "GET",
            f"{self.account.url}/api/retrieve/{md5}/",
            self._auth,
            params={"hdus": ",".join(map(str, hdus))} if hdus else None,
            headers=headers,
        )

    def _check(self, response, hdus):
        status = response.status_code
        if status in (200, 206):
            return
        if status == 416:
            raise ContentError("what came of it before is no beginning of it")
        answer = self._transport.answer_of(response)
        if hdus and status == 500:
            raise NoCutError(f"the archive can't cut chips out of it: {answer.message}")
        if status in BUSY_STATUSES:
            raise _busy(answer)
        raise ArchiveError(f"{answer.message} ({answer.url})")

    def _token_may_have_expired(self):
        age_seconds = time.monotonic() - self._token_time
        return self._auth.token and age_seconds > self.policy.fresh_token_seconds

    def log_in(self):
        """Have the archive give a token for the account; LoginError where it doesn't."""
        login = {"email": self.account.email, "password": self.account.password}
        answer = self._post("get_token/", json=login, secret=True)
        token = answer.json
        # A failed login may come as a sentence in place of the token.
        if answer.status != 200 or not isinstance(token, str) or not TOKEN.fullmatch(token):
            raise LoginError(
                f"the archive did not let {self.account.email} in: {answer.message} "
                f"({answer.url}). Check GALPROJECT_ARCHIVE_EMAIL and GALPROJECT_ARCHIVE_PASSWORD; "
                "unset both to fetch public data"
            )
        self._auth = TokenAuth(token)
        self._token_time = time.monotonic()


def _busy(answer):
    return BusyError(
        f"the archive is busy or broken: {answer.message} ({answer.url}). Try again later",
        answer.wait_seconds,
    )


def _without_prefixes(row):
    return {key.removeprefix("file:").removeprefix("hdu:"): value for key, value in row.items()}
