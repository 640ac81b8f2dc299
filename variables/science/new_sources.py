"""Whether sources that the reference does not have are looked for, and when detections are one."""

from dataclasses import dataclass

from exposures.science.quantities import Arcseconds, Days, Switch


@dataclass(frozen=True)
class NewSourceOptions:
    """Whether stars are searched in what the fit leaves over, and what makes a source of them.

    Something that moves is not within ``radius_arcsec`` of itself after ``min_days``: in an hour
    the slowest bodies of the solar system move by more than an arcsecond, but for some days
    round a stationary point.
    """

    search: Switch = False  # for them at all; a second more a crowded chip, and false ones
    radius_arcsec: Arcseconds = 0.5  # within which detections are of one source
    # Between a new source and what takes its place when a reference is made again: new sources lie
    # at least half the seeing from others.
    follow_arcsec: Arcseconds = 0.3
    min_days: Days = 0.04  # between the first and the last of them; less, and it may move
