"""What the pixels of differences tell of candidates' changes."""

from django.db import models

from photometry.models import RealField
from variables.models.variability import OfCatalogueQuerySet


class GalChangeShape(models.Model):
    """The shape of a candidate's changes: means over the images whose difference shows one.

    Of the images on which it is in galvarobjs, the most significant few. Measured where cutouts are
    drawn, and of all candidates by manage.py measure_shapes. NaN where no difference shows a
    change. The rows of a catalogue go with it.
    """

    refsource_id = models.BigIntegerField(primary_key=True)
    sigma = RealField(help_text="significance of the PSF fitted at the candidate's place")
    correlation = RealField(help_text="of the change with the PSF, 0 to 1")
    core_left = RealField(help_text="share of the squared light near its middle that a fit leaves")
    width = RealField(help_text="root of the light's mean squared distance, FWHM")
    sharpness = RealField(help_text="share of the light in the brightest pixel, over the PSF's")
    asymmetry = RealField(help_text="share of the squared light that differs if turned by 180°")
    shown_share = RealField(help_text="of the images looked at, those that show a change")
    n_images = models.SmallIntegerField(help_text="that were looked at")
    n_changes = models.IntegerField(help_text="of the candidate when it was measured")
    version = models.SmallIntegerField(help_text="of the measurement")
    measured = models.DateTimeField(auto_now=True)

    objects = OfCatalogueQuerySet.as_manager()

    class Meta:
        db_table = "galchangeshapes"
        verbose_name = "shape of changes"
        verbose_name_plural = "shapes of changes"

    def __str__(self):
        return f"shape of the changes of {self.refsource_id}"
