"""Sources on search images that the reference does not have, and their detections."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BTreeIndex
from django.db import models

from exposures.constraints import on_the_sky
from exposures.models import GalImage
from exposures.q3c import Q3CIndexExpression
from photometry.models import GalReference, RealField, StarFit

ADDED_OR_TAKEN_BACK = models.Q(state="added") | models.Q(is_kept_out=True)


class GalNewSourceQuerySet(models.QuerySet):
    """New sources by what is believed of them."""

    def added(self):
        """Those that are sources of their reference now."""
        return self.filter(state=GalNewSource.State.ADDED)

    def added_or_taken_back(self):
        """Those that are, and those that were until a person took them back."""
        return self.filter(ADDED_OR_TAKEN_BACK)


class GalNewSource(models.Model):
    """A source missing in a reference catalogue, detected at one position at different times.

    Its id is in the catalogue's range, after those of the reference's own sources: so all that
    refers to ``refsource_id`` (galsources, changes, votes, flags, cutouts) treats new sources as
    the others. Rows stay as long as the catalogue, so that an id is never reused. One that was
    added has a row of galsources with ``is_reference``, as the reference's own sources have.
    """

    class State(models.TextChoices):
        """What is believed of a new source."""

        WAITING = "waiting", "waiting: not told apart from what the reference had in its place"
        NEW = "new", "new: not on the reference"
        MISSED = "missed", "missed by the reference, and added to it when the job has ended"
        ADDED = "added", "added: missed by the reference, and a source of it now"

    refsource_id = models.BigIntegerField(primary_key=True)
    catalogue = models.ForeignKey(
        GalReference, on_delete=models.CASCADE, related_name="new_sources"
    )
    ra = models.FloatField(help_text="ICRS degrees")
    dec = models.FloatField(help_text="ICRS degrees")
    x = models.FloatField(help_text="on the reference image, pixels from 0")
    y = models.FloatField(help_text="on the reference image, pixels from 0")
    created = models.DateTimeField(auto_now_add=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.NEW)
    excess = RealField(
        null=True,
        help_text="sigma, over what the reference left over in its place; null: not known",
    )
    reference_flux = RealField(
        null=True,
        help_text="of the reference's residual in its place, in units of 25 mag; null: not asked "
        "for, or not known",
    )
    reference_flux_err = RealField(null=True, help_text="neighbours free, in units of 25 mag")
    added = models.DateTimeField(null=True, help_text="when it became a source of the reference")
    added_images = ArrayField(
        models.BigIntegerField(),
        default=list,
        help_text="the images by whose detections it was added",
    )
    added_by = models.CharField(max_length=150, blank=True, help_text="empty: by the pipeline")
    is_kept_out = models.BooleanField(
        default=False, help_text="taken back by a person: it isn't added by itself"
    )

    objects = GalNewSourceQuerySet.as_manager()

    class Meta:
        db_table = "galnewsources"
        verbose_name = "new source"
        constraints = [on_the_sky("galnewsources")]
        indexes = [
            BTreeIndex(Q3CIndexExpression("ra", "dec"), name="galnewsources_q3c"),
            models.Index(
                models.F("added").desc(nulls_last=True),
                models.F("refsource_id").desc(),
                condition=ADDED_OR_TAKEN_BACK,
                name="galnewsources_added",
            ),
            # Few of all that were added.
            models.Index(
                fields=["refsource_id"],
                condition=models.Q(is_kept_out=True),
                name="galnewsources_kept_out",
            ),
        ]

    def __str__(self):
        return f"new source {self.refsource_id}"


class GalLostSource(models.Model):
    """A new source of a deleted catalogue, kept until another source replaces it.

    Kept only for sources with votes, flags or campaigns.
    """

    refsource_id = models.BigIntegerField(primary_key=True)
    ra = models.FloatField(help_text="ICRS degrees")
    dec = models.FloatField(help_text="ICRS degrees")
    filter = models.CharField(max_length=80)

    class Meta:
        db_table = "gallostsources"
        verbose_name = "lost source"
        constraints = [on_the_sky("gallostsources")]
        indexes = [BTreeIndex(Q3CIndexExpression("ra", "dec"), name="gallostsources_q3c")]

    def __str__(self):
        return f"lost source {self.refsource_id}"


class GalNewDetectionQuerySet(models.QuerySet):
    """Detections of new sources, by whether they were associated."""

    def alone(self):
        """Single detections, without another at their position: moving, flashing or false ones."""
        return self.filter(source=None)


class GalNewDetection(StarFit):
    """A peak that the forced fit left over on a search image, fitted as a star.

    ``flux_err`` includes the uncertainty of its neighbours, ``rchi2`` allows for the error of the
    PSF, and ``mag_err`` is expanded as the errors of the image's sources are.
    """

    image = models.ForeignKey(
        GalImage, db_column="galimage_id", on_delete=models.CASCADE, related_name="new_detections"
    )
    catalogue = models.ForeignKey(
        GalReference, on_delete=models.CASCADE, related_name="new_detections"
    )
    source = models.ForeignKey(
        GalNewSource,
        null=True,
        db_column="refsource_id",
        on_delete=models.SET_NULL,
        related_name="detections",
        help_text="null: not seen again in its place",
    )
    ra = models.FloatField(help_text="ICRS degrees")
    dec = models.FloatField(help_text="ICRS degrees")
    reference_x = models.FloatField(help_text="on the reference image, pixels from 0")
    reference_y = models.FloatField(help_text="on the reference image, pixels from 0")
    significance = RealField(help_text="sigma, the error of the model included")
    failed_cuts = models.SmallIntegerField(default=0, help_text="bits of Cut; 0 passes all")

    objects = GalNewDetectionQuerySet.as_manager()

    class Meta:
        db_table = "galnewdetections"
        verbose_name = "detection of a new source"
        verbose_name_plural = "detections of new sources"
        constraints = [on_the_sky("galnewdetections")]
        indexes = [BTreeIndex(Q3CIndexExpression("ra", "dec"), name="galnewdetections_q3c")]

    def __str__(self):
        return f"new detection {self.pk} on image {self.image_id}"
