"""What was measured: reference catalogues and the giant table of sources."""

from django.contrib.postgres.indexes import BrinIndex, BTreeIndex
from django.db import models

from exposures.models import GalImage
from exposures.q3c import Q3CIndexExpression
from photometry.sources import GalSourceQuerySet

# A source's id is galreference_id << RANK_BITS | rank: its catalogue, and so its partition,
# follow from the id alone.
RANK_BITS = 20


class GalReference(models.Model):
    """A reference catalogue: the sources found on one reference image."""

    image = models.ForeignKey(GalImage, on_delete=models.CASCADE, related_name="catalogues")
    options = models.JSONField(default=dict)
    code_version = models.CharField(max_length=64, blank=True)
    created = models.DateTimeField(auto_now_add=True)
    active = models.BooleanField(default=True)
    n_sources = models.PositiveIntegerField(default=0)

    class Meta:
        db_table = "galreferences"
        constraints = [
            models.UniqueConstraint(
                fields=["image"],
                condition=models.Q(active=True),
                name="galreferences_one_active_an_image",
            )
        ]

    def __str__(self):
        return f"catalogue {self.pk} of {self.image}"


class GalSource(models.Model):
    """One measurement of one reference source on one image.

    Partitioned by ``refsource_id``, one partition a reference catalogue. No foreign keys point
    here or out of here; the rows come and go by COPY and DELETE, never by the ORM.
    """

    pk = models.CompositePrimaryKey("refsource_id", "galimage_id")
    refsource_id = models.BigIntegerField()
    galimage_id = models.BigIntegerField()
    ra = models.FloatField(help_text="of the reference source, ICRS degrees")
    dec = models.FloatField(help_text="of the reference source, ICRS degrees")
    x = models.FloatField(help_text="on this image, pixels from 0")
    y = models.FloatField(help_text="on this image, pixels from 0")
    flux = models.FloatField(help_text="ADU")
    flux_err = models.FloatField(help_text="ADU, as fitted")
    mag = models.FloatField(help_text="corrected to the reference")
    mag_err = models.FloatField(help_text="with the floor, expanded so that chi2/nu is 1")
    rchi2 = models.FloatField(help_text="PSF-weighted reduced chi2 of the fit")
    fracflux = models.FloatField(help_text="of the flux in the stamp that is the source's own")
    quality = models.FloatField(help_text="fraction of the PSF on usable pixels")
    flags = models.SmallIntegerField(help_text="mask bits at the source")
    is_reference = models.BooleanField(help_text="measured on the reference image itself")

    objects = GalSourceQuerySet.as_manager()

    class Meta:
        db_table = "galsources"
        indexes = [
            BTreeIndex(
                Q3CIndexExpression("ra", "dec"),
                condition=models.Q(is_reference=True),
                name="galsources_q3c",
            ),
            BrinIndex(fields=["galimage_id"], name="galsources_image"),
        ]

    def __str__(self):
        return f"source {self.refsource_id} on image {self.galimage_id}"
