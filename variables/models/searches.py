"""Saved searches, which people come back to, and the columns that their lists have."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models


class SavedSearchQuerySet(models.QuerySet):
    """Saved searches by owner."""

    def seen_by(self, user):
        """Searches of a user, and those that others share."""
        return self.filter(models.Q(user=user) | models.Q(is_shared=True))


class SavedSearch(models.Model):
    """A list of candidates saved under a name, as the query string of its page."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="searches"
    )
    name = models.CharField(max_length=80)
    query = models.TextField(blank=True, help_text="of the address, such as n_detections_min=3")
    is_shared = models.BooleanField(default=False, help_text="others see it too")
    created = models.DateTimeField(auto_now_add=True)

    objects = SavedSearchQuerySet.as_manager()

    class Meta:
        db_table = "galsearches"
        verbose_name_plural = "saved searches"
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["user", "name"], name="galsearches_one_a_name")
        ]

    def __str__(self):
        return self.name


class ListColumns(models.Model):
    """The columns of candidates that a user wants to see in lists, if not the usual ones."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="list_columns",
    )
    names = ArrayField(models.CharField(max_length=40), help_text="as in exports")

    class Meta:
        db_table = "gallistcolumns"
        verbose_name_plural = "columns of lists"

    def __str__(self):
        return ", ".join(self.names)
