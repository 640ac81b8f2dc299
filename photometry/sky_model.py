"""The table of what references have beside their sources."""

from django.db import models


class GalReferenceSky(models.Model):
    """What a reference image has beside the sources of a catalogue; written once, with it.

    In the database and not in a file, so that whoever drops the catalogue drops it, a backup has
    it, and workers on all hosts read it.
    """

    catalogue = models.OneToOneField(
        "photometry.GalReference", on_delete=models.CASCADE, primary_key=True, related_name="sky"
    )
    structure = models.FloatField(
        null=True, help_text="scatter over that of noise; null where no pixels tell"
    )
    pixels = models.BinaryField(
        null=True, help_text="packed by photometry.storage; null where it is hardly more than noise"
    )

    class Meta:
        db_table = "galreferenceskies"
        verbose_name = "sky of a reference"
        verbose_name_plural = "skies of references"

    def __str__(self):
        return f"sky beside the sources of catalogue {self.catalogue_id}"
