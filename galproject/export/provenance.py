"""What an export was made of: options, code, catalogues, images, proposals."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from exposures.models import GalExposure, GalPublishedCatalogue
from exposures.whole_files import whole_file
from galproject.configuration.pipeline_options import PipelineOptions
from galproject.processing.version import RESULTS_VERSION, code_version
from photometry.models import GalReference, GalZeroPoint
from photometry.storage.statements import fetch_rows

IMAGES, TRENDS, PROVENANCE = "images.parquet", "trends.parquet", "provenance.json"
CATALOGUES_AT_ONCE = 500
IMAGE_COLUMNS = (
    ("catalogue_id", pa.int32(), "", "reference catalogue whose sources were measured on it"),
    ("image_id", pa.int64(), "", "as light curves name it"),
    ("instrument", pa.string(), "", "of the exposure"),
    ("exposure", pa.string(), "", "EXPNUM, or the file's stem"),
    ("chip", pa.string(), "", "name of the chip"),
    ("filter", pa.string(), "", "of the exposure"),
    ("mjd", pa.float64(), "d", "UTC, middle of the exposure"),
    ("exposure_seconds", pa.float64(), "s", "exposure time"),
    ("zero_point", pa.float64(), "mag", "of 1 ADU, before the correction to the reference"),
    ("error_scale", pa.float64(), "", "errors of faint stars over those of the fit"),
    ("limit_sigma", pa.float64(), "", "significance of upper limits"),
    ("direction_ra", pa.float64(), "deg", "of the catalogue's image, for barycentric times"),
    ("direction_dec", pa.float64(), "deg", "of the catalogue's image, for barycentric times"),
    ("is_reference", pa.bool_(), "", "the catalogue is of this image"),
    ("is_good", pa.bool_(), "", "counts for statistics of variability: done, and not doubted"),
)
ROWS = """
SELECT c.catalogue_id, i.id, e.instrument, e.identifier, i.chip_name, e.filter, e.mjd,
    e.exposure_seconds, i.zero_point, coalesce((i.correction ->> 'error_scale')::float8, 1),
    coalesce((o.options -> 'reduction' ->> 'limit_sigma')::float8, %s),
    CASE WHEN own.ra IS NULL OR own.dec IS NULL THEN pointing.ra ELSE own.ra END,
    CASE WHEN own.ra IS NULL OR own.dec IS NULL THEN pointing.dec ELSE own.dec END, c.is_own,
    (c.is_own OR i.status = 'done') AND NOT i.is_doubted
FROM (
    SELECT catalogue_id, image_id, false AS is_own FROM galcoverages WHERE catalogue_id = ANY(%s)
    UNION ALL SELECT id, image_id, true FROM galreferences WHERE id = ANY(%s)
) c
JOIN galimages i ON i.id = c.image_id
JOIN galexposures e ON e.id = i.exposure_id
JOIN galreferences r ON r.id = c.catalogue_id
JOIN galimages own ON own.id = r.image_id
JOIN galexposures pointing ON pointing.id = own.exposure_id
LEFT JOIN galoptionsets o ON o.hash = i.option_set_id
ORDER BY c.catalogue_id, e.mjd, i.id
"""
TREND_COLUMNS = (
    ("catalogue_id", pa.int32(), "", "reference catalogue whose stars share the trend"),
    ("number", pa.int16(), "", "of the trend, from 1"),
    ("image_id", pa.int64(), "", "image on which it is"),
    ("mag", pa.float32(), "mag", "times a star's coefficient"),
)
TREND_ROWS = """
SELECT catalogue_id, number, galimage_id, mag FROM galtrends WHERE catalogue_id = ANY(%s)
ORDER BY catalogue_id, number, galimage_id
"""
PROPOSALS = """
SELECT proposal, count(*), min(mjd), max(mjd) FROM galexposures GROUP BY proposal ORDER BY proposal
"""


def write_images(path: Path, catalogues: Sequence[GalReference], limit_sigma: float) -> None:
    """Write the table of the images on which sources were measured.

    ``limit_sigma`` is the significance of limits, as a reduction has it.
    """
    _write_table(path, IMAGE_COLUMNS, catalogues, lambda ids: (ROWS, limit_sigma, ids, ids))


def write_trends(path: Path, catalogues: Sequence[GalReference]) -> None:
    """Write the table of the trends that stars of catalogues share."""
    _write_table(path, TREND_COLUMNS, catalogues, lambda ids: (TREND_ROWS, ids))


def _write_table(path: Path, columns, catalogues, query) -> None:
    """Write a table of ``query(ids)`` of catalogues, some of them at once."""
    fields = [
        pa.field(
            name,
            type,
            metadata={"unit": unit, "description": said} if unit else {"description": said},
        )
        for name, type, unit, said in columns
    ]
    schema = pa.schema(fields)
    with whole_file(path) as partial, pq.ParquetWriter(partial, schema) as writer:
        for start in range(0, len(catalogues), CATALOGUES_AT_ONCE):
            ids = [one.pk for one in catalogues[start : start + CATALOGUES_AT_ONCE]]
            rows = fetch_rows(*query(ids))
            by_column = zip(*rows, strict=True) if rows else [[] for _ in fields]
            arrays = [pa.array(c, f.type) for c, f in zip(by_column, fields, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


def write_provenance(
    path: Path, catalogues: Sequence[GalReference], options: PipelineOptions, more: dict
) -> None:
    """Write what the export was made of, and ``more``."""
    facts = {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "code_version": code_version(),
        "results_version": RESULTS_VERSION,
        "options": asdict(options),
        "images": IMAGES,
        "n_exposures": GalExposure.objects.count(),
        "proposals": [
            {"proposal": name, "n_exposures": n, "first_mjd": first, "last_mjd": last}
            for name, n, first, last in fetch_rows(PROPOSALS)
        ],
        "catalogues": [_catalogue(one) for one in catalogues],
        "zero_points": [
            {"catalogue_id": one.reference_id, "zero_point": one.zero_point, "by": one.source}
            for one in GalZeroPoint.objects.best_of([c.pk for c in catalogues]).values()
        ],
        "published": [
            {"name": one.name, "version": one.version, "source_url": one.source_url}
            for one in GalPublishedCatalogue.objects.in_use()
        ],
        **more,
    }
    with whole_file(path) as partial:
        partial.write_text(json.dumps(facts, indent=1, default=str) + "\n")


def _catalogue(one: GalReference) -> dict:
    return {
        "catalogue_id": one.pk,
        "image_id": one.image_id,
        "filter": one.filter,
        "n_sources": one.n_sources,
        "code_version": one.code_version,
        "created": one.created.isoformat(timespec="seconds"),
        "option_set": str(one.option_set_id),
    }
