"""Absolute zero points of a field's references, fitted and stored."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from django.db import connection, transaction

from exposures.models import GalPublishedCatalogue
from exposures.plain_values import none_if_nan
from exposures.published_catalogues import PublishedKind
from photometry.absolute.bands import Band, band_for
from photometry.absolute.matched_stars import matched_stars
from photometry.models import GalMatchRun, GalReference, GalZeroPoint
from photometry.science.absolute.options import AbsoluteOptions
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

    def __str__(self):
        known = [one for one in self.zero_points if not one.reason]
        by = f"{self.filter} by {self.band.name} of {self.published}"
        line = f"{by}: {len(known)} of {len(self.zero_points)} references have a zero point"
        if not known:
            return f"{line}: {self.zero_points[0].reason}"
        error = np.median([one.error for one in known])
        parts = np.array([one.systematic for one in known])
        by_place = f", {np.nanmedian(parts):.4f} by place" if np.isfinite(parts).any() else ""
        scatter = np.median([one.scatter for one in known])
        return f"{line}, to {error:.4f} mag{by_place}; stars scatter by {scatter:.3f}"


def calibrate_field(
    image_ids: Iterable[int], options: AbsoluteOptions = AbsoluteOptions()
) -> list[Calibrated]:
    """Fit and store the zero points of all references in use on a field's images.

    By each published catalogue in use that they are matched with and that has a band for their
    filter. Done again it leaves what it left before.
    """
    groups = defaultdict(list)
    for run in _runs(image_ids):
        groups[run.published, run.reference.filter].append(run.reference)
    return [
        _calibrate(references, published, _band_of(published, filter_name), options)
        for (published, filter_name), references in groups.items()
    ]


def overdue_references(image_ids: Iterable[int]) -> list[int]:
    """Ids of references in use on images that were matched since they were calibrated last."""
    runs = _runs(image_ids)
    pairs = GalZeroPoint.objects.filter(reference__in=[run.reference_id for run in runs])
    made = {
        (reference, published): made_at
        for reference, published, made_at in pairs.values_list("reference", "published", "made_at")
    }
    return sorted(
        {
            run.reference_id
            for run in runs
            if (run.reference_id, run.published_id) not in made
            or made[run.reference_id, run.published_id] < run.matched_at
        }
    )


def _runs(image_ids) -> list[GalMatchRun]:
    """Matches of references in use with published catalogues that have a band for their filter."""
    runs = GalMatchRun.objects.filter(
        reference__active=True,
        reference__image__in=list(image_ids),
        published__in_use=True,
        published__kind__in=WITH_MAGNITUDES,
    ).select_related("reference__image", "published")
    return [
        run
        for run in runs.order_by("published", "reference")
        if _band_of(run.published, run.reference.filter) is not None
    ]


def _band_of(published, filter_name):
    return band_for(filter_name, published.name, published.bands)


def _calibrate(references, published, band, options) -> Calibrated:
    stars = matched_stars(references, published, band, options)
    exposures = dict(
        GalReference.objects.filter(pk__in=[r.pk for r in references]).values_list(
            "pk", "image__exposure_id"
        )
    )
    exposure = np.array([exposures.get(reference.pk, 0) for reference in references])
    zero_points = fit_zero_points(stars, exposure, options)
    _store(references, published, band, zero_points)
    return Calibrated(references[0].filter, published, band, tuple(zero_points))


def _store(references, published, band, zero_points):
    rows = [
        _row(reference, published, band, one)
        for reference, one in zip(references, zero_points, strict=True)
    ]
    columns = [f.name for f in GalZeroPoint._meta.fields if not f.primary_key]
    with transaction.atomic():
        there = _locked("galreferences", [reference.pk for reference in references])
        if not _locked("galpublishedcatalogues", [published.pk]):
            return
        GalZeroPoint.objects.bulk_create(
            [row for row in rows if row.reference_id in there],
            update_conflicts=True,
            unique_fields=KEY,
            update_fields=[name for name in columns if name not in KEY],
        )


def _locked(table, ids):
    """Those ids that are there, and stay until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id FROM {table} WHERE id = ANY(%s) ORDER BY id FOR KEY SHARE", [ids]
        )
        return {pk for (pk,) in cursor.fetchall()}


def _row(reference, published, band, one):
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
