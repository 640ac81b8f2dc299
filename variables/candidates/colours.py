"""A candidate among the stars of its field, by colour or by scatter."""

import numpy as np
from django.core.cache import cache
from django.db import connection

from photometry.models import GalReference
from photometry.querysets.objects import MatchKind
from photometry.querysets.sources import catalogues_touching
from variables.light_curves.light_curves import wavelength_order
from variables.models import GalCandidate

N_SAMPLED = 5000  # stars of a field
CACHE_SECONDS = 3600

# Of some sources of a catalogue, those of another that are of the same object.
PAIRS = """
SELECT s.mag, o.mag, j.kind = %s
FROM galobjectsources s
JOIN galobjects j ON j.id = s.object_id
JOIN galobjectsources o ON o.object_id = s.object_id AND o.refsource_id BETWEEN %s AND %s
WHERE s.refsource_id = ANY(%s)
"""


def field_diagram(candidate) -> dict:
    """The colour-magnitude diagram of a candidate's field, for JSON.

    ``{"kind", "x", "y", "points", "blends", "itself", "filters"}``. ``points`` are lists of [x, y]
    of the objects that match one to one in the candidate's catalogue and in one of another filter
    over it; ``blends`` those whose colours are of more than one star; ``itself`` is the candidate,
    which may be in a blend; ``x`` and ``y`` label the axes. Without another filter ``kind`` is
    "scatter": the catalogue's candidates by magnitude and rms.
    """
    other = _other_catalogue(candidate)
    if other is None:
        return _scatter_diagram(candidate)
    key = f"object-diagram-{candidate.catalogue_id}-{other.pk}"
    pairs = cache.get(key)
    if pairs is None:
        pairs = _pairs(other, _sample(candidate.catalogue))
        cache.set(key, pairs, CACHE_SECONDS)
    own = _pairs(other, [candidate.pk])
    return _colour_diagram(candidate.filter, other.image.exposure.filter, pairs, own)


def _other_catalogue(candidate):
    """The catalogue in the filter farthest in wavelength, preferably with the candidate's star."""
    ids = catalogues_touching(candidate.ra, candidate.dec, 0)
    others = GalReference.objects.filter(pk__in=ids).select_related("image__exposure")
    others = list(others.exclude(image__exposure__filter=candidate.filter))
    own, _ = wavelength_order(candidate.filter)

    def off(catalogue):
        return abs(wavelength_order(catalogue.image.exposure.filter)[0] - own)

    others.sort(key=off, reverse=True)
    with_star = (c for c in others if _pairs(c, [candidate.pk]))
    return next(with_star, others[0] if others else None)


def _sample(catalogue):
    """Ids spread evenly over a catalogue, whose ids are contiguous and in sky order."""
    ranks = np.unique(np.linspace(0, max(catalogue.n_sources - 1, 0), N_SAMPLED).astype(int))
    return (catalogue.id_range[0] + ranks).tolist()


def _pairs(other, ids):
    """(mag, mag in the other catalogue, whether blended) of sources in both catalogues."""
    with connection.cursor() as cursor:
        cursor.execute(PAIRS, [MatchKind.BLEND, *other.id_range, ids])
        return cursor.fetchall()


def _colour_diagram(own, other, pairs, itself):
    is_bluer = wavelength_order(own) < wavelength_order(other)
    blue, red = (own, other) if is_bluer else (other, own)
    sign = 1 if is_bluer else -1

    def placed(pairs):
        return [[round(sign * (a - b), 3), round(a, 3)] for a, b, _ in pairs]

    return {
        "kind": "colour",
        "x": f"{blue} − {red} (mag)",
        "y": f"{own} (mag)",
        "points": placed(pair for pair in pairs if not pair[2]),
        "blends": placed(pair for pair in pairs if pair[2]),
        "itself": placed(itself),
        "filters": [blue, red],
    }


def _scatter_diagram(candidate):
    alike = GalCandidate.objects.filter(catalogue_id=candidate.catalogue_id)
    measured = alike.exclude(rms_mag=None).exclude(pk=candidate.pk)
    # In order: else those that somebody voted on last would come last.
    points = measured.order_by("pk").values_list("rms_mag", "mean_mag")[:N_SAMPLED]
    own = [(candidate.rms_mag, candidate.mean_mag)] if candidate.rms_mag is not None else []

    def placed(rows):
        return [[round(rms, 3), round(mag, 3)] for rms, mag in rows]

    return {
        "kind": "scatter",
        "x": "rms (mag)",
        "y": f"{candidate.filter} (mag)",
        "points": placed(points),
        "blends": [],
        "itself": placed(own),
        "filters": [candidate.filter],
    }
