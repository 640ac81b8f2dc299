"""Sets of options, each stored once, to which the rows refer that were made with them."""

import json
from datetime import timedelta
from typing import Any, Self

from django.db import connection, models, transaction
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now
from django.utils import timezone

# How long a set that nothing refers to is kept: whoever is about to refer to it has this long.
KEPT_UNUSED = timedelta(days=1)
# That of a set in use, which nobody has to wait for.
FIND = """
SELECT hash FROM galoptionsets WHERE hash = galoptions_hash(%s::jsonb) AND unused_since IS NULL
"""
STORE = """
INSERT INTO galoptionsets (options) VALUES (%s::jsonb)
ON CONFLICT (hash) DO UPDATE SET unused_since = NULL RETURNING hash
"""


class GalOptionSetQuerySet(models.QuerySet):
    """Sets of options by use."""

    def of(self, options: dict[str, Any]) -> "GalOptionSet":
        """The set of these options, stored unless it is already."""
        text = json.dumps(options)
        with connection.cursor() as cursor:
            cursor.execute(FIND, [text])
            row = cursor.fetchone()
            if row is None:
                cursor.execute(STORE, [text])
                row = cursor.fetchone()
        return self.model.from_db(
            self.db, ("hash", "options", "unused_since"), (row[0], json.loads(text), None)
        )

    def unused(self) -> Self:
        """Those to which no row refers."""
        return self.filter(
            *(
                ~Exists(relation.related_model.objects.filter(option_set=OuterRef("pk")))
                for relation in self.model._meta.related_objects
            )
        )

    @transaction.atomic
    def remove_unused(self) -> int:
        """Remove sets that were unused when this was called a day ago, too; returns how many."""
        now = timezone.now()
        long_unused = self.unused().filter(unused_since__lt=now - KEPT_UNUSED)
        # Locked, so that whoever stores one of them in this moment waits, and stores it again.
        hashes = [one.hash for one in long_unused.select_for_update(skip_locked=True)]
        self.filter(hash__in=hashes).delete()
        self.unused().filter(unused_since=None).update(unused_since=now)
        return len(hashes)


class GalOptionSet(models.Model):
    """A set of options, found by the hash of its text.

    The hash is a generated column: ``GalOptionSet.objects.of`` stores a set, and nothing else does.
    """

    hash = models.UUIDField(
        primary_key=True,
        editable=False,
        help_text="first 128 bits of the SHA-256 of the options as text; kept by the database",
    )
    options = models.JSONField()
    created = models.DateTimeField(db_default=Now(), editable=False)
    unused_since = models.DateTimeField(
        null=True, editable=False, help_text="when nothing referred to it any more; else null"
    )

    objects = GalOptionSetQuerySet.as_manager()

    class Meta:
        db_table = "galoptionsets"
        verbose_name = "option set"
        ordering = ["created"]

    def __str__(self):
        return f"options {self.hash}"


class WithOptions(models.Model):
    """A row that keeps the options with which it was made, or is to be."""

    option_set = models.ForeignKey(
        GalOptionSet,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="%(class)ss",
        help_text="its options",
    )

    class Meta:
        abstract = True

    @property
    def options(self) -> dict[str, Any] | None:
        """Its options, or None without any; those that are given to it are stored at once."""
        return None if self.option_set is None else self.option_set.options

    @options.setter
    def options(self, options: dict[str, Any] | None) -> None:
        self.option_set = None if options is None else GalOptionSet.objects.of(options)
