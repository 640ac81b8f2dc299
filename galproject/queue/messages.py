"""Messages of the queue: signed JSON of known tasks, without executable content.

django-q2 carries pickles, which can run any code: whoever knows the signing key would have a shell
on the workers. Here a message names one of the project's tasks with its numbers and texts. It is
signed, too, so that nobody who reaches Redis can enqueue a task.
"""

import json
import zlib
from functools import lru_cache
from typing import Annotated, Any, Self
from uuid import UUID

from django.core import signing
from django_q.conf import Conf
from django_q.signing import SignedPackage
from django_q.status import Stat
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

# Messages that were sent before tasks were modules of what they are of may wait in a queue yet. To
# go with the second release after 0.1.0, whose own messages were pickles.
FORMER_MODULE = "galproject.tasks"
# Not that of pickles: a worker of an earlier version refuses these, as this one refuses its.
SALT = f"{Conf.PREFIX}.json"
MAX_CHARACTERS = 100_000_000  # of a message; the largest names the chips of a survey

Id = Annotated[int, Field(strict=True, ge=0, lt=2**63)]
Ids = list[Id]
Flag = Annotated[bool, Field(strict=True)]
Name = Annotated[str, Field(strict=True, max_length=255)]
Reason = Annotated[str, Field(strict=True, max_length=100_000)]

# The tasks that workers do, each with what it takes.
TASKS: dict[str, TypeAdapter] = {
    "galproject.queue.tasks.process_chip": TypeAdapter(tuple[Id, Id]),
    "galproject.queue.tasks.open_jobs": TypeAdapter(tuple[Ids]),
    "galproject.queue.tasks.close_job": TypeAdapter(tuple[Id]),
    "galproject.queue.tasks.render_cutouts": TypeAdapter(tuple[Id]),
    "galproject.queue.tasks.measure_variability": TypeAdapter(tuple[Id, Flag]),
    "galproject.queue.tasks.measure_overdue_variability": TypeAdapter(tuple[()]),
    "galproject.queue.tasks.learn_from_votes": TypeAdapter(tuple[()]),
    "galproject.queue.tasks.match_catalogues": TypeAdapter(tuple[Id, Flag]),
    "galproject.queue.tasks.calibrate_references": TypeAdapter(tuple[Id, Flag]),
    "galproject.queue.tasks.match_unmatched": TypeAdapter(tuple[()]),
    "galproject.queue.tasks.recover_lost_work": TypeAdapter(tuple[()]),
    "galproject.queue.tasks.mail_notices": TypeAdapter(tuple[()]),
    "galproject.queue.tasks.mail_daily": TypeAdapter(tuple[()]),
    "galproject.queue.tasks.report_night": TypeAdapter(tuple[()]),
    "galproject.queue.tasks.send_alerts": TypeAdapter(tuple[Id]),
    "galproject.queue.tasks.remove_unused_options": TypeAdapter(tuple[()]),
    "galproject.queue.tasks.process_night": TypeAdapter(tuple[()]),
    "galproject.queue.tasks.fetch_exposure": TypeAdapter(tuple[Id]),
    "galproject.queue.tasks.worker_died": TypeAdapter(tuple[Name, Id, Name]),
    "galproject.references.tasks.measure_motions": TypeAdapter(tuple[()]),
    "galproject.references.tasks.renew_motions": TypeAdapter(tuple[Id]),
    "galproject.references.tasks.crossmatch_withdrawn": TypeAdapter(tuple[Ids]),
    "galproject.references.tasks.change_reference": TypeAdapter(tuple[Ids, Ids, Name, Reason, Ids]),
    "galproject.references.tasks.change_reference_set": TypeAdapter(
        tuple[Id, Ids, Flag, Name, Reason]
    ),
}
PRESENT_NAMES = {f"{FORMER_MODULE}.{func.rpartition('.')[2]}": func for func in TASKS}
PRESENT_NAMES |= {
    f"{module}.join_withdrawn": "galproject.references.tasks.crossmatch_withdrawn"
    for module in (FORMER_MODULE, "galproject.references.tasks")
}
PRESENT_NAMES |= {
    f"{module}.sweep": "galproject.queue.tasks.recover_lost_work"
    for module in (FORMER_MODULE, "galproject.queue.tasks")
}


def present_name(func: str) -> str:
    """The current name of a task, from its current or former name."""
    return PRESENT_NAMES.get(func, func)


class RefusedMessageError(signing.BadSignature):
    """A refused message, which django-q2 takes off the queue and logs."""


class TaskMessage(BaseModel):
    """A task of django-q2 without hooks, chains and keywords, which could run other code."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    name: Name
    func: Name
    args: tuple
    kwargs: dict[str, None] = Field(max_length=0)
    started: AwareDatetime
    group: Name | None = None
    cluster: Name | None = None
    save: Flag | None = None
    ack_failure: Flag | None = None

    @model_validator(mode="after")
    def check_task(self) -> Self:
        """Accept only the project's tasks, by current name and with valid arguments."""
        self.func = present_name(self.func)
        if self.func not in TASKS:
            raise ValueError(f"{self.func} is no task of galproject")
        self.args = TASKS[self.func].validate_python(self.args)
        return self


class ClusterMessage(BaseModel):
    """A cluster's status, read by manage.py qmonitor and qinfo."""

    model_config = ConfigDict(extra="forbid")

    workers: list[int]
    tob: AwareDatetime
    reincarnations: int
    pid: int
    cluster_id: UUID | str
    sentinel: int
    status: Name
    done_q_size: int
    host: Name
    monitor: int
    task_q_size: int
    pusher: int
    timestamp: AwareDatetime


class Message(BaseModel):
    """A message: a task or a cluster's status."""

    model_config = ConfigDict(extra="forbid")

    task: TaskMessage | None = None
    cluster: ClusterMessage | None = None


def dumps(content: dict[str, Any] | Stat, compressed: bool = False) -> str:
    """Sign a message of a task or of a cluster's status.

    Raises RefusedMessageError if no worker would take it.
    """
    if isinstance(content, Stat):
        # Its status is a word to be translated when it is read.
        state = content.__getstate__() | {"status": str(content.status)}
        message = {"cluster": state}
    else:
        message = {"task": content}
    checked = _checked(message).model_dump(mode="json", exclude_unset=True)
    return _signer(Conf.SECRET_KEY).sign_object(checked, _Json, compress=compressed)


class _Json(signing.JSONSerializer):
    """As Django's, by one encoder for all messages."""

    encode = json.JSONEncoder(separators=(",", ":")).encode

    def dumps(self, obj: object) -> bytes:
        return self.encode(obj).encode("latin-1")


@lru_cache(maxsize=1)
def _signer(key: str) -> signing.TimestampSigner:
    return signing.TimestampSigner(key=key, salt=SALT)


def loads(message: str | bytes) -> dict[str, Any] | Stat:
    """The task (a dict) or Stat in a signed message; raises RefusedMessageError."""
    try:
        text = message.decode() if isinstance(message, bytes) else message
        if not isinstance(text, str) or len(text) > MAX_CHARACTERS:
            raise RefusedMessageError("A message of the queue is no text, or too long")
        content = signing.loads(text, key=Conf.SECRET_KEY, salt=SALT)
    except RefusedMessageError:
        raise
    except signing.BadSignature as error:
        raise RefusedMessageError(
            "A message of the queue was not signed with the SECRET_KEY of this host, or by an "
            "earlier version of galproject. Chips are sent again by themselves; ask again for "
            "what else was queued"
        ) from error
    except (ValueError, zlib.error, RecursionError) as error:
        raise RefusedMessageError(f"A message of the queue can't be read: {error}") from error
    checked = _checked(content)
    if checked.cluster is not None:
        return _stat(checked.cluster)
    task: dict[str, Any] = checked.model_dump(exclude_unset=True)["task"]
    return task


def _checked(message: object) -> Message:
    """Validate a message; raises RefusedMessageError."""
    try:
        checked = Message.model_validate(message)
    except (ValidationError, RecursionError) as error:
        reason = _reason(error) if isinstance(error, ValidationError) else error
        raise RefusedMessageError(f"A message of the queue is refused: {reason}") from None
    if (checked.task is None) == (checked.cluster is None):
        raise RefusedMessageError("A message of the queue is refused: it is of one thing or other")
    return checked


def _reason(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def _stat(cluster: ClusterMessage) -> Stat:
    """The Stat of a cluster for django-q2."""
    stat = Stat.__new__(Stat)
    stat.__dict__.update(cluster.model_dump())
    return stat


def install() -> None:
    """Make django-q2 use these messages for all that it signs and reads."""
    SignedPackage.dumps, SignedPackage.loads = staticmethod(dumps), staticmethod(loads)
