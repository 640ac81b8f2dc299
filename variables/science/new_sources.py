"""When detections that the reference does not have are one star, and not something that moves."""

from dataclasses import dataclass

from exposures.science.quantities import Arcseconds, Days


@dataclass(frozen=True)
class NewSourceOptions:
    """What makes a source of detections on several images.

    Something that moves is not within ``radius_arcsec`` of itself after ``min_days``: in an hour
    the slowest bodies of the solar system move by more than an arcsecond, but for some days
    round a stationary point.
    """

    radius_arcsec: Arcseconds = 0.5  # within which detections are of one source
    min_days: Days = 0.04  # between the first and the last of them; less, and it may move
