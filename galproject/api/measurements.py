"""What was measured of sources, whether they were detected or not, as the API tells it."""

from operator import attrgetter

from exposures.tables import batched
from photometry.models import GalNonDetection, GalSource

SOURCES_AT_ONCE = 50  # whose light curves are in memory at once


def epochs_of(refsource_ids):
    """Rows of galsources and galnondetections, source by source as given, each oldest first."""
    for ids in batched(refsource_ids, SOURCES_AT_ONCE):
        curves = {refsource_id: [] for refsource_id in ids}
        for model in (GalSource, GalNonDetection):
            for row in model.objects.light_curves(ids):
                curves[row.refsource_id].append(row)
        for curve in curves.values():
            yield from sorted(curve, key=attrgetter("mjd"))


def epochs_of_cone(sources):
    """The same of sources of a cone, with the ``distance_arcsec`` of each."""
    distances = {source.refsource_id: source.distance_arcsec for source in sources}
    for row in epochs_of(distances):
        row.distance_arcsec = distances[row.refsource_id]
        yield row
