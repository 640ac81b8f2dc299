"""Absolute zero points of a field's references, fitted and stored."""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from django.db import transaction

from exposures.locks import Claimed, locked
from exposures.models import GalPublishedCatalogue
from exposures.plain_values import none_if_nan
from exposures.published_catalogues import PublishedKind
from photometry.absolute.bands import Band, band_of
from photometry.absolute.kept_rows import kept_rows
from photometry.absolute.matched_stars import matched_stars
from photometry.absolute.ties import Tied, tie_fields
from photometry.models import GalMatchRun, GalReference, GalZeroPoint
from photometry.science.absolute.options import AbsoluteOptions
from photometry.science.absolute.transformation import BLUE_SHARE, in_own_band
from photometry.science.absolute.zero_points import AbsoluteZeroPoint, fit_zero_points

WITH_MAGNITUDES = (PublishedKind.ASTROMETRIC, PublishedKind.PHOTOMETRIC)
KEY = ("reference", "published")


@dataclass(frozen=True)
class Calibrated:
    """What became of the references of a filter, by a published catalogue."""

    filter: str
    published: GalPublishedCatalogue
    band: Band
    zero_points: tuple[AbsoluteZeroPoint, ...]
    tied: Tied | None  # None where no other field overlaps

    def __str__(self):
        known = [one for one in self.zero_points if not one.reason]
        by = f"{self.filter} by {self.band.published} of {self.published}"
        line = f"{by}: {len(known)} of {len(self.zero_points)} references have a zero point"
        if not known:
            return f"{line}: {self.zero_points[0].reason}"
        error = np.median([one.error for one in known])
        parts = np.array([one.systematic for one in known])
        by_place = f", {np.nanmedian(parts):.4f} by place" if np.isfinite(parts).any() else ""
        scatter = np.median([one.scatter for one in known])
        line = f"{line}, to {error:.4f} mag{by_place}; stars scatter by {scatter:.3f}"
        return f"{line}; {self.tied}" if self.tied else line


def calibrate_field(
    image_ids: Iterable[int], options: AbsoluteOptions = AbsoluteOptions()
) -> list[Calibrated]:
    """Fit and store the zero points of all references in use on a field's images.

    By each published catalogue in use that they are matched with and that has a band for their
    filter; and tie them to those of other fields that overlap. Done again it leaves what it left
    before.
    """
    image_ids = list(image_ids)
    groups = {(run.published, run.reference.filter): None for run in _runs(image_ids)}
    found = []
    for published, filter_name in groups:
        digest = zlib.crc32(f"{published.pk} {filter_name}".encode()) & 0x7FFFFFFF
        # One at a time: who comes last has all that is matched by then, and ties all fields.
        with locked(Claimed.ZERO_POINTS, [digest]):
            found += _calibrated(image_ids, published, filter_name, options)
    return found


def _calibrated(image_ids, published, filter_name, options) -> list[Calibrated]:
    """The references of a filter by a published catalogue; none if all are gone."""
    references = [
        run.reference
        for run in _runs(image_ids)
        if run.published == published and run.reference.filter == filter_name
    ]
    if not references:
        return []
    band = band_of(filter_name, published)
    zero_points = _fitted(references, published, band, options)
    _store(references, published, band, zero_points)
    tied = tie_fields(image_ids, published, band, filter_name, options)
    return [Calibrated(filter_name, published, band, tuple(zero_points), tied)]


def overdue_references(image_ids: Iterable[int]) -> list[int]:
    """Ids of references in use on images that were matched since they were calibrated last.

    Or whose zero point is by another band than the published catalogue now says.
    """
    runs = _runs(image_ids)
    pairs = GalZeroPoint.objects.filter(reference__in=[run.reference_id for run in runs])
    made = {(one.reference_id, one.published_id): one for one in pairs}
    return sorted({run.reference_id for run in runs if not _is_done(run, made.get(_pair_of(run)))})


def _pair_of(run):
    return run.reference_id, run.published_id


def _is_done(run, zero_point) -> bool:
    """Whether a zero point is of a match, and by the band that the published catalogue has now."""
    if zero_point is None or zero_point.made_at < run.matched_at:
        return False
    return zero_point.digest == band_of(run.reference.filter, run.published).digest


def _runs(image_ids) -> list[GalMatchRun]:
    """Matches of references in use with published catalogues that have a band for their filter."""
    runs = GalMatchRun.objects.filter(
        reference__active=True,
        reference__image__in=list(image_ids),
        published__in_use=True,
        published__kind__in=WITH_MAGNITUDES,
    ).select_related("reference__image__exposure", "published")
    return [
        run
        for run in runs.order_by("published", "reference")
        if band_of(run.reference.filter, run.published) is not None
    ]


def _fitted(references, published, band, options) -> list[AbsoluteZeroPoint]:
    stars = matched_stars(references, published, band, options)
    exposures = dict(
        GalReference.objects.filter(pk__in=[r.pk for r in references]).values_list(
            "pk", "image__exposure_id"
        )
    )
    exposure = np.array([exposures.get(reference.pk, 0) for reference in references])
    if not band.transformation:
        return fit_zero_points(stars, exposure, options)
    zero_points = fit_zero_points(stars, exposure, options, BLUE_SHARE)
    return [in_own_band(one, band.transformation.scatter) for one in zero_points]


def _store(references, published, band, zero_points):
    rows = [
        _row(reference, published, band, one)
        for reference, one in zip(references, zero_points, strict=True)
    ]
    columns = [f.name for f in GalZeroPoint._meta.fields if not f.primary_key]
    with transaction.atomic():
        there = kept_rows("galreferences", [reference.pk for reference in references])
        if not kept_rows("galpublishedcatalogues", [published.pk]):
            return
        GalZeroPoint.objects.bulk_create(
            [row for row in rows if row.reference_id in there],
            update_conflicts=True,
            unique_fields=KEY,
            update_fields=[name for name in columns if name not in KEY],
        )


def _row(reference, published, band, one):
    to_filter = band.transformation
    fitted = {
        name: none_if_nan(getattr(one, name))
        for name in ("zero_point", "error", "systematic", "pivot_colour", "colour_scatter")
    }
    return GalZeroPoint(
        reference=reference,
        published=published,
        band=band.name,
        colour_bands=list(band.colour),
        is_other_band=band.is_other,
        system=band.system,
        transformed_from=to_filter.band if to_filter else "",
        transformation_scatter=to_filter and to_filter.scatter,
        digest=band.digest,
        **fitted,
        colour_terms=list(one.colour_terms),
        min_colour=none_if_nan(one.colour_range[0]),
        max_colour=none_if_nan(one.colour_range[1]),
        scatter=none_if_nan(one.scatter),
        n_stars=one.n_stars,
        n_common=one.n_common,
        chi2_nu=none_if_nan(one.chi2_nu),
        reason=one.reason,
    )
