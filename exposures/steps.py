"""The states and steps of a chip's processing, and what logs of exposures tell, as stored."""

from django.db.models import TextChoices


class Status(TextChoices):
    """The state of a chip's processing."""

    PENDING = "pending"  # nobody has asked for it, or not since its reference was replaced
    QUEUED = "queued"
    WAITING = "waiting"  # for a reference that is not done
    WORKING = "working"
    DONE = "done"
    FAILED = "failed"


class ProcessingStep(TextChoices):
    """What a worker does with a chip."""

    READING = "reading", "reading"
    REDUCING = "reducing", "reducing"
    MEASURING = "measuring", "measuring"


class LogStep(TextChoices):
    """What a line of an exposure's log is about."""

    # Of a chip.
    READ = "read", "read"
    REDUCED = "reduced", "reduced"
    STORED = "stored", "stored"
    DOUBTED = "doubted", "doubted"
    FAILED = "failed", "failed"
    BEGUN_AGAIN = "begun again", "begun again"
    INTERRUPTED = "interrupted", "interrupted"
    PENDING = "pending", "pending"
    PICTURES = "pictures", "pictures"
    QUALITY = "quality", "quality"
    # Of an exposure and its jobs.
    ENTERED = "entered", "entered"
    ASKED = "asked", "asked"
    CLOSED = "closed", "closed"
    CROSS_MATCHED = "cross-matched", "cross-matched"
    # Of references and their sets.
    REFERENCE = "reference", "reference"
    REFERENCE_CHOSEN = "reference chosen", "reference chosen"
    REFERENCE_WITHDRAWN = "reference withdrawn", "reference withdrawn"
    MEMBER_ADDED = "member added", "member added"
    MEMBER_REMOVED = "member removed", "member removed"


# What was done to references and their sets.
REFERENCE_STEPS = (
    LogStep.REFERENCE_CHOSEN,
    LogStep.REFERENCE_WITHDRAWN,
    LogStep.MEMBER_ADDED,
    LogStep.MEMBER_REMOVED,
)
