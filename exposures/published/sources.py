"""The columns of a file that a definition's names stand for."""

import re
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from exposures.published.files import OpenTable

ELEMENT = re.compile(r"(.+)\[(\d+)\]")


@dataclass(frozen=True)
class Source:
    """One column of a file, an element of an array, or several columns joined by blanks."""

    names: tuple[str, ...]
    element: int | None
    unit: str  # as the file states it, "" where it doesn't

    def values(self, part: pa.Table) -> pa.Array:
        """Its values in a part of the table."""
        columns = [_one_chunk(part.column(name)) for name in self.names]
        if self.element is not None:
            return pc.list_element(columns[0], self.element)
        if len(columns) == 1:
            return columns[0]
        texts = [pc.fill_null(pc.cast(column, pa.string()), "") for column in columns]
        return pc.binary_join_element_wise(*texts, " ")


def found_source(columns: list[str], table: OpenTable) -> Source | None:
    """The first of some names that a table has, in whatever case; None if it has none."""
    for name in columns:
        if source := _source(name, table):
            return source
    return None


def _source(name, table):
    if found := _named(name, table):
        return Source((found,), None, table.units.get(found, ""))
    if (indexed := ELEMENT.fullmatch(name)) and (found := _named(indexed[1], table)):
        return Source((found,), int(indexed[2]), table.units.get(found, ""))
    parts = [_named(word, table) for word in name.split()]
    # Their units are those of the parts: hours, minutes, seconds.
    return Source(tuple(parts), None, "") if len(parts) > 1 and all(parts) else None


def _named(name, table):
    """The column of this name; case counts only where two names differ by nothing else."""
    if name in table.names:
        return name
    alike = [other for other in table.names if other.lower() == name.lower()]
    return alike[0] if len(alike) == 1 else None


def _one_chunk(column):
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
        return column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
    return column
