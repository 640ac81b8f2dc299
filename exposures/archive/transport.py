"""HTTP with an untrusted server: redirects, sizes and speed are bounded."""

from contextlib import contextmanager
from http.client import HTTPException
from http.cookiejar import DefaultCookiePolicy
from urllib.parse import urljoin, urlsplit

import requests
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError

from exposures.archive.answers import Answer
from exposures.archive.errors import (
    ContentError,
    MalformedError,
    SlowError,
    UnreachableError,
)
from exposures.archive.pace import WatchedAdapter, watched

REDIRECTS = (301, 302, 303, 307, 308)
KEEPS_BODY = (307, 308)  # of these, those that repeat a POST as it was
CHUNK = 2**16  # bytes, of answers; those of files are larger
DEFAULT_PORTS = {"http": 80, "https": 443}
ADVICE = "See whether GALPROJECT_ARCHIVE_URL is the archive's address, or try again later"


class TokenAuth(AuthBase):
    """The archive's token in its own form, without "Bearer"; "" for public access.

    Also keeps requests from sending what a .netrc holds.
    """

    def __init__(self, token=""):
        self.token = token

    def __call__(self, request):
        if self.token:
            request.headers["Authorization"] = self.token
        return request


class _Session(requests.Session):
    """A session that follows no redirect by itself and keeps no cookies."""

    def __init__(self, policy):
        super().__init__()
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        for scheme in DEFAULT_PORTS:
            self.mount(f"{scheme}://", WatchedAdapter(policy))

    def get_redirect_target(self, resp):
        return None


class Transport:
    """The requests of one session, with bounded answers."""

    def __init__(self, policy):
        self.policy = policy
        self._session = _Session(policy)
        self._timeout = policy.connect_seconds, policy.read_seconds

    def ask(self, method, url, auth=None, secret=False, **request) -> Answer:
        """Send a request and read its complete answer; a ``secret`` body is for this host alone.

        Raises UnreachableError, SlowError; MalformedError where it is no answer to be followed
        or is too long.
        """
        with self.opened(method, url, auth, secret, **request) as response:
            return self.answer_of(response)

    @contextmanager
    def opened(self, method, url, auth=None, secret=False, **request):
        """Send a request and follow redirects, leaving the body to be read; raises as ``ask``."""
        try:
            with self._followed(method, url, auth or TokenAuth(), secret, request) as response:
                yield response
        except SlowError as error:
            raise SlowError(f"{url}: {error}. Try again later") from error
        except requests.RequestException as error:
            raise UnreachableError(
                f"the connection to {_server(url)} failed: {_reason(error)}. "
                "Check the network, or try again later; what is fetched is kept"
            ) from error

    def answer_of(self, response) -> Answer:
        """Read an opened response completely. Raises MalformedError."""
        most = self.policy.most_answer_bytes
        pieces = self.pieces(response, most, CHUNK)
        try:
            content = b"".join(pieces)
        except ContentError as error:
            raise MalformedError(f"{response.url}: {error}. {ADVICE}") from error
        wait = self.policy.asked_seconds(response)
        return Answer(response.url, response.status_code, response.reason, content, wait)

    def pieces(self, response, most_bytes, size):
        """Yield the body in pieces of about ``size`` bytes.

        Raises ContentError if more than ``most_bytes`` come, also as what they unpack to.
        """
        try:
            with watched(response.raw.shutdown, self.policy) as pace:
                for piece in response.iter_content(size):
                    pace.n_bytes += len(piece)
                    if pace.n_bytes > most_bytes:
                        raise ContentError(f"more than {most_bytes:,} bytes come")
                    yield piece
        except (HTTPError, HTTPException) as error:  # which requests passes on
            raise MalformedError(f"{response.url}: {error!r:.200}. {ADVICE}") from error

    def _followed(self, method, url, auth, secret, request):
        start = url
        for _ in range(self.policy.most_redirects + 1):
            response = self._request(method, url, auth=auth, **request)
            location = response.headers.get("Location")
            if response.status_code not in REDIRECTS or not location:
                return response
            response.close()
            target = _target(url, location)
            _check_redirect(method, url, target, response.status_code, secret)
            if not _is_same_origin(url, target):
                auth = TokenAuth()  # is for the archive alone
            url = target
            request = {**request, "params": None}  # the address has its own
        raise MalformedError(f"{start}: more than {self.policy.most_redirects} redirects. {ADVICE}")

    def _request(self, method, url, **request):
        try:
            return self._session.request(method, url, timeout=self._timeout, stream=True, **request)
        except (
            UnicodeError,
            HTTPError,
            HTTPException,
        ) as error:
            raise MalformedError(f"{url}: it can't be asked: {error}. {ADVICE}") from error


def _target(url, location):
    """The target of a redirect, without any login in it."""
    try:
        # As bytes, which is what a header is; requests has read them as Latin-1.
        location = location.encode("latin-1").decode("utf-8", "replace")
        target = urljoin(url, location)
        parts = urlsplit(target)
        is_usable = parts.scheme in DEFAULT_PORTS and parts.hostname and parts.port != 0
        is_usable = is_usable and "@" not in parts.netloc and target.isprintable()
    except ValueError:
        is_usable = False
    if not is_usable:
        raise MalformedError(f"{url}: it redirects to {location[:200]!r}, which is no web address")
    return target


def _check_redirect(method, url, target, status, secret):
    """Raise ArchiveError if following a redirect would leak a secret or lose the request."""
    if urlsplit(url).scheme == "https" and urlsplit(target).scheme != "https":
        raise MalformedError(f"{url}: it redirects to {target}, without encryption: not followed")
    if secret and not _is_same_origin(url, target):
        raise MalformedError(
            f"{url}: it redirects to {target}, where no password is sent. "
            "Set GALPROJECT_ARCHIVE_URL to that address if it is the archive's"
        )
    if method != "GET" and status not in KEEPS_BODY:
        raise MalformedError(
            f"{url}: it redirects to {target}, without what was asked ({status}). "
            "Set GALPROJECT_ARCHIVE_URL to that address if it is the archive's"
        )


def _is_same_origin(url, target):
    """Whether two addresses have one origin, or the second is its upgrade to https."""
    before, after = _origin(url), _origin(target)
    return before == after or (before, after) == (
        ("http", before[1], 80),
        ("https", before[1], 443),
    )


def _server(url):
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _origin(url):
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or DEFAULT_PORTS.get(parts.scheme)


def _reason(error):
    """The innermost exception that requests wraps."""
    cause = error.args[0] if error.args else None
    cause = getattr(cause, "reason", cause)
    return str(cause or type(error).__name__)[:300]
