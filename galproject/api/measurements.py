"""Measurements of sources, detected or not, as the API gives them."""

from operator import attrgetter

from exposures.tables import batched
from photometry.models import GalNonDetection, GalSource

SOURCES_AT_ONCE = 50  # whose light curves are in memory at once


def epochs_of(refsource_ids):
    """Rows of galsources and galnondetections in the given order of sources, each by time."""
    for ids in batched(refsource_ids, SOURCES_AT_ONCE):
        curves = {refsource_id: [] for refsource_id in ids}
        for model in (GalSource, GalNonDetection):
            for row in model.objects.light_curves(ids):
                curves[row.refsource_id].append(row)
        for curve in curves.values():
            yield from sorted(curve, key=attrgetter("mjd"))


def epochs_of_cone(sources):
    """Rows of a cone's sources as ``epochs_of`` gives them, with ``distance_arcsec``."""
    distances = {source.refsource_id: source.distance_arcsec for source in sources}
    for row in epochs_of(distances):
        row.distance_arcsec = distances[row.refsource_id]
        yield row
