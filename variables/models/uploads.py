"""Lists of ids or positions that people uploaded, with the candidates that they matched."""

from datetime import timedelta

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.urls import reverse
from django.utils import timezone

KEPT_DAYS = 90
MANY_UPLOADED = 5000  # candidates of a list: a search begins with up to so many


class UploadedListQuerySet(models.QuerySet):
    """Uploaded lists by age, and what they matched."""

    def too_old(self):
        """Lists that are kept no longer."""
        return self.filter(made__lt=timezone.now() - timedelta(days=KEPT_DAYS))

    def sources_of(self, pk) -> list[int]:
        """Ids of the candidates that a list matched; none of one that does not exist."""
        return next(iter(self.filter(pk=pk).values_list("refsource_ids", flat=True)), [])

    def in_short(self):
        """Lists without their ids and lines, which may be many."""
        return self.defer("refsource_ids", "unmatched")


class UploadedList(models.Model):
    """A list that somebody uploaded, with the candidates that it matched then."""

    NAME_LENGTH = 80

    name = models.CharField(max_length=NAME_LENGTH)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="uploaded_lists"
    )
    made = models.DateTimeField(auto_now_add=True)
    radius_arcsec = models.FloatField(help_text="within which positions match")
    n_lines = models.PositiveIntegerField(help_text="with an id or a position")
    refsource_ids = ArrayField(models.BigIntegerField(), help_text="of what they matched")
    unmatched = models.JSONField(help_text="[number, text] of each line that matched nothing")
    n_unmatched = models.PositiveIntegerField()

    objects = UploadedListQuerySet.as_manager()

    class Meta:
        db_table = "galuploadedlists"
        ordering = ["-made", "-pk"]

    def __str__(self):
        return self.name

    def get_absolute_url(self):
        return reverse("upload", args=[self.pk])

    @property
    def n_matched(self) -> int:
        """Lines that matched a candidate."""
        return self.n_lines - self.n_unmatched

    @property
    def kept_until(self):
        """When it is removed."""
        return self.made + timedelta(days=KEPT_DAYS)
