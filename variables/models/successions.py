"""Replacements of sources, by which votes and flags were transferred."""

from django.db import models


class GalSuccessionQuerySet(models.QuerySet):
    """Replacements of sources."""

    def latest_of(self, refsource_id) -> int | None:
        """The source that has by now replaced this one; None if none has."""
        latest = None
        while row := self.filter(old_refsource_id=refsource_id).first():
            latest = refsource_id = row.new_refsource_id
        return latest


class GalSuccession(models.Model):
    """A source of a catalogue that was remade, and the source that replaced it.

    Recorded only for sources with decisions or flags, or in a campaign.
    """

    old_refsource_id = models.BigIntegerField(unique=True)
    new_refsource_id = models.BigIntegerField(db_index=True)
    time = models.DateTimeField(auto_now_add=True)

    objects = GalSuccessionQuerySet.as_manager()

    class Meta:
        db_table = "galsuccessions"
        verbose_name = "succession"

    def __str__(self):
        return f"{self.new_refsource_id} replaces {self.old_refsource_id}"
