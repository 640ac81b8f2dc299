"""What all epochs of a star say of its variability, for every star of a catalogue."""

from django.db import models

from exposures.source_ids import id_range
from photometry.models import GalReference, RealField


class VariabilityFlag(models.IntegerChoices):
    """Bits of what is to be known of a star's statistics."""

    FADING = 1, "statistics are of fluxes: it is faint, or was not detected, on some epoch"


class GalVariabilityQuerySet(models.QuerySet):
    """Statistics of stars by catalogue."""

    def in_catalogue(self, catalogue_id):
        return self.filter(refsource_id__range=id_range(catalogue_id))


class GalVariability(models.Model):
    """Statistics of a reference source over all its epochs; NaN where they are not defined.

    Written by COPY, for all sources of a catalogue at once.
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
    flags = models.SmallIntegerField(help_text="1: of fluxes, as it is faint on some epoch")

    objects = GalVariabilityQuerySet.as_manager()

    class Meta:
        db_table = "galvariability"
        verbose_name_plural = "gal variability"

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

    def __str__(self):
        return f"{self.n_sources} sources of catalogue {self.catalogue_id}"
