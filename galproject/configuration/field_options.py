"""How far apart exposures are that belong together."""

from dataclasses import dataclass

from exposures.science.quantities import Degrees


@dataclass(frozen=True)
class FieldOptions:
    """How far apart the centres of exposures are that share sky, or are of one field."""

    # Exposures further apart share no sky, so that one need not wait for a reference of the other:
    # the field of the widest camera, 2.2 degrees across, and a little.
    reach_degrees: Degrees = 2.5
    same_degrees: Degrees = 0.3  # pointings of one field on the map; dithers are far smaller
    compared_degrees: Degrees = 0.5  # round a place, whose exposures are compared as references
