"""The tables of objects: stars, and the reference sources that they are."""

from django.contrib.postgres.indexes import BTreeIndex
from django.db import models

from exposures.constraints import on_the_sky
from exposures.q3c import Q3CIndexExpression
from exposures.real_field import RealField
from photometry.querysets.objects import GalObjectQuerySet, GalObjectSourceQuerySet, MatchKind


class GalObject(models.Model):
    """A star: reference sources in several filters and overlapping catalogues that are one.

    Derived by ``photometry.crossmatch``, and never written by hand. An object keeps its id as long
    as most of its sources, or those that replaced them in a catalogue made anew, stay together.
    """

    ra = models.FloatField(help_text="mean of its sources, ICRS degrees")
    dec = models.FloatField(help_text="mean of its sources, ICRS degrees")
    n_sources = models.SmallIntegerField(help_text="in catalogues in use")
    n_filters = models.SmallIntegerField()
    kind = models.SmallIntegerField(choices=MatchKind)

    objects = GalObjectQuerySet.as_manager()

    class Meta:
        db_table = "galobjects"
        verbose_name = "object"
        constraints = [on_the_sky("galobjects")]
        indexes = [BTreeIndex(Q3CIndexExpression("ra", "dec"), name="galobjects_q3c")]

    def __str__(self):
        return f"object {self.pk}"


class GalObjectSource(models.Model):
    """A reference source of an object.

    A source whose catalogue is not in use any more stays until another takes its place: it keeps
    the object's id, and tells who takes over what people said of it.
    """

    refsource_id = models.BigIntegerField(primary_key=True)
    # No constraint: millions come at once, in one transaction with their objects.
    object = models.ForeignKey(
        GalObject, on_delete=models.DO_NOTHING, db_constraint=False, related_name="sources"
    )
    ra = models.FloatField(help_text="ICRS degrees")
    dec = models.FloatField(help_text="ICRS degrees")
    mag = RealField(help_text="on the reference image, or robust mean of its set")
    filter = models.CharField(max_length=80)

    objects = GalObjectSourceQuerySet.as_manager()

    class Meta:
        db_table = "galobjectsources"
        verbose_name = "source of an object"
        verbose_name_plural = "sources of objects"
        constraints = [on_the_sky("galobjectsources")]

    def __str__(self):
        return f"source {self.refsource_id} of object {self.object_id}"
