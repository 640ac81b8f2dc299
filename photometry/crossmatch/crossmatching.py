"""Reference sources of all filters cross-matched to objects, a field at a time.

Sources are read a field at a time; what lies near each other is found among them, and the database
stores what differs from before. Nothing is locked that a reader or the pipeline needs: passes over
the same sky wait for each other by advisory locks, and where a catalogue is replaced meanwhile, the
pass begins anew.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
from django.db import ProgrammingError, transaction

from exposures.errors import GalprojectError
from exposures.locks import Claimed, locked
from exposures.models import GalImage
from exposures.science.footprints import unit_vectors
from photometry.crossmatch.area import Area
from photometry.crossmatch.catalogues import (
    READ_ARCSEC,
    WRITTEN_ARCSEC,
    catalogues_around,
    possible_footprints,
)
from photometry.crossmatch.neighbours import nearby, pairs_sharing_sky
from photometry.crossmatch.object_storage import ObjectChanges, changes_of, store_objects
from photometry.crossmatch.sources import read_sources
from photometry.crossmatch.stored_objects import stored_objects
from photometry.science.crossmatch.matching import Links, group, links_between
from photometry.science.crossmatch.options import CrossMatchOptions

MAX_ATTEMPTS = 3
FIELD_DEGREES = 0.5  # between the centres of exposures of one field
NEIGHBOUR_DEGREES = 2.5  # between those of fields that may share sky: DECam sees 2.2 across
PASS_SOURCES = 4_000_000  # about, of several fields that are cross-matched in one pass


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
    area = Area.of(possible_footprints(image_ids))
    for _ in range(MAX_ATTEMPTS):
        chips = catalogues_around(image_ids)
        # One pass at a time cross-matches what lies on an image.
        with locked(Claimed.CROSS_MATCH, {*image_ids, *(chip.image for chip in chips)}):
            try:
                changes = _crossmatch(area, chips, options, progress)
            except ProgrammingError:  # a partition went while it was read
                if chips == catalogues_around(image_ids):
                    raise
                continue
            with transaction.atomic():
                if chips == catalogues_around(image_ids):
                    if not dry_run:
                        store_objects(changes)
                    return _summary(chips, changes)
    raise GalprojectError(
        "the reference catalogues changed each time they were cross-matched. Do so again when no "
        "reference is being processed"
    )


def fields_of(image_ids=None):
    """Ids of the reference images in use, or of some of them, in a list for each field."""
    for images, _, _ in _fields(image_ids):
        yield images


def passes_of(image_ids=None) -> Iterator[list[list[int]]]:
    """The fields of ``fields_of``, those together that one pass cross-matches.

    Neighbours see catalogues of each other, which are read once if they are of one pass: they are
    joined while their sources fit into memory.
    """
    left = list(_fields(image_ids))
    while left:
        (images, centre, n_sources), *left = left
        together, centres = [images], [centre]
        while (at := _neighbour(left, centres, PASS_SOURCES - n_sources)) is not None:
            images, centre, more = left.pop(at)
            together.append(images)
            centres.append(centre)
            n_sources += more
        yield together


def _neighbour(others, centres, most_sources):
    """The place among others of the first field near a centre, of no more sources; or None."""
    nearest = np.cos(np.radians(NEIGHBOUR_DEGREES))
    for at, (_, centre, n_sources) in enumerate(others):
        if n_sources <= most_sources and (np.array(centres) @ centre).max() > nearest:
            return at
    return None


def _fields(image_ids):
    """For each field the ids of its images, the (3,) vector of its centre, and its sources."""
    images = GalImage.objects.filter(catalogues__active=True).order_by("exposure__mjd", "pk")
    if image_ids is not None:
        images = images.filter(pk__in=image_ids)
    columns = "pk", "catalogues__n_sources", "exposure__ra", "exposure__dec"
    rows = list(images.values_list(*columns))
    left, n_sources = np.array([own for *own, _, _ in rows], int).reshape(-1, 2).T
    centres = unit_vectors(np.array([where for _, _, *where in rows], float))
    while len(left):
        same = centres @ centres[0] > np.cos(np.radians(FIELD_DEGREES))
        yield left[same].tolist(), centres[0], int(n_sources[same].sum())
        left, n_sources, centres = left[~same], n_sources[~same], centres[~same]


def _crossmatch(area, chips, options, progress) -> ObjectChanges:
    """The ObjectChanges of objects with sources within WRITTEN_ARCSEC of the images."""
    sources = read_sources(chips)
    stored = stored_objects(area, chips, sources.filters)
    reach = options.reach_arcsec(max([chip.fwhm for chip in chips], default=0.0))
    margins = (READ_ARCSEC + reach, READ_ARCSEC, WRITTEN_ARCSEC)
    near, is_read, is_written = area.holds(chips, sources, margins)
    near |= stored.shares_objects(sources.refsource_id, near)
    sources, is_read, is_written = sources.at(near), is_read[near], is_written[near]
    links = _links(chips, sources, is_read, options, progress)
    groups = group(sources.chip, sources.places, links, options)
    return changes_of(stored, chips, sources, groups, is_written, options)


def _links(chips, sources, is_read, options, progress):
    """Links, by index, between the sources of all catalogues that share sky."""
    pairs = pairs_sharing_sky(chips, options)
    if progress is not None:
        progress.reset(total=len(pairs))
    none = np.zeros((0, 2), np.int64)
    found = [Links(none, none, none)]
    for part in pairs.parts(np.bincount(sources.chip, minlength=len(chips))):
        near = nearby(part, sources, is_read)
        found.append(links_between(near, *part.fwhm.T, options))
        if progress is not None:
            progress.update(len(part))
    return Links(*(np.concatenate([getattr(one, f.name) for one in found]) for f in fields(Links)))


def _summary(chips, changes):
    return CrossMatchCounts(n_catalogues=len(chips), **changes.counts())
