"""Association of detections over epochs: those at one position become a new source."""

import numpy as np
from django.db import connection, transaction
from django.db.models import Count

from exposures.errors import GalprojectError
from exposures.locks import Claimed, lock_to_end
from exposures.planner import BY_POSITION, planned
from exposures.science.angles import to_sky
from exposures.science.footprints import unit_vectors
from exposures.source_ids import catalogue_of
from photometry.models import GalReference
from variables.models import Cut, GalNewDetection, GalNewSource, GalVarObj
from variables.new_sources.ids import new_ids
from variables.new_sources.saving import save_detections
from variables.new_sources.standing import judge_sources
from variables.science.new_sources import NewSourceOptions

# Positions of the index last, as q3c_join wants them. OFFSET 0 keeps all other conditions out of
# the look-up: as long as nothing has been counted of rows that were just stored, the planner takes
# the index of catalogues for as selective, and looks at each pair of a catalogue's. What was found
# is changed by its place in the table: by its id, the planner may compare it with all rows.
ASSIGN = """
UPDATE galnewdetections d SET refsource_id = near.refsource_id
FROM (
    SELECT o.ctid AS place, s.refsource_id FROM galnewdetections o
    JOIN LATERAL (
        SELECT n.refsource_id FROM (
            SELECT refsource_id, catalogue_id, ra, dec FROM galnewsources
            WHERE q3c_join(o.ra, o.dec, ra, dec, %(radius)s) OFFSET 0
        ) n
        WHERE n.catalogue_id = o.catalogue_id
        ORDER BY q3c_dist(o.ra, o.dec, n.ra, n.dec) LIMIT 1
    ) s ON true
    WHERE o.refsource_id IS NULL AND o.galimage_id = %(image)s
) near
WHERE d.ctid = near.place
"""
# Of all images, what lies nearest to sources that were just made.
ASSIGN_TO_MADE = """
UPDATE galnewdetections d SET refsource_id = near.refsource_id
FROM (
    SELECT DISTINCT ON (o.id) o.place, n.refsource_id
    FROM galnewsources n JOIN LATERAL (
        SELECT ctid AS place, id, ra, dec, catalogue_id, refsource_id FROM galnewdetections
        WHERE q3c_join(n.ra, n.dec, ra, dec, %(radius)s) OFFSET 0
    ) o ON o.catalogue_id = n.catalogue_id AND o.refsource_id IS NULL
    WHERE n.refsource_id = ANY(%(made)s)
    ORDER BY o.id, q3c_dist(o.ra, o.dec, n.ra, n.dec)
) near
WHERE d.ctid = near.place
"""
PAIRS = """
SELECT a.id, b.id FROM galnewdetections a
JOIN galimages ai ON ai.id = a.galimage_id JOIN galexposures ae ON ae.id = ai.exposure_id
JOIN LATERAL (
    SELECT id, galimage_id, catalogue_id, refsource_id, failed_cuts FROM galnewdetections
    WHERE q3c_join(a.ra, a.dec, ra, dec, %(radius)s) OFFSET 0
) b ON b.catalogue_id = a.catalogue_id AND b.refsource_id IS NULL AND b.failed_cuts = 0
JOIN galimages bi ON bi.id = b.galimage_id JOIN galexposures be ON be.id = bi.exposure_id
WHERE a.galimage_id = %(image)s AND a.refsource_id IS NULL AND a.failed_cuts = 0
    AND abs(ae.mjd - be.mjd) >= %(days)s
ORDER BY a.significance DESC, a.id, b.id
"""
BRIGHT = """
SELECT id, id FROM galnewdetections
WHERE galimage_id = %(image)s AND refsource_id IS NULL AND failed_cuts = 0
    AND significance >= %(bright)s
ORDER BY significance DESC, id
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
    image.variables.filter(kind=GalVarObj.Kind.NEW).delete()
    _associate(image, _sources_on(image), options)


@transaction.atomic
def replace_new_detections(image, detections, options=NewSourceOptions()) -> set[int]:
    """Replace the stored detections of an image; returns the ids of their catalogues.

    Those that lie where there is a new source are that source again. Those that lie where other
    images have some, ``min_days`` before or after, become a source with them, and so does what is
    bright. What is believed of the sources is judged anew (``standing``). ``lock_new_sources`` has
    to be taken before, and the image's other rows to be replaced.
    """
    before = GalNewDetection.objects.filter(image=image)
    catalogues, sources = set(before.values_list("catalogue_id", flat=True)), _sources_on(image)
    before.delete()
    image.variables.filter(kind=GalVarObj.Kind.NEW).delete()
    for detection in detections:
        detection.image = image
        if image.is_doubted:
            detection.failed_cuts |= Cut.DOUBTED_IMAGE
    save_detections(detections)
    catalogues |= {detection.catalogue_id for detection in detections}
    _associate(image, sources, options)
    return catalogues


def _sources_on(image) -> set[int]:
    """The new sources of which an image has detections."""
    found = GalNewDetection.objects.filter(image=image, source__isnull=False)
    return set(found.values_list("source_id", flat=True))


def _seen_once(image) -> set[int]:
    """The new sources with a single detection, which an image takes back by not showing them."""
    measured = image.coverages.values("catalogue")
    new = GalNewSource.objects.filter(catalogue__in=measured, state=GalNewSource.State.NEW)
    seen = new.annotate(n=Count("detections")).filter(n=1)
    return set(seen.values_list("pk", flat=True))


def _associate(image, sources_before, options):
    """Associate an image's detections, and judge the sources that they belong or belonged to."""
    parameters = {"radius": options.radius_arcsec / 3600, "days": options.min_days}
    parameters |= {"image": image.pk, "bright": options.bright_sigma}
    with planned(BY_POSITION), connection.cursor() as cursor:
        cursor.execute(ASSIGN, parameters)
        for query in (PAIRS, BRIGHT):
            cursor.execute(query, parameters)
            if pairs := cursor.fetchall():
                cursor.execute(ASSIGN_TO_MADE, parameters | {"made": _make_sources(pairs)})
    touched = sources_before | _sources_on(image) | _seen_once(image)
    by_catalogue = {}
    for source in touched:
        by_catalogue.setdefault(catalogue_of(source), []).append(source)
    for catalogue in GalReference.objects.filter(pk__in=by_catalogue).order_by("pk"):
        judge_sources(catalogue, sorted(by_catalogue[catalogue.pk]), options)


def _make_sources(pairs) -> list[int]:
    """Make sources at the mean positions of associated detections, given as pairs of ids."""
    partners = {}
    for one, other in pairs:
        partners.setdefault(one, [one]).append(other)
    ids = {i for own in partners.values() for i in own}
    detections = GalNewDetection.objects.in_bulk(ids)
    used, next_id, made = set(), {}, []
    catalogues = GalReference.objects.in_bulk({one.catalogue_id for one in detections.values()})
    # The most significant first: what it takes, no other has.
    for own in partners.values():
        if not used.isdisjoint(own):
            continue
        used.update(own)
        members = [detections[i] for i in own]
        catalogue = catalogues[members[0].catalogue_id]
        if catalogue.pk not in next_id:
            next_id[catalogue.pk] = _free_id(catalogue)
        made.append(_made_of(members, catalogue, next_id[catalogue.pk]))
        next_id[catalogue.pk] += 1
    GalNewSource.objects.bulk_create(made, batch_size=1000)
    return [source.pk for source in made]


def _free_id(catalogue):
    """The id after those of all new sources, whose ids are never reused.

    Earlier versions counted down from the end of the range: those ids are no bar.
    """
    first, last = new_ids(catalogue)
    middle = (first + last) // 2
    taken = GalNewSource.objects.filter(catalogue=catalogue, pk__lt=middle).order_by("-pk")
    free = (taken.values_list("pk", flat=True).first() or first - 1) + 1
    if free >= middle:
        raise GalprojectError(f"{catalogue} has no ids left for new sources. Make it again")
    return free


def _made_of(members, catalogue, refsource_id) -> GalNewSource:
    weights = [m.significance**2 for m in members]
    # As vectors: right ascensions lie on either side of 0 h, and turn quickly at a pole.
    vectors = unit_vectors([(m.ra, m.dec) for m in members])
    ra, dec = to_sky(np.average(vectors, axis=0, weights=weights))
    pixels = [(m.reference_x, m.reference_y) for m in members]
    x, y = np.average(pixels, axis=0, weights=weights)
    return GalNewSource(
        refsource_id=refsource_id,
        catalogue=catalogue,
        ra=float(ra),
        dec=float(dec),
        x=float(x),
        y=float(y),
        state=GalNewSource.State.WAITING,
    )
