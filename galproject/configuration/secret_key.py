"""The secret key, checked for strength, or made once and kept."""

import os
import tempfile
import zlib
from contextlib import suppress
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.core.management.utils import get_random_secret_key

# Whoever guesses it logs in as anybody, and has the workers do what they can do.
LEAST_CHARACTERS = 50  # as Django's own keys have
LEAST_DISTINCT = 8
LEAST_COMPRESSED = 28  # bytes, in which repetitions are told once; 50 random digits take 34
# No random key has one of them but once in a thousand million.
OF_EXAMPLES = ("insecure", "secret", "change", "example", "password", "default", "your-", "your_")


def weakness_of(key) -> str:
    """The reason why a key is too weak, or ""."""
    if len(key) < LEAST_CHARACTERS:
        return f"it has {len(key)} characters"
    if len(set(key)) < LEAST_DISTINCT:
        return f"it has {len(set(key))} different characters"
    if word := next((word for word in OF_EXAMPLES if word in key.lower()), ""):
        return f"it is an example's, with {word!r} in it"
    n_compressed = len(zlib.compress(key.encode(), 9)) - len(zlib.compress(b"", 9))
    return "" if n_compressed >= LEAST_COMPRESSED else "it repeats itself"


def secret_key_in(path):
    """The key in ``path``, made on first use and readable by its owner only.

    Raises ImproperlyConfigured if it can't be read or made, or is too weak.
    """
    try:
        if not path.exists():
            _make(path)
        key = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(f"{path}: {error}. Set SECRET_KEY instead") from error
    if reason := weakness_of(key.strip()):
        raise ImproperlyConfigured(
            f"{path}: {reason}, so it is easily guessed. Delete the file, and another is made "
            "(everybody logs in again), or set SECRET_KEY"
        )
    return key


def _make(path):
    # Linked into place whole: processes that start together must agree on the key.
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(descriptor, "w") as stream:
            stream.write(get_random_secret_key())
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        Path(draft).unlink()
