"""The table of what references' own fits left over."""

from django.db import models


class GalLeftOver(models.Model):
    """The stars that a reference's own fit left over, down to noise; written once, with it.

    They tell of what search images show whether the reference had it. As one value, as they are
    read together, and are as many as the sources. What is about to be believed to be new is
    measured in the residual, where it is no peak of its own.
    """

    catalogue = models.OneToOneField(
        "photometry.GalReference",
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="left_over",
    )
    n = models.PositiveIntegerField(help_text="how many")
    stars = models.BinaryField(help_text="packed by photometry.storage")
    residual = models.BinaryField(
        null=True, help_text="the fit's residual, packed by photometry.storage; null: not kept"
    )

    class Meta:
        db_table = "galleftovers"
        verbose_name = "light left over on a reference"
        verbose_name_plural = "light left over on references"

    def __str__(self):
        return f"{self.n} left over by catalogue {self.catalogue_id}"
