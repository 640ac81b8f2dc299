"""Where a candidate stands among the stars of its field: by colour, or by scatter."""

import numpy as np
from django.core.cache import cache
from django.db import connection

from photometry.models import GalReference
from photometry.sources import catalogues_touching
from variables.candidates.light_curve_data import MATCH_ARCSEC
from variables.light_curves import wavelength_order
from variables.models import GalCandidate

N_SAMPLED = 5000  # stars of a field
CACHE_SECONDS = 3600

# Of some sources of a catalogue, each found by its key, the nearest of another by its q3c index:
# neither partition is scanned.
PAIRS = """
SELECT s.mag, o.mag
FROM galsources_{own} s CROSS JOIN LATERAL (
    SELECT n.mag FROM galsources_{other} n
    WHERE n.is_reference AND q3c_join(s.ra, s.dec, n.ra, n.dec, {radius})
    ORDER BY q3c_dist(s.ra, s.dec, n.ra, n.dec) LIMIT 1
) o
WHERE s.refsource_id = ANY(%s) AND s.galimage_id = {image}
"""


def field_diagram(candidate) -> dict:
    """The colour-magnitude diagram of a candidate's field, for JSON.

    ``{"kind", "x", "y", "points", "itself", "filters"}``: colours of stars of its catalogue and
    of the catalogue in another filter that lies over it, the nearest within MATCH_ARCSEC; the
    labels of the axes; lists of [x, y], of the field and of the candidate. Where there is no
    other filter, its ``kind`` is "scatter": the catalogue's candidates by magnitude and rms.
    """
    other = _other_catalogue(candidate)
    if other is None:
        return _scatter_diagram(candidate)
    key = f"field-diagram-{candidate.catalogue_id}-{other.pk}"
    pairs = cache.get(key)
    if pairs is None:
        pairs = _pairs(candidate.catalogue, other, _sample(candidate.catalogue))
        cache.set(key, pairs, CACHE_SECONDS)
    own = _pairs(candidate.catalogue, other, [candidate.pk])
    return _colour_diagram(candidate.filter, other.image.exposure.filter, pairs, own)


def _other_catalogue(candidate):
    """The catalogue over a candidate in another filter: with its star, and far off in colour."""
    ids = catalogues_touching(candidate.ra, candidate.dec, MATCH_ARCSEC)
    others = GalReference.objects.filter(pk__in=ids).select_related("image__exposure")
    others = list(others.exclude(image__exposure__filter=candidate.filter))
    own, _ = wavelength_order(candidate.filter)

    def off(catalogue):
        return abs(wavelength_order(catalogue.image.exposure.filter)[0] - own)

    others.sort(key=off, reverse=True)
    with_star = (c for c in others if _pairs(candidate.catalogue, c, [candidate.pk]))
    return next(with_star, others[0] if others else None)


def _sample(catalogue):
    """Ids spread evenly over a catalogue: they are in order of the sky, without gaps."""
    ranks = np.unique(np.linspace(0, max(catalogue.n_sources - 1, 0), N_SAMPLED).astype(int))
    return (catalogue.id_range[0] + ranks).tolist()


def _pairs(own, other, ids):
    """(mag, mag in the other catalogue) of those sources that are in both."""
    statement = PAIRS.format(
        own=own.pk, other=other.pk, image=own.image_id, radius=MATCH_ARCSEC / 3600
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [ids])
        return cursor.fetchall()


def _colour_diagram(own, other, pairs, itself):
    is_bluer = wavelength_order(own) < wavelength_order(other)
    blue, red = (own, other) if is_bluer else (other, own)
    sign = 1 if is_bluer else -1

    def placed(mags):
        return [[round(sign * (a - b), 3), round(a, 3)] for a, b in mags]

    return {
        "kind": "colour",
        "x": f"{blue} − {red} (mag)",
        "y": f"{own} (mag)",
        "points": placed(pairs),
        "itself": placed(itself),
        "filters": [blue, red],
    }


def _scatter_diagram(candidate):
    alike = GalCandidate.objects.filter(catalogue_id=candidate.catalogue_id)
    measured = alike.exclude(rms_mag=None).exclude(pk=candidate.pk)
    points = measured.values_list("rms_mag", "mean_mag")[:N_SAMPLED]
    own = [(candidate.rms_mag, candidate.mean_mag)] if candidate.rms_mag is not None else []

    def placed(rows):
        return [[round(rms, 3), round(mag, 3)] for rms, mag in rows]

    return {
        "kind": "scatter",
        "x": "rms (mag)",
        "y": f"{candidate.filter} (mag)",
        "points": placed(points),
        "itself": placed(own),
        "filters": [candidate.filter],
    }
