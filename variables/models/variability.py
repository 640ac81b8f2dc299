"""What all epochs of a star say of its variability, for every star of a catalogue."""

from django.db import models

from exposures.source_ids import id_range
from photometry.models import GalReference, RealField

MAX_TRENDS = 5


class VariabilityFlag(models.IntegerChoices):
    """Bits of what is to be known of a star's statistics."""

    FADING = 1, "statistics are of fluxes: it is faint, or was not detected, on some epoch"
    BLENDED = 2, "a neighbour is so close that a fit trades flux with it"
    FOLLOWS = 4, "its scatter follows the seeing, the sky, the airmass or its place on the chip"
    TRADES = 8, "what it gains its neighbours lose"


class OfCatalogueQuerySet(models.QuerySet):
    """Rows of sources by catalogue."""

    def in_catalogue(self, catalogue_id):
        return self.filter(refsource_id__range=id_range(catalogue_id))


class GalVariability(models.Model):
    """Statistics of a reference source over all its epochs; NaN where they are not defined.

    Without the trends that stars of the catalogue share; ``measured_*`` are with them. Written by
    COPY, for all sources of a catalogue at once.
    """

    refsource_id = models.BigIntegerField(primary_key=True)
    mean_mag = RealField(help_text="weighted")
    robust_mag = RealField(help_text="biweight")
    sigma_mad = RealField(help_text="mag, from the median absolute deviation")
    iqr_mag = RealField(help_text="between the quartiles")
    range_mag = RealField(help_text="from the 5th to the 95th percentile")
    chi2_nu = RealField(help_text="against the weighted mean")
    excess_mag = RealField(help_text="scatter beyond the errors")
    excess_err = RealField(help_text="mag")
    deviation_mag = RealField(help_text="the largest in sigma, from the robust mean")
    deviation_sigma = RealField(help_text="its significance")
    skewness = RealField()
    stetson_j = RealField(help_text="0 for noise")
    stetson_k = RealField(help_text="0.798 for Gaussian noise")
    von_neumann = RealField(help_text="2 for noise, less where it changes smoothly")
    slope_mag = RealField(help_text="mag a year")
    slope_err = RealField(help_text="mag a year")
    false_alarm = RealField(
        help_text="share of constant stars that seem to vary as much; NaN: unknown"
    )
    n_epochs = models.SmallIntegerField(help_text="good measurements")
    flags = models.SmallIntegerField(
        help_text="1: of fluxes, 2: blended, 4: follows the conditions, 8: trades flux"
    )
    measured_sigma_mad = RealField(help_text="mag, with trends")
    measured_range_mag = RealField(help_text="with trends")
    measured_chi2_nu = RealField(help_text="with trends")
    measured_excess_mag = RealField(help_text="with trends")
    followed_share = RealField(help_text="of the scatter that follows seeing, sky, airmass, place")
    neighbour_correlation = RealField(help_text="of its light and its close neighbours'")

    objects = OfCatalogueQuerySet.as_manager()

    class Meta:
        db_table = "galvariability"
        verbose_name = "variability of a source"
        verbose_name_plural = "variability of sources"

    def __str__(self):
        return f"source {self.refsource_id} on {self.n_epochs} epochs"


class GalVariabilityRun(models.Model):
    """The last time that the statistics of a catalogue's sources were measured, and of what."""

    catalogue = models.OneToOneField(
        GalReference, on_delete=models.CASCADE, primary_key=True, related_name="variability_run"
    )
    measured = models.DateTimeField(auto_now=True)
    digest = models.CharField(
        max_length=64, help_text="of the images, when each was processed, and the options"
    )
    n_images = models.PositiveIntegerField()
    n_sources = models.PositiveIntegerField(help_text="with statistics")

    class Meta:
        db_table = "galvariabilityruns"
        verbose_name = "variability run"

    def __str__(self):
        return f"{self.n_sources} sources of catalogue {self.catalogue_id}"


class GalTrend(models.Model):
    """A trend that stars of a catalogue share, on one image; in mag times a star's coefficient."""

    pk = models.CompositePrimaryKey("catalogue_id", "number", "galimage_id")
    catalogue_id = models.BigIntegerField()
    galimage_id = models.BigIntegerField()
    mag = RealField()
    number = models.SmallIntegerField(help_text="of the trend, from 1")

    class Meta:
        db_table = "galtrends"
        verbose_name = "trend"

    def __str__(self):
        return f"trend {self.number} of catalogue {self.catalogue_id} on image {self.galimage_id}"


class GalTrendStar(models.Model):
    """How much a source follows each trend of its catalogue; 0 of those that there are not.

    None has a row where its catalogue has no trend.
    """

    refsource_id = models.BigIntegerField(primary_key=True)
    coefficient_1 = RealField()
    coefficient_2 = RealField()
    coefficient_3 = RealField()
    coefficient_4 = RealField()
    coefficient_5 = RealField()

    objects = OfCatalogueQuerySet.as_manager()

    class Meta:
        db_table = "galtrendstars"
        verbose_name = "trend of a star"
        verbose_name_plural = "trends of stars"

    def __str__(self):
        return f"trends of source {self.refsource_id}"
