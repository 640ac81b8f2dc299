"""Sky positions in the notations that people type and read."""

import math

import erfa
import numpy as np

# An eighth of a circle each, from north over east.
DIRECTIONS = (
    *("north", "north-east", "east", "south-east"),
    *("south", "south-west", "west", "north-west"),
)


def direction(east, north) -> str:
    """The direction in words to which offsets east and north, in one unit, lead."""
    return DIRECTIONS[round(math.degrees(math.atan2(east, north)) / 45) % len(DIRECTIONS)]


def sexagesimal(ra, dec) -> str | list[str]:
    """One or many positions in degrees as hours and degrees, to 0.01 seconds and arcseconds."""
    hours, degrees = erfa.a2tf(2, np.radians(ra)), erfa.a2af(2, np.radians(dec))
    if np.ndim(ra) == 0:
        return _written(*hours, *degrees)
    return list(map(_written, *hours, *degrees))


def _written(_, hours, sign, degrees):
    hours[0] %= 24  # just before 0 h it is rounded up to 24
    time, angle = ("{}:{:02}:{:02}.{:02}".format(*part) for part in (hours, degrees))
    return f"{time:0>11} {sign.decode()}{angle:0>11}"


def galactic(ra, dec):
    """Galactic longitude and latitude in degrees of one or many positions in ICRS degrees."""
    longitude, latitude = erfa.icrs2g(np.radians(ra), np.radians(dec))
    return np.degrees(longitude), np.degrees(latitude)
