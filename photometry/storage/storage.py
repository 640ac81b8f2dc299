"""Storage of galsources by binary COPY."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np
from django.db import OperationalError, connection, transaction

from exposures.binary_copy import copy_in, copy_out, names_of
from exposures.errors import GalprojectError
from exposures.models import OPEN, GalCheckpoint, GalImage, GalOptionSet, Status
from exposures.science.arrays import FloatArray, IntArray
from exposures.source_ids import MAX_SOURCES, catalogue_of
from exposures.steps import LogStep
from photometry.models import GalCoverage, GalReference
from photometry.science.motion_fit import Displacements
from photometry.science.motions import Motions
from photometry.storage.array_text import array_literal
from photometry.storage.columns import COLUMNS, NON_DETECTION_DTYPE, SOURCE_DTYPE, source_dtype
from photometry.storage.displacements import store_displacements
from photometry.storage.image_calibration import ImageCalibration
from photometry.storage.motions import TABLE as MOTIONS
from photometry.storage.motions import SourceMotions, store_motions
from photometry.storage.partitions import (
    attach_partition,
    create_table_to_attach,
    drop_partition,
    make_block,
)

NON_DETECTIONS = "galnondetections"

DROP_LOCK_SECONDS = 10


@transaction.atomic
def create_catalogue(
    image: GalImage,
    sources: np.ndarray,
    options: dict[str, Any],
    code_version: str,
    drop_previous: bool = False,
    motions: Motions | None = None,
) -> GalReference:
    """Store the sources found on a reference image as its active catalogue.

    ``sources`` is an array of SOURCE_DTYPE without ids; they are given in q3c order. The
    catalogue that the image had stays, inactive, as long as people's votes may hang on it;
    ``drop_previous`` removes it. Search images that were measured with it are to be processed
    again, which takes their rows along to the new one. ``motions`` are Motions of the sources.
    """
    if len(sources) > MAX_SOURCES:
        raise GalprojectError(
            f"{image}: {len(sources)} sources, where a catalogue holds at most {MAX_SOURCES}. "
            "Raise the detection threshold"
        )
    mjd = _lock(image)
    _retire_catalogue(image, drop_previous)
    reference = GalReference.objects.create(
        image=image,
        option_set=GalOptionSet.objects.of(options),
        code_version=code_version,
        n_sources=len(sources),
    )
    order = _sky_order(sources["ra"], sources["dec"])
    rows = sources[order]
    rows["refsource_id"] = reference.id_range[0] + np.arange(len(rows))
    rows["galimage_id"] = image.pk
    rows["is_reference"] = True
    rows["mjd"] = mjd
    _load_partition(reference, rows)
    if motions is not None:
        store_motions(SourceMotions.of_no_star(rows["refsource_id"], motions.select(order)))
    return reference


def replace_measurements(
    image: GalImage,
    sources: np.ndarray,
    non_detections: np.ndarray | None = None,
    calibration: ImageCalibration | None = None,
    displacements: Displacements | None = None,
) -> int:
    """Replace the stored measurements of a search image; returns the number of rows.

    ``sources`` is an array of SOURCE_DTYPE with ``refsource_id`` of active catalogues;
    ``non_detections`` of them, where given, are kept in a table of their own, with the upper
    limits that follow from the ``calibration`` (ImageCalibration) of the image, by default that
    which its row tells. ``displacements`` are the Displacements of bright ones of them. Inside a
    transaction of the caller's it is one with what else happens there.
    """
    missed = sources[:0] if non_detections is None else non_detections
    if np.any(np.diff(np.sort(sources["refsource_id"])) == 0):
        raise ValueError(f"{image}: a source comes twice among its measurements")
    of_source, of_missed = (catalogue_of(rows["refsource_id"]) for rows in (sources, missed))
    catalogues = np.union1d(of_source, of_missed).tolist()
    with transaction.atomic():
        # In this order, as create_catalogue takes them: else two workers could wait for each
        # other.
        _lock_active(image, catalogues)
        mjd = _lock(image)
        _delete_measurements(image)
        missed = _with_limits(missed, calibration or ImageCalibration.stored(image))
        for table, rows in (("galsources", sources), (NON_DETECTIONS, missed)):
            rows = rows.copy()
            rows["galimage_id"] = image.pk
            rows["is_reference"] = False
            rows["mjd"] = mjd
            copy_in(table, rows)
        coverages = GalCoverage.objects.bulk_create(
            GalCoverage(
                image=image,
                catalogue_id=i,
                n_sources=int((of_source == i).sum()),
                n_non_detections=None if non_detections is None else int((of_missed == i).sum()),
            )
            for i in catalogues
        )
        if displacements is not None:
            store_displacements(coverages, displacements)
    return len(sources)


def _with_limits(rows: np.ndarray, calibration: ImageCalibration) -> np.ndarray:
    """Non-detections as NON_DETECTION_DTYPE, with their upper limits."""
    limited = np.zeros(len(rows), NON_DETECTION_DTYPE)
    for name in names_of(SOURCE_DTYPE):
        limited[name] = rows[name]
    limited["limit_mag"] = calibration.upper_limits(rows, _on_references(rows["refsource_id"]))
    return limited


def _on_references(refsource_ids: IntArray) -> np.ndarray:
    """(n,) ``galimage_id`` and ``x`` of sources on their reference images."""
    dtype = source_dtype(("refsource_id", "galimage_id", "x"))
    parts = [np.zeros(0, dtype)]
    catalogues = catalogue_of(refsource_ids)
    for catalogue_id in np.unique(catalogues).tolist():
        ids = ",".join(map(str, refsource_ids[catalogues == catalogue_id].tolist()))
        query = (
            f"SELECT refsource_id, galimage_id, x FROM galsources_{catalogue_id}"
            f" WHERE is_reference AND refsource_id = ANY('{{{ids}}}')"
        )
        parts.append(copy_out(query, dtype))
    found = np.sort(np.concatenate(parts), order="refsource_id")
    if gone := set(refsource_ids.tolist()).difference(found["refsource_id"].tolist()):
        names = ", ".join(map(str, sorted(gone)))
        raise GalprojectError(
            f"sources {names} were taken back from their reference while an image was measured. "
            "Process the image again"
        )
    return found[np.searchsorted(found["refsource_id"], refsource_ids)]


def reference_sources_in(images: Collection[GalImage]) -> np.ndarray:
    """Sources of the active catalogues of reference images, as an array of SOURCE_DTYPE.

    ``galimage_id`` is the reference image; in order of their ids, so in sky order a catalogue.
    """
    active = GalReference.objects.filter(image__in=images, active=True).order_by("pk")
    return np.concatenate([np.zeros(0, SOURCE_DTYPE), *map(catalogue_sources, active)])


def measurements_on(image: GalImage, catalogues: Sequence[GalReference]) -> np.ndarray:
    """All measurements of reference sources on an image, as SOURCE_DTYPE.

    Non-detections too, in order of their ids; sources that are new since then only if they were
    added to the reference.
    """
    where = f"galimage_id = {int(image.pk)}"
    ranges = [_ids_of_sources(catalogue) for catalogue in catalogues]
    parts = [
        copy_out(f"SELECT {COLUMNS} FROM {c.partition} WHERE {where} AND {own}", SOURCE_DTYPE)
        for c, own in zip(catalogues, ranges, strict=True)
    ]
    if ranges:
        within = " OR ".join(ranges)
        query = f"SELECT {COLUMNS} FROM {NON_DETECTIONS} WHERE {where} AND ({within})"
        parts.append(copy_out(query, SOURCE_DTYPE))
    rows = np.concatenate([np.zeros(0, SOURCE_DTYPE), *parts])
    return rows[np.argsort(rows["refsource_id"], kind="stable")]


def _ids_of_sources(catalogue: GalReference) -> str:
    """The condition in SQL that a row is of a source of the reference, found on it or added."""
    first, last = catalogue.reference_id_range
    added = copy_out(
        f"SELECT refsource_id FROM {catalogue.partition} WHERE is_reference"
        f" AND refsource_id > {last}",
        source_dtype(("refsource_id",)),
    )
    own = f"refsource_id BETWEEN {first} AND {last}"
    if len(added) == 0:
        return own
    ids = ",".join(map(str, added["refsource_id"].tolist()))
    return f"({own} OR refsource_id = ANY('{{{ids}}}'))"


def catalogue_sources(reference: GalReference) -> np.ndarray:
    """The sources of one catalogue, as an array of SOURCE_DTYPE."""
    first, last = reference.id_range
    return copy_out(
        f"SELECT {COLUMNS} FROM galsources WHERE is_reference"
        f" AND refsource_id BETWEEN {first} AND {last} ORDER BY refsource_id",
        SOURCE_DTYPE,
    )


def measurements_of(reference: GalReference, refsource_ids: Iterable[int]) -> np.ndarray:
    """All measurements of some sources of a catalogue, as SOURCE_DTYPE ``by_source``."""
    ids = ",".join(str(int(i)) for i in refsource_ids)
    rows = copy_out(
        f"SELECT {COLUMNS} FROM {reference.partition} WHERE refsource_id = ANY('{{{ids}}}')",
        SOURCE_DTYPE,
    )
    return by_source(rows)


def by_source(rows: np.ndarray) -> np.ndarray:
    """Rows sorted by ``refsource_id`` and ``mjd``, as light curves."""
    return rows.take(np.lexsort((rows["mjd"], rows["refsource_id"])))


@transaction.atomic
def delete_image_results(image: GalImage, with_retired: bool = True) -> None:
    """Delete an image's measurements, and every catalogue made from it with all its rows.

    Search images that were measured with such a catalogue are to be processed again. Catalogues
    that are not active any more stay where not ``with_retired``: people's votes hang on them.
    """
    catalogues = image.catalogues.order_by("pk")
    for reference in catalogues if with_retired else catalogues.filter(active=True):
        drop_catalogue(reference)
    _lock(image)
    _delete_measurements(image)


@transaction.atomic
def retire_catalogue(image: GalImage, drop: bool = False) -> None:
    """Retire the catalogue of an image, or ``drop`` it with all its rows.

    Search images that were measured with it are to be processed again.
    """
    _lock(image)
    _retire_catalogue(image, drop)


def lock_against_drop(reference: GalReference) -> bool:
    """Lock a catalogue against being dropped in this transaction; false if it is gone."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM galreferences WHERE id = %s FOR KEY SHARE", [reference.pk])
        return bool(cursor.rowcount == 1)


@transaction.atomic
def drop_catalogue(reference: GalReference, lock_seconds: float = DROP_LOCK_SECONDS) -> None:
    """Delete a catalogue and its partition with all measurements of its sources.

    Dropping a partition locks all of galsources for some milliseconds, and waits for those who
    read it, with everybody else behind: so for no longer than ``lock_seconds``. Raises
    GalprojectError if they read on.
    """
    _search_images_pending(reference, f"{reference} was dropped")
    with connection.cursor() as cursor:
        # Whoever reads its partition by name has its row until then; see ``lock_against_drop``.
        cursor.execute("SELECT FROM galreferences WHERE id = %s FOR UPDATE", [reference.pk])
        cursor.execute(f"SET LOCAL lock_timeout = '{lock_seconds}s'")
        try:
            with transaction.atomic():
                drop_partition(reference)
        except OperationalError as error:
            raise GalprojectError(
                f"{reference} can't be dropped, as a long query reads galsources: {error}"
                "Try again when it has ended"
            ) from error
        cursor.execute("SET LOCAL lock_timeout TO DEFAULT")
        for table in (NON_DETECTIONS, "galreferencemags", MOTIONS):
            cursor.execute(
                f"DELETE FROM {table} WHERE refsource_id BETWEEN %s AND %s", reference.id_range
            )
    # Other applications remove what hangs on its sources when they hear of this.
    reference.delete()


def _retire_catalogue(image: GalImage, drop: bool) -> None:
    for previous in image.catalogues.select_for_update(no_key=True).filter(active=True):
        if drop:
            drop_catalogue(previous)
        else:
            previous.active = False
            previous.save(update_fields=["active"])
            _search_images_pending(previous, f"{previous} was replaced")


def _search_images_pending(reference: GalReference, note: str) -> None:
    """Mark the search images measured with a catalogue for processing, with a note why."""
    images = GalImage.objects.filter(coverages__catalogue=reference)
    GalCheckpoint.objects.bulk_create(
        GalCheckpoint(
            exposure_id=image.exposure_id,
            ccdnum=image.ccdnum,
            step=LogStep.PENDING,
            level=GalCheckpoint.Level.WARNING,
            note=f"{note}; to be processed again",
        )
        for image in images
    )
    # Those that were asked for since will be; the others are of no job.
    left = GalImage.objects.filter(pk__in=[i.pk for i in images]).exclude(status__in=OPEN)
    left.update(status=Status.PENDING, job=None)


def _lock(image: GalImage) -> float:
    """Lock an image against other writers; returns the MJD of its exposure.

    The exposure is kept from being changed, which its chips share: none waits for another. Its row
    comes before those of its chips, as where an exposure is entered anew.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT mjd FROM galexposures WHERE id = %s FOR SHARE", [image.exposure_id])
        row = cursor.fetchone()
    locked = GalImage.objects.select_for_update(no_key=True).filter(pk=image.pk)
    if row is None or not locked.values_list("pk"):
        raise GalprojectError(f"{image} was removed while it was worked on. Process it again")
    return float(row[0])


def _lock_active(image: GalImage, catalogue_ids: list[int]) -> None:
    """Lock active catalogues against replacement until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM galreferences WHERE id = ANY(%s) AND active ORDER BY id FOR SHARE",
            [catalogue_ids],
        )
        active = {i for (i,) in cursor.fetchall()}
    if gone := set(catalogue_ids) - active:
        names = ", ".join(map(str, sorted(gone)))
        raise GalprojectError(
            f"{image}: catalogue {names} was replaced while the image was measured. "
            "Process the image again"
        )


def _delete_measurements(image: GalImage) -> None:
    """Delete an image's rows, looking only where it has any."""
    coverages = image.coverages.select_related("catalogue")
    with connection.cursor() as cursor:
        for coverage in coverages:
            cursor.execute(
                f"DELETE FROM {coverage.catalogue.partition} WHERE galimage_id = %s", [image.pk]
            )
        cursor.execute(f"DELETE FROM {NON_DETECTIONS} WHERE galimage_id = %s", [image.pk])
    coverages.delete()


def _sky_order(ra: FloatArray, dec: FloatArray) -> IntArray:
    """(n,) the order of positions in degrees on q3c's curve."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT i - 1 FROM unnest(%s::float8[], %s::float8[]) WITH ORDINALITY AS s (ra, dec, i)"
            " ORDER BY q3c_ang2ipix(ra, dec), i",
            [array_literal(ra), array_literal(dec)],
        )
        return np.array(cursor.fetchall(), "i8").reshape(-1)


def _load_partition(reference: GalReference, rows: np.ndarray) -> None:
    """Build a catalogue's partition as a table of its own, and attach it.

    The table has the parent's indexes, which ATTACH takes over; so readers of galsources never
    wait.
    """
    create_table_to_attach(reference, reference.partition, "INCLUDING ALL")
    copy_in(reference.partition, rows)
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {reference.partition}")
    make_block(reference)
    attach_partition(reference)
