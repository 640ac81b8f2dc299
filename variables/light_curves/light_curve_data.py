"""Light curves of candidates as pages draw them, with matches in other filters."""

from dataclasses import dataclass
from math import isfinite, nan
from operator import itemgetter
from typing import NamedTuple

import numpy as np
from django.db import connection

from exposures.models import GalImage
from exposures.source_ids import catalogue_sql
from photometry.querysets.objects import MatchKind
from photometry.storage.light_curves import epochs
from variables.light_curves.times import barycentric_times
from variables.models import GalVarObj
from variables.variability.storage import stored_trends

# A candidate of a catalogue that was replaced is shown all the same.
MATCHES = f"""
SELECT o.refsource_id, o.filter, coalesce(j.kind = %s, false), s.refsource_id, s.filter
FROM galcandidates o
LEFT JOIN galobjectsources own ON own.refsource_id = o.refsource_id
LEFT JOIN galobjects j ON j.id = own.object_id
LEFT JOIN (
    galobjectsources s
    JOIN galreferences c ON c.id = {catalogue_sql("s.refsource_id")} AND c.active
) ON s.object_id = own.object_id AND s.filter <> o.filter
WHERE o.refsource_id = ANY(%s)
ORDER BY o.refsource_id, s.filter, q3c_dist(o.ra, o.dec, s.ra, s.dec)
"""


@dataclass(frozen=True)
class Match:
    """A source of a candidate's object; the candidate's own source is one of them."""

    refsource_id: int
    filter: str
    is_blend: bool  # of stars that are one source here and several there


@dataclass(frozen=True)
class _Epoch:
    """The image of a measurement."""

    mjd: float
    name: str  # exposure and chip


@dataclass(frozen=True)
class _Change:
    """The row of galvarobjs of a source on an image."""

    is_detection: bool = False  # passed all cuts, and is not flagged
    significance: float | None = None  # sigma
    has_vanished: bool = False


UNCHANGED = _Change()
MISSED = (
    *("mjd", "bjd_tdb", "limit_mag", "flux", "flux_err"),
    *("is_detection", "image_id", "image"),
)


def object_members_of(refsource_ids) -> dict[int, list[Match]]:
    """The sources of each candidate's object, the candidate's own first.

    One a filter, of overlapping catalogues the nearest; where they are a blend, all in others.
    """
    with connection.cursor() as cursor:
        cursor.execute(MATCHES, [MatchKind.BLEND, list(refsource_ids)])
        rows = cursor.fetchall()
    matches = {refsource_id: [] for refsource_id in refsource_ids}
    for own, name, is_blend, other, other_filter in rows:
        of = matches[own]
        if not of:
            of.append(Match(own, name, is_blend))
        if other is not None and (is_blend or of[-1].filter != other_filter):
            of.append(Match(other, other_filter, is_blend))
    return matches


def light_curve_data(refsource_id, detrended=False) -> dict:
    """The light curves of one candidate for JSON; see ``light_curves_data``."""
    return light_curves_data([refsource_id], detrended)[refsource_id]


def light_curves_data(refsource_ids, detrended=False) -> dict[int, dict]:
    """The light curves of candidates in all filters, for JSON, in four queries.

    One more where they are ``detrended``, without the trends that stars share; ``is_detrended``
    says of each filter whether it had some.

    ``{refsource_id: {"refsource_id", "filters": [{"filter", "refsource_id", "is_detrended", "mjd",
    "bjd_tdb", "mag", "mag_err", "is_detection", "is_reference", "significance", "image_id",
    "image", "vanished_mjd", "non_detections"}]}}``, each a list by epoch, oldest first; the
    candidate's own filter comes first. An error that is not known is None; measurements without
    a magnitude are left out. ``non_detections`` are ``{"mjd", "bjd_tdb", "limit_mag", "flux",
    "flux_err", "is_detection", "image_id", "image"}`` of the epochs at which the source was looked
    for in vain: is_detection where it has vanished; a limit, or a flux, that was not kept is None.
    """
    matches = object_members_of(refsource_ids)
    ids = {match.refsource_id for of in matches.values() for match in of}
    trends = stored_trends(ids) if detrended else {}
    rows, changes = _rows(ids, trends), _changes(ids)
    images = {row.image_id for measured in rows.values() for row in measured}
    images_of = _epochs(images.union(*changes.values()))
    return {
        own: {
            "refsource_id": own,
            "filters": [
                _curve(match, rows, changes, images_of)
                for match in sorted(of, key=lambda m: (m.refsource_id != own, m.filter))
            ],
        }
        for own, of in matches.items()
    }


class _Row(NamedTuple):
    """A detection or a non-detection."""

    mjd: float  # UTC, middle of the exposure
    bjd_tdb: float
    ra: float  # ICRS degrees
    dec: float
    image_id: int
    mag: float
    mag_err: float
    is_reference: bool
    flux: float | None
    flux_err: float | None
    is_detected: bool
    limit_mag: float
    trend_mag: float  # was taken off ``mag``; NaN where it is as measured


def _rows(ids, trends):
    """{refsource_id: [_Row]}, oldest first, less ``trends`` (``stored_trends``)."""
    rows = {}
    columns = ("ra", "dec", "galimage_id", "mag", "mag_err", "is_reference", "flux", "flux_err")
    measured = epochs(ids, columns)
    times = barycentric_times(measured["mjd"], measured["ra"], measured["dec"])
    for (source_id, mjd, *row), time in zip(measured.tolist(), times.tolist(), strict=True):
        one = _Row(mjd, time, *row, nan)
        trend = trends.get((source_id, one.image_id))
        if trend is not None:
            one = one._replace(mag=one.mag - trend, trend_mag=trend)
        rows.setdefault(source_id, []).append(one)
    return rows


def _changes(ids):
    """{refsource_id: {image id: _Change}}."""
    changes = {}
    columns = ("refsource_id", "image_id", "failed_cuts", "is_flagged", "significance", "kind")
    changed = GalVarObj.objects.filter(refsource_id__in=ids).values_list(*columns)
    for source_id, image_id, failed, flagged, significance, kind in changed:
        changes.setdefault(source_id, {})[image_id] = _Change(
            is_detection=not failed and not flagged,
            significance=_rounded(significance, 1),
            has_vanished=kind == GalVarObj.Kind.VANISHED,
        )
    return changes


def _epochs(image_ids):
    """{image id: _Epoch}."""
    columns = ("pk", "exposure__mjd", "exposure__identifier", "chip_name")
    images = GalImage.objects.filter(pk__in=image_ids).values_list(*columns)
    return {pk: _Epoch(mjd, f"{exposure} {chip}") for pk, mjd, exposure, chip in images}


def _curve(match, rows, changes, images_of):
    source_changes, source_rows = (
        changes.get(match.refsource_id, {}),
        rows.get(match.refsource_id, []),
    )
    measured = [row for row in source_rows if row.is_detected and isfinite(row.mag)]
    here = [source_changes.get(row.image_id, UNCHANGED) for row in measured]
    missed = _missed(source_rows, source_changes, images_of)
    return {
        "filter": match.filter,
        "refsource_id": match.refsource_id,
        "is_blend": match.is_blend,
        "is_detrended": any(isfinite(row.trend_mag) for row in measured),
        "image_id": [row.image_id for row in measured],
        "image": [images_of[row.image_id].name for row in measured],
        "mjd": [row.mjd for row in measured],
        "bjd_tdb": [_rounded(row.bjd_tdb, 7) for row in measured],
        "mag": [_rounded(row.mag, 4) for row in measured],
        "mag_err": [_rounded(row.mag_err, 4) for row in measured],
        "is_reference": [row.is_reference for row in measured],
        "is_detection": [change.is_detection for change in here],
        "significance": [change.significance for change in here],
        "vanished_mjd": [epoch["mjd"] for epoch in missed if epoch["is_detection"]],
        "non_detections": {name: [epoch[name] for epoch in missed] for name in MISSED},
    }


def _missed(source_rows, source_changes, images_of):
    """A dictionary with the keys of MISSED for each epoch at which a source was not detected."""
    # A flux that is barely positive may have a row and be called vanished all the same.
    measured = {row.image_id for row in source_rows if row.is_detected and isfinite(row.mag)}
    in_vain = {row.image_id: row for row in source_rows if not row.is_detected}
    vanished = {i for i, c in source_changes.items() if c.is_detection and c.has_vanished}
    told = {i for i, row in in_vain.items() if isfinite(row.limit_mag)}
    missed = (
        _missed_epoch(in_vain.get(i), i in vanished, i, images_of[i])
        for i in (told | vanished) - measured
    )
    return _with_times(sorted(missed, key=itemgetter("mjd")), source_rows)


def _with_times(missed, source_rows):
    """The same epochs with their barycentric times, None where no row has the star's position."""
    ra, dec = (source_rows[0].ra, source_rows[0].dec) if source_rows else (nan, nan)
    times = barycentric_times(np.array([epoch["mjd"] for epoch in missed]), ra, dec)
    return [
        epoch | {"bjd_tdb": _rounded(time, 7)}
        for epoch, time in zip(missed, times.tolist(), strict=True)
    ]


def _missed_epoch(row, has_vanished, image_id, image):
    limit, flux, flux_err = (row.limit_mag, row.flux, row.flux_err) if row else (nan, nan, nan)
    return {
        "mjd": image.mjd,
        "limit_mag": _rounded(limit, 4),
        "flux": _rounded(flux, 3),
        "flux_err": _rounded(flux_err, 3),
        "is_detection": has_vanished,
        "image_id": image_id,
        "image": image.name,
    }


def _rounded(value, digits):
    """A rounded number for JSON, or None for NaN and infinity, which JSON lacks."""
    return round(value, digits) if isfinite(value) else None
