"""The light curves of a catalogue's sources as matrices, read from galsources."""

from dataclasses import dataclass

import numpy as np

from exposures.binary_copy import copy_out, copy_out_records, names_of
from exposures.models import GalImage
from exposures.science.arrays import FloatArray, IntArray
from exposures.source_ids import rank_of
from photometry.models import GalReference
from photometry.storage.columns import NON_DETECTION_DTYPE, source_dtype
from photometry.storage.image_calibration import ImageCalibration
from photometry.storage.statements import fetch_row
from photometry.storage.storage import NON_DETECTIONS
from variables.science.variability.curves import (
    CatalogueCurves,
    Missed,
    blocks,
    missed_fluxes,
)
from variables.science.variability.options import VariabilityOptions
from variables.science.variability.scatter_records import put_records

MEASURED = source_dtype(("refsource_id", "galimage_id", "mag", "mag_err"))
MISSED = np.dtype(
    [
        (name, NON_DETECTION_DTYPE[name])
        for name in ("refsource_id", "galimage_id", "flux", "flux_err", "limit_mag")
    ]
)
STARS = 20_000  # whose measurements without a magnitude are read at once
PAGES = 15_000  # of the partition that are read at once: about a million rows


@dataclass(frozen=True)
class CatalogueImages:
    """The images on which a catalogue's sources were measured, in order of time."""

    images: list[GalImage]

    @classmethod
    def of(cls, catalogue: GalReference) -> "CatalogueImages":
        """Its reference image, and the search images that nobody doubts."""
        searches = GalImage.objects.done().filter(coverages__catalogue=catalogue)
        own = GalImage.objects.filter(pk=catalogue.image_id)
        found = {image.pk: image for image in (searches | own).select_related("exposure")}
        certain = [image for image in found.values() if not image.is_doubted]
        return cls(sorted(certain, key=lambda image: (image.exposure.mjd, image.pk)))

    @property
    def ids(self) -> IntArray:
        """(n_images,) their ids."""
        return np.array([image.pk for image in self.images], "i8")

    @property
    def mjd(self) -> FloatArray:
        """(n_images,) the times of their exposures."""
        return np.array([image.exposure.mjd for image in self.images], "f8")

    @property
    def columns(self) -> IntArray:
        """(n_images, 2) their ids, ascending, each with its place in the order of time."""
        order = np.argsort(self.ids)
        return np.column_stack([self.ids[order], order])

    def in_column(self, image_ids: IntArray) -> IntArray:
        """(n,) the place in the order of time of images by id; -1 for others."""
        known = self.columns
        if not len(known):
            return np.full(len(image_ids), -1)
        place = np.minimum(np.searchsorted(known[:, 0], image_ids), len(known) - 1)
        return np.where(known[place, 0] == image_ids, known[place, 1], -1)


def read_curves(
    catalogue: GalReference,
    options: VariabilityOptions = VariabilityOptions(),
    epochs: CatalogueImages | None = None,
) -> CatalogueCurves:
    """The CatalogueCurves of a catalogue's sources, new ones too, from one pass over its partition.

    ``epochs`` are its images, for who has them.

    An image that is stored at the same time may be there in part: its job has the catalogue
    measured again when it ends.
    """
    epochs = epochs or CatalogueImages.of(catalogue)
    first, _ = catalogue.id_range
    (last,) = fetch_row(f"SELECT max(refsource_id) FROM {catalogue.partition}")
    n_stars = 0 if last is None else last - first + 1
    shape = (n_stars, len(epochs.images))
    matrices = {name: np.full(shape, np.nan, "f4") for name in ("mag", "mag_err")}
    good = good_measurements(catalogue.image, options)
    for records in _records(catalogue.partition, good):
        put_records(records, epochs.columns, matrices)
    # Without a magnitude, or without its error, nothing was measured.
    mag, mag_err = matrices["mag"], matrices["mag_err"]
    for part in blocks(*shape):
        unknown = ~(np.isfinite(mag[part]) & np.isfinite(mag_err[part]))
        mag[part][unknown] = mag_err[part][unknown] = np.nan
    return CatalogueCurves(
        refsource_id=first + np.arange(n_stars),
        image_id=epochs.ids,
        mjd=epochs.mjd,
        filter=catalogue.filter,
        **matrices,
        missed=_read_missed(catalogue, epochs, good, n_stars),
    )


def good_measurements(reference: GalImage, options: VariabilityOptions) -> str:
    """The condition in SQL that a measurement counts; all images are as large as the reference."""
    conditions = [
        f"flags & {int(options.bad_flags)} = 0",
        f"quality >= {float(options.min_quality)!r}::real",
    ]
    for name, side in (("x", reference.width), ("y", reference.height)):
        if side is not None:
            edge = float(options.edge_pixels)
            conditions.append(f"{name} BETWEEN {edge!r}::real AND {side - 1 - edge!r}::real")
    return " AND ".join(conditions)


def _records(partition, condition):
    """Rows of a partition that meet a condition, in pieces, as ``copy_out_records``."""
    (size,) = fetch_row(
        "SELECT pg_relation_size(%s) / current_setting('block_size')::int", partition
    )
    names = ", ".join(names_of(MEASURED))
    for start in range(0, size, PAGES):
        pages = f"ctid >= '({start},0)' AND ctid < '({start + PAGES},0)'"
        query = f"SELECT {names} FROM {partition} WHERE {pages} AND {condition}"
        yield copy_out_records(query, MEASURED)


def _read_missed(
    catalogue: GalReference, epochs: CatalogueImages, condition: str, n_stars: int
) -> Missed:
    """The measurements without positive flux, where there is an upper limit."""
    first, _ = catalogue.id_range
    calibrations = [ImageCalibration.stored(image) for image in epochs.images]
    sigmas = np.array([c.limit_sigma for c in calibrations], "f8")
    scales = np.array([c.error_scale for c in calibrations], "f8")
    parts = []
    for start in range(0, n_stars, STARS):
        ids = first + start, first + min(start + STARS, n_stars) - 1
        rows = copy_out(
            f"SELECT {', '.join(names_of(MISSED))} FROM {NON_DETECTIONS}"
            f" WHERE refsource_id BETWEEN {ids[0]} AND {ids[1]} AND {condition}"
            " AND NOT flux > 0 AND limit_mag < 'Infinity'",
            MISSED,
        )
        rows = rows[np.argsort(rows["refsource_id"], kind="stable")]
        column = epochs.in_column(rows["galimage_id"])
        rows, column = rows[column >= 0], column[column >= 0]
        flux, flux_err = missed_fluxes(
            *(rows[name] for name in ("flux", "flux_err", "limit_mag")),
            sigmas[column],
            scales[column],
        )
        star = rank_of(rows["refsource_id"])
        parts.append((star.astype("i4"), column.astype("i4"), flux.astype("f4"), flux_err))
    if not parts:
        return Missed.none()
    star, image, flux, flux_err = map(np.concatenate, zip(*parts, strict=True))
    return Missed(star, image, flux, flux_err.astype("f4"))
