"""Reference sources of all filters cross-matched to objects, a field at a time.

Sources are read a field at a time; what lies near each other is found among them, and the database
stores what differs from before. Nothing is locked that a reader or the pipeline needs: passes over
the same sky wait for each other by advisory locks, and where a catalogue is replaced meanwhile, the
pass begins anew.
"""

from dataclasses import dataclass, fields

import numpy as np
from django.db import ProgrammingError, connection, transaction
from scipy.spatial import cKDTree

from exposures.binary_copy import copy_out
from exposures.errors import GalprojectError
from exposures.locks import Claimed, locked
from exposures.models import GalExposure, GalImage
from exposures.science.arrays import FloatArray, IntArray
from exposures.science.footprints import fault_of, overlap, unit_vectors
from exposures.source_ids import catalogue_of, id_range
from photometry.crossmatch.area import READ_ARCSEC, Area, CatalogueArea
from photometry.crossmatch.object_storage import ObjectChanges, Sources, changes_of, store_objects
from photometry.crossmatch.stored_objects import stored_objects
from photometry.science.crossmatch.matching import (
    ARCSEC,
    Links,
    Near,
    group,
    links_between,
    position_error,
)
from photometry.science.crossmatch.options import CrossMatchOptions
from photometry.storage.columns import source_dtype
from photometry.storage.reference_values import reference_values

MAX_ATTEMPTS = 3
FIELD_DEGREES = 0.5  # between the centres of exposures of one field
DEFAULT_FWHM_ARCSEC = 1.0  # of images whose seeing is not known

AROUND = """
SELECT DISTINCT c.id, i.id, i.exposure_id, e.filter, i.fwhm_arcsec, i.ra, i.dec, i.radius,
    i.footprint
FROM galimages own
JOIN galimages i ON q3c_join(own.ra, own.dec, i.ra, i.dec, own.radius + %s)
JOIN galexposures e ON e.id = i.exposure_id
JOIN galreferences c ON c.image_id = i.id AND c.active
WHERE own.id = ANY(%s) AND i.footprint IS NOT NULL
    AND q3c_dist(own.ra, own.dec, i.ra, i.dec) < own.radius + i.radius + %s
ORDER BY c.id
"""
SOURCES = """
SELECT {columns} FROM galsources_{catalogue}
WHERE is_reference AND galimage_id = {image} ORDER BY refsource_id
"""
SOURCE_COLUMNS = ("refsource_id", "ra", "dec", "mag", "mag_err", "flux", "flux_err")


@dataclass(frozen=True)
class CrossMatchCounts:
    """Numbers of objects that a cross-match found and changed."""

    n_catalogues: int
    n_sources: int
    n_single: int
    n_one_to_one: int
    n_doubtful: int  # one-to-one, and perhaps a blend
    n_blends: int
    n_new: int  # objects
    n_changed: int
    n_removed: int
    n_replacements: int  # sources that replaced one of a catalogue made anew


def crossmatch_filters(
    image_ids, options=CrossMatchOptions(), dry_run=False, progress=None
) -> CrossMatchCounts:
    """Cross-match the sources that lie on images with those of all other catalogues in use there.

    The images are reference images, or have been: what lies on them is cross-matched anew, and
    stored where it differs from before, in one transaction, unless ``dry_run``. ``progress`` is
    told of each pair of catalogues, by ``update(1)``, and of their number as its ``total``. Raises
    GalprojectError where the catalogues change all the time.
    """
    image_ids = sorted(image_ids)
    images = GalImage.objects.filter(pk__in=image_ids).exclude(footprint=None)
    images = [image for image in images if not fault_of(image.footprint)]
    for _ in range(MAX_ATTEMPTS):
        chips = _chips_around(image_ids)
        # One pass at a time cross-matches what lies on an image.
        with locked(Claimed.CROSS_MATCH, {*image_ids, *(chip.image for chip in chips)}):
            try:
                changes = _crossmatch(images, chips, options, progress)
            except ProgrammingError:  # a partition went while it was read
                if chips == _chips_around(image_ids):
                    raise
                continue
            with transaction.atomic():
                if chips == _chips_around(image_ids):
                    if not dry_run:
                        store_objects(changes)
                    return _summary(chips, changes)
    raise GalprojectError(
        "the reference catalogues changed each time they were cross-matched. Do so again when no "
        "reference is being processed"
    )


def fields_of(image_ids=None):
    """Ids of the reference images in use, or of some of them, in a list for each field."""
    images = GalImage.objects.filter(catalogues__active=True).order_by("exposure__mjd", "pk")
    if image_ids is not None:
        images = images.filter(pk__in=image_ids)
    rows = list(images.values_list("pk", "exposure__ra", "exposure__dec"))
    left = np.array([pk for pk, *_ in rows])
    centres = unit_vectors(np.array([where for _, *where in rows], float))
    while len(left):
        same = centres @ centres[0] > np.cos(np.radians(FIELD_DEGREES))
        yield left[same].tolist()
        left, centres = left[~same], centres[~same]


def _chips_around(image_ids):
    """The catalogues in use that share sky with images, or lie within READ_ARCSEC of them."""
    widest = GalImage.objects.filter(catalogues__active=True).widest()
    if not widest:
        return []
    margin = READ_ARCSEC / 3600
    with connection.cursor() as cursor:
        cursor.execute(AROUND, [widest + margin, list(image_ids), margin])
        rows = cursor.fetchall()
    chips = [
        CatalogueArea(*row[:4], row[4] or DEFAULT_FWHM_ARCSEC, *row[5:8], tuple(row[8]))
        for row in rows
    ]
    return [chip for chip in chips if not fault_of(chip.footprint)]


def _crossmatch(images, chips, options, progress) -> ObjectChanges:
    """The ObjectChanges of objects with sources within WRITTEN_ARCSEC of the images."""
    area = Area.of(images)
    sources = _read(chips)
    firsts = [id_range(chip.catalogue)[0] for chip in chips]
    starts = np.searchsorted(sources.refsource_id, firsts)
    links = _links(chips, sources, starts, area, options, progress)
    catalogue = catalogue_of(sources.refsource_id)
    groups = group(catalogue, sources.ra, sources.dec, links, options)
    inside = _inside(sources, chips, starts, area)
    stored = stored_objects(area, [chip.catalogue for chip in chips], sources.filters)
    return changes_of(stored, chips, sources, groups, inside, options)


def _read(chips) -> Sources:
    """Read the sources of catalogues, ordered by id."""
    filters = tuple(sorted(set(GalExposure.objects.values_list("filter", flat=True).distinct())))
    none = Sources.none(filters)
    parts = [_read_chip(chip, filters.index(chip.filter)) for chip in chips]
    return Sources(filters, *map(np.concatenate, zip(none.arrays(), *parts, strict=True)))


def _read_chip(chip, filter_code):
    query = SOURCES.format(
        columns=", ".join(SOURCE_COLUMNS), catalogue=chip.catalogue, image=chip.image
    )
    rows = copy_out(query, source_dtype(SOURCE_COLUMNS))
    rows["mag"] = reference_values(rows).mag
    error = position_error(rows["flux"], rows["flux_err"], chip.fwhm, chip.fwhm)
    codes = np.full(len(rows), filter_code, "i2")
    names = ("refsource_id", "ra", "dec", "mag", "flux")
    return (*(rows[name] for name in names), error, codes)


def _links(chips, sources, starts, area, options, progress):
    """Links, by index, between the sources of all catalogues that share sky."""
    ends = np.append(starts, len(sources))[1:]
    own = {
        chip.catalogue: slice(*rows)
        for chip, *rows in zip(chips, starts.tolist(), ends.tolist(), strict=True)
    }
    places = unit_vectors(np.column_stack([sources.ra, sources.dec]))
    pairs = _pairs(chips)
    if progress is not None:
        progress.reset(total=len(pairs))
    found = []
    for a, b in pairs:
        reach = options.reach_arcsec(max(a.fwhm, b.fwhm))
        in_area = own[a.catalogue].start + area.chosen(a, b, reach, sources, own[a.catalogue])
        near = nearby(in_area, own[b.catalogue], places, reach, sources)
        if len(near.a):
            found.append(links_between(near, a.fwhm, b.fwhm, options))
        if progress is not None:
            progress.update(1)
    none = np.zeros((0, 2), np.int64)
    return Links(
        *(np.concatenate([none, *(getattr(one, f.name) for one in found)]) for f in fields(Links))
    )


def _pairs(chips):
    """Pairs of catalogues that share sky; those of the chips of one exposure never do."""
    vectors = unit_vectors(np.array([(c.ra, c.dec) for c in chips])) if chips else np.zeros((0, 3))
    radii = np.radians([c.radius for c in chips])
    footprints = np.array([c.footprint for c in chips]).reshape(-1, 8)
    exposures = np.array([c.exposure for c in chips])
    pairs = []
    for i, a in enumerate(chips):
        reach = np.minimum(radii[i] + radii[i + 1 :], np.pi)
        near = np.flatnonzero(vectors[i + 1 :] @ vectors[i] > np.cos(reach)) + i + 1
        near = near[exposures[near] != a.exposure]
        shares = overlap(np.broadcast_to(footprints[i], (len(near), 8)), footprints[near])
        pairs += [(a, chips[j]) for j in near[shares]]
    return pairs


def nearby(of_a: IntArray, of_b: slice, places: FloatArray, reach: float, sources: Sources) -> Near:
    """Pairs of sources of two catalogues within ``reach`` arcsec of each other, by their indices.

    ``of_a`` (k,) are indices of the first, ``of_b`` the range of the second; ``places`` (n, 3) are
    unit vectors of all ``sources``.
    """
    trees = [cKDTree(places[of_a]), cKDTree(places[of_b])]
    chord = 2 * np.sin(reach * ARCSEC / 2)
    found = trees[0].sparse_distance_matrix(trees[1], chord, output_type="ndarray")
    found = found[np.lexsort((found["j"], found["i"]))]
    i, j = of_a[found["i"]], of_b.start + found["j"]
    offset = (places[j] - places[i]) / ARCSEC
    error = np.hypot(sources.error[i], sources.error[j])
    return Near(i, j, offset, error, sources.flux[i], sources.flux[j])


def _inside(sources, chips, starts, area):
    """(n,) whether sources lie on the images or within WRITTEN_ARCSEC of them."""
    inside = np.zeros(len(sources), bool)
    ends = np.append(starts, len(sources))[1:]
    for chip, first, end in zip(chips, starts, ends, strict=True):
        own = slice(first, end)
        inside[own] = area.holds(chip, sources.ra[own], sources.dec[own])
    return inside


def _summary(chips, changes):
    return CrossMatchCounts(n_catalogues=len(chips), **changes.counts())
