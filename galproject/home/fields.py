"""Fields of the survey: groups of exposures at one position."""

from collections import Counter
from dataclasses import dataclass
from urllib.parse import urlencode

import numpy as np
from astropy.coordinates import SkyCoord
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from exposures.models import GalExposure
from exposures.science.angles import to_sky
from exposures.science.footprints import unit_vectors
from galproject.configuration.loading import load_options

RADIUS_DEGREES = {"decam": 1.1}  # of the camera's field of view
OTHER_RADIUS_DEGREES = 0.3


@dataclass(frozen=True)
class ObservedField:
    """A group of exposures at one position."""

    name: str  # of the object that most exposures name, or the position
    ra: float  # ICRS degrees
    dec: float
    longitude: float  # Galactic, degrees
    latitude: float
    radius: float  # degrees
    n_exposures: int
    filters: tuple[tuple[str, int], ...]  # each with its number of exposures

    @property
    def candidates_query(self) -> str:
        """The query string of the list of its candidates."""
        position = f"{self.ra:.4f} {self.dec:+.4f}"
        return urlencode({"position": position, "radius": round(3600 * self.radius)})


def observed_fields() -> list[ObservedField]:
    """All fields, those with most exposures first, by one query."""
    columns = ("ra", "dec", "filter", "object_name", "instrument")
    rows = list(GalExposure.objects.order_by().values_list(*columns))
    if not rows:
        return []
    vectors = unit_vectors([row[:2] for row in rows])
    labels = group_pointings(vectors, load_options().fields.same_degrees)
    members = [np.flatnonzero(labels == number) for number in range(max(labels) + 1)]
    ra, dec = to_sky([vectors[chosen].mean(axis=0) for chosen in members])
    # At once, as astropy takes as long for one.
    galactic = SkyCoord(ra, dec, unit="deg").galactic
    places = zip(ra, dec, galactic.l.deg, galactic.b.deg, strict=True)
    fields = [
        _field([rows[i] for i in chosen], map(float, place))
        for chosen, place in zip(members, places, strict=True)
    ]
    return sorted(fields, key=lambda field: (-field.n_exposures, field.ra))


def group_pointings(vectors, degrees):
    """(n,) field numbers from 0 of (n, 3) pointings, linked within ``degrees``."""
    # Many exposures have one pointing exactly: pairs among all would be too many.
    places, inverse = np.unique(vectors.round(6), axis=0, return_inverse=True)
    pairs = cKDTree(places).query_pairs(np.radians(degrees), output_type="ndarray")
    links = coo_array((np.ones(len(pairs), bool), pairs.T), (len(places),) * 2)
    return connected_components(links, directed=False)[1][inverse.ravel()]


def _field(rows, place):
    ra, dec, longitude, latitude = place
    filters = Counter(row[2] for row in rows)
    names = Counter(row[3] for row in rows if row[3])
    return ObservedField(
        name=names.most_common(1)[0][0] if names else f"{ra:.2f}° {dec:+.2f}°",
        ra=ra,
        dec=dec,
        longitude=longitude,
        latitude=latitude,
        radius=max(RADIUS_DEGREES.get(row[4], OTHER_RADIUS_DEGREES) for row in rows),
        n_exposures=len(rows),
        filters=tuple(sorted(filters.items())),
    )
