"""Types of options: what they are measured in, and the values that make sense."""

from dataclasses import dataclass
from math import inf
from typing import Annotated

from annotated_types import Ge, Interval, Predicate


@dataclass(frozen=True)
class Unit:
    """What the number of an option counts."""

    name: str


def is_odd(number: int) -> bool:
    """Whether a number is odd: a stamp with a central pixel."""
    return number % 2 == 1


POSITIVE = Interval(gt=0, lt=inf)
NOT_NEGATIVE = Interval(ge=0, lt=inf)

Pixels = Annotated[float, Unit("pixels"), POSITIVE]
Margin = Annotated[float, Unit("pixels"), NOT_NEGATIVE]  # 0: none is kept
WholePixels = Annotated[int, Unit("pixels"), Ge(1)]
OddPixels = Annotated[int, Unit("pixels"), Ge(1), Predicate(is_odd)]
Sigma = Annotated[float, Unit("sigma"), POSITIVE]
Magnitude = Annotated[float, Unit("mag"), Interval(gt=-inf, lt=inf)]
MagnitudeError = Annotated[float, Unit("mag"), NOT_NEGATIVE]
Fraction = Annotated[float, Unit("fraction"), Interval(ge=0, le=1)]
Majority = Annotated[float, Unit("fraction"), Interval(gt=0.5, le=1)]  # or two could have it
Ratio = Annotated[float, Unit("ratio"), POSITIVE]
Exponent = Annotated[float, Unit("exponent"), Interval(ge=1.5, le=8)]  # of a Moffat profile
Count = Annotated[int, Unit("count"), Ge(1)]
TwoOrMore = Annotated[int, Unit("count"), Ge(2)]
MaskBits = Annotated[int, Unit("bits"), Interval(ge=0, le=255)]
Order = Annotated[int, Unit("order"), Interval(ge=0, le=10)]  # of a polynomial
Gain = Annotated[float, Unit("e-/ADU"), POSITIVE]
Electrons = Annotated[float, Unit("e-"), NOT_NEGATIVE]
Adu = Annotated[float, Unit("ADU"), POSITIVE]
Days = Annotated[float, Unit("days"), POSITIVE]
Arcseconds = Annotated[float, Unit("arcsec"), POSITIVE]
Degrees = Annotated[float, Unit("degrees"), POSITIVE]
Milliarcseconds = Annotated[float, Unit("mas"), POSITIVE]
Motion = Annotated[float, Unit("mas/yr"), NOT_NEGATIVE]
Year = Annotated[float, Unit("Julian year"), Interval(ge=1800, le=2200)]
Seconds = Annotated[float, Unit("s"), POSITIVE]
Name = Annotated[str, Unit("text")]
Switch = Annotated[bool, Unit("true or false")]
