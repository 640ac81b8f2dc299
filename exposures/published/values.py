"""Values of a file's columns as numbers in the units of published stars, and as texts."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from astropy import units as u

from exposures.errors import InputFileError
from exposures.published.definitions import Column, Condition
from exposures.published.sources import Source
from exposures.published.targets import Target

SEXAGESIMAL = (
    r"^\s*(?P<sign>[+-]?)\s*(?P<whole>\d+)[:hd°\s]+"
    r"(?P<minutes>\d+(?:\.\d*)?)[:m'\s]*(?P<seconds>\d*\.?\d*)"
)
HOURS, DEGREES = "hms", "dms"
JULIAN_DATE = "JD"
SIGNAL_TO_NOISE = "S/N"
FREQUENCY = "1/d"
J2000_JD, DAYS_A_YEAR = 2451545.0, 365.25
SPECIAL = (HOURS, DEGREES, JULIAN_DATE, SIGNAL_TO_NOISE, FREQUENCY)
POGSON = 2.5 / np.log(10)  # mag of a relative error
# Names of units that archives write otherwise than astropy reads them.
OTHER_NAMES = {
    '"h:m:s"': HOURS,
    "h:m:s": HOURS,
    '"d:m:s"': DEGREES,
    "d:m:s": DEGREES,
    "mas.yr**-1": "mas/yr",
    "mas.yr-1": "mas/yr",
    "year": "yr",
    "Julian year": "yr",
    "degree": "deg",
    "degrees": "deg",
    "Angle[deg]": "deg",
    "days": "d",
    "day": "d",
}
HOURS_OF_ANGLE = ("h", "hr", "hour", "hours")
CORRECT = "Correct the file, or name its columns in a TOML file (--columns)"


@dataclass(frozen=True)
class BoundColumn:
    """A column of a definition, and where a file has it."""

    column: Column
    source: Source
    unless: Source | None  # of the condition in which it is none
    path: object  # of the file, for errors

    @property
    def names(self) -> set[str]:
        """The columns of the file that it needs."""
        return {*self.source.names, *(self.unless.names if self.unless else ())}

    def numbers(self, part: pa.Table, target: Target) -> np.ndarray:
        """(n,) float64 in the target's unit, NaN where there is none."""
        values = self.source.values(part)
        unit = self._unit(target)
        if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
            if unit in (HOURS, DEGREES) or _is_sexagesimal(values):
                # Right ascensions are in hours where they are sexagesimal, as everywhere.
                is_hours = unit in (HOURS, "") or (unit == "deg" and self._is_right_ascension())
                return self._kept(part, _degrees(values, is_hours))
            values = self._cast(values)
        numbers = _as_float(values)
        for null in self.column.null:
            if isinstance(null, float | int):
                numbers[numbers == null] = np.nan
        numbers = self._converted(numbers, unit, target)
        numbers[~(numbers > target.above)] = np.nan  # NaN isn't, either
        return self._kept(part, numbers)

    def texts(self, part: pa.Table) -> pa.Array:
        """Texts without blanks round them, null where there is none."""
        values = self.source.values(part)
        if pa.types.is_floating(values.type):
            values = pc.cast(values, pa.int64(), safe=False)
        texts = pc.utf8_trim_whitespace(pc.cast(values, pa.string()))
        # PostgreSQL takes no NUL in a text, with which some fill theirs.
        texts = pc.replace_substring(texts, "\0", "")
        is_none = pc.is_in(texts, pa.array(["", "--", *map(str, self.column.null)]))
        if self.unless:
            is_none = pc.or_kleene(is_none, pa.array(self._is_hidden(part)))
        texts = pc.if_else(is_none, pa.scalar(None, pa.string()), texts)
        if not self.column.prefix:
            return texts
        return pc.binary_join_element_wise(self.column.prefix, texts, "")

    def _is_right_ascension(self):
        return "ra" in self.source.names[0].lower()

    def _unit(self, target):
        """The unit of the numbers: the file's where it has one that astropy knows."""
        stated = self.source.unit.strip()
        stated = OTHER_NAMES.get(stated, stated)
        own = self.column.unit or target.unit
        if target.unit in ("mag", "") or own in SPECIAL:
            return own
        if stated in HOURS_OF_ANGLE and target.unit == "deg":
            return "hourangle"
        if stated in SPECIAL:
            return stated
        is_known = not isinstance(u.Unit(stated, parse_strict="silent"), u.UnrecognizedUnit)
        return stated if stated and is_known else own

    def _cast(self, texts):
        texts = pc.utf8_trim_whitespace(texts)
        nulls = pa.array(["", "-", "--", *map(str, self.column.null)])
        texts = pc.if_else(pc.is_in(texts, nulls), pa.scalar(None, pa.string()), texts)
        try:
            return pc.cast(texts, pa.float64())
        except pa.ArrowInvalid as error:
            name = " ".join(self.source.names)
            problem = f"column {name} has a value that is no number: {error}"
            raise InputFileError(self.path, problem, CORRECT) from error

    def _converted(self, numbers, unit, target):
        if unit == JULIAN_DATE:
            return 2000.0 + (numbers - J2000_JD) / DAYS_A_YEAR
        if unit in (SIGNAL_TO_NOISE, FREQUENCY):
            with np.errstate(divide="ignore"):
                return (POGSON if unit == SIGNAL_TO_NOISE else 1.0) / numbers
        if unit == target.unit:
            return numbers
        try:
            return numbers * u.Unit(unit).to(u.Unit(target.unit))
        except (ValueError, TypeError, u.UnitConversionError) as error:
            name = " ".join(self.source.names)
            problem = f"the unit of column {name} is {unit!r}, which is none of {target.unit}"
            raise InputFileError(self.path, problem, CORRECT) from error

    def _kept(self, part, numbers):
        if self.unless is not None:
            numbers = np.where(self._is_hidden(part), np.nan, numbers)
        return numbers

    def _is_hidden(self, part):
        return is_met(self.column.unless, self.unless, part)


def is_met(condition: Condition, source: Source, part: pa.Table) -> np.ndarray:
    """(n,) whether a condition is met in the rows of a part."""
    texts = pc.utf8_trim_whitespace(pc.cast(source.values(part), pa.string()))
    return pc.is_in(texts, pa.array(condition.values)).to_numpy(zero_copy_only=False)


def _as_float(values):
    if pa.types.is_boolean(values.type):
        values = pc.cast(values, pa.int8())
    numbers = pc.cast(values, pa.float64()).to_numpy(zero_copy_only=False)
    return np.array(numbers, float)


def _is_sexagesimal(texts):
    """Whether the first text that is one has several numbers."""
    known = texts.drop_null()
    return len(known) > 0 and bool(pc.match_substring_regex(known[:1], SEXAGESIMAL)[0].as_py())


def _degrees(texts, is_hours):
    """(n,) degrees of sexagesimal texts; NaN where they are none."""
    found = pc.extract_regex(texts, SEXAGESIMAL)
    whole, minutes, seconds = (
        _as_float(_number(pc.struct_field(found, name))) for name in ("whole", "minutes", "seconds")
    )
    is_negative = pc.fill_null(pc.equal(pc.struct_field(found, "sign"), "-"), False)
    sign = np.where(is_negative.to_numpy(zero_copy_only=False), -1, 1)
    degrees = sign * (whole + minutes / 60 + np.nan_to_num(seconds) / 3600)
    return degrees * 15 if is_hours else degrees


def _number(texts):
    is_none = pc.is_in(texts, pa.array(["", "."]))
    return pc.cast(pc.if_else(is_none, pa.scalar(None, pa.string()), texts), pa.float64())
