"""Changes: sources that differ from their reference."""

from django.db import models

from exposures.constraints import on_the_sky
from exposures.models import GalImage
from exposures.source_ids import id_range
from photometry.models import RealField


class Cut(models.IntegerChoices):
    """Why a change is rejected, as bits of ``GalVarObj.failed_cuts``."""

    SEARCH_RCHI2 = 1, "bad fit on the search image"
    REFERENCE_RCHI2 = 2, "bad fit on the reference image"
    MASKED = 4, "masked pixels under the source"
    EDGE = 8, "at the edge of the chip"
    BLENDED = 16, "blended"
    SATURATED = 32, "saturated on the search or the reference image"
    SHARP = 64, "light in one pixel: hot, or a cosmic ray"
    NEAR_SATURATED = 128, "near a saturated star"
    DOUBTED_IMAGE = 256, "measured on a doubted image"
    TRADED = 512, "flux traded with a close neighbour"


class GalVarObjQuerySet(models.QuerySet):
    """Changes by cuts, flags and kind."""

    def accepted(self):
        """Changes that pass all cuts and that no flag hides: detections."""
        return self.filter(failed_cuts=0, is_flagged=False)

    def of_reference(self):
        """Changes of sources that the reference has, not of new ones."""
        return self.exclude(kind=GalVarObj.Kind.NEW)

    def in_filter(self, name):
        return self.filter(image__exposure__filter=name)

    def in_catalogue(self, catalogue_id):
        """Changes of the sources of one reference catalogue."""
        return self.filter(refsource_id__range=id_range(catalogue_id))

    def of_source(self, refsource_id):
        return self.filter(refsource_id=refsource_id).order_by("image__exposure__mjd")


class GalVarObj(models.Model):
    """One source on one image, different from its reference by more than 15 sigma.

    Or one on a reference image, if the other images of its set agree that it differs there; or one
    that the reference does not have (see GalNewSource).
    """

    class Kind(models.TextChoices):
        BRIGHTER = "brighter"
        FAINTER = "fainter"
        VANISHED = "vanished"
        NEW = "new"  # the reference has no such source

    refsource_id = models.BigIntegerField(db_index=True)
    image = models.ForeignKey(
        GalImage, db_column="galimage_id", on_delete=models.CASCADE, related_name="variables"
    )
    ra = models.FloatField(help_text="ICRS degrees")
    dec = models.FloatField(help_text="ICRS degrees")
    x = RealField(null=True, help_text="on this image, pixels from 0")
    y = RealField(null=True, help_text="on this image, pixels from 0")
    kind = models.CharField(max_length=8, choices=Kind)
    delta_mag = models.FloatField(
        null=True, help_text="image minus reference; null if vanished, new"
    )
    delta_mag_err = models.FloatField(null=True)
    significance = models.FloatField(help_text="absolute change in sigma")
    reference_mag = models.FloatField(
        null=True, help_text="by the primary, or by all images of its set; null: on none"
    )
    flux = models.FloatField(help_text="ADU; not positive where the source vanished")
    flux_err = models.FloatField(help_text="ADU")
    failed_cuts = models.SmallIntegerField(default=0, help_text="bits of Cut; 0 passes all")
    is_flagged = models.BooleanField(
        default=False, help_text="covered by a flag on its image that stands"
    )

    objects = GalVarObjQuerySet.as_manager()

    class Meta:
        db_table = "galvarobjs"
        verbose_name = "change"
        indexes = [
            # Few among many, for the table of all.
            models.Index(
                fields=["id"], condition=models.Q(is_flagged=True), name="galvarobjs_flagged"
            )
        ]
        constraints = [
            on_the_sky("galvarobjs"),
            models.UniqueConstraint(
                fields=["refsource_id", "image"], name="galvarobjs_once_an_image"
            ),
        ]

    def __str__(self):
        return f"{self.kind} source {self.refsource_id} on image {self.image_id}"

    def cuts(self):
        """The cuts it failed."""
        return [cut for cut in Cut if self.failed_cuts & cut]
