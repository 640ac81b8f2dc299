"""A table in a file, whatever its format."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

ROWS_AT_ONCE = 100_000


@dataclass
class Place:
    """The place in a file of text up to which it was read."""

    stream: BinaryIO | None = None  # of its bytes, unfolded where it is gzipped

    def n_bytes(self) -> int:
        """The bytes of the file before it."""
        if self.stream is None:
            return 0
        # Of gzip, the file that it unfolds.
        return getattr(self.stream, "fileobj", self.stream).tell()


@dataclass(frozen=True)
class OpenTable:
    """A table whose columns are known, and whose rows are read when they are asked for."""

    path: Path
    names: tuple[str, ...]
    # Arrow tables of the columns that it is called with, of some 100,000 rows each.
    parts: Callable[[list[str]], Iterator[pa.Table]]
    units: dict[str, str] = field(default_factory=dict)  # where the file has them
    n_rows: int | None = None  # None: only known at the end
    pattern: str = ""  # of text without headings: what it was read by
    place: Place | None = None  # where it is read, if it has no number of rows

    def n_bytes_read(self, n_rows: int) -> int:
        """The bytes of the file that its first rows take, for a progress bar."""
        if self.place is not None:
            return self.place.n_bytes()
        return self.path.stat().st_size * n_rows // max(self.n_rows or 0, 1)
