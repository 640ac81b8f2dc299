"""Somebody who may do everything, sends nonsense, and notes what the server can't answer."""

import time
import traceback
from collections import defaultdict
from dataclasses import dataclass, field

from django.db import transaction
from django.test import Client

SECONDS = 5  # of processor time, which no request takes
FORM = "application/x-www-form-urlencoded"
MAX_SHOWN = 12  # kinds of faults that are told


@dataclass
class Visitor:
    """Each request is taken back, and leaves the session as it was."""

    user: object
    faults: dict = field(default_factory=lambda: defaultdict(list))  # by where they come from
    n_requests: int = 0

    def __post_init__(self):
        self.client = Client(raise_request_exception=False)
        self.client.force_login(self.user)
        self.session = self.client.cookies["sessionid"].value

    def ask(self, method, path, query="", body=b"", content_type=FORM, **environment):
        """A response; one of the server's own faults, and one that took long, is noted."""
        self.client.cookies.clear()
        self.client.cookies["sessionid"] = self.session
        began = time.process_time()
        with transaction.atomic():
            response = self.client.generic(
                method, path, body, content_type, QUERY_STRING=query, **environment
            )
            if response.streaming:
                response.getvalue()
            transaction.set_rollback(True)
        self.n_requests += 1
        seconds = time.process_time() - began
        if response.status_code >= 500 or seconds > SECONDS:
            error = (getattr(response, "exc_info", None) or [None, None])[1]
            request = f"{method} {path}?{query[:100]} {body[:200]!r} {environment or ''}"
            self.faults[_place(error)].append(
                f"{response.status_code} in {seconds:.1f} s: {request}\n{_last_lines(error)}"
            )
        return response

    def told(self):
        """The faults, one of each kind in full."""
        kinds = list(self.faults.items())[:MAX_SHOWN]
        return f"{len(self.faults)} kinds of faults in {self.n_requests} requests\n\n" + "\n".join(
            f"{len(cases)} times: {cases[0]}" for _, cases in kinds
        )


def _place(error):
    if error is None:
        return None
    last = traceback.extract_tb(error.__traceback__)[-1]
    return type(error).__name__, last.filename, last.lineno


def _last_lines(error):
    return "" if error is None else "".join(traceback.format_exception(error))[-1500:]
