"""A secret key for development, made once and kept beside the project."""

import os

from django.core.management.utils import get_random_secret_key


def secret_key_in(path):
    """The key kept in ``path``; made on first use, readable by its owner only."""
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(file, "w") as stream:
        stream.write(get_random_secret_key())
    return path.read_text()
