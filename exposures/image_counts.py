"""Numbers of chips by exposure and state, kept by the database."""

from django.db import models

from exposures.steps import Status


class GalImageCountQuerySet(models.QuerySet):
    """Counts of chips: sums over the rows of one kind."""

    def by(self, *columns):
        """Sums of chips and of their sources, {columns, n, n_measured}, without those of none."""
        sums = {"n": models.Sum("n_chips"), "n_measured": models.Sum("n_sources")}
        return self.order_by().values(*columns).annotate(**sums).filter(n__gt=0)

    def exposures(self):
        """Ids of the exposures that have a chip of these kinds."""
        return self.by("exposure_id").values("exposure_id")


class GalImageCount(models.Model):
    """A change of the number of chips of one kind; their sum is how many there are.

    Triggers on galimages write it: each statement adds its own rows, so that those who write at
    once don't wait for each other, and rows of one kind are put together now and then.
    """

    exposure_id = models.BigIntegerField()
    status = models.CharField(max_length=8, choices=Status)
    is_reference = models.BooleanField()
    is_doubted = models.BooleanField()
    is_asked_for = models.BooleanField(help_text="by a job")
    n_chips = models.IntegerField(help_text="more, or fewer")
    n_sources = models.BigIntegerField(help_text="rows saved in galsources, more or fewer")

    objects = GalImageCountQuerySet.as_manager()

    class Meta:
        db_table = "galimagecounts"
        verbose_name = "count of chips"
        verbose_name_plural = "counts of chips"
        default_permissions = ()
        indexes = [models.Index(fields=["exposure_id"], name="galimagecounts_exposure")]

    def __str__(self):
        return f"{self.n_chips:+} {self.status} of exposure {self.exposure_id}"
