"""Messages to the workers: many signed and sent at once."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from secrets import token_hex
from typing import Any

from django.utils import timezone
from django_q.brokers import get_broker

from galproject.queue.messages import dumps

# Of tasks in the admin; those of others are by job.
GROUPS = {
    "open_jobs": "asked",
    "render_cutouts": "pictures",
    "measure_variability": "variability",
    "match_catalogues": "matches",
    "calibrate_references": "calibrations",
    "renew_motions": "motions",
    "mail_notices": "mails",
    "send_alerts": "alerts",
}
MODULE = "galproject.queue.tasks"
OTHER_MODULES = {"renew_motions": "galproject.references.tasks"}  # of tasks on references


def send_tasks(task: str, arguments: Iterable[Sequence[Any]], first: bool = False) -> None:
    """Put a message for each tuple of arguments on the queue, or ``first`` before all others.

    Nobody keeps what comes of them: our own rows say it. Raises RefusedMessageError.
    """
    started = timezone.now()
    sent = [dumps(_package(task, each, started)) for each in arguments]
    if sent:
        get_broker().enqueue_all(sent, first)


def _package(task: str, arguments: Sequence[Any], started: datetime) -> dict[str, Any]:
    """What async_task would send; names that people could say take longer than all the rest."""
    number = token_hex(16)
    return {
        "id": number,
        "name": f"{task}-{number[:12]}",
        "func": f"{OTHER_MODULES.get(task, MODULE)}.{task}",
        "args": tuple(arguments),
        "kwargs": {},
        "group": GROUPS[task] if task in GROUPS else f"job {arguments[-1]}",
        "save": False,
        "ack_failure": True,
        "started": started,
    }
