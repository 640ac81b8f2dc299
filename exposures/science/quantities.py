"""Types of options with their units and bounds."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Interval, MaxLen, Predicate

from exposures.source_ids import MAX_SOURCES


@dataclass(frozen=True)
class Unit:
    """The unit of an option."""

    name: str


class Options:
    """What classes of options have in common: the docstring below a field is its description."""

    # What pydantic looks for on a dataclass, so that science needn't import it.
    __pydantic_config__: ClassVar[dict[str, bool]] = {"use_attribute_docstrings": True}


def is_odd(number: int) -> bool:
    """Whether a number is odd: a stamp with a central pixel."""
    return number % 2 == 1


def is_printable(text: str) -> bool:
    """Whether a text has no control characters."""
    return text.isprintable()


def up_to(limit: float) -> Interval:
    """Bounds from just above 0, where squares and inverses stay finite, to the limit."""
    return Interval(ge=1e-6, le=limit)


# Every number has both limits, far beyond what makes sense: what is out of them is a slip of the
# keyboard, and some of it would keep a processor busy for years. Where more of a number is more
# work, the limit is what still ends in some minutes on a full chip.
CHIP_SIDE = 10_000  # pixels; no chip's side is longer
LARGEST_COUNT = 10_000_000

Pixels = Annotated[float, Unit("pixels"), up_to(CHIP_SIDE)]
# 0: none is kept
Margin = Annotated[float, Unit("pixels"), Interval(ge=0, le=CHIP_SIDE)]
SearchPixels = Annotated[float, Unit("pixels"), up_to(300)]  # within which pairs are looked at
WholePixels = Annotated[int, Unit("pixels"), Interval(ge=1, le=CHIP_SIDE)]
BoxPixels = Annotated[int, Unit("pixels"), Interval(ge=4, le=CHIP_SIDE)]  # side of a box, of many
TilePixels = Annotated[int, Unit("pixels"), Interval(ge=32, le=CHIP_SIDE)]  # with stars in each
BinPixels = Annotated[int, Unit("pixels"), Interval(ge=2, le=64)]  # side of what is summed
HalfPixels = Annotated[int, Unit("pixels"), Interval(ge=1, le=200)]  # half the side of a stamp
OddPixels = Annotated[int, Unit("pixels"), Interval(ge=1, le=63), Predicate(is_odd)]
KernelPixels = Annotated[float, Unit("pixels"), Interval(ge=0.1, le=20)]  # sigma of a Gaussian
Sigma = Annotated[float, Unit("sigma"), up_to(1e9)]
WingSigma = Annotated[float, Unit("sigma"), Interval(ge=1e-4, le=1e9)]  # of a pixel's noise
Magnitude = Annotated[float, Unit("mag"), Interval(ge=-100, le=100)]
MagnitudeError = Annotated[float, Unit("mag"), Interval(ge=0, le=100)]
Fraction = Annotated[float, Unit("fraction"), Interval(ge=0, le=1)]
AllowedShare = Annotated[float, Unit("fraction"), Interval(ge=1e-3, le=1)]  # of what is wrong
LearningRate = Annotated[float, Unit("fraction"), Interval(ge=1e-3, le=1)]
Majority = Annotated[float, Unit("fraction"), Interval(gt=0.5, le=1)]  # or two could have it
Ratio = Annotated[float, Unit("ratio"), up_to(1e9)]
InFwhm = Annotated[float, Unit("ratio"), up_to(10)]  # of a PSF, a radius or a width
BinWidth = Annotated[float, Unit("ratio"), Interval(ge=0.01, le=2)]  # of a histogram
BoxFwhm = Annotated[float, Unit("ratio"), Interval(ge=2, le=1000)]  # side of a box, of many
Exponent = Annotated[float, Unit("exponent"), Interval(ge=1.5, le=8)]  # of a Moffat profile
Count = Annotated[int, Unit("count"), Interval(ge=1, le=LARGEST_COUNT)]
TwoOrMore = Annotated[int, Unit("count"), Interval(ge=2, le=LARGEST_COUNT)]
ThreeOrMore = Annotated[int, Unit("count"), Interval(ge=3, le=LARGEST_COUNT)]
Number = Annotated[int, Unit("count"), Interval(ge=0, le=LARGEST_COUNT)]
SourceCount = Annotated[int, Unit("count"), Interval(ge=1, le=MAX_SOURCES)]
Rounds = Annotated[int, Unit("count"), Interval(ge=1, le=50)]  # each goes over all pixels or stars
RepeatedRounds = Annotated[int, Unit("count"), Interval(ge=2, le=50)]
Passes = Annotated[int, Unit("count"), Interval(ge=1, le=10)]  # each with rounds of its own
Parts = Annotated[int, Unit("count"), Interval(ge=1, le=1000)]  # into which something is divided
BrightStars = Annotated[int, Unit("count"), Interval(ge=3, le=1000)]  # that are paired
Widths = Annotated[int, Unit("count"), Interval(ge=0, le=20)]  # each larger than the last
Trees = Annotated[int, Unit("count"), Interval(ge=1, le=2000)]  # of a model, or of each class
Leaves = Annotated[int, Unit("count"), Interval(ge=2, le=255)]  # of a tree
Few = Annotated[int, Unit("count"), Interval(ge=1, le=100)]
TrendCount = Annotated[int, Unit("count"), Interval(ge=0, le=5)]  # a column of a table each
Trials = Annotated[int, Unit("count"), Interval(ge=1, le=10_000)]
MaskBits = Annotated[int, Unit("bits"), Interval(ge=0, le=255)]
Order = Annotated[int, Unit("order"), Interval(ge=0, le=10)]  # of a polynomial
LowOrder = Annotated[int, Unit("order"), Interval(ge=0, le=4)]  # with each of several kernels
Days = Annotated[float, Unit("days"), up_to(100_000)]
ShortestPeriod = Annotated[float, Unit("days"), Interval(ge=0.001, le=100_000)]
Mjd = Annotated[float, Unit("MJD"), Interval(ge=0, le=100_000)]
Arcseconds = Annotated[float, Unit("arcsec"), up_to(3600)]
ChartArcseconds = Annotated[float, Unit("arcsec"), Interval(ge=10, le=600)]  # of a picture
Degrees = Annotated[float, Unit("degrees"), up_to(20)]
EastLongitude = Annotated[float, Unit("degrees"), Interval(ge=-180, le=360)]
Latitude = Annotated[float, Unit("degrees"), Interval(ge=-90, le=90)]
Metres = Annotated[float, Unit("m"), Interval(ge=-500, le=20_000)]  # above the sea
Milliarcseconds = Annotated[float, Unit("mas"), up_to(1e6)]
Motion = Annotated[float, Unit("mas/yr"), Interval(ge=0, le=1e5)]
Year = Annotated[float, Unit("Julian year"), Interval(ge=1800, le=2200)]
# Of a detector, as of header_limits.
Gain = Annotated[float, Unit("e-/ADU"), Interval(ge=1e-3, le=1e6)]
Electrons = Annotated[float, Unit("e-"), Interval(ge=0, le=1e4)]
Adu = Annotated[float, Unit("ADU"), Interval(ge=1e-6, le=1e12)]
Seconds = Annotated[float, Unit("s"), Interval(ge=1e-6, le=1e6)]
Name = Annotated[str, Unit("text"), MaxLen(4096), Predicate(is_printable)]
Switch = Annotated[bool, Unit("true or false")]
