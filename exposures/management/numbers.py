"""Numbers on the command line, parsed within bounds."""

from argparse import ArgumentTypeError
from dataclasses import dataclass

from exposures.input.numbers import BIGINT_MAX, NumberError, parse_integer, parse_number


@dataclass(frozen=True)
class WholeNumber:
    """An argparse type for whole numbers from ``least`` to ``most``."""

    least: int
    most: int

    def __call__(self, text) -> int:
        try:
            return parse_integer(text, self.least, self.most)
        except NumberError as error:
            raise ArgumentTypeError(
                f"{text[:40]!r} is no whole number from {self.least} to {self.most}"
            ) from error


@dataclass(frozen=True)
class Number:
    """An argparse type for finite numbers from ``least`` to ``most``."""

    least: float
    most: float

    def __call__(self, text) -> float:
        try:
            return parse_number(text, self.least, self.most)
        except NumberError as error:
            raise ArgumentTypeError(
                f"{text[:40]!r} is no number from {self.least:g} to {self.most:g}"
            ) from error


WORKERS = WholeNumber(1, 256)  # processes
ROW_ID = WholeNumber(1, BIGINT_MAX)  # of a table
SEED = WholeNumber(0, (1 << 32) - 1)
COUNT = WholeNumber(1, 10_000_000)
# Of a detector, for plain images whose headers don't say.
GAIN = Number(1e-3, 1e6)  # e-/ADU
READ_NOISE = Number(1e-3, 1e4)  # e-
SATURATION = Number(1e-6, 1e12)  # ADU
MAGNITUDE = Number(-100, 100)
