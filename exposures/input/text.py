"""Text from outside that a database can hold: UTF-8 without NUL and lone surrogates."""

from urllib.parse import unquote_to_bytes

from exposures.errors import GalprojectError

MAX_NAME = 40  # characters of a parameter's name that are quoted


class TextError(GalprojectError, ValueError):
    """A text that can't be read or stored; the message says which, and why."""


def check_text(text, name):
    """Raise TextError if a text has a NUL or a lone surrogate."""
    if "\0" in text:
        raise TextError(f"{name}: the text has a NUL character. Leave it out")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise TextError(f"{name}: the text has half a surrogate pair, which is no character")


def check_query(query: bytes):
    """Check names and values of an urlencoded query or form; raises TextError."""
    for pair in query.split(b"&"):
        name, _, value = (_decoded(part) for part in pair.partition(b"="))
        label = _label(name)
        if name is None:
            raise TextError("The name of a parameter is not UTF-8")
        check_text(name, "The name of a parameter")
        if value is None:
            raise TextError(f"{label}: the text is not UTF-8")
        check_text(value, label)


def _decoded(part):
    """The text of an urlencoded part; None if it isn't UTF-8."""
    try:
        return unquote_to_bytes(part.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        return None


def _label(name):
    return f"“{name[:MAX_NAME]}”" if name else "A parameter without a name"
