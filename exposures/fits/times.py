"""The time of an exposure (MJD, UTC) from the many forms of header cards.

Names and meanings of cards are those of the FITS standard's paper on time (Rots et al. 2015,
A&A 574, A36), with those that cameras write beside them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

from exposures.errors import InputFileError
from exposures.fits.cards import Cards, first_number, first_text, shown_values
from exposures.fits.time_scales import MJD_OF_JD_0, SECONDS_A_DAY, TimeFrame
from exposures.science.header_limits import HeaderLimits

DEFAULT_LIMITS = HeaderLimits()
MAX_MJD = 100_000.0  # in the year 2132; a larger number is a Julian date, or seconds
_MJD_EPOCH = datetime(1858, 11, 17, tzinfo=UTC)
_CLOCK_TEXT = r"(\d{1,2}):(\d{2})(?::(\d{2}(?:\.\d*)?))?"
_DATE_TIME = re.compile(
    r"(\d{4}[-/]\d{2}[-/]\d{2})[T ]\s*" + _CLOCK_TEXT + r"\s*(Z|UTC?|[+-]\d{2}:?\d{2})?"
)
_CLOCK = re.compile(_CLOCK_TEXT)
_DAY = re.compile(r"(\d{4})[-/](\d{2})[-/](\d{2})")
# FITS before 2000: day, month, and year after 1900; no detector is older than that.
_OLD_DAY = re.compile(r"(\d{2})/(\d{2})/([5-9]\d)(?!\d)")

# Exposure times from a moment to the middle of the exposure.
BEGINNING, MIDDLE, END = 0.5, 0.0, -0.5

# Cards that are UTC by their names, whatever TIMESYS says of the others.
UTC_DATES = ("UT-OBS", "DATE-UTC")
UTC_CLOCKS = ("UT-OBS", "UTC-OBS", "UTSTART", "UT-START", "UTC", "UT")
# The rest are in the scale of TIMESYS, and looked for in this order.
DATES = (*(("DATE-BEG", BEGINNING), ("DATE-AVG", MIDDLE), ("DATE-MID", MIDDLE), ("DATE-END", END)),)
MJD_OBS = ("MJD-OBS", "MJD_OBS", "MJD")
MJDS = (
    *(("MJD-BEG", BEGINNING), ("MJD-AVG", MIDDLE), ("MJD-MID", MIDDLE), ("MJD_MID", MIDDLE)),
    *(("MJD-END", END), ("EXPSTART", BEGINNING), ("EXPEND", END)),
)
JDS = (
    *(("JD-BEG", BEGINNING), ("JD_SOBS", BEGINNING), ("JD-AVG", MIDDLE), ("JD-MID", MIDDLE)),
    *(("JD_MID", MIDDLE), ("JD_UTC", MIDDLE), ("JD-OBS", BEGINNING), ("JD_OBS", BEGINNING)),
    *(("JD", BEGINNING), ("JD-END", END), ("JD_END", END)),
)
# Those that are shown where none of them can be used.
_KEYS = ("DATE-OBS", "UT-OBS", *MJD_OBS, *(key for key, _ in (*DATES, *MJDS, *JDS)))
_OF_THE_MIDDLE = re.compile(r"\bmid", re.IGNORECASE)  # in the comment of a card
_OFF_THE_EARTH = re.compile(r"helio|bary|\b[HB]JD", re.IGNORECASE)
# Names of heliocentric and barycentric times: up to 8 minutes from UTC, by the star's place.
_CORRECTED = re.compile(r"P?[HB]M?JD.*|M?JD[-_]?(HEL|BAR|TDB).*|TDB[-_]?MID|MOBS?[HB]JD", re.I)


@dataclass(frozen=True)
class ExposureTime:
    """The time of an exposure, and the precision of its header."""

    mjd: float  # UTC, middle of the exposure
    resolution_seconds: float  # of the last digit that is written


@dataclass(frozen=True)
class _Reading:
    """A time read from one card."""

    mjd: float
    resolution_seconds: float
    to_middle: float = BEGINNING
    is_utc: bool = False  # whatever TIMESYS says
    key: str = ""  # of the card


def exposure_time(
    path: Path, seconds: float, *headers: Cards, prefer=(), limits=DEFAULT_LIMITS
) -> ExposureTime:
    """The mid-time of an exposure of ``seconds``, by the best card available.

    In order: numbers under ``prefer``; a full date in UT-OBS or DATE-UTC; DATE-OBS with its
    offset, for some write local time there; a clock time on the day of DATE-OBS; MJD-OBS, late,
    because some round it to a minute; then beginning, middle or end by the standard's names, as
    dates, MJD and JD; and TSTART or TSTOP counted from MJDREF. Times in the scale of TIMESYS are
    turned into UTC. Raises InputFileError if no card says, the scale isn't known, or the time
    is out of the HeaderLimits.
    """
    reading = next(_readings(headers, prefer), None)
    if reading is None:
        raise _no_time(path, headers)
    mjd = reading.mjd
    if not reading.is_utc:
        mjd = TimeFrame.of(path, headers).to_utc(mjd)
    middle = mjd + reading.to_middle * seconds / SECONDS_A_DAY
    if not limits.mjd.holds(middle):
        there = shown_values((reading.key,), *headers) if reading.key else f"MJD {mjd:g}"
        advice = "Correct it in its header, or leave the file out"
        raise InputFileError(path, f"{there}, but {limits.mjd}", advice, hdu=headers[-1].hdu)
    return ExposureTime(middle, reading.resolution_seconds)


def _readings(headers, prefer) -> Iterator[_Reading]:
    yield from _numbers(headers, ((key, BEGINNING) for key in prefer))
    yield from _observed(headers)
    yield from _clock_times(headers)
    yield from _numbers(headers, ((key, BEGINNING) for key in MJD_OBS))
    for key, to_middle in DATES:
        if reading := _date_of(first_text((key,), *headers), to_middle):
            yield replace(reading, key=key)
    yield from _numbers(headers, MJDS)
    yield from _numbers(headers, JDS, MJD_OF_JD_0)
    yield from _counted(headers)


def _observed(headers):
    for key in (*UTC_DATES, "DATE-OBS"):
        if reading := _date_of(first_text((key,), *headers), is_utc=key in UTC_DATES):
            yield replace(reading, key=key)


def _clock_times(headers):
    """A time of day under its own card, on the day of DATE-OBS."""
    day = _day_of(first_text(("DATE-OBS",), *headers))
    for key in (*UTC_CLOCKS, "TIME-OBS") if day else ():
        clock = _CLOCK.match(first_text((key,), *headers))
        if clock and (reading := _date_of(f"{day}T{clock.group()}", is_utc=key in UTC_CLOCKS)):
            yield replace(reading, key="DATE-OBS")


def _numbers(headers, keys, offset=0.0):
    """Days under some keys, made MJD by ``offset``."""
    for key, to_middle in keys:
        value = first_number((key,), *headers)
        if not 0 < value + offset < MAX_MJD:  # as NaN is
            continue
        comment = _comment(headers, key)
        if _OFF_THE_EARTH.search(comment):
            continue
        if key in ("JD", "MJD") and _OF_THE_MIDDLE.search(comment):
            to_middle = MIDDLE
        resolution = SECONDS_A_DAY * _last_digit(value)
        yield _Reading(value + offset, resolution, to_middle, key=key)


def _counted(headers):
    """TSTART or TSTOP, elapsed since MJDREF in units of TIMEUNIT."""
    for key, to_middle in (("TSTART", BEGINNING), ("TSTOP", END)):
        elapsed = first_number((key,), *headers)
        mjd = TimeFrame.mjd_after_reference(elapsed, headers)
        if 0 < mjd < MAX_MJD:
            resolution = TimeFrame.unit_seconds(headers) * _last_digit(elapsed)
            yield _Reading(mjd, resolution, to_middle, key=key)


def _last_digit(value):
    """The unit of the last decimal that a number is written with."""
    _, _, decimals = repr(float(value)).partition(".")
    return 10.0 ** -len(decimals) if decimals.isdigit() and decimals != "0" else 1.0


def _comment(headers, key):
    return next(filter(None, (cards.comment(key) for cards in headers)), "")


def mjd_of(text: str) -> float | None:
    """MJD of "2017-12-19T18:33:43.317-0700", UTC where no offset is written; None if unreadable."""
    reading = _date_of(text)
    return None if reading is None else reading.mjd


def _date_of(text, to_middle=BEGINNING, is_utc=False):
    match = _DATE_TIME.fullmatch(text.strip())
    if match is None:
        return None
    day, hours, minutes, seconds, offset = match.groups()
    # A leap second is the 61st of its minute, and some write the end of a day as 24:00.
    if int(hours) > 24 or int(minutes) > 59 or float(seconds or 0) >= 61:
        return None
    try:
        day = date.fromisoformat(day.replace("/", "-"))
        midnight = datetime.combine(day, datetime.min.time(), _zone(offset))
    except ValueError:
        return None
    clock = timedelta(hours=int(hours), minutes=int(minutes), seconds=float(seconds or 0))
    mjd = (midnight + clock - _MJD_EPOCH) / timedelta(days=1)
    if not 0 < mjd < MAX_MJD:
        return None
    _, _, decimals = (seconds or "").partition(".")
    resolution = 10.0 ** -len(decimals) if seconds else 60.0
    return _Reading(mjd, resolution, to_middle, is_utc or offset is not None)


def _day_of(text):
    """The ISO 8601 date at the beginning of a text; None if there is none."""
    if match := _DAY.match(text):
        return "-".join(match.groups())
    if match := _OLD_DAY.match(text):
        day, month, year = match.groups()
        return f"19{year}-{month}-{day}"
    return None


def _zone(offset):
    if offset in (None, "Z", "UT", "UTC"):
        return UTC
    sign = -1 if offset[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(offset[1:3]), minutes=int(offset[-2:])))


def _no_time(path, headers):
    corrected = sorted({key for cards in headers for key in _corrected_keys(cards)})
    if corrected:
        return InputFileError(
            path,
            f"no date but {', '.join(corrected)}, which is heliocentric or barycentric: up to 8 "
            "minutes from UTC",
            "Write DATE-OBS, the UTC at which the exposure began, into its header",
            hdu=headers[0].hdu,
        )
    there = shown_values(_KEYS, *headers)
    return InputFileError(
        path,
        f"no date that can be ({there})"
        if there
        else "no date: UT-OBS, DATE-OBS, MJD-OBS, DATE-BEG, MJD-AVG, JD or the like",
        "Write DATE-OBS, the UTC at which the exposure began, into its header",
        hdu=headers[-1].hdu,
    )


def _corrected_keys(cards):
    for key in dict.fromkeys(cards.header):
        if _CORRECTED.fullmatch(key) or (
            key in dict((*MJDS, *JDS, *((k, 0) for k in MJD_OBS)))
            and _OFF_THE_EARTH.search(_comment((cards,), key))
        ):
            yield key
