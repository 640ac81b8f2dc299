"""A table in a file, whatever its format."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

ROWS_AT_ONCE = 100_000


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
