"""Taxonomies: the classes that people choose from."""

from django.core.exceptions import ValidationError
from django.db import models

# What the lanes of vetting use for other things than classes.
COMMAND_KEYS = frozenset(" z/,*bfmjkxow?0.[]+->")


class Taxonomy(models.Model):
    """A version of the classes to choose from; frozen once a decision used it."""

    version = models.PositiveIntegerField(unique=True)
    is_current = models.BooleanField(default=False, help_text="offered to new campaigns")
    note = models.TextField(blank=True, help_text="what is new in it")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "galtaxonomies"
        verbose_name_plural = "taxonomies"
        ordering = ["-version"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_current"],
                condition=models.Q(is_current=True),
                name="galtaxonomies_one_current",
            )
        ]

    def __str__(self):
        return f"taxonomy {self.version}"

    def is_frozen(self) -> bool:
        """Whether a decision used it, so that its classes must keep their meaning."""
        return self.classes.filter(decisions__isnull=False).exists()


class TaxonomyClass(models.Model):
    """One class of a taxonomy, and the key that chooses it."""

    class Kind(models.TextChoices):
        VARIABLE = "variable"
        ARTIFACT = "artifact"
        UNCERTAIN = "uncertain"

    taxonomy = models.ForeignKey(Taxonomy, on_delete=models.CASCADE, related_name="classes")
    slug = models.SlugField(max_length=32)
    label = models.CharField(max_length=64)
    kind = models.CharField(max_length=12, choices=Kind)
    key = models.CharField(max_length=1, help_text="of the keyboard")
    parent = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="subtypes",
        help_text="of a subtype: its key is pressed after that of the parent",
    )
    meaning = models.TextField(blank=True)
    order = models.PositiveSmallIntegerField(default=0)

    class Meta:
        db_table = "galclasses"
        verbose_name_plural = "taxonomy classes"
        ordering = ["taxonomy", "order"]
        constraints = [
            models.UniqueConstraint(fields=["taxonomy", "slug"], name="galclasses_one_a_slug"),
            models.UniqueConstraint(
                fields=["taxonomy", "key"],
                condition=models.Q(parent=None),
                name="galclasses_one_a_key",
            ),
            models.UniqueConstraint(
                fields=["parent", "key"], name="galclasses_one_a_key_below_a_parent"
            ),
        ]

    def __str__(self):
        return self.label

    def save(self, *args, **kwargs):
        self._check_is_free()
        super().save(*args, **kwargs)

    def delete(self, *args, **kwargs):
        self._check_is_free()
        return super().delete(*args, **kwargs)

    def clean(self):
        """Refuse to change the meaning of votes, and keys that are in use otherwise."""
        super().clean()
        self._check_is_free()
        if self.parent is None and self.key in COMMAND_KEYS:
            raise ValidationError({"key": f"“{self.key}” is a command. Choose another key"})
        if self.parent is not None:
            self._check_parent()

    def _check_parent(self):
        if self.parent.taxonomy_id != self.taxonomy_id or self.parent.parent_id:
            raise ValidationError({"parent": "A subtype is of a class of the same taxonomy"})
        if self.key == self.parent.key:
            message = f"“{self.key}” pressed twice is {self.parent} of no kind. Choose another key"
            raise ValidationError({"key": message})

    def _check_is_free(self):
        if self.taxonomy.is_frozen():
            raise ValidationError(
                f"{self.taxonomy} stays as it is: people voted by it. Copy it as a new version, "
                "and change that one"
            )

    @property
    def path(self) -> str:
        """Its slug, preceded by its parent's for a subtype: "artifact/edge"."""
        return f"{self.parent.slug}/{self.slug}" if self.parent_id else self.slug
