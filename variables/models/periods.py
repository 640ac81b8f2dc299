"""Periods of stars, the most probable first."""

from django.db import models

from photometry.models import GalReference, RealField
from variables.models.variability import OfCatalogueQuerySet


class PeriodAlias(models.IntegerChoices):
    """What a period may be of a more probable one of the same star."""

    NONE = 0, "none"
    HALF = 1, "half"
    DOUBLE = 2, "twice"
    HARMONIC = 3, "a ratio of 3 to 1 or 3 to 2"
    DAY = 4, "an alias of the day"
    MONTH = 5, "an alias of the lunation"
    YEAR = 6, "an alias of the year"
    WINDOW = 7, "an alias of how the epochs lie"


class GalPeriod(models.Model):
    """A period of a reference source, from its star's light curves in all filters.

    Written by COPY. By barycentric times (BJD in TDB); NaN where a figure is not defined.
    """

    pk = models.CompositePrimaryKey("refsource_id", "rank")
    refsource_id = models.BigIntegerField()
    days = models.FloatField()
    error_days = models.FloatField(help_text="days; NaN where the epochs don't tell")
    power = RealField(help_text="share of the variance that the Fourier series explains")
    false_alarm = RealField(help_text="probability that noise, or one event, looks so")
    n_cycles = RealField(help_text="within the span of the epochs")
    amplitude_mag = RealField(help_text="half the range of the Fourier series, mean of filters")
    r21 = RealField(help_text="amplitude of the second harmonic over that of the first")
    phi21 = RealField(help_text="radians, of cosines in mag: second less twice the first")
    r31 = RealField(help_text="amplitude of the third harmonic over that of the first")
    phi31 = RealField(help_text="radians, of cosines in mag: third less three times the first")
    rank = models.SmallIntegerField(help_text="1: the most probable")
    n_harmonics = models.SmallIntegerField()
    alias = models.SmallIntegerField(
        choices=PeriodAlias, help_text="what it may be of a more probable one"
    )
    alias_of = models.SmallIntegerField(help_text="the rank of that; 0: of none")
    n_epochs = models.SmallIntegerField(help_text="good measurements in all filters")
    n_filters = models.SmallIntegerField()

    objects = OfCatalogueQuerySet.as_manager()

    class Meta:
        db_table = "galperiods"
        verbose_name = "period"

    def __str__(self):
        return f"source {self.refsource_id}: {self.days:.8g} days"


class GalPeriodRun(models.Model):
    """The last time that periods of a catalogue's stars were looked for, and of what."""

    catalogue = models.OneToOneField(
        GalReference, on_delete=models.CASCADE, primary_key=True, related_name="period_run"
    )
    found = models.DateTimeField(auto_now=True)
    digest = models.CharField(
        max_length=64, help_text="of stars, images, when each was processed, and the options"
    )
    n_stars = models.PositiveIntegerField(help_text="that were searched")
    n_periodic = models.PositiveIntegerField(help_text="of these, that have a certain period")

    class Meta:
        db_table = "galperiodruns"
        verbose_name = "period run"

    def __str__(self):
        return f"{self.n_periodic} periodic stars of catalogue {self.catalogue_id}"
