"""Ids and positions in text: one a line, or in columns found by their names."""

import csv
import re
from dataclasses import dataclass

from exposures.errors import GalprojectError
from exposures.input.numbers import DECIMAL, INTEGER, NumberError, parse_integer
from exposures.science.angles import wrap_ra
from exposures.science.positions import PositionError, read_position

MAX_LINES = 100_000
MAX_TEXT = 200  # characters of a line that are kept
MAX_ERRORS = 5  # that are told
IDS = frozenset({"refsourceid", "sourceid", "source", "candidate", "id"})
RIGHT_ASCENSIONS = frozenset({"ra", "raj2000", "raicrs", "radeg", "rightascension", "alphaj2000"})
DECLINATIONS = frozenset(
    {"dec", "de", "decj2000", "dej2000", "deicrs", "decicrs", "decdeg", "dedeg", "decl"}
    | {"declination", "deltaj2000"}
)
DELIMITERS = ",\t;|"
SEXAGESIMAL = re.compile(
    r"(?P<sign>[+-]?)(?P<whole>\d{1,3})(?:[:hd°]|\s+)\s*(?P<minutes>\d{1,2})(?:[:m'′]|\s+)\s*"
    r"(?P<seconds>\d{1,2}(?:\.\d*)?)[s\"″]?",
    re.ASCII,
)
HEADING = (
    "name the columns refsource_id, or ra and dec, in a first line; or have one id or one position "
    "in each line"
)


class UploadError(GalprojectError):
    """A list that can't be read, or not be kept; the message names the line."""


@dataclass(frozen=True)
class Entry:
    """An id, or a position in ICRS degrees, of a line."""

    number: int  # of the line, from 1
    text: str
    refsource_id: int | None = None
    place: tuple[float, float] | None = None


@dataclass(frozen=True)
class Columns:
    """Which columns of a table have the ids, or the positions."""

    refsource_id: int | None = None
    ra: int | None = None
    dec: int | None = None

    @classmethod
    def named(cls, names):
        """The columns by the names in a heading; None where it has none of these."""
        plain = [re.sub(r"[^a-z0-9]", "", name.lower()) for name in names]

        def first(wanted):
            return next((k for k, name in enumerate(plain) if name in wanted), None)

        ra, dec = first(RIGHT_ASCENSIONS), first(DECLINATIONS)
        own = next((k for k, name in enumerate(plain) if name == "refsourceid"), None)
        if own is None and None not in (ra, dec):
            return cls(ra=ra, dec=dec)
        own = first(IDS) if own is None else own
        return None if own is None else cls(refsource_id=own)

    def entry(self, number, text, cells) -> Entry:
        """The Entry of a line with these cells. Raises ValueError if a cell makes no sense."""
        asked = [k for k in (self.refsource_id, self.ra, self.dec) if k is not None]
        if len(cells) <= max(asked):
            raise UploadError(f"it has {len(cells)} columns, fewer than the heading")
        if self.refsource_id is not None:
            return Entry(number, text, refsource_id=_id(cells[self.refsource_id]))
        return Entry(number, text, place=place_of(cells[self.ra], cells[self.dec]))


def entries_of(text: str) -> list[Entry]:
    """The ids and positions in a text. Raises UploadError, which names the lines."""
    lines = [(k, line.strip()) for k, line in enumerate(text.splitlines(), 1)]
    lines = [(k, line) for k, line in lines if line and not line.startswith("#")]
    if not lines:
        raise UploadError(f"There is no line with an id or a position: {HEADING}")
    delimiter = next((sign for sign in DELIMITERS if sign in lines[0][1]), None)
    columns = Columns.named(_cells(lines[0][1], delimiter))
    if columns is not None:
        lines = lines[1:]
    check_number(len(lines))

    def entry(number, line):
        if columns is None:
            return _of_line(number, line)
        return columns.entry(number, line[:MAX_TEXT], _cells(line, delimiter))

    return checked(lines, entry)


def check_number(n):
    """Raise UploadError where a list has more lines than MAX_LINES."""
    if n > MAX_LINES:
        raise UploadError(f"There are {n:,} lines, and at most {MAX_LINES:,} can be matched")


def checked(lines, entry) -> list[Entry]:
    """What ``entry`` makes of each (number, line). Raises UploadError, which names those wrong."""
    found, errors = [], []
    for number, line in lines:
        try:
            found.append(entry(number, line))
        except (NumberError, PositionError, UploadError) as error:
            errors.append(f"Line {number}: {error}")
            if len(errors) == MAX_ERRORS:
                break
    if errors:
        raise UploadError(". ".join(errors) + f". A list: {HEADING}")
    return found


def place_of(first: str, second: str) -> tuple[float, float]:
    """ra, dec in degrees of two texts, sexagesimal or numbers. Raises PositionError."""
    first, second = str(first).strip(), str(second).strip()
    if DECIMAL.fullmatch(first) and DECIMAL.fullmatch(second):
        angles = float(first), float(second)
    else:
        hours, degrees = SEXAGESIMAL.fullmatch(first), SEXAGESIMAL.fullmatch(second)
        if not hours or not degrees or "d" in first or "°" in first:
            return read_position(f"{first} {second}")
        angles = 15 * _angle(hours), _angle(degrees)
    if 0 <= angles[0] <= 360 and -90 <= angles[1] <= 90:
        return wrap_ra(angles[0]), angles[1]
    return read_position(f"{first} {second}")  # which says what is wrong


def _angle(found):
    minutes, seconds = int(found["minutes"]), float(found["seconds"])
    if minutes >= 60 or seconds >= 60:
        return float("nan")
    size = int(found["whole"]) + minutes / 60 + seconds / 3600
    return -size if found["sign"] == "-" else size


def _of_line(number, line):
    text = line[:MAX_TEXT]
    if INTEGER.fullmatch(line):
        return Entry(number, text, refsource_id=_id(line))
    words = line.replace(",", " ").split()
    if len(words) in (2, 6):
        half = len(words) // 2
        place = place_of(" ".join(words[:half]), " ".join(words[half:]))
        return Entry(number, text, place=place)
    return Entry(number, text, place=read_position(line))


def _id(text):
    return parse_integer(text, 0)


def _cells(line, delimiter):
    if delimiter is None:
        return line.split()
    return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter))]
