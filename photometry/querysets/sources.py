"""Querysets of galsources: cones, light curves, and measurements on an image.

Each names the partitions it needs by constant ranges of ids: a plan over all of them would cost
more than the search.
"""

from functools import reduce
from operator import or_

from django.db import connections
from django.db.models import F, OuterRef, Q, QuerySet, Subquery, TextChoices, Value

from exposures.models import GalImage
from exposures.q3c import Q3CDistance, Q3CWithin
from exposures.source_ids import catalogue_sql, id_range

OBJECT_SOURCES = f"""
SELECT s.refsource_id
FROM galobjectsources s
JOIN galreferences c ON c.id = {catalogue_sql("s.refsource_id")} AND c.active
WHERE s.object_id = %s
"""


class EpochKind(TextChoices):
    """Whether an epoch is a detection, a non-detection or unmeasured."""

    DETECTION = "detection"
    NON_DETECTION = "non-detection", "no light: fainter than its upper limit"
    UNMEASURED = "unmeasured", "too few usable pixels, or no zero point: nothing can be told"


class EpochQuerySet(QuerySet):
    """Measurements of sources, detected or not."""

    def light_curves(self, refsource_ids):
        """Measurements of several sources with ``filter``, by source and time."""
        ids = [int(i) for i in refsource_ids]
        return self.filter(refsource_id__in=ids).with_filter().order_by("refsource_id", "mjd")

    def with_filter(self):
        """Annotate the ``filter`` of the exposure."""
        image = GalImage.objects.filter(pk=OuterRef("galimage_id"))
        return self.annotate(filter=Subquery(image.values("exposure__filter")))


class GalSourceQuerySet(EpochQuerySet):
    """Measurements by position, source and image."""

    def cone(self, ra, dec, radius_arcsec):
        """Reference sources of active catalogues near a position (degrees), nearest first.

        Each row has a ``distance_arcsec`` and the ``filter``. The catalogues that the cone
        touches are asked for at once, the rows when the queryset is evaluated.
        """
        ra, dec, radius_arcsec = float(ra), float(dec), float(radius_arcsec)
        centre = Value(ra), Value(dec), F("ra"), F("dec")
        return (
            self.in_catalogues(catalogues_touching(ra, dec, radius_arcsec, self.db))
            .reference()
            .filter(Q3CWithin(*centre, Value(radius_arcsec / 3600)))
            .annotate(distance_arcsec=Q3CDistance(*centre) * 3600.0)
            .with_filter()
            .order_by("distance_arcsec")
        )

    def light_curve(self, refsource_id):
        """Every measurement of a source with its ``filter``, oldest first."""
        return self.light_curves([refsource_id])

    def of_object(self, object_id):
        """Every measurement of an object in all filters, by filter and source, oldest first."""
        ids = sources_of_object(object_id, self.db)
        return self.light_curves(ids).order_by("filter", "refsource_id", "mjd")

    def reference(self):
        """Measurements on the reference images themselves."""
        return self.filter(is_reference=True)

    def measured_on(self, image):
        """Measurements on an image: its own catalogue, or the sources of its references."""
        own = image.catalogues.filter(active=True).values_list("pk", flat=True)
        others = image.coverages.values_list("catalogue_id", flat=True)
        return self.in_catalogues([*own, *others]).filter(galimage_id=image.pk)

    def in_catalogues(self, catalogue_ids):
        """Measurements of the sources of catalogues, by ranges of ids."""
        ranges = [Q(refsource_id__range=id_range(i)) for i in catalogue_ids]
        return self.filter(reduce(or_, ranges)) if ranges else self.none()


def sources_of_object(object_id, using="default"):
    """Ids of a star's sources in all filters, in catalogues in use."""
    with connections[using].cursor() as cursor:
        cursor.execute(OBJECT_SOURCES, [object_id])
        return [i for (i,) in cursor.fetchall()]


def catalogues_touching(ra, dec, radius_arcsec, using="default"):
    """Ids of the active catalogues whose image has sky within a radius of a position."""
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT galreferences_touching(%s, %s, %s)", [ra, dec, radius_arcsec])
        return [i for (i,) in cursor.fetchall()]
