"""Saved searches: lists of candidates that people come back to."""

from django.conf import settings
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
