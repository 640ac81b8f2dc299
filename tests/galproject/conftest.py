"""Fixtures that the tests of galproject share."""

import pytest

from galproject.queue import jobs


@pytest.fixture
def sent(monkeypatch):
    """What is put on the queue, (image, job) each, in place of putting it there."""
    messages = []
    monkeypatch.setattr(jobs, "_send", lambda task, found: messages.extend(found))
    return messages
