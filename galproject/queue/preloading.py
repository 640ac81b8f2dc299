"""What a process loads before it forks workers, which then begin at once and share it."""

from django.utils.module_loading import import_string

from galproject.queue.messages import TASKS
from photometry.science import compiled


def preload() -> None:
    """Load the tasks and the machine code that they call.

    This opens no connection and begins no thread, which copies of the process would not have.
    """
    for task in TASKS:
        import_string(task)
    compiled.load_kept()
