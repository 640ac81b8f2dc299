"""Querysets of objects, and the cross-matches of sources."""

from dataclasses import dataclass

from django.db import connection
from django.db.models import F, IntegerChoices, QuerySet, Value

from exposures.q3c import Q3CDistance, Q3CWithin
from exposures.source_ids import catalogue_sql

# Only sources of catalogues in use; those of others wait for the sources that replace them.
MATCHES = f"""
SELECT own.refsource_id, o.id, o.kind, s.refsource_id, s.filter, s.mag, s.ra, s.dec,
    3600 * q3c_dist(own.ra, own.dec, s.ra, s.dec)
FROM galobjectsources own
JOIN galobjects o ON o.id = own.object_id
JOIN galobjectsources s ON s.object_id = own.object_id
JOIN galreferences c ON c.id = {catalogue_sql("s.refsource_id")} AND c.active
WHERE own.refsource_id = ANY(%s)
ORDER BY own.refsource_id, 9, s.refsource_id
"""


class MatchKind(IntegerChoices):
    """How the sources of an object were matched."""

    GONE = 0, "in no catalogue in use"
    SINGLE = 1, "in one filter alone"
    ONE_TO_ONE = 2, "one source in each filter"
    BLEND = 3, "a blend: one source here is several there"
    DOUBTFUL = 4, "one source in each filter, perhaps a blend"


class GalObjectQuerySet(QuerySet):
    """Objects by source and by kind."""

    def one_to_one(self):
        """Objects with one source in each of two filters or more that are certainly not blended."""
        return self.filter(kind=MatchKind.ONE_TO_ONE)

    def doubtful(self):
        """Objects with one source in each of two filters or more that are possibly blended."""
        return self.filter(kind=MatchKind.DOUBTFUL)

    def blends(self):
        return self.filter(kind=MatchKind.BLEND)

    def in_use(self):
        """Objects with a source in a catalogue in use."""
        return self.exclude(kind=MatchKind.GONE)

    def cone(self, ra, dec, radius_arcsec):
        """Objects near a position in degrees with ``distance_arcsec``, nearest first."""
        centre = Value(float(ra)), Value(float(dec)), F("ra"), F("dec")
        near = self.filter(Q3CWithin(*centre, Value(float(radius_arcsec) / 3600)))
        return near.annotate(distance_arcsec=Q3CDistance(*centre) * 3600.0).order_by(
            "distance_arcsec"
        )


class GalObjectSourceQuerySet(QuerySet):
    """Sources of objects by state."""

    def current(self):
        """Sources of objects whose catalogue is in use."""
        own = catalogue_sql("galobjectsources.refsource_id")
        active = f"SELECT FROM galreferences c WHERE c.id = {own}"
        return self.extra(where=[f"EXISTS ({active} AND c.active)"])


@dataclass(frozen=True)
class Member:
    """A source of an object, with its distance from another source of it."""

    refsource_id: int
    filter: str
    mag: float
    ra: float  # ICRS degrees
    dec: float
    distance_arcsec: float  # from that other source


@dataclass(frozen=True)
class CrossMatch:
    """The cross-match of a source: its object and the object's sources, nearest first."""

    object_id: int
    kind: MatchKind
    members: tuple[Member, ...]

    @property
    def is_blend(self) -> bool:
        return self.kind == MatchKind.BLEND

    def in_other_filters(self, name) -> list[Member]:
        """Matches in other filters: the nearest in overlapping catalogues, all of a blend."""
        others = [member for member in self.members if member.filter != name]
        if self.is_blend:
            return others
        return list({member.filter: member for member in reversed(others)}.values())[::-1]


def matches_of(refsource_ids) -> dict[int, CrossMatch]:
    """The CrossMatch of each source that has been cross-matched, in one query."""
    with connection.cursor() as cursor:
        cursor.execute(MATCHES, [list(refsource_ids)])
        rows = cursor.fetchall()
    members, objects = {}, {}
    for own, object_id, kind, *member in rows:
        objects[own] = object_id, MatchKind(kind)
        members.setdefault(own, []).append(Member(*member))
    return {own: CrossMatch(*objects[own], tuple(members[own])) for own in objects}
