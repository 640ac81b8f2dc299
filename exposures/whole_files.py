"""Files that appear under their name only when they are whole."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a path to write a file to, which takes the name ``path`` once the block has ended well.

    So readers see what was there before, or all of it; where the block fails, nothing is left. It
    lies beside ``path``, with the same suffix, and no two processes or threads have the same.
    """
    partial = path.with_name(f"writing.{secrets.token_hex(4)}.{path.name}")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
