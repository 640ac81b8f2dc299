"""How far apart exposures are that belong together."""

from dataclasses import dataclass

from exposures.science.quantities import Degrees


@dataclass(frozen=True)
class FieldOptions:
    """How far apart the centres of exposures are that share sky, or are of one field."""

    # Exposures further apart share no sky, so that one need not wait for a reference of the other:
    # the field of the widest camera, 2.2 degrees across, and a little.
    reach_degrees: Degrees = 2.5
    # Exposures whose centres are nearer than this are one field on the map; dithers are far
    # smaller.
    same_degrees: Degrees = 0.3
    # Radius round a position in which exposures are compared as references.
    compared_degrees: Degrees = 0.5
