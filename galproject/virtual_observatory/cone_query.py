"""What a cone search is asked for, read within bounds."""

from dataclasses import dataclass

from exposures.errors import GalprojectError
from exposures.input.numbers import NumberError, parse_integer, parse_number

MAX_ROWS = 20_000  # of one answer, nearest first
VERBOSITIES = (1, 3)
USUAL_VERBOSITY = 2


class ConeError(GalprojectError):
    """What was asked for is no cone; the message says which parameter is wrong."""


@dataclass(frozen=True)
class ConeQuery:
    """A cone on the sky, and how much of what is in it is asked for."""

    ra: float  # ICRS degrees
    dec: float  # ICRS degrees
    radius_degrees: float  # 0 asks for the columns alone
    verbosity: int  # from 1, few columns, to 3, all
    n_rows: int  # at most

    @property
    def wants_rows(self) -> bool:
        return self.radius_degrees > 0 and self.n_rows > 0


def read_cone(asked, max_radius_degrees) -> ConeQuery:
    """The cone that parameters ask for, whatever the case of their names; others are passed over.

    Raises ConeError.
    """
    named = {name.upper(): value for name, value in asked.items()}
    verbosity = _number(named, "VERB", parse_integer, *VERBOSITIES, USUAL_VERBOSITY)
    return ConeQuery(
        ra=_number(named, "RA", parse_number, 0, 360),
        dec=_number(named, "DEC", parse_number, -90, 90),
        radius_degrees=_number(named, "SR", parse_number, 0, max_radius_degrees),
        verbosity=verbosity,
        n_rows=min(_number(named, "MAXREC", parse_integer, 0, 2**31, MAX_ROWS), MAX_ROWS),
    )


def _number(named, name, parse, *bounds_and_default):
    low, high, *default = bounds_and_default
    text = named.get(name, "")
    if not text and default:
        return default[0]
    if not text:
        raise ConeError(f"{name} is missing: RA, DEC and SR are needed, in decimal degrees")
    try:
        return parse(text, low, high)
    except NumberError as error:
        raise ConeError(f"{name}: {error}") from error
