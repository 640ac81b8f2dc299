"""Limits on files, applied before anything trusts their headers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Interval

from exposures.science.quantities import Options, Unit

ImagePixels = Annotated[int, Unit("pixels"), Interval(ge=1, le=2**31 - 1)]
FileBytes = Annotated[int, Unit("bytes"), Interval(ge=2880, le=10**12)]
ManyOrFew = Annotated[int, Unit("count"), Interval(ge=1, le=10**6)]
Checks = Annotated[Literal["all", "data", "none"], Unit("text")]


@dataclass(frozen=True)
class FileOptions(Options):
    """Limits on a file's size and HDUs, and the handling of its checksums."""

    max_pixels: ImagePixels = 64_000_000
    """Largest number of pixels of an image, whatever its file's size: a few bytes can ask for any
    number."""
    max_bytes: FileBytes = 8_000_000_000
    """Largest size of a file, of a gzipped one after decompression."""
    max_hdus: ManyOrFew = 1000
    """Largest number of headers in a file."""
    max_cards: ManyOrFew = 40_000
    """Largest number of cards in a header."""
    checksums: Checks = "all"
    """Which of DATASUM and CHECKSUM must be right where a file has them: "all"; "data", of files
    whose headers were edited by what doesn't write CHECKSUM anew; "none", of cut-outs with the sums
    of the whole."""


_source: Callable[[], FileOptions] = FileOptions


def take_limits_from(source: Callable[[], FileOptions]):
    """Set the function that gives the limits each time a file is opened in this process."""
    global _source
    _source = source


def limits_in_force() -> FileOptions:
    """The limits for opening a file now; the defaults outside the application."""
    return _source()
