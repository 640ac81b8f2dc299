"""Annotations of new sources, transferred to the sources that replace them in another catalogue.

A star that a reference lacked may be a source of the reference that replaces it, or may be new to
that one as well: then it is known as soon as search images have shown it again. What replaces the
sources of a reference is found by ``photometry.crossmatch``, which knows nothing of new ones.
"""

import numpy as np
from django.db import connection, transaction

from exposures.planner import BY_POSITION, planned
from exposures.science.footprints import unit_vectors
from photometry.science.crossmatch.source_replacements import source_replacements
from variables.models import GalLostSource
from variables.replacements.annotations import transfer_annotations
from variables.science.new_sources import NewSourceOptions

ANNOTATED = """
(EXISTS (SELECT FROM galdecisions d WHERE d.refsource_id = {id})
    OR EXISTS (SELECT FROM galflags f WHERE f.refsource_id = {id})
    OR EXISTS (SELECT FROM galcampaignobjects o WHERE o.refsource_id = {id}))
AND NOT EXISTS (SELECT FROM galsuccessions s WHERE s.old_refsource_id = {id})
"""
KEEP = f"""
INSERT INTO gallostsources (refsource_id, ra, dec, filter)
SELECT n.refsource_id, n.ra, n.dec, %s FROM galnewsources n
WHERE n.catalogue_id = %s AND {ANNOTATED.format(id="n.refsource_id")}
"""
OF_THESE = f"""
SELECT n.refsource_id FROM unnest(%s::bigint[]) AS n (refsource_id)
WHERE {ANNOTATED.format(id="n.refsource_id")}
"""
# Of catalogues that are gone, and of those that are there but not in use. Here and below what is
# near is found by the index of positions alone, behind OFFSET 0: by another the planner looks at
# each pair, as long as nothing has been counted of rows that were just stored.
UNREPLACED = f"""
SELECT l.refsource_id, l.ra, l.dec FROM galimages i CROSS JOIN LATERAL (
    SELECT * FROM gallostsources WHERE q3c_join(i.ra, i.dec, ra, dec, i.radius) OFFSET 0
) l
WHERE i.id = %(image)s AND l.filter = %(filter)s
UNION ALL
SELECT n.refsource_id, n.ra, n.dec FROM galimages i CROSS JOIN LATERAL (
    SELECT * FROM galnewsources WHERE q3c_join(i.ra, i.dec, ra, dec, i.radius) OFFSET 0
) n
JOIN galreferences c ON c.id = n.catalogue_id AND NOT c.active
JOIN galimages ci ON ci.id = c.image_id JOIN galexposures e ON e.id = ci.exposure_id
WHERE i.id = %(image)s AND e.filter = %(filter)s AND {ANNOTATED.format(id="n.refsource_id")}
ORDER BY 1
"""
NEAR = """
SELECT s.refsource_id, s.ra, s.dec
FROM unnest(%(ra)s::float8[], %(dec)s::float8[]) AS o (ra, dec) CROSS JOIN LATERAL (
    SELECT refsource_id, ra, dec FROM {partition}
    WHERE is_reference AND q3c_join(o.ra, o.dec, ra, dec, %(radius)s)
    UNION ALL
    SELECT refsource_id, ra, dec FROM (
        SELECT refsource_id, catalogue_id, ra, dec FROM galnewsources
        WHERE q3c_join(o.ra, o.dec, ra, dec, %(radius)s) OFFSET 0
    ) n WHERE catalogue_id = %(catalogue)s
) s
GROUP BY 1, 2, 3 ORDER BY 1
"""


def annotated(refsource_ids) -> set[int]:
    """Those of some new sources with votes, flags or campaigns that no other source has."""
    with connection.cursor() as cursor:
        cursor.execute(OF_THESE, [list(refsource_ids)])
        return {i for (i,) in cursor.fetchall()}


def record_lost_sources(catalogue):
    """Record the positions of a catalogue's annotated new sources before it is deleted."""
    with connection.cursor() as cursor:
        cursor.execute(KEEP, [_filter_of(catalogue), catalogue.pk])


@transaction.atomic
def follow_new_sources(catalogue, options=NewSourceOptions()) -> int:
    """Transfer annotations of former catalogues' new sources to the sources at their positions.

    Returns from how many. Where two sources may be meant, neither gets them: they wait for another
    catalogue.
    """
    old = _rows(UNREPLACED, {"image": catalogue.image_id, "filter": _filter_of(catalogue)})
    if len(old) == 0:
        return 0
    parameters = {"ra": old["ra"].tolist(), "dec": old["dec"].tolist(), "catalogue": catalogue.pk}
    parameters["radius"] = options.follow_arcsec / 3600
    new = _rows(NEAR.format(partition=catalogue.partition), parameters)
    one = np.zeros(len(new), int)
    replaced, replacing = source_replacements(
        _vectors(old),
        np.zeros(len(old), int),
        _vectors(new),
        one,
        one,
        np.radians(parameters["radius"]),
    )
    replaced, replacing = old["refsource_id"][replaced], new["refsource_id"][replacing]
    GalLostSource.objects.filter(pk__in=replaced.tolist()).delete()
    return transfer_annotations(replaced, replacing)


def _filter_of(catalogue):
    return catalogue.image.exposure.filter


def _rows(query, parameters):
    with planned(BY_POSITION), connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return np.array(cursor.fetchall(), [("refsource_id", "i8"), ("ra", "f8"), ("dec", "f8")])


def _vectors(rows):
    return unit_vectors(np.column_stack([rows["ra"], rows["dec"]]))
