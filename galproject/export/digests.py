"""What an export has of a catalogue, told by digests: a pixel is written anew where one changed."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict

from exposures.source_ids import id_range
from galproject.export.columns import FORMAT, schema
from photometry.models import GalReference
from photometry.storage.statements import fetch_row, fetch_rows
from variables.models import GalCandidate
from variables.science.variability.options import VariabilityOptions

IMAGES = """
SELECT i.id, i.finished, i.status, i.is_doubted, c.n_sources, c.n_non_detections
FROM galcoverages c JOIN galimages i ON i.id = c.image_id
WHERE c.catalogue_id = %s ORDER BY i.id
"""
RUNS = """
SELECT (SELECT measured FROM galvariabilityruns WHERE catalogue_id = %s),
    (SELECT found FROM galperiodruns WHERE catalogue_id = %s),
    (SELECT array_agg(p.name || ' ' || m.matched_at::text ORDER BY p.id) FROM galmatchruns m
     JOIN galpublishedcatalogues p ON p.id = m.published_id AND p.in_use
     WHERE m.reference_id = %s)
"""
# Sums of hashes of rows, whatever their order.
ROWS = """
SELECT (SELECT sum(hashint8extended(object_id, refsource_id)::numeric + o.kind
        + hashfloat4extended(mag, refsource_id))
    FROM galobjectsources JOIN galobjects o ON o.id = object_id
    WHERE refsource_id BETWEEN %s AND %s),
    (SELECT sum(hashfloat8extended(days, refsource_id * 8 + rank)::numeric
        + hashfloat4extended(false_alarm, refsource_id))
    FROM galperiods WHERE refsource_id BETWEEN %s AND %s),
    (SELECT sum(hashfloat4extended(pm_ra, refsource_id)::numeric
        + hashfloat4extended(pm_dec, refsource_id))
    FROM galmotions WHERE refsource_id BETWEEN %s AND %s)
"""
# What people are told of candidates. A class that is blind to one may not be in an export.
OPINIONS = (
    *("pk", "kind", "cause", "known", "known_class", "known_name", "n_detections", "varies"),
    *("is_flagged", "shows_class", "consensus__slug"),
)


def catalogue_digest(catalogue: GalReference, options: VariabilityOptions) -> str:
    """Of all that an export has of a catalogue's sources, and of the options of its statistics."""
    first, last = id_range(catalogue.pk)
    own = catalogue.image
    facts = [
        [catalogue.pk, catalogue.n_sources, own.finished, own.is_doubted],
        fetch_rows(IMAGES, catalogue.pk),
        fetch_row(RUNS, *[catalogue.pk] * 3),
        fetch_row(ROWS, *[first, last] * 3),
        list(opinions_of(catalogue)),
        asdict(options),
    ]
    return hashlib.sha256(json.dumps(facts, default=str).encode()).hexdigest()


def opinions_of(catalogue: GalReference):
    """Rows of OPINIONS of a catalogue's candidates, with what everybody may know of them."""
    rows = GalCandidate.objects.filter(catalogue=catalogue).as_seen_by().order_by("pk")
    for row in rows.values_list(*OPINIONS):
        *said, shows_class, consensus = row
        yield *said, consensus if shows_class else None


def pixel_digest(digests: Iterable[str]) -> str:
    """Of a pixel's file, from those of the catalogues that have sources in it."""
    made_of = [FORMAT, str(schema()), sorted(digests)]
    return hashlib.sha256(json.dumps(made_of).encode()).hexdigest()
