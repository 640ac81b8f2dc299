"""A secret key for development, made once and kept beside the project."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.core.management.utils import get_random_secret_key


def secret_key_in(path):
    """The key kept in ``path``; made on first use, readable by its owner only."""
    try:
        if not path.exists():
            _make(path)
        return path.read_text()
    except PermissionError as error:
        raise ImproperlyConfigured(f"{error}: set SECRET_KEY instead") from error


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
