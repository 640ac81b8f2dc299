"""The NOIRLab Astro Data Archive's protocol: searches, login, and files by their md5."""

import os
import time
from contextlib import contextmanager
from dataclasses import dataclass, field

import requests
from requests.auth import AuthBase

from exposures.archive.errors import (
    ArchiveError,
    BusyError,
    ContentError,
    LoginError,
    NoCutError,
    UnreachableError,
)
from exposures.archive.patience import PATIENCE, patiently

URL = "https://astroarchive.noirlab.edu"
BUSY_STATUSES = (429, 500, 502, 503, 504)
REFUSALS = (401, 403)
# A token that is younger than this has not expired: what is refused then is refused.
FRESH_SECONDS = 60


@dataclass(frozen=True)
class ArchiveAccount:
    """Which archive, and who we are there; without an e-mail, nobody, who sees public data."""

    url: str = URL
    email: str = ""
    password: str = field(default="", repr=False)

    def __post_init__(self):
        if not self.url.startswith(("https://", "http://")):
            raise ArchiveError(
                f"{self.url!r} is no archive's address. "
                f"Set GALPROJECT_ARCHIVE_URL to one such as {URL}, or unset it"
            )
        if bool(self.email) != bool(self.password):
            raise LoginError(
                "only one half of the login to the archive is set. "
                "Set both GALPROJECT_ARCHIVE_EMAIL and GALPROJECT_ARCHIVE_PASSWORD, or neither"
            )

    @classmethod
    def from_environment(cls, environment=None):
        """From GALPROJECT_ARCHIVE_URL, GALPROJECT_ARCHIVE_EMAIL and GALPROJECT_ARCHIVE_PASSWORD.

        Raises ArchiveError where the address is none, or only one half of the login is set.
        """
        environment = os.environ if environment is None else environment
        url = environment.get("GALPROJECT_ARCHIVE_URL", "").strip() or URL
        email = environment.get("GALPROJECT_ARCHIVE_EMAIL", "").strip()
        password = environment.get("GALPROJECT_ARCHIVE_PASSWORD", "")
        return cls(url.rstrip("/"), email, password)


class TokenAuth(AuthBase):
    """The archive's token as it wants it: alone, without "Bearer"; "" for nobody.

    Also keeps requests from sending what a .netrc holds.
    """

    def __init__(self, token=""):
        self.token = token

    def __call__(self, request):
        if self.token:
            request.headers["Authorization"] = self.token
        return request


class Archive:
    """A session with the archive; logs in when it is first asked for a file."""

    def __init__(self, account=None, patience=PATIENCE):
        self.account = account or ArchiveAccount.from_environment()
        self.patience = patience
        self._session = requests.Session()
        self._auth = TokenAuth()
        self._token_time = -float("inf")
        self._timeout = patience.connect_seconds, patience.read_seconds

    def answers(self) -> bool:
        """Whether there is an archive at all, asked once."""
        try:
            url = f"{self.account.url}/api/version/"
            return self._session.get(url, auth=TokenAuth(), timeout=self._timeout).ok
        except requests.RequestException:
            return False

    def search(self, body, rectype="file"):
        """Yield every row of a search, page by page; names of fields without "file:" or "hdu:".

        Raises ArchiveError, with the archive's own words where it refused the search.
        """
        offset = 0
        while True:
            head, *rows = self._page(body, rectype, offset)
            yield from (_without_prefixes(row) for row in rows)
            if not rows:
                return
            last = (head.get("PARAMETERS") or {}).get("last")
            last = offset + len(rows) if last is None else last
            if last <= offset:
                raise ArchiveError(
                    f"the archive's pages don't end: after row {offset} comes row {last}. "
                    "Narrow the search"
                )
            offset = last

    @contextmanager
    def retrieve(self, md5, hdus=(), offset=0):
        """A file's answer, to be read as a stream; from ``offset`` (bytes) on, if it is a 206.

        Tried once. Raises BusyError or UnreachableError, also while the stream is read, where a
        repetition may help; ContentError where it can't go on from ``offset``, NoCutError where
        the archive can't cut ``hdus`` out; ArchiveError where it refused.
        """
        try:
            with self._answer(md5, hdus, offset) as response:
                yield response
        except requests.RequestException as error:
            raise self._unreachable(error) from error

    def _page(self, body, rectype, offset):
        parameters = {
            "format": "json",
            "limit": self.patience.page_size,
            "offset": offset,
            "rectype": rectype,
            # Pages of an unsorted search may overlap.
            "sort": "md5sum" if rectype == "file" else "hdu_idx",
        }
        answer = self._post("adv_search/find/", body, parameters)
        if answer.status_code != 200:
            raise ArchiveError(f"the archive refused the search: {_message(answer)}")
        page = _json(answer)
        if not (isinstance(page, list) and page and all(isinstance(row, dict) for row in page)):
            raise ArchiveError(
                "the archive's answer is no list of rows. "
                f"See whether {self.account.url} is the archive, or try again later"
            )
        return page

    def _post(self, endpoint, body, parameters=None):
        """The answer to what changes nothing in the archive and so may be repeated."""
        return patiently(lambda: self._post_once(endpoint, body, parameters), self.patience)

    def _post_once(self, endpoint, body, parameters):
        url = f"{self.account.url}/api/{endpoint}"
        try:
            answer = self._session.post(
                url, json=body, params=parameters, auth=TokenAuth(), timeout=self._timeout
            )
        except requests.RequestException as error:
            raise self._unreachable(error) from error
        # What has a code of its own was understood and refused.
        if answer.status_code in BUSY_STATUSES and not _has_code(answer):
            raise self._busy(answer)
        return answer

    def _answer(self, md5, hdus, offset):
        if self.account.email and not self._auth.token:
            self._log_in()
        response = self._get(md5, hdus, offset)
        if response.status_code in REFUSALS and self._token_may_have_expired():
            response.close()
            self._log_in()
            response = self._get(md5, hdus, offset)
        self._check(response, hdus)
        return response

    def _get(self, md5, hdus, offset):
        # Compressed in transit, neither sizes nor offsets would be those of the file.
        headers = {"Accept-Encoding": "identity"}
        if offset:
            headers["Range"] = f"bytes={offset}-"
        return self._session.get(
            f"{self.account.url}/api/retrieve/{md5}/",
            params={"hdus": ",".join(map(str, hdus))} if hdus else None,
            headers=headers,
            auth=self._auth,
            timeout=self._timeout,
            stream=True,
        )

    def _check(self, response, hdus):
        status = response.status_code
        if status in (200, 206):
            return
        if status == 416:
            raise ContentError("what came of it before is no beginning of it")
        if hdus and status == 500:
            raise NoCutError(f"the archive can't cut chips out of it: {_message(response)}")
        if status in BUSY_STATUSES:
            raise self._busy(response)
        raise ArchiveError(_message(response))

    def _token_may_have_expired(self):
        return self._auth.token and time.monotonic() - self._token_time > FRESH_SECONDS

    def _log_in(self):
        login = {"email": self.account.email, "password": self.account.password}
        answer = self._post("get_token/", login)
        token = _json(answer)
        # A failed login may come as a sentence in place of the token.
        if answer.status_code != 200 or not isinstance(token, str) or not token or " " in token:
            raise LoginError(
                f"the archive did not let {self.account.email} in: {_message(answer)}. "
                "Check GALPROJECT_ARCHIVE_EMAIL and GALPROJECT_ARCHIVE_PASSWORD; "
                "unset both to fetch public data"
            )
        self._auth = TokenAuth(token)
        self._token_time = time.monotonic()

    def _busy(self, response):
        return BusyError(
            f"the archive is busy or broken: {_message(response)}. Try again later",
            self.patience.asked_seconds(response),
        )

    def _unreachable(self, error):
        return UnreachableError(
            f"the connection to {self.account.url} failed: {_reason(error)}. "
            "Check the network, or try again later; what is fetched is kept"
        )


def _reason(error):
    """The innermost of what requests wraps."""
    cause = error.args[0] if error.args else None
    cause = getattr(cause, "reason", cause)
    return str(cause or type(error).__name__)


def _message(response):
    """The archive's own words, which stand under several names, else the status."""
    answer = _json(response)
    if isinstance(answer, dict):
        keys = ("errorMessage", "message", "detail")
        answer = next((answer[key] for key in keys if answer.get(key)), "")
    words = str(answer or "").strip().rstrip(".")
    return words or f"{response.status_code} {response.reason}"


def _has_code(response):
    answer = _json(response)
    return isinstance(answer, dict) and "errorCode" in answer


def _json(response):
    try:
        return response.json()
    except requests.JSONDecodeError:
        return None


def _without_prefixes(row):
    return {key.removeprefix("file:").removeprefix("hdu:"): value for key, value in row.items()}
