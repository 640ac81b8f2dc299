"""Plausible ranges of header values, for any instrument."""

from dataclasses import dataclass
from datetime import UTC, datetime

from exposures.science.quantities import (
    Adu,
    Arcseconds,
    Days,
    Electrons,
    Gain,
    Magnitude,
    Mjd,
    Options,
    Pixels,
    Seconds,
)

UNIX_MJD = 40_587  # 1970-01-01


@dataclass(frozen=True)
class Range:
    """The name, unit and plausible range of a header value."""

    name: str
    unit: str
    least: float
    most: float

    def holds(self, number: float) -> bool:
        """Whether the number lies within; NaN doesn't."""
        return bool(self.least <= number <= self.most)

    def __str__(self) -> str:
        return f"{self.name} is {self.least:g} to {self.most:g} {self.unit}"


@dataclass(frozen=True)
class HeaderLimits(Options):
    """Limits beyond which a header is wrong.

    What nothing can be done without is an error then; the rest counts as absent, which is noted.
    """

    first_mjd: Mjd = 47_892.0
    """Earliest time of an exposure, in UTC: 1990, before which there is no such camera."""
    days_ahead: Days = 1.0
    """Largest time of an exposure after now: clocks and time zones may be off."""
    min_exposure_seconds: Seconds = 1e-5
    """Shortest exposure time that a header may give."""
    max_exposure_seconds: Seconds = 1e6
    """Longest exposure time that a header may give, also of stacks, which may have the sum of
    many."""
    min_gain: Gain = 0.001
    """Least gain that a header may give, of a detector or of what its pixels were scaled to."""
    max_gain: Gain = 1e5
    """Largest gain that a header may give, of a detector or of what its pixels were scaled to."""
    max_read_noise: Electrons = 1000.0
    """Largest read noise of a pixel that a header may give."""
    max_saturation: Adu = 1e9
    """Largest saturation level of a pixel that a header may give."""
    min_zero_point: Magnitude = 0.0
    """Least zero point, the magnitude of 1 ADU, that a header may give."""
    max_zero_point: Magnitude = 50.0
    """Largest zero point, the magnitude of 1 ADU, that a header may give."""
    min_scale: Arcseconds = 0.001
    """Smallest scale of a pixel that a header may give."""
    max_scale: Arcseconds = 200.0
    """Largest scale of a pixel that a header may give."""
    min_fwhm: Pixels = 0.3
    """Smallest seeing that a header may give."""
    max_fwhm: Pixels = 200.0
    """Largest seeing that a header may give."""

    @property
    def mjd(self) -> Range:
        """The Range of exposures' times: MJD, up to shortly after now."""
        now = datetime.now(UTC).timestamp() / 86_400 + UNIX_MJD
        return Range("the time of an exposure", "MJD", self.first_mjd, now + self.days_ahead)

    @property
    def exposure_seconds(self) -> Range:
        """The Range of exposure times in seconds."""
        least, most = self.min_exposure_seconds, self.max_exposure_seconds
        return Range("an exposure time", "s", least, most)

    @property
    def gain(self) -> Range:
        """The Range of gains in e-/ADU."""
        return Range("a gain", "e-/ADU", self.min_gain, self.max_gain)

    @property
    def read_noise(self) -> Range:
        """The Range of read noises in electrons."""
        return Range("a read noise", "e-", 0.0, self.max_read_noise)

    @property
    def saturation(self) -> Range:
        """The Range of saturation levels in ADU."""
        return Range("a level of saturation", "ADU", 0.0, self.max_saturation)

    @property
    def zero_point(self) -> Range:
        """The Range of zero points: magnitudes of 1 ADU."""
        return Range("a zero point", "mag", self.min_zero_point, self.max_zero_point)

    @property
    def scale(self) -> Range:
        """The Range of pixel scales in arcsec."""
        return Range("the side of a pixel", "arcsec", self.min_scale, self.max_scale)

    @property
    def fwhm(self) -> Range:
        """The Range of seeing in pixels."""
        return Range("an FWHM", "pixels", self.min_fwhm, self.max_fwhm)
