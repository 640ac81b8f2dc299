"""Sources whose place others took, with what people had said of them."""

from django.db import models


class GalSuccessionQuerySet(models.QuerySet):
    """Successions by source."""

    def latest_of(self, refsource_id) -> int | None:
        """The source that is in the place of one by now; None where none took it."""
        latest = None
        while row := self.filter(old_refsource_id=refsource_id).first():
            latest = refsource_id = row.new_refsource_id
        return latest


class GalSuccession(models.Model):
    """A source of a catalogue made anew, and the one that it took the votes and flags from.

    Only where somebody had said something, or a campaign had it: of other sources nobody asks.
    """

    old_refsource_id = models.BigIntegerField(unique=True)
    new_refsource_id = models.BigIntegerField(db_index=True)
    time = models.DateTimeField(auto_now_add=True)

    objects = GalSuccessionQuerySet.as_manager()

    class Meta:
        db_table = "galsuccessions"

    def __str__(self):
        return f"{self.new_refsource_id} in place of {self.old_refsource_id}"
