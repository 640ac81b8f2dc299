"""Who was shown others' votes on a candidate during an open campaign."""

from django.conf import settings
from django.db import models


class GalUnblinding(models.Model):
    """A voter who has seen others' votes on a candidate, and so may not vote on it again.

    Otherwise one could vote, look at the others' votes, undo one's own and vote again by theirs.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="unblindings"
    )
    refsource_id = models.BigIntegerField()
    time = models.DateTimeField(help_text="the last time")

    class Meta:
        db_table = "galunblindings"
        verbose_name = "unblinding"
        constraints = [
            models.UniqueConstraint(fields=["user", "refsource_id"], name="galunblindings_once")
        ]

    def __str__(self):
        return f"{self.user_id} has seen votes on {self.refsource_id}"
