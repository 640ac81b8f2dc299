"""The stars round a candidate, within some arcseconds and in all filters."""

from dataclasses import dataclass

import numpy as np
from django.db import connection

from exposures.science.angles import tangent_offsets
from photometry.querysets.objects import MatchKind
from photometry.science.extended_sources import EXTENDED
from variables.light_curves.light_curves import wavelength_order

RADIUS_ARCSEC = 10.0

# The candidate first, then its filter: a star is placed by those.
SOURCES = """
SELECT s.refsource_id, s.filter, coalesce(m.mag, s.mag), c.refsource_id IS NOT NULL,
    (s.flags & %s) <> 0, s.distance_arcsec, o.kind, o.id, s.ra, s.dec
FROM galsources_cone(%s, %s, %s) s
LEFT JOIN galcandidates c ON c.refsource_id = s.refsource_id
LEFT JOIN galobjectsources m ON m.refsource_id = s.refsource_id
LEFT JOIN galobjects o ON o.id = m.object_id
ORDER BY s.refsource_id <> %s, s.filter <> %s, s.distance_arcsec
"""


@dataclass(frozen=True)
class Counterpart:
    """The source of a star in one filter."""

    refsource_id: int
    filter: str
    mag: float
    is_candidate: bool
    is_extended: bool  # whether it is a member of an extended source
    distance_arcsec: float  # from the candidate
    kind: int | None  # of its object; None if it was not cross-matched yet
    object_id: int | None  # the same

    @property
    def is_blend(self):
        """Whether it is part of a blend: several sources in one filter that are one in another."""
        return self.kind == MatchKind.BLEND


@dataclass(frozen=True)
class Star:
    """A star near a candidate, with its source in each filter; a blend counts as several."""

    east_arcsec: float  # offsets from the candidate
    north_arcsec: float
    sources: dict[str, Counterpart]  # by filter, that which it was placed by first

    @property
    def first(self) -> Counterpart:
        return next(iter(self.sources.values()))

    @property
    def is_blend(self):
        return self.first.is_blend

    @property
    def is_candidate(self):
        return any(source.is_candidate for source in self.sources.values())

    @property
    def radius_arcsec(self):
        """The radius of its dot on a finder chart; the area follows the square root of the flux."""
        return float(np.clip(0.75 * 10 ** (-0.1 * (self.first.mag - 18)), 0.18, 1.6))


@dataclass(frozen=True)
class Neighbourhood:
    """The star of a candidate and its neighbours, nearest first."""

    itself: Star | None  # None if its catalogue is not in use any more
    others: tuple[Star, ...]
    filters: tuple[str, ...]  # in order of wavelength
    radius_arcsec: float

    @property
    def stars(self):
        """All stars, the brightest first so that they are drawn below the fainter ones."""
        own = () if self.itself is None else (self.itself,)
        return sorted((*own, *self.others), key=lambda star: star.first.mag)

    def matches(self, candidate) -> list[Counterpart]:
        """The sources of the candidate's object in other filters, and all of a blend."""
        if self.itself is None:
            return []
        own = self.itself.first
        stars = self.stars if own.is_blend else [self.itself]
        sources = (source for star in stars for source in star.sources.values())
        return [
            source
            for source in sources
            if source.refsource_id != candidate.pk and source.object_id == own.object_id
        ]

    def table(self):
        """Rows of (star, its source in each filter or None), nearest first."""
        own = () if self.itself is None else (self.itself,)
        return [(star, [star.sources.get(f) for f in self.filters]) for star in own + self.others]


def neighbourhood(candidate, radius_arcsec=RADIUS_ARCSEC) -> Neighbourhood:
    """The Neighbourhood of a candidate: the sources of an object are one star, except in blends."""
    with connection.cursor() as cursor:
        place = candidate.ra, candidate.dec, radius_arcsec
        cursor.execute(SOURCES, [EXTENDED, *place, candidate.pk, candidate.filter])
        rows = cursor.fetchall()
    by_object, stars = {}, []
    for *source, ra, dec in rows:
        source = Counterpart(*source)
        star = by_object.get(source.object_id)
        if star is None or source.is_blend:
            star = Star(*_offset(ra, dec, candidate), {})
            stars.append(star)
            if source.object_id is not None:
                by_object[source.object_id] = star
        star.sources.setdefault(source.filter, source)
    itself = next((s for s in stars if s.first.refsource_id == candidate.pk), None)
    others = [star for star in stars if star is not itself]
    others.sort(key=lambda star: star.first.distance_arcsec)
    filters = {name for star in stars for name in star.sources} | {candidate.filter}
    filters = tuple(sorted(filters, key=wavelength_order))
    return Neighbourhood(itself, tuple(others), filters, radius_arcsec)


def _offset(ra, dec, candidate):
    """The offset of a position from a candidate, in arcseconds east and north."""
    east, north = tangent_offsets(ra, dec, candidate.ra, candidate.dec)
    return float(3600 * east), float(3600 * north)
