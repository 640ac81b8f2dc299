"""Fixtures that the tests of galproject share."""

import pytest
from django.contrib.auth.backends import ModelBackend

from galproject.queue import asking, jobs, recovery
from tests.builders.processed_night import kept_night, night, processed  # noqa: F401


@pytest.fixture
def sent(monkeypatch):
    """What is put on the queue, (image, job) each, in place of putting it there.

    What workers do before all others, to put on the queue what was asked for, is done at once.
    """
    messages = []

    def send(task, arguments, first=False):
        if task == "open_jobs":
            for (job_ids,) in arguments:
                asking.open_jobs(job_ids)
        else:
            messages.extend(arguments)

    for module in (asking, jobs, recovery):
        monkeypatch.setattr(module, "send_tasks", send)
    return messages


@pytest.fixture
def known_people(monkeypatch, settings):
    """Who asks, and what they may, is looked up once for all that they ask."""
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    find, found = ModelBackend.get_user, {}

    def get_user(backend, pk):
        if pk not in found:
            found[pk] = find(backend, pk)
        return found[pk]

    monkeypatch.setattr(ModelBackend, "get_user", get_user)
