"""q3c's index and join functions as Django expressions; positions are ICRS degrees."""

from django.contrib.postgres.fields import ArrayField
from django.db.models import BigIntegerField, BooleanField, F, FloatField, Func, Q, Value


class Q3CIndexExpression(Func):
    """The integer on which q3c indexes a position: ``q3c_ang2ipix(ra, dec)``."""

    function = "q3c_ang2ipix"
    output_field = BigIntegerField()


class Q3CWithin(Func):
    """True where ``(ra, dec)`` lies within a radius of a position, all in degrees.

    Arguments: ra0, dec0, ra, dec, radius. ``q3c_join`` with the indexed columns last is planned
    in 0.2 ms; ``q3c_radial_query`` takes ten times as long a partition.
    """

    function = "q3c_join"
    output_field = BooleanField()


class Q3CDistance(Func):
    """Angle between two positions in degrees: ra1, dec1, ra2, dec2."""

    function = "q3c_dist"
    output_field = FloatField()


class InFootprint(Func):
    """True where ``(ra, dec)`` lies in a chip's footprint: ra, dec, array of its four corners.

    False where the array is no chip's: q3c's own function raises an error on a wide polygon, and
    with it whatever query meets it. It uses no index (``q3c_poly_query`` would, and becomes 100
    ranges at planning time): narrow the search with ``Q3CWithin`` first.
    """

    function = "galfootprint_contains"
    output_field = BooleanField()


def shares_sky(positions, footprint) -> Q:
    """A condition on galimages: the chip may share sky with another of about its size.

    Two such chips share sky where a corner or the centre of one lies in the other; of many stored
    chips at once ``exposures.science.shared_sky`` tells.

    ``positions`` are (ra, dec) of the other's corners and centre, ``footprint`` is the array of its
    corners.
    """
    condition = Q()
    for ra, dec in positions:
        condition |= Q(InFootprint(Value(ra), Value(dec), F("footprint")))
    own = Value(footprint, output_field=ArrayField(FloatField()))
    for corner in range(4):
        ra, dec = F(f"footprint__{2 * corner}"), F(f"footprint__{2 * corner + 1}")
        condition |= Q(InFootprint(ra, dec, own))
    return condition | Q(InFootprint(F("ra"), F("dec"), own))
