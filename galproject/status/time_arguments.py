"""Parsing of times given as ages or dates."""

import re
from datetime import UTC, datetime, timedelta

from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from exposures.errors import GalprojectError

MAX_LENGTH = 40  # characters
# So that a time can be told in any time zone.
EARLIEST = datetime.min.replace(tzinfo=UTC) + timedelta(days=1)
LATEST = datetime.max.replace(tzinfo=UTC) - timedelta(days=1)
UNITS = {"s": "seconds", "m": "minutes", "min": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_time(text: str, now: datetime | None = None) -> datetime:
    """Parse "2h", "1d", "2026-11-23" or "2026-11-23T18:00" to a time in UTC.

    Raises GalprojectError for another text, or a time beyond EARLIEST and LATEST.
    """
    text = text.strip()
    try:
        given = _given(text, now) if _is_plain(text) else None
    except (ValueError, OverflowError):
        given = None
    if given is None or not EARLIEST <= given <= LATEST:
        raise GalprojectError(
            f"{text[:MAX_LENGTH]!a} is not a time. Give an age such as 30m, 2h or 1d, or a "
            "date such as 2026-11-23 or 2026-11-23T18:00 (UTC)"
        )
    return given


def _is_plain(text):
    """Whether a text is short and has only characters of times."""
    return text.isascii() and text.isprintable() and len(text) <= MAX_LENGTH


def _given(text, now):
    age = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?([a-z]+)", text)
    if age and age[2] in UNITS:
        seconds = timedelta(**{UNITS[age[2]]: float(age[1])})
        return (now or timezone.now()) - seconds
    given = parse_datetime(text) or _midnight(text)
    if given is None:
        return None
    return given.astimezone(UTC) if given.tzinfo else given.replace(tzinfo=UTC)


def _midnight(text):
    day = parse_date(text)
    return day and datetime(day.year, day.month, day.day)
