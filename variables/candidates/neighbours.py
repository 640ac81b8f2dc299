"""What lies round a candidate, and the other sources of its field."""

from dataclasses import dataclass

import numpy as np
from django.core.cache import cache
from django.db import connection

from photometry.models import GalReference, GalSource
from photometry.sources import catalogues_touching
from variables.candidates.light_curve_data import MATCH_ARCSEC
from variables.light_curves import FILTER_COLOURS
from variables.models import GalCandidate

RADIUS_ARCSEC = 10.0
N_SAMPLED = 3000  # stars of a field in its colour-magnitude diagram
CACHE_SECONDS = 3600

# Of some stars of one catalogue, the nearest of another, by its q3c index.
PAIRS = """
SELECT s.mag, o.mag FROM galsources_{own} s JOIN galsources_{other} o
    ON q3c_join(s.ra, s.dec, o.ra, o.dec, {radius})
WHERE s.is_reference AND o.is_reference AND s.refsource_id = ANY(%s)
"""


@dataclass(frozen=True)
class Neighbour:
    """A reference source near a candidate."""

    refsource_id: int
    filter: str
    mag: float
    distance_arcsec: float
    east_arcsec: float  # offsets from the candidate
    north_arcsec: float
    is_candidate: bool
    is_itself: bool


def neighbours_of(candidate, radius_arcsec=RADIUS_ARCSEC) -> list[Neighbour]:
    """Reference sources of all filters round a candidate, nearest first."""
    sources = list(GalSource.objects.cone(candidate.ra, candidate.dec, radius_arcsec))
    ids = [source.refsource_id for source in sources]
    candidates = set(GalCandidate.objects.filter(pk__in=ids).values_list("pk", flat=True))
    return [_neighbour(source, candidate, candidates) for source in sources]


def _neighbour(source, candidate, candidates):
    east = (source.ra - candidate.ra + 180) % 360 - 180
    return Neighbour(
        refsource_id=source.refsource_id,
        filter=source.filter,
        mag=source.mag,
        distance_arcsec=source.distance_arcsec,
        east_arcsec=3600 * east * np.cos(np.radians(candidate.dec)),
        north_arcsec=3600 * (source.dec - candidate.dec),
        is_candidate=source.refsource_id in candidates,
        is_itself=source.refsource_id == candidate.pk,
    )


def field_diagram(candidate) -> dict:
    """The colour-magnitude diagram of a candidate's field, for JSON.

    Colours are those of stars of its catalogue and of the catalogue in another filter that lies
    over it, the nearest within ``MATCH_ARCSEC``. Where there is no other filter, the candidates
    of the catalogue by magnitude and scatter. Lists of points, and of the candidate's own.
    """
    other = _other_catalogue(candidate)
    if other is None:
        return _scatter_diagram(candidate)
    key = f"field-diagram-{candidate.catalogue_id}-{other.pk}"
    points = cache.get(key)
    if points is None:
        points = _pairs(candidate.catalogue, other, _sample(candidate.catalogue))
        cache.set(key, points, CACHE_SECONDS)
    own = _pairs(candidate.catalogue, other, [candidate.pk])
    return _colours(candidate.filter, other.image.exposure.filter, points, own)


def _other_catalogue(candidate):
    """The catalogue over the candidate in another filter, the one furthest off in colour."""
    ids = catalogues_touching(candidate.ra, candidate.dec, MATCH_ARCSEC)
    others = GalReference.objects.filter(pk__in=ids).exclude(
        image__exposure__filter=candidate.filter
    )
    order = list(FILTER_COLOURS)
    own = _rank(order, candidate.filter)
    return max(
        others.select_related("image__exposure"),
        key=lambda c: abs(_rank(order, c.image.exposure.filter) - own),
        default=None,
    )


def _rank(order, name):
    return order.index(name) if name in order else len(order)


def _sample(catalogue):
    """Ids spread evenly over a catalogue: they are in order of the sky, without gaps."""
    ranks = np.unique(np.linspace(0, max(catalogue.n_sources - 1, 0), N_SAMPLED).astype(int))
    return (catalogue.id_range[0] + ranks).tolist()


def _pairs(own, other, ids):
    statement = PAIRS.format(own=own.pk, other=other.pk, radius=MATCH_ARCSEC / 3600)
    with connection.cursor() as cursor:
        cursor.execute(statement, [ids])
        return cursor.fetchall()


def _colours(own, other, points, itself):
    order = list(FILTER_COLOURS)
    own_is_bluer = _rank(order, own) < _rank(order, other)
    blue, red = (own, other) if own_is_bluer else (other, own)
    sign = 1 if own_is_bluer else -1

    def placed(pairs):
        return [[round(sign * (a - b), 3), round(a, 3)] for a, b in pairs]

    return {
        "kind": "colour",
        "x": f"{blue} − {red} (mag)",
        "y": f"{own} (mag)",
        "points": placed(points),
        "itself": placed(itself)[:1],
    }


def _scatter_diagram(candidate):
    alike = GalCandidate.objects.filter(catalogue_id=candidate.catalogue_id)
    rows = alike.exclude(rms_mag=None).values_list("pk", "rms_mag", "mean_mag")[:N_SAMPLED]
    return {
        "kind": "scatter",
        "x": "rms (mag)",
        "y": f"{candidate.filter} (mag)",
        "points": [[round(rms, 3), round(mag, 3)] for _, rms, mag in rows],
        "itself": [[round(rms, 3), round(mag, 3)] for pk, rms, mag in rows if pk == candidate.pk],
    }
