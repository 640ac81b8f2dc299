"""Fixtures that the tests of galproject share."""

import pytest

from galproject.queue import jobs
from tests.builders.processed_night import kept_night, night, processed  # noqa: F401


@pytest.fixture
def sent(monkeypatch):
    """What is put on the queue, (image, job) each, in place of putting it there."""
    messages = []
    monkeypatch.setattr(jobs, "_send", lambda task, found: messages.extend(found))
    return messages
