"""Commands from the shell, which end quietly when their reader closes the pipe."""

import gc
import os
import select
import signal
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import ManagementUtility

from exposures.terminal import guard_streams
from galproject.configuration.environment import InvalidEnvironmentError, read_environment

INVALID = 2  # the exit status of commands that were not given what they need
READER_GONE = 128 + signal.SIGPIPE  # the exit status that shells give of one whom SIGPIPE ended


class CommandLine(ManagementUtility):
    """Django's command line, which enables garbage collection once a command begins."""

    def fetch_command(self, subcommand):
        command = super().fetch_command(subcommand)
        # What is loaded stays until the end: no collection has to look at it again.
        gc.freeze()
        gc.enable()
        return command


def run(arguments):
    """Run a command of manage.py, ending quietly if the output's reader is gone.

    An environment that can't be used ends it before anything else, with a line for each variable.
    """
    guard_streams()
    _check_environment()
    try:
        try:
            CommandLine(arguments).execute()
        finally:
            # Here and not when Python ends, which would tell of a reader that has gone.
            _flush()
    except ImproperlyConfigured as error:  # the file with the secret key, or what Django says
        _end_with(error)
    except BrokenPipeError:
        gone = [stream for stream in (sys.stdout, sys.stderr) if _has_lost_its_reader(stream)]
        if not gone:
            raise  # another pipe or socket
        for stream in gone:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        sys.exit(READER_GONE)


def _check_environment():
    """Check the environment before settings are imported, which would end in a traceback."""
    try:
        read_environment(os.environ)
    except InvalidEnvironmentError as error:
        _end_with(error)


def _end_with(error):
    for line in str(error).splitlines():
        print(f"manage.py: {line}", file=sys.stderr)
    sys.exit(INVALID)


def _flush():
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()


def _has_lost_its_reader(stream):
    """Whether a stream is a pipe whose other end is closed."""
    try:
        poll = select.poll()
        poll.register(stream.fileno(), 0)  # errors are always told
    except (AttributeError, OSError, ValueError):
        return False  # there is no such stream, or no file behind it
    return any(events & (select.POLLERR | select.POLLHUP) for _, events in poll.poll(0))
