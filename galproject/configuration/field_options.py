"""Options of grouping exposures by position."""

from dataclasses import dataclass

from exposures.science.quantities import Degrees, Options


@dataclass(frozen=True)
class FieldOptions(Options):
    """Distances within which exposures share sky or belong to one field."""

    reach_degrees: Degrees = 2.5
    """Distance between the centres of exposures beyond which they share no sky, so that one need
    not wait for a reference of the other: the field of the widest camera, 2.2 degrees across, and a
    little."""
    same_degrees: Degrees = 0.3
    """Distance between the centres of exposures below which they are one field on the map; dithers
    are far smaller."""
    compared_degrees: Degrees = 0.5
    """Radius round a position in which exposures are compared as references."""
