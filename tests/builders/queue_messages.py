"""Messages that would be sent to the workers, kept instead."""

from galproject.queue import jobs


def kept_messages(monkeypatch) -> list:
    """A list to which (task, arguments) are added from now on, in place of sending them."""
    sent = []
    monkeypatch.setattr(
        jobs, "send_tasks", lambda task, found, **_: sent.extend((task, m) for m in found)
    )
    return sent
