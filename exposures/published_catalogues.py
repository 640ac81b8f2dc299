"""Published catalogues: lists of stars that others made, as tables of the database."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BTreeIndex
from django.db import models

from exposures.constraints import on_the_sky
from exposures.published_ids import partition_of, published_id_range
from exposures.q3c import Q3CIndexExpression
from exposures.real_field import RealField


class PublishedKind(models.TextChoices):
    """The use of a published catalogue."""

    ASTROMETRIC = "astrometric", "positions, motions and magnitudes"
    VARIABLES = "variables", "variable stars"
    PHOTOMETRIC = "photometric", "magnitudes"
    OBJECTS = "objects", "objects of any kind"


class GalPublishedCatalogueQuerySet(models.QuerySet):
    """Published catalogues by state."""

    def in_use(self):
        return self.filter(in_use=True)

    def being_loaded(self):
        """Those that are being loaded, or whose load was interrupted."""
        return self.filter(loaded_at=None)


class GalPublishedCatalogue(models.Model):
    """One version of a published catalogue, loaded from files or being loaded.

    It is in use once it is whole; then the version that was in use before goes, with its rows.
    """

    id = models.SmallAutoField(primary_key=True)
    name = models.CharField(max_length=40, help_text="such as gaia_dr3")
    version = models.CharField(max_length=40)
    kind = models.CharField(max_length=11, choices=PublishedKind)
    title = models.TextField()
    source_url = models.TextField(blank=True, help_text="where it is published")
    epoch = models.FloatField(help_text="Julian year of positions where rows have none")
    position_err = models.FloatField(help_text="arcsec, one axis, where rows have none")
    bands = ArrayField(
        models.CharField(max_length=20),
        default=list,
        help_text="of the magnitudes; the first is the main band",
    )
    photometry = models.JSONField(
        default=dict,
        blank=True,
        help_text="what the magnitudes are: AB or Vega by band, and their way to the survey's",
    )
    n_rows = models.BigIntegerField(default=0)
    n_left_out = models.BigIntegerField(default=0, help_text="rows without a position")
    files = models.JSONField(default=list, help_text="that were read: name, bytes and rows")
    columns = models.JSONField(default=dict, help_text="how columns of the files were read")
    loaded_at = models.DateTimeField(null=True, help_text="null while it is being loaded")
    in_use = models.BooleanField(default=False)
    healpix_order = models.SmallIntegerField(
        null=True, help_text="of its coverage's cells; null where it has none"
    )
    depth = RealField(
        null=True, help_text="stated: main band, for cells whose depth is not measured"
    )
    footprint = models.JSONField(
        null=True, help_text="stated: all of the sky, a box or a MOC; null: the cells with rows"
    )

    objects = GalPublishedCatalogueQuerySet.as_manager()

    class Meta:
        db_table = "galpublishedcatalogues"
        verbose_name = "published catalogue"
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["name"],
                condition=models.Q(in_use=True),
                name="galpublishedcatalogues_one_in_use",
            ),
            models.CheckConstraint(
                condition=models.Q(in_use=False) | models.Q(loaded_at__isnull=False),
                name="galpublishedcatalogues_whole_before_use",
            ),
        ]

    def __str__(self):
        return f"{self.name} {self.version}"

    @property
    def partition(self) -> str:
        """The name of the partition with its stars; a table of its own while it is loaded."""
        return partition_of(self.pk)

    @property
    def id_range(self) -> tuple[int, int]:
        """The first and last possible id of its stars."""
        return published_id_range(self.pk)


class GalPublishedCoverage(models.Model):
    """A cell of the sky that a published catalogue reaches: HEALPix, nested, ICRS."""

    catalogue = models.ForeignKey(
        GalPublishedCatalogue, on_delete=models.CASCADE, related_name="coverage"
    )
    cell = models.BigIntegerField(help_text="of the catalogue's healpix_order")
    depth = RealField(
        null=True, help_text="magnitude of the main band at which the counts fall; null if unknown"
    )
    n_rows = models.IntegerField(help_text="stars of the catalogue in it")

    class Meta:
        db_table = "galpublishedcoverage"
        verbose_name = "cell of a published catalogue"
        verbose_name_plural = "cells of published catalogues"
        constraints = [
            models.UniqueConstraint(
                fields=["catalogue", "cell"], name="galpublishedcoverage_once_a_cell"
            )
        ]

    def __str__(self):
        return f"cell {self.cell} of {self.catalogue}"


class GalPublishedStarQuerySet(models.QuerySet):
    """Published stars with what follows from their catalogues."""

    def named(self):
        """Stars with their ``full_name``: one that is a number alone follows its catalogue's."""
        name = models.Func("catalogue_id", "name", function="galpublished_name")
        return self.annotate(full_name=models.ExpressionWrapper(name, models.TextField(null=True)))


class GalPublishedStar(models.Model):
    """A row of a published catalogue, in units that are the same for all; null where unknown.

    Partitioned by id, one partition a published catalogue. No foreign keys point here or out of
    here; rows come by COPY, never by the ORM.
    """

    id = models.BigIntegerField(primary_key=True)
    ra = models.FloatField(help_text="ICRS degrees, at the epoch")
    dec = models.FloatField(help_text="ICRS degrees, at the epoch")
    period = models.FloatField(null=True, help_text="days")
    epoch = RealField(null=True, help_text="Julian year of the position")
    ra_err = RealField(null=True, help_text="mas, times cos(dec)")
    dec_err = RealField(null=True, help_text="mas")
    pmra = RealField(null=True, help_text="mas/yr, times cos(dec)")
    pmdec = RealField(null=True, help_text="mas/yr")
    pmra_err = RealField(null=True, help_text="mas/yr")
    pmdec_err = RealField(null=True, help_text="mas/yr")
    parallax = RealField(null=True, help_text="mas")
    parallax_err = RealField(null=True, help_text="mas")
    mag = RealField(null=True, help_text="main band")
    mag_err = RealField(null=True)
    amplitude = RealField(null=True, help_text="mag, from brightest to faintest")
    excess_noise = RealField(null=True, help_text="mas, scatter about a single moving star")
    excess_noise_sig = RealField(null=True, help_text="significance of excess_noise")
    catalogue_id = models.SmallIntegerField(help_text="of the published catalogue")
    name = models.TextField(null=True)
    var_class = models.TextField(null=True)
    mags = ArrayField(RealField(null=True), null=True, help_text="by the catalogue's bands")
    mag_errs = ArrayField(RealField(null=True), null=True)
    extras = models.JSONField(null=True, help_text="other columns of the row, as published")

    objects = GalPublishedStarQuerySet.as_manager()

    class Meta:
        db_table = "galpublishedstars"
        verbose_name = "published star"
        constraints = [on_the_sky("galpublishedstars")]
        indexes = [BTreeIndex(Q3CIndexExpression("ra", "dec"), name="galpublishedstars_q3c")]

    def __str__(self):
        return self.name or f"star {self.id}"
