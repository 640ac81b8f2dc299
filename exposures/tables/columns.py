"""The columns of tables."""

from dataclasses import dataclass
from enum import Enum
from itertools import islice


class ColumnKind(Enum):
    """The type of a column's values; each may be None if it is unknown."""

    BOOLEAN = "true or false"
    SHORT = "whole number of 32 bits"
    INTEGER = "whole number of 64 bits"
    SINGLE = "number of single precision"
    DOUBLE = "number of double precision"
    TEXT = "text"
    ASCII = "text of ASCII characters alone"
    TIME = "moment, with its zone"
    NUMBERS = "list of numbers of double precision"
    JSON = "anything else, as JSON"


@dataclass(frozen=True)
class TableColumn:
    """A column of a table, independent of its rows."""

    name: str
    kind: ColumnKind
    unit: str = ""  # as VOTables have it
    description: str = ""
    ucd: str = ""  # what it is in the words of the Virtual Observatory
    system: str = ""  # of SYSTEMS in votable_files, if it is a place or a time


def batched(rows, size, first=None):
    """Lists of ``size`` rows, the ``first`` of as many, the last of what is left; none of none."""
    rows, n = iter(rows), first or size
    while batch := list(islice(rows, n)):
        yield batch
        n = size
