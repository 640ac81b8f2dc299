"""Grouping of the archive's rows into exposures: image, weight and data quality."""

import math
import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import PurePosixPath

from exposures.fits import UnknownFilterError, short_filter
from exposures.science.angles import wrap_ra

# In the order they are fetched, as who sees the image expects its siblings.
KINDS = {"d": "dqmask", "w": "wtmap", "i": "image"}
KIND_NAMES = {"i": "image", "w": "weight", "d": "data quality"}
# c4d_170119_085651_ooi_r_v1.fits.fz
_NAME = re.compile(
    r"(?P<before>c4d_\d{6}_\d{6})_oo(?P<kind>[iwd])_(?P<filter>[A-Za-z0-9]{1,16})_"
    r"(?P<version>\w{1,32})\.fits(\.fz|\.gz)?",
    re.ASCII,
)
# 2017-01-19T07:12:00; what else the archive says may be anything, and folders are named by it.
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}", re.ASCII)
LONGEST_TEXT = 200  # characters, of what the archive says of an exposure
LARGEST_EXPNUM = 2**31 - 1
LARGEST_FILE = 10**12  # bytes: more is not told, but made up


@dataclass(frozen=True)
class ArchiveFile:
    """One file in the archive."""

    kind: str  # i, w or d
    name: str
    md5: str
    size: int  # bytes
    release_date: date | None


@dataclass(frozen=True)
class ArchiveExposure:
    """An exposure in the archive: the files of its best version, three if it is complete."""

    expnum: int | None
    start: str  # UTC, ISO 8601; "" if the archive doesn't say
    filter: str  # short name
    exposure_seconds: float | None
    ra: float | None  # ICRS degrees, as ra_center
    dec: float | None
    object_name: str
    proposal: str
    seeing: float | None  # arcsec
    version: str  # "" where no file is named as one of a triplet
    files: tuple[ArchiveFile, ...]
    odd_names: tuple[str, ...]  # files that are not named as one of a triplet, and not fetched

    @property
    def label(self) -> str:
        number = f"{self.expnum}" if self.expnum is not None else "without number"
        return " ".join(filter(None, (number, self.filter, self.version)))

    @property
    def size(self) -> int:
        """The size of all its files in bytes."""
        return sum(file.size for file in self.files)

    @property
    def missing(self) -> tuple[str, ...]:
        """The kinds of file that the archive lacks."""
        there = {file.kind for file in self.files}
        return tuple(name for kind, name in KIND_NAMES.items() if kind not in there)

    @property
    def is_complete(self) -> bool:
        return not self.missing

    @property
    def proprietary_until(self) -> date | None:
        """The date on which the last of its files becomes public; None if all are."""
        dates = [file.release_date for file in self.files if file.release_date]
        last = max(dates, default=None)
        return last if last and last > datetime.now(UTC).date() else None


def exposures_of(rows) -> list[ArchiveExposure]:
    """Group rows of files, by exposure number, in the order of their start."""
    rows = list({_md5(row) or file_name(row): row for row in rows if _is_file(row)}.values())
    numbers = {_arrival(row): _expnum(row) for row in rows if _expnum(row)}
    groups = defaultdict(list)
    for row in rows:
        groups[_expnum(row) or numbers.get(_arrival(row)) or _arrival(row)].append(row)
    exposures = [_exposure(key, group) for key, group in groups.items()]
    return sorted(exposures, key=lambda e: (e.start, e.expnum or 0))


def file_name(row) -> str:
    """A row's file name, without its folder in the archive."""
    return PurePosixPath(_text(row.get("archive_filename"), None)).name


def _arrival(row):
    """The time in a file's name, by which siblings without EXPNUM are found; else the name."""
    match = _NAME.fullmatch(file_name(row))
    return match["before"] if match else file_name(row)


def _exposure(key, rows):
    version, chosen = _best_version(rows)
    # The image knows best; the weight and the mask know the same, or less.
    facts = chosen.get("i") or next(iter(chosen.values()), rows[0])
    return ArchiveExposure(
        expnum=key if isinstance(key, int) else None,
        start=_start(facts.get("dateobs_min")),
        filter=_filter(facts.get("ifilter")),
        exposure_seconds=_number(facts.get("exposure")),
        ra=_right_ascension(facts.get("ra_center")),
        dec=_declination(facts.get("dec_center")),
        object_name=_text(facts.get("OBJECT")),
        proposal=_text(facts.get("proposal")),
        seeing=_number(facts.get("seeing")),
        version=version,
        files=tuple(_file(kind, chosen[kind]) for kind in KINDS if kind in chosen),
        odd_names=tuple(sorted(n for n in map(file_name, rows) if not _NAME.fullmatch(n))),
    )


def _best_version(rows):
    """The best version and its rows by kind; ("", {}) if no name has a version."""
    versions = defaultdict(dict)
    # A file that was made again under its old name: the last one stands.
    for row in sorted(rows, key=lambda row: _text(row.get("updated"))):
        if match := _NAME.fullmatch(file_name(row)):
            # The reader finds siblings by name, so all of it counts.
            key = match["version"], match["before"], match["filter"]
            versions[key][match["kind"]] = row
    if not versions:
        return "", {}
    best = max(versions, key=lambda key: (*_rank(key[0], versions[key]), key))
    return best[0], versions[best]


def _rank(version, kinds):
    """A sort key of versions: complete ones, then the highest vN, then others by name."""
    letters, digits = re.fullmatch(r"(.*?)(\d*)", version).groups()
    is_numbered = letters == "v" and digits != ""
    return len(kinds), is_numbered, letters, int(digits or 0)


def _file(kind, row):
    return ArchiveFile(
        kind=kind,
        name=file_name(row),
        md5=_md5(row),
        size=_size(row.get("filesize")),
        release_date=_date(row.get("release_date")),
    )


def _filter(name):
    try:
        return short_filter(_text(name))
    except UnknownFilterError:
        return ""


def _is_file(row):
    """Whether a row describes a file, unlike the answer to a count."""
    return bool(_md5(row) or file_name(row))


def _md5(row):
    """The MD5 in a row; "" if it isn't text."""
    md5 = row.get("md5sum")
    return md5 if isinstance(md5, str) else ""


def _size(value):
    """The size in bytes; 0 if missing or impossible."""
    size = _number(value) or 0
    return int(size) if 0 < size <= LARGEST_FILE else 0


def _start(value):
    match = _TIME.match(_text(value))
    return match[0].replace(" ", "T") if match else ""


def _expnum(row):
    """EXPNUM from a number or text; None if missing or invalid."""
    number = _number(row.get("EXPNUM"))
    return int(number) if number and 0 < number <= LARGEST_EXPNUM else None


def _text(value, longest=LONGEST_TEXT):
    """A field as text, without lone surrogates; OBJECT may be a number."""
    text = "" if value is None else str(value).strip()
    return text[:longest].encode("utf-8", "replace").decode()


def _number(value):
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _right_ascension(value):
    ra = _number(value)
    return None if ra is None or abs(ra) > 360 else wrap_ra(ra)


def _declination(value):
    dec = _number(value)
    return None if dec is None or abs(dec) > 90 else dec


def _date(value):
    try:
        return date.fromisoformat(_text(value)[:10])
    except ValueError:
        return None
