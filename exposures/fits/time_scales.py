"""Conversion of headers' time scales to UTC."""

import re
from dataclasses import dataclass
from pathlib import Path

from astropy import units
from astropy.time import Time

from exposures.errors import InputFileError
from exposures.fits.cards import Cards, first_number, first_text
from exposures.science.earth_rotation import tables_offline

SECONDS_A_DAY = 86400.0
MJD_OF_JD_0 = -2400000.5
GPS_BEHIND_TAI = 19.0  # seconds, always
# astropy's names of the scales that TIMESYS may name; the second column holds old names.
SCALES = {
    **{name: name for name in ("utc", "tai", "tt", "tdb", "tcb", "tcg", "ut1")},
    "ut": "utc",
    "gmt": "utc",
    "z": "utc",
    "iat": "tai",
    "tdt": "tt",
    "et": "tt",
    "gps": "tai",
}
AT_THE_TELESCOPE = ("", "TOPOCENT", "GEOCENTE", "RELOCATA", "CUSTOM")
UNITS = {"": units.s, "a": units.yr, "cy": 100 * units.yr}  # besides those astropy knows


@dataclass(frozen=True)
class TimeFrame:
    """The time scale and unit of a header's times, unless a card's name tells."""

    path: Path
    hdu: int
    time_system: str  # TIMESYS
    position: str  # TREFPOS: for which the times hold

    @classmethod
    def of(cls, path: Path, headers: tuple[Cards, ...]):
        return cls(
            path,
            headers[0].hdu,
            first_text(("TIMESYS",), *headers),
            first_text(("TREFPOS",), *headers).upper(),
        )

    def to_utc(self, mjd: float) -> float:
        """An MJD of this frame in UTC. Raises InputFileError if the conversion is unknown."""
        scale = self._scale()
        if self.position[:8] not in AT_THE_TELESCOPE:
            raise InputFileError(
                self.path,
                f"its times hold at {self.position} (TREFPOS), up to 8 minutes from those here",
                "Write DATE-UTC, at which the exposure began at the telescope, into its header",
                hdu=self.hdu,
            )
        if scale == "utc":
            return mjd
        if self.time_system.upper().startswith("GPS"):
            mjd += GPS_BEHIND_TAI / SECONDS_A_DAY
        return _utc(Time(mjd, format="mjd", scale=scale))

    def _scale(self):
        # As in "TT(TAI)", "UTC approximate".
        first_word = re.match(r"[A-Za-z0-9]*", self.time_system).group().lower()
        if not self.time_system:
            return "utc"
        if first_word not in SCALES:
            known = ", ".join(name.upper() for name in SCALES if len(name) > 1)
            raise InputFileError(
                self.path,
                f"TIMESYS is {self.time_system!r}, which can't be turned into UTC",
                f"Write one of {known}, or DATE-UTC with the UTC at which the exposure began",
                hdu=self.hdu,
            )
        return SCALES[first_word]

    @staticmethod
    def unit_seconds(headers) -> float:
        """Seconds in a TIMEUNIT; NaN where it is no unit of time."""
        name = first_text(("TIMEUNIT",), *headers)
        try:
            unit = UNITS.get(name) or units.Unit(name, format="fits")
            return unit.to(units.s)
        except (ValueError, units.UnitConversionError):
            return float("nan")

    @staticmethod
    def mjd_after_reference(elapsed, headers) -> float:
        """The MJD at an elapsed time after MJDREF or JDREF; NaN where the header has none."""
        reference = _reference("MJDREF", headers)
        if reference != reference:
            reference = _reference("JDREF", headers) + MJD_OF_JD_0
        return reference + elapsed * TimeFrame.unit_seconds(headers) / SECONDS_A_DAY


def _reference(key, headers):
    """A reference time in days: one number, or its whole part and its fraction under two cards."""
    whole, fraction = (first_number((key + part,), *headers) for part in "IF")
    if whole != whole:
        return first_number((key,), *headers)
    return whole + (fraction if fraction == fraction else 0.0)


def _utc(time):
    """MJD in UTC."""
    with tables_offline():
        return float(time.utc.mjd)
