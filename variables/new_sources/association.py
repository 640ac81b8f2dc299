"""Association of detections over epochs: those at one position become a new source."""

import numpy as np
from django.db import connection, transaction

from exposures.errors import GalprojectError
from exposures.locks import Claimed, lock_to_end
from exposures.science.angles import to_sky
from exposures.science.footprints import unit_vectors
from photometry.models import GalReference
from photometry.storage.columns import STAR_COLUMNS
from variables.models import Cut, GalNewDetection, GalNewSource, GalVarObj
from variables.science.new_sources import NewSourceOptions

# Positions of the index last, as q3c_join wants them.
ASSIGN = """
UPDATE galnewdetections d SET refsource_id = near.refsource_id
FROM (
    SELECT o.id, s.refsource_id FROM galnewdetections o
    JOIN LATERAL (
        SELECT n.refsource_id FROM galnewsources n
        WHERE q3c_join(o.ra, o.dec, n.ra, n.dec, %(radius)s) AND n.catalogue_id = o.catalogue_id
        ORDER BY q3c_dist(o.ra, o.dec, n.ra, n.dec) LIMIT 1
    ) s ON true
    WHERE o.refsource_id IS NULL AND o.catalogue_id = ANY(%(catalogues)s)
) near
WHERE d.id = near.id
"""
PAIRS = """
SELECT a.id, b.id FROM galnewdetections a
JOIN galimages ai ON ai.id = a.galimage_id JOIN galexposures ae ON ae.id = ai.exposure_id
JOIN galnewdetections b ON q3c_join(a.ra, a.dec, b.ra, b.dec, %(radius)s)
JOIN galimages bi ON bi.id = b.galimage_id JOIN galexposures be ON be.id = bi.exposure_id
WHERE a.galimage_id = %(image)s AND a.refsource_id IS NULL AND b.refsource_id IS NULL
    AND a.catalogue_id = b.catalogue_id AND a.failed_cuts = 0 AND b.failed_cuts = 0
    AND abs(ae.mjd - be.mjd) >= %(days)s
ORDER BY a.significance DESC, a.id, b.id
"""
# A source stands as long as detections that pass all cuts are far enough apart in time.
STANDING = """
SELECT d.refsource_id FROM galnewdetections d
JOIN galimages i ON i.id = d.galimage_id JOIN galexposures e ON e.id = i.exposure_id
WHERE d.refsource_id BETWEEN %(first)s AND %(last)s AND d.failed_cuts = 0
GROUP BY d.refsource_id HAVING max(e.mjd) - min(e.mjd) >= %(days)s
"""
REMOVE = """
DELETE FROM {table} WHERE refsource_id BETWEEN %(first)s AND %(last)s
    AND refsource_id <> ALL(%(standing)s)
"""
# One of each source on an image, the most significant; what is there already stays as it is.
SAVE_MEASUREMENTS = f"""
INSERT INTO galsources (refsource_id, galimage_id, ra, dec, {", ".join(STAR_COLUMNS)},
    is_reference, mjd)
SELECT DISTINCT ON (d.refsource_id, d.galimage_id) d.refsource_id, d.galimage_id, s.ra, s.dec,
    {", ".join(f"d.{name}" for name in STAR_COLUMNS)}, false, e.mjd
FROM galnewdetections d JOIN galnewsources s ON s.refsource_id = d.refsource_id
JOIN galimages i ON i.id = d.galimage_id JOIN galexposures e ON e.id = i.exposure_id
WHERE d.refsource_id = ANY(%(standing)s) AND NOT EXISTS (
    SELECT 1 FROM galsources g WHERE g.refsource_id = d.refsource_id
        AND g.galimage_id = d.galimage_id AND g.refsource_id BETWEEN %(first)s AND %(last)s)
ORDER BY d.refsource_id, d.galimage_id, d.significance DESC
"""
SAVE_CHANGES = """
INSERT INTO galvarobjs (refsource_id, galimage_id, ra, dec, x, y, kind, significance, flux,
    flux_err, failed_cuts, is_flagged)
SELECT DISTINCT ON (d.refsource_id, d.galimage_id) d.refsource_id, d.galimage_id, s.ra, s.dec,
    d.x, d.y, 'new', d.significance, d.flux, d.flux_err, d.failed_cuts, false
FROM galnewdetections d JOIN galnewsources s ON s.refsource_id = d.refsource_id
WHERE d.refsource_id = ANY(%(standing)s) AND NOT EXISTS (
    SELECT 1 FROM galvarobjs v
    WHERE v.refsource_id = d.refsource_id AND v.galimage_id = d.galimage_id)
ORDER BY d.refsource_id, d.galimage_id, d.significance DESC
"""


def lock_new_sources(images, detections=()):
    """Lock the new sources of the catalogues of images and of ``detections``.

    One transaction at a time changes them. The catalogues are those of the detections that images
    have, and of the ``detections`` that are to take their place. To be taken before anything else
    is locked, catalogues and images' own rows: whoever makes a source writes rows for other images,
    too, and would else wait for one who waits for the lock.
    """
    catalogue_ids = {detection.catalogue_id for detection in detections}
    before = GalNewDetection.objects.filter(image__in=images)
    catalogue_ids.update(before.values_list("catalogue_id", flat=True))
    lock_to_end(Claimed.NEW_SOURCES, catalogue_ids)


@transaction.atomic
def renew_new_detections(image, options=NewSourceOptions()):
    """Associate an image's detections again, after others pass the cuts than before.

    ``lock_new_sources`` has to be taken before.
    """
    catalogues = set(image.new_detections.values_list("catalogue_id", flat=True))
    if catalogues:
        image.variables.filter(kind=GalVarObj.Kind.NEW).delete()
        _associate(image, catalogues, options)


@transaction.atomic
def replace_new_detections(image, detections, options=NewSourceOptions()) -> set[int]:
    """Replace the stored detections of an image; returns the ids of their catalogues.

    Those that lie where there is a new source are that source again. Those that lie where other
    images have some, ``min_days`` before or after, become a source with them. All detections of
    sources are saved as measurements (galsources) and changes (galvarobjs); those of a source
    that lost what it was made of are not. ``lock_new_sources`` has to be taken before, and the
    image's other rows to be replaced.
    """
    before = GalNewDetection.objects.filter(image=image)
    catalogues = set(before.values_list("catalogue_id", flat=True))
    before.delete()
    image.variables.filter(kind=GalVarObj.Kind.NEW).delete()
    for detection in detections:
        detection.image = image
        if image.is_doubted:
            detection.failed_cuts |= Cut.DOUBTED_IMAGE
    GalNewDetection.objects.bulk_create(detections, batch_size=1000)
    catalogues |= {detection.catalogue_id for detection in detections}
    if catalogues:
        _associate(image, catalogues, options)
    return catalogues


def _associate(image, catalogue_ids, options):
    parameters = {"radius": options.radius_arcsec / 3600, "days": options.min_days}
    parameters |= {"image": image.pk, "catalogues": list(catalogue_ids)}
    with connection.cursor() as cursor:
        cursor.execute(ASSIGN, parameters)
        cursor.execute(PAIRS, parameters)
        if pairs := cursor.fetchall():
            _make_sources(pairs)
            cursor.execute(ASSIGN, parameters)
        for catalogue in GalReference.objects.filter(pk__in=catalogue_ids).order_by("pk"):
            _save(cursor, catalogue, options)


def _save(cursor, catalogue, options):
    """Update measurements and changes of a catalogue's new sources."""
    first, last = new_ids(catalogue)
    parameters = {"first": first, "last": last, "days": options.min_days}
    cursor.execute(STANDING, parameters)
    parameters["standing"] = [i for (i,) in cursor.fetchall()]
    for table in ("galsources", "galvarobjs"):
        cursor.execute(REMOVE.format(table=table), parameters)
    cursor.execute(SAVE_MEASUREMENTS, parameters)
    cursor.execute(SAVE_CHANGES, parameters)


def new_ids(catalogue):
    """The range of ids of a catalogue's new sources, as (first, last)."""
    return catalogue.reference_id_range[1] + 1, catalogue.id_range[1]


def _make_sources(pairs):
    """Make sources at the mean positions of associated detections, given as pairs of ids."""
    partners = {}
    for one, other in pairs:
        partners.setdefault(one, [one]).append(other)
    ids = {i for own in partners.values() for i in own}
    detections = GalNewDetection.objects.in_bulk(ids)
    used, next_id = set(), {}
    # The most significant first: what it takes, no other has.
    for own in partners.values():
        if not used.isdisjoint(own):
            continue
        used.update(own)
        members = [detections[i] for i in own]
        catalogue = members[0].catalogue
        if catalogue.pk not in next_id:
            next_id[catalogue.pk] = _free_id(catalogue)
        _create(catalogue, next_id[catalogue.pk], members)
        next_id[catalogue.pk] -= 1


def _free_id(catalogue):
    """The highest id below those of all new sources, whose ids are never reused."""
    first, last = new_ids(catalogue)
    taken = GalNewSource.objects.filter(catalogue=catalogue).order_by("pk")
    free = taken.values_list("pk", flat=True).first() or last + 1
    if free <= first:
        raise GalprojectError(f"{catalogue} has no ids left for new sources. Make it again")
    return free - 1


def _create(catalogue, refsource_id, members):
    weights = [m.significance**2 for m in members]
    # As vectors: right ascensions lie on either side of 0 h, and turn quickly at a pole.
    vectors = unit_vectors([(m.ra, m.dec) for m in members])
    ra, dec = to_sky(np.average(vectors, axis=0, weights=weights))
    pixels = [(m.reference_x, m.reference_y) for m in members]
    x, y = np.average(pixels, axis=0, weights=weights)
    GalNewSource.objects.create(
        refsource_id=refsource_id,
        catalogue=catalogue,
        ra=float(ra),
        dec=float(dec),
        x=float(x),
        y=float(y),
    )
