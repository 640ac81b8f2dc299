"""CHECK constraints of tables on positions."""

from django.db.models import CheckConstraint, Q


def on_the_sky(table: str) -> CheckConstraint:
    """A constraint: 0 <= ra < 360 and -90 <= dec <= 90 degrees, which NaN fails.

    A right ascension on another turn lies elsewhere in the index of the sky, and searches miss
    it; and polygons of both make searches fail.
    """
    return CheckConstraint(
        condition=Q(ra__gte=0, ra__lt=360, dec__gte=-90, dec__lte=90), name=f"{table}_on_the_sky"
    )


def footprint_on_the_sky(table: str) -> CheckConstraint:
    """The same constraint on a footprint's four corners: ra, dec, ra, dec ..."""
    condition = Q(footprint__len=8)
    for ra, dec in ((0, 1), (2, 3), (4, 5), (6, 7)):
        condition &= Q(**{f"footprint__{ra}__gte": 0, f"footprint__{ra}__lt": 360})
        condition &= Q(**{f"footprint__{dec}__gte": -90, f"footprint__{dec}__lte": 90})
    return CheckConstraint(condition=condition, name=f"{table}_footprint_on_the_sky")
