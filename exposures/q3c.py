"""q3c's index and join functions as Django expressions; positions are ICRS degrees."""

from django.db.models import BigIntegerField, BooleanField, FloatField, Func


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
