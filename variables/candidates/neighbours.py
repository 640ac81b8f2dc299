"""What lies round a candidate: the stars within some arcseconds, in all filters."""

from dataclasses import dataclass

import numpy as np
from django.db import connection

from variables.candidates.light_curve_data import MATCH_ARCSEC
from variables.light_curves import wavelength_order

RADIUS_ARCSEC = 10.0

# The candidate first, then its filter: others are matched with those.
SOURCES = """
SELECT s.refsource_id, s.filter, s.mag, c.refsource_id IS NOT NULL, s.distance_arcsec, s.ra, s.dec
FROM galsources_cone(%s, %s, %s) s LEFT JOIN galcandidates c ON c.refsource_id = s.refsource_id
ORDER BY s.refsource_id <> %s, s.filter <> %s, s.distance_arcsec
"""


@dataclass(frozen=True)
class Counterpart:
    """A star's source in one filter."""

    refsource_id: int
    filter: str
    mag: float
    is_candidate: bool
    distance_arcsec: float  # from the candidate


@dataclass(frozen=True)
class Star:
    """A star near a candidate, and its sources in each filter."""

    east_arcsec: float  # offsets from the candidate
    north_arcsec: float
    sources: dict[str, Counterpart]  # by filter, that which it was placed by first

    @property
    def first(self) -> Counterpart:
        return next(iter(self.sources.values()))

    @property
    def is_candidate(self):
        return any(source.is_candidate for source in self.sources.values())

    @property
    def radius_arcsec(self):
        """Of its dot on a finder: the area follows the square root of the flux."""
        return float(np.clip(0.75 * 10 ** (-0.1 * (self.first.mag - 18)), 0.18, 1.6))

    def separation(self, source_east, source_north):
        return np.hypot(self.east_arcsec - source_east, self.north_arcsec - source_north)


@dataclass(frozen=True)
class Neighbourhood:
    """A candidate's own star, and the others round it, nearest first."""

    itself: Star | None  # None where its catalogue is not in use any more
    others: tuple[Star, ...]
    filters: tuple[str, ...]  # in order of wavelength
    radius_arcsec: float

    @property
    def stars(self):
        """All of them, the brightest first: on a finder they don't hide the others."""
        own = () if self.itself is None else (self.itself,)
        return sorted((*own, *self.others), key=lambda star: star.first.mag)

    def matches(self, candidate) -> list[Counterpart]:
        """The candidate's star in other filters."""
        sources = {} if self.itself is None else self.itself.sources
        return [s for s in sources.values() if s.refsource_id != candidate.pk]

    def table(self):
        """(star, its source or None in each of the filters), nearest first."""
        own = () if self.itself is None else (self.itself,)
        return [(star, [star.sources.get(f) for f in self.filters]) for star in own + self.others]


def neighbourhood(candidate, radius_arcsec=RADIUS_ARCSEC) -> Neighbourhood:
    """The stars round a candidate; sources of different filters within MATCH_ARCSEC are one."""
    with connection.cursor() as cursor:
        place = candidate.ra, candidate.dec, radius_arcsec
        cursor.execute(SOURCES, [*place, candidate.pk, candidate.filter])
        rows = cursor.fetchall()
    stars = []
    for *source, ra, dec in rows:
        _place(stars, Counterpart(*source), *_offset(ra, dec, candidate))
    itself = next((s for s in stars if s.first.refsource_id == candidate.pk), None)
    others = [star for star in stars if star is not itself]
    others.sort(key=lambda star: star.first.distance_arcsec)
    filters = {name for star in stars for name in star.sources} | {candidate.filter}
    filters = tuple(sorted(filters, key=wavelength_order))
    return Neighbourhood(itself, tuple(others), filters, radius_arcsec)


def _offset(ra, dec, candidate):
    """East and north of a candidate in arcseconds, of a position in degrees."""
    east = (ra - candidate.ra + 180) % 360 - 180
    return 3600 * east * np.cos(np.radians(candidate.dec)), 3600 * (dec - candidate.dec)


def _place(stars, source, east, north):
    """Add a source to the nearest star that has none in its filter, or to a new star."""
    free = [star for star in stars if source.filter not in star.sources]
    nearest = min(free, key=lambda star: star.separation(east, north), default=None)
    if nearest is None or nearest.separation(east, north) > MATCH_ARCSEC:
        stars.append(Star(float(east), float(north), {source.filter: source}))
    else:
        nearest.sources[source.filter] = source
