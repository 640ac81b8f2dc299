"""Times as people give them: an age or a date."""

import re
from datetime import UTC, datetime, timedelta

from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from exposures.errors import GalprojectError

UNITS = {"s": "seconds", "m": "minutes", "min": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def moment(text: str, now: datetime | None = None) -> datetime:
    """The time that "2h", "1d", "2026-11-23" or "2026-11-23T18:00" means; dates are UTC.

    Raises GalprojectError where it means none.
    """
    text = text.strip()
    try:
        age = re.fullmatch(r"(\d+(?:\.\d+)?) ?([a-z]+)", text)
        if age and age[2] in UNITS:
            return (now or timezone.now()) - timedelta(**{UNITS[age[2]]: float(age[1])})
        given = parse_datetime(text) or _midnight(text)
    except (ValueError, OverflowError):
        given = None
    if given is None:
        raise GalprojectError(
            f"{text!r} is not a time. Give an age such as 30m, 2h or 1d, or a date such as "
            "2026-11-23 or 2026-11-23T18:00 (UTC)"
        )
    return given if given.tzinfo else given.replace(tzinfo=UTC)


def _midnight(text):
    day = parse_date(text)
    return day and datetime(day.year, day.month, day.day)
