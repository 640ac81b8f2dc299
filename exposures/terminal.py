"""Output to terminals and logs with control characters made visible.

Names of files and objects, headers, answers of servers and messages of libraries are written by
others, and a terminal obeys what stands in them: it can be made to overwrite lines, to change its
title or to put a text on the clipboard.
"""

import copy
import logging
import re
import sys

from django.core.management.base import OutputWrapper

# C0 but for the tab, delete and C1; marks that turn the direction of writing or end a line; and
# halves of surrogate pairs, which stand for bytes of a file name that are no UTF-8.
CONTROLS = re.compile(
    r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
# Colours; what tqdm begins a bar with; and how it moves between bars.
COLOUR = re.compile(r"(\x1b\[[0-9;]{0,20}m)")
MOVES = re.compile(r"(\n|\x1b\[A)+")
INDENT = "    "


def printable(text) -> str:
    r"""A text on one line with control characters escaped, a newline as \n."""
    return CONTROLS.sub(_escaped, str(text))


def printable_lines(text) -> str:
    """A text of several lines with other control characters escaped."""
    return "\n".join(map(printable, str(text).split("\n")))


def _escaped(match):
    # Not by the codec unicode_escape, which would take the backslash of a path for its own.
    return ascii(match[0])[1:-1]


class LineOutput(OutputWrapper):
    """A command's output or errors, in which each ``write`` makes one line."""

    def __init__(self, out, ending="\n"):
        super().__init__(getattr(out, "unguarded", out), ending)
        self.keeps_lines = False

    def write(self, msg="", style_func=None, ending=None):
        """Write a line, coloured by ``style_func`` only."""
        ending = self.ending if ending is None else ending
        text = str(msg)
        if ending and text.endswith(ending):
            text = text[: -len(ending)]
        text = printable_lines(text) if self.keeps_lines else printable(text)
        super().write(text, style_func, ending)

    def write_lines(self, text):
        """Write a text of several lines that are the command's own."""
        for line in str(text).removesuffix("\n").split("\n"):
            self.write(line)

    @property
    def stream(self):
        """The stream that is written to, by which a progress bar knows when to make way."""
        return self._out

    def control(self, codes):
        """Send control codes to a terminal, such as to clear the screen."""
        self._out.write(codes)

    @property
    def data(self):
        """The stream for data such as CSV or JSON, escaped only on a terminal."""
        return GuardedStream(self._out) if self.isatty() else self._out


class GuardedStream:
    """The process's output stream, with control characters of others' text escaped."""

    def __init__(self, stream):
        self.unguarded = stream

    def __getattr__(self, name):
        return getattr(self.unguarded, name)

    def __eq__(self, other):
        """Whether both wrap the same stream, which tqdm asks before it writes."""
        return self.unguarded is getattr(other, "unguarded", other)

    def __hash__(self):
        return hash(self.unguarded)

    def write(self, text):
        """Write a text, letting only colours and progress bars' steps through."""
        self.unguarded.write(text if MOVES.fullmatch(text) else self._guarded(text))
        return len(text)

    def writelines(self, lines):
        for line in lines:
            self.write(line)

    def _guarded(self, text):
        start = "\r" if text.startswith("\r") else ""
        pieces = COLOUR.split(text.removeprefix("\r"))
        # Every second piece is a colour.
        pieces[::2] = map(printable_lines, pieces[::2])
        return start + "".join(pieces)


def guard_streams():
    """Guard this process's errors, and its output if it is a terminal."""
    if sys.stderr is not None and not isinstance(sys.stderr, GuardedStream):
        sys.stderr = GuardedStream(sys.stderr)
    if sys.stdout is not None and sys.stdout.isatty():
        sys.stdout = GuardedStream(sys.stdout)


class LineFormatter(logging.Formatter):
    """Log records on one line each, with tracebacks indented below."""

    def format(self, record):
        record = copy.copy(record)
        # Another handler may have kept the traceback as it was.
        record.exc_text = None
        return super().format(record)

    def formatMessage(self, record):  # noqa: N802 (named by logging)
        return printable(super().formatMessage(record))

    def formatException(self, ei):  # noqa: N802
        return _indented(super().formatException(ei))

    def formatStack(self, stack_info):  # noqa: N802
        return _indented(super().formatStack(stack_info))


def _indented(text):
    return "\n".join(INDENT + printable(line) for line in text.split("\n"))
