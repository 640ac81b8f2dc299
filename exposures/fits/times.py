"""When an exposure was taken, from headers that disagree on how to say it; MJD, UTC."""

import re
from datetime import UTC, date, datetime, timedelta, timezone

from exposures.fits.cards import Cards, first_number, first_text

SECONDS_A_DAY = 86400.0
_MJD_EPOCH = datetime(1858, 11, 17, tzinfo=UTC)
_DATE_TIME = re.compile(
    r"(\d{4}-\d{2}-\d{2})[T ](\d{2}):(\d{2}):(\d{2}(?:\.\d*)?)\s*(Z|[+-]\d{2}:?\d{2})?"
)
_CLOCK = re.compile(r"(\d{2}):(\d{2}):(\d{2}(?:\.\d*)?)")


def start_mjd(*headers: Cards) -> float | None:
    """MJD (UTC) at which the exposure began; None where no card says.

    In order: a full date in UT-OBS or DATE-UTC; DATE-OBS with its offset, for some write local
    time there; a clock time in UT-OBS, UTSTART, UT or TIME-OBS on the day of DATE-OBS; MJD-OBS,
    last, because some round it to a minute.
    """
    for key in ("UT-OBS", "DATE-UTC", "DATE-OBS"):
        mjd = mjd_of(first_text((key,), *headers))
        if mjd is not None:
            return mjd
    day = re.match(r"\d{4}-\d{2}-\d{2}", first_text(("DATE-OBS",), *headers))
    clock = _CLOCK.match(first_text(("UT-OBS", "UTSTART", "UT", "TIME-OBS"), *headers))
    if day and clock:
        return mjd_of(f"{day.group()}T{clock.group()}")
    mjd = first_number(("MJD-OBS", "MJD_OBS", "MJD"), *headers)
    return mjd if mjd == mjd else None


def mjd_of(text: str) -> float | None:
    """MJD of "2017-12-19T18:33:43.317-0700", UTC where no offset is written; None if unreadable."""
    match = _DATE_TIME.fullmatch(text.strip())
    if match is None:
        return None
    day, hours, minutes, seconds, offset = match.groups()
    try:
        midnight = datetime.combine(date.fromisoformat(day), datetime.min.time(), _zone(offset))
    except ValueError:
        return None
    clock = timedelta(hours=int(hours), minutes=int(minutes), seconds=float(seconds))
    return (midnight + clock - _MJD_EPOCH) / timedelta(days=1)


def _zone(offset):
    if offset in (None, "Z"):
        return UTC
    sign = -1 if offset[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(offset[1:3]), minutes=int(offset[-2:])))
