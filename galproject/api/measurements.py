"""Measurements of sources, detected or not, as the API gives them."""

from math import isfinite
from operator import attrgetter

import numpy as np

from exposures.tables import batched
from photometry.absolute.offsets import absolute_offsets
from photometry.models import GalNonDetection, GalSource
from variables.light_curves.times import barycentric_times
from variables.variability.storage import stored_trends

SOURCES_AT_ONCE = 50  # whose light curves are in memory at once
DIGITS = 6  # after the decimal point, that a magnitude in single precision has


def epochs_of(refsource_ids, detrended=False):
    """Rows of galsources and galnondetections in the given order of sources, each by time.

    Each has ``bjd_tdb``, and ``trend_mag``, which was taken off ``mag`` where they are
    ``detrended`` and their catalogue has trends; else None. ``mag_cal``, its error and what it is
    by are None where the reference has no absolute zero point.
    """
    for ids in batched(refsource_ids, SOURCES_AT_ONCE):
        curves = {refsource_id: [] for refsource_id in ids}
        for model in (GalSource, GalNonDetection):
            for row in model.objects.light_curves(ids):
                curves[row.refsource_id].append(row)
        rows = [row for curve in curves.values() for row in sorted(curve, key=attrgetter("mjd"))]
        trends = stored_trends(ids) if detrended else {}
        rows = without_trends(with_barycentric_times(rows), trends)
        yield from with_calibrated_magnitudes(rows, absolute_offsets(ids))


def without_trends(rows, trends):
    """The same rows, each with its ``trend_mag``, less ``trends`` (``stored_trends``)."""
    for row in rows:
        row.trend_mag = trends.get((row.refsource_id, row.galimage_id))
        if row.trend_mag is not None:
            row.mag = round(row.mag - row.trend_mag, DIGITS)
    return rows


def with_calibrated_magnitudes(rows, offsets):
    """The same rows, each with ``mag_cal``, ``mag_cal_err`` and ``mag_cal_by``."""
    for row in rows:
        offset = offsets.get(row.refsource_id)
        is_known = offset is not None and isfinite(row.mag)
        row.mag_cal = round(row.mag + offset.mag, DIGITS) if is_known else None
        row.mag_cal_err = round(offset.error, DIGITS) if is_known else None
        row.mag_cal_by = offset.source if is_known else None
    return rows


def with_barycentric_times(rows):
    """The same rows, each with its ``bjd_tdb``."""
    if rows:
        columns = zip(*((row.mjd, row.ra, row.dec) for row in rows), strict=True)
        for row, time in zip(rows, barycentric_times(*map(np.array, columns)), strict=True):
            row.bjd_tdb = time
    return rows


def epochs_of_cone(sources, detrended=False):
    """Rows of a cone's sources as ``epochs_of`` gives them, with ``distance_arcsec``."""
    distances = {source.refsource_id: source.distance_arcsec for source in sources}
    for row in epochs_of(distances, detrended):
        row.distance_arcsec = distances[row.refsource_id]
        yield row
