"""Measurements of sources, detected or not, as the API gives them."""

from operator import attrgetter

import numpy as np

from exposures.tables import batched
from photometry.models import GalNonDetection, GalSource
from variables.light_curves.times import barycentric_times
from variables.variability.storage import stored_trends

SOURCES_AT_ONCE = 50  # whose light curves are in memory at once
DIGITS = 6  # after the decimal point, that a magnitude in single precision has


def epochs_of(refsource_ids, detrended=False):
    """Rows of galsources and galnondetections in the given order of sources, each by time.

    Each has ``bjd_tdb``, and ``trend_mag``, which was taken off ``mag`` where they are
    ``detrended`` and their catalogue has trends; else None.
    """
    for ids in batched(refsource_ids, SOURCES_AT_ONCE):
        curves = {refsource_id: [] for refsource_id in ids}
        for model in (GalSource, GalNonDetection):
            for row in model.objects.light_curves(ids):
                curves[row.refsource_id].append(row)
        rows = [row for curve in curves.values() for row in sorted(curve, key=attrgetter("mjd"))]
        trends = stored_trends(ids) if detrended else {}
        yield from without_trends(with_barycentric_times(rows), trends)


def without_trends(rows, trends):
    """The same rows, each with its ``trend_mag``, less ``trends`` (``stored_trends``)."""
    for row in rows:
        row.trend_mag = trends.get((row.refsource_id, row.galimage_id))
        if row.trend_mag is not None:
            row.mag = round(row.mag - row.trend_mag, DIGITS)
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
