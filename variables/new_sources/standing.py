"""What is believed of new sources, and the measurements, changes and rows that follow from it."""

from dataclasses import dataclass

import numpy as np
from django.db import connection, transaction
from django.utils import timezone
from scipy.spatial import cKDTree

from exposures.binary_copy import copy_out
from exposures.errors import GalprojectError
from exposures.locks import Claimed, lock_to_end
from exposures.plain_values import none_if_nan
from exposures.science.footprints import unit_vectors
from photometry.models import GalReference
from photometry.storage.columns import STAR_COLUMNS
from photometry.storage.left_over import left_over_of
from variables.models import GalNewSource
from variables.new_sources.added import ReferenceRow, insert_rows
from variables.new_sources.on_reference import measure_on_reference
from variables.new_sources.replacements import annotated
from variables.new_sources.saving import save_columns
from variables.science.new_sources import (
    ZERO_POINT,
    Detected,
    Judgement,
    LeftOver,
    Mean,
    NewSourceOptions,
    judge,
)

N_BESIDE = 5  # of what was left over near a place, that tell the error in one with nothing
PASSING = """
SELECT d.refsource_id, d.galimage_id, e.mjd, d.mag, d.significance FROM galnewdetections d
JOIN galimages i ON i.id = d.galimage_id JOIN galexposures e ON e.id = i.exposure_id
WHERE d.refsource_id = ANY('{{{ids}}}') AND d.failed_cuts = 0 AND d.mag < 'Infinity'
"""
PASSING_DTYPE = np.dtype(
    [("refsource_id", "i8"), ("image_id", "i8"), ("mjd", "f8"), ("mag", "f4"), ("sigma", "f4")]
)
REMOVE = """
DELETE FROM {table} WHERE refsource_id BETWEEN %(first)s AND %(last)s
    AND refsource_id = ANY(%(gone)s)
"""
# Changes of an added source are those of the forced fit.
REMOVE_NEW = "DELETE FROM galvarobjs WHERE refsource_id = ANY(%(added)s) AND kind = 'new'"
# One of each source on an image, the most significant; what is there already stays as it is.
SAVE_MEASUREMENTS = f"""
INSERT INTO galsources (refsource_id, galimage_id, ra, dec, {", ".join(STAR_COLUMNS)},
    is_reference, mjd)
SELECT DISTINCT ON (d.refsource_id, d.galimage_id) d.refsource_id, d.galimage_id, s.ra, s.dec,
    {", ".join(f"d.{name}" for name in STAR_COLUMNS)}, false, e.mjd
FROM galnewdetections d JOIN galnewsources s ON s.refsource_id = d.refsource_id
JOIN galimages i ON i.id = d.galimage_id JOIN galexposures e ON e.id = i.exposure_id
WHERE d.refsource_id = ANY(%(measured)s) AND NOT EXISTS (
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
WHERE d.refsource_id = ANY(%(new)s) AND NOT EXISTS (
    SELECT 1 FROM galvarobjs v
    WHERE v.refsource_id = d.refsource_id AND v.galimage_id = d.galimage_id)
ORDER BY d.refsource_id, d.galimage_id, d.significance DESC
"""


@dataclass(frozen=True)
class _Evidence:
    """What is known of n new sources, in the order of their ids."""

    passing: np.ndarray  # PASSING_DTYPE (m,)
    place: np.ndarray  # (m,) index of the source of each
    mean: Mean
    brightest: np.ndarray | None  # (n,) index of what was left over there, or -1; None: not known
    left_over: np.ndarray | None  # LEFT_OVER_DTYPE


def judge_sources(
    catalogue: GalReference, ids: list[int], options: NewSourceOptions = NewSourceOptions()
) -> None:
    """Judge new sources of a catalogue by their detections, and save what follows.

    Detections of sources that are new are saved as measurements (galsources) and changes
    (galvarobjs), those of sources that are added as measurements; of others neither. One that
    people have voted on, flagged, or put into a campaign stays new as long as it stands, and one
    that they have taken back is not added. ``ids`` are in order.
    """
    sources = list(GalNewSource.objects.filter(pk__in=ids).order_by("pk"))
    evidence, left = _evidence(catalogue, sources, options)
    epochs = np.array(list(catalogue.coverages.values_list("mjd", flat=True)), "f8")
    judgement = judge(evidence.mean, left, epochs, options)
    if left is not None:
        asked = [s for s, is_new in zip(sources, judgement.is_new, strict=True) if is_new]
        measure_on_reference(catalogue, asked)
        left = left.at_least(*_fluxes_on_reference(sources))
        judgement = judge(evidence.mean, left, epochs, options)
    states = _states(sources, judgement, options)
    for source, state, excess in zip(sources, states, judgement.excess.tolist(), strict=True):
        source.state, source.excess = state, none_if_nan(excess)
    save_columns(sources, ("state", "excess", "reference_flux", "reference_flux_err"))
    _save_what_follows(catalogue, sources, judgement.stands.tolist())


@transaction.atomic
def add_missed(catalogue: GalReference, options: NewSourceOptions = NewSourceOptions()) -> int:
    """Add to a catalogue the sources that its reference missed; returns how many.

    Not while images are stored, but when a job has ended: so what is stored does not depend on
    which image came first.
    """
    lock_to_end(Claimed.NEW_SOURCES, [catalogue.pk])
    missed = catalogue.new_sources.filter(state=GalNewSource.State.MISSED).order_by("pk")
    if sources := list(missed):
        add_sources(catalogue, sources, options)
    return len(sources)


def add_sources(
    catalogue: GalReference, sources: list[GalNewSource], options: NewSourceOptions
) -> None:
    """Add new sources of a catalogue to it, in order of their ids, whatever is believed of them.

    They are measured by the forced fit from then on; what detections tell of earlier images is kept
    as measurements. Raises GalprojectError if no detection of one passes all cuts.
    """
    evidence, _ = _evidence(catalogue, sources, options)
    for k, source in enumerate(sources):
        if evidence.mean.n[k] == 0:
            raise GalprojectError(f"{source}: no detection passes all cuts. It can't be added")
        source.state = GalNewSource.State.ADDED
    now = timezone.now()
    for source, images in zip(sources, _images_of(evidence, len(sources)), strict=True):
        source.added, source.added_images = now, images
    save_columns(sources, ("state", "added", "added_images"))
    insert_rows(catalogue, [_row(source, evidence, k) for k, source in enumerate(sources)])
    _save_what_follows(catalogue, sources, [True] * len(sources))


def _images_of(evidence, n) -> list[list[int]]:
    """The images of the detections of each of n sources, in order."""
    images = [set() for _ in range(n)]
    pairs = zip(evidence.place.tolist(), evidence.passing["image_id"].tolist(), strict=True)
    for place, image in pairs:
        images[place].add(image)
    return [sorted(own) for own in images]


def _evidence(catalogue, sources, options) -> tuple[_Evidence, LeftOver | None]:
    ids = np.array([source.pk for source in sources], "i8")
    passing = copy_out(PASSING.format(ids=",".join(map(str, ids.tolist()))), PASSING_DTYPE)
    passing = passing[np.lexsort((passing["mjd"], passing["refsource_id"]))]
    place = np.searchsorted(ids, passing["refsource_id"])
    flux = _flux(passing["mag"])
    seen = Detected(place, passing["mjd"], flux, passing["sigma"].astype("f8"))
    mean = Mean.of(seen, len(sources))
    rows = left_over_of(catalogue)
    if rows is None:
        return _Evidence(passing, place, mean, None, None), None
    blurred = options.left_over_fwhm * (catalogue.image.fwhm_arcsec or 0.0)
    radius_arcsec = max(options.left_over_arcsec, blurred)
    brightest, left = _left_in_places(sources, rows, radius_arcsec)
    return _Evidence(passing, place, mean, brightest, rows), left


def _flux(mag):
    return 10 ** (-0.4 * (mag.astype("f8") - ZERO_POINT))


def _left_in_places(sources, rows, radius_arcsec):
    """Indices of the brightest that was left over near each source, -1 for none; the LeftOver."""
    brightest, flux, err = np.full(len(sources), -1), np.zeros(len(sources)), np.zeros(len(sources))
    if len(rows) == 0:
        return brightest, LeftOver(flux, err)
    tree = cKDTree(unit_vectors(np.column_stack([rows["ra"], rows["dec"]])))
    places = unit_vectors(np.array([(source.ra, source.dec) for source in sources]))
    light = _flux(rows["mag"])
    errors = light * rows["flux_err"] / rows["flux"]
    _, beside = tree.query(places, k=min(N_BESIDE, len(rows)))
    near = tree.query_ball_point(places, np.radians(radius_arcsec / 3600))
    for k, (there, others) in enumerate(zip(near, beside.reshape(len(places), -1), strict=True)):
        if there:
            brightest[k] = max(there, key=lambda i: light[i])
            flux[k], err[k] = light[there].sum(), errors[there].max()
        else:
            err[k] = np.median(errors[others])
    return brightest, LeftOver(flux, err)


def _fluxes_on_reference(sources):
    """Fluxes and errors (n,) of what is measured of sources on the reference; NaN where nothing."""
    rows = [(source.reference_flux, source.reference_flux_err) for source in sources]
    return np.array(rows, "f8").reshape(-1, 2).T


def _states(sources, judgement: Judgement, options) -> list[str]:
    """The states of sources from now on."""
    seen = judgement.stands
    kept = annotated([source.pk for source in sources])
    state = GalNewSource.State
    states = []
    for k, source in enumerate(sources):
        if source.state == state.ADDED:
            states.append(state.ADDED)
        elif seen[k] and (source.is_kept_out or (source.state == state.NEW and source.pk in kept)):
            states.append(state.NEW)
        elif options.add and judgement.is_missed[k] and not source.is_kept_out:
            states.append(state.MISSED)
        else:
            is_new = judgement.is_new[k] or (seen[k] and judgement.is_missed[k])
            states.append(state.NEW if is_new else state.WAITING)
    return states


def _row(source, evidence: _Evidence, k) -> ReferenceRow:
    """The row of the reference of a source that is added."""
    if evidence.brightest is not None and evidence.brightest[k] >= 0:
        return ReferenceRow.left_over(source, evidence.left_over[evidence.brightest[k]])
    mean = evidence.mean
    mag = float(ZERO_POINT - 2.5 * np.log10(mean.flux[k]))
    return ReferenceRow.of_mean(source, mag, float(mean.flux_err[k] / mean.flux[k]))


def _save_what_follows(catalogue: GalReference, sources, seen) -> None:
    """Bring measurements and changes of a catalogue's new ``sources`` up to date with their states.

    ``seen`` (n,) says of each whether its detections stand.
    """
    state = GalNewSource.State
    new = [
        s.pk for s, is_seen in zip(sources, seen, strict=True) if is_seen and s.state == state.NEW
    ]
    added = [source.pk for source in sources if source.state == state.ADDED]
    gone = sorted({source.pk for source in sources}.difference(new, added))
    first, last = catalogue.id_range
    parameters = {"new": new, "added": added, "measured": new + added, "gone": gone}
    parameters |= {"first": first, "last": last}
    queries = (*(REMOVE.format(table=table) for table in ("galsources", "galvarobjs")), REMOVE_NEW)
    with connection.cursor() as cursor:
        for query in (*queries, SAVE_MEASUREMENTS, SAVE_CHANGES):
            cursor.execute(query, parameters)
