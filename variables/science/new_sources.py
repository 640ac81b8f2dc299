"""The search for sources missing on the reference, and the association of detections."""

from dataclasses import dataclass

from exposures.science.quantities import Arcseconds, Days, Options, Switch


@dataclass(frozen=True)
class NewSourceOptions(Options):
    """Options of the search for stars in residuals, and of their association into sources.

    Something that moves is not within ``radius_arcsec`` of itself after ``min_days``: in an hour
    the slowest bodies of the solar system move by more than an arcsecond, but for some days
    round a stationary point.
    """

    search: Switch = False
    """Whether search images are searched for new sources: it takes a second more for a crowded
    chip, and finds false ones, too."""
    radius_arcsec: Arcseconds = 0.5
    """Largest distance between detections that are taken for one new source."""
    follow_arcsec: Arcseconds = 0.3
    """Largest distance between a new source and the source that replaces it when a reference is
    made again: new sources lie at least half the seeing from others."""
    min_days: Days = 0.04
    """Least time between the first and the last detection of a new source; in less time a moving
    object looks alike."""
