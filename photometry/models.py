"""Measurements: reference catalogues, the giant table of sources, and sets."""

from math import hypot, isnan

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex, BTreeIndex
from django.db import models

from exposures.constraints import on_the_sky
from exposures.models import GalImage
from exposures.option_sets import WithOptions
from exposures.q3c import Q3CIndexExpression
from exposures.real_field import RealField as RealField
from exposures.source_ids import block_of, id_range
from photometry.left_over_model import GalLeftOver as GalLeftOver
from photometry.match_model import GalMatch as GalMatch
from photometry.match_model import GalMatchRun as GalMatchRun
from photometry.object_model import GalObject as GalObject
from photometry.object_model import GalObjectSource as GalObjectSource
from photometry.querysets.sources import EpochKind, EpochQuerySet, GalSourceQuerySet
from photometry.sky_model import GalReferenceSky as GalReferenceSky
from photometry.zero_point_model import GalZeroPoint as GalZeroPoint

OF_EXPOSURE = "of the image's exposure; kept by the database"


class WithEpoch(models.Model):
    """Copies of the exposure's columns that light curves need.

    Triggers write them, whatever is said here.
    """

    mjd = models.FloatField(editable=False, help_text=OF_EXPOSURE)
    filter = models.CharField(max_length=80, editable=False, help_text=OF_EXPOSURE)
    identifier = models.CharField(max_length=100, editable=False, help_text=OF_EXPOSURE)

    class Meta:
        abstract = True


class GalReference(WithOptions, WithEpoch):
    """A reference catalogue: the sources found on one reference image."""

    # Protected, as its partition of galsources has to go first: delete_image_results does it.
    image = models.ForeignKey(GalImage, on_delete=models.PROTECT, related_name="catalogues")
    code_version = models.CharField(max_length=64, blank=True)
    created = models.DateTimeField(auto_now_add=True)
    active = models.BooleanField(default=True, help_text="not replaced by a later one")
    n_sources = models.PositiveIntegerField(default=0)
    n_motion_images = models.PositiveIntegerField(
        default=0, help_text="on which proper motions of its sources were measured last"
    )
    lost_motions = models.BooleanField(
        default=False, help_text="published stars whose motions its sources have are gone"
    )

    class Meta:
        db_table = "galreferences"
        verbose_name = "reference catalogue"
        constraints = [
            models.UniqueConstraint(
                fields=["image"],
                condition=models.Q(active=True),
                name="galreferences_one_active_an_image",
            )
        ]

    def __str__(self):
        return f"catalogue {self.pk} of image {self.image_id}"

    @property
    def partition(self):
        """The name of the partition with its sources and all their measurements."""
        return f"galsources_{self.pk}"

    @property
    def block(self):
        """The name of the part of galsources that its partition, with 63 others, belongs to."""
        return f"galsources_block_{block_of(self.pk)}"

    @property
    def id_range(self):
        """The first and last possible id of its sources."""
        return id_range(self.pk)

    @property
    def reference_id_range(self):
        """The first and last id of the sources found on the reference itself."""
        return self.id_range[0], self.id_range[0] + self.n_sources - 1


class GalCoverage(WithEpoch):
    """A reference catalogue that was measured on a search image.

    Tells in which partitions of galsources an image's rows are, and which images have to be
    measured again after their reference was. Written by storage, in the transaction of the rows.
    """

    image = models.ForeignKey(GalImage, on_delete=models.PROTECT, related_name="coverages")
    # By an index of its own, below.
    catalogue = models.ForeignKey(
        GalReference, on_delete=models.CASCADE, related_name="coverages", db_index=False
    )
    n_sources = models.PositiveIntegerField(help_text="rows saved in galsources")
    n_non_detections = models.PositiveIntegerField(
        null=True, help_text="rows in galnondetections; null where they were not kept"
    )

    class Meta:
        db_table = "galcoverages"
        verbose_name = "coverage"
        constraints = [
            models.UniqueConstraint(
                fields=["image", "catalogue"], name="galcoverages_once_an_image"
            )
        ]
        indexes = [
            # A light curve has the epochs of its catalogue from here, and needs no row.
            models.Index(
                fields=["catalogue"],
                include=["id", "image", "mjd", "filter", "identifier"],
                name="galcoverages_epochs",
            )
        ]

    def __str__(self):
        return f"catalogue {self.catalogue_id} on image {self.image_id}"


class SourceOnImage(models.Model):
    """One source on one image; both by id, without foreign keys."""

    refsource_id = models.BigIntegerField()
    galimage_id = models.BigIntegerField()
    ra = models.FloatField(help_text="of the reference source, ICRS degrees")
    dec = models.FloatField(help_text="of the reference source, ICRS degrees")

    class Meta:
        abstract = True


class StarFit(models.Model):
    """What the fit of a star on an image says of it, calibrated."""

    x = RealField(help_text="on this image, pixels from 0")
    y = RealField(help_text="on this image, pixels from 0")
    flux = RealField(help_text="ADU")
    flux_err = RealField(help_text="ADU, as fitted")
    mag = RealField(help_text="corrected to the reference")
    mag_err = RealField(help_text="with the floor, expanded so that chi2/nu is 1")
    rchi2 = RealField(help_text="PSF-weighted reduced chi2 of the fit")
    fracflux = RealField(help_text="of the flux in the stamp that is the source's own")
    quality = RealField(help_text="fraction of the PSF on usable pixels")
    flags = models.SmallIntegerField(
        help_text="bits of the mask at the source (1: bad, 2: without a value, 4: saturated, "
        "8: bleed, 16: cosmic ray, 32: low weight, 64: streak) and its own (128: too sharp for a "
        "star, 256: in the wings of a saturated star, 512: on a reference, a member of an "
        "extended source, 1024: on a reference, added to it later)"
    )

    class Meta:
        abstract = True


class Measurement(SourceOnImage, StarFit):
    """One measurement of one reference source on one image.

    Rows come and go by COPY and DELETE, never by the ORM: what numpy has of them follows from
    these fields (``photometry.storage.columns``). They are in order of their size, so that no byte
    is lost between them. The key is the ORM's alone: an index of it would be three times as large
    as that of the sources.
    """

    pk = models.CompositePrimaryKey("refsource_id", "galimage_id")
    is_reference = models.BooleanField(help_text="measured on the reference image itself")
    mjd = models.FloatField(help_text=OF_EXPOSURE)

    class Meta:
        abstract = True


class GalSource(Measurement):
    """One measurement of one reference source on one image.

    Partitioned by ``refsource_id``: one partition a reference catalogue, in blocks of 64 of them.
    No foreign keys point here or out of here.
    """

    objects = GalSourceQuerySet.as_manager()

    class Meta:
        db_table = "galsources"
        verbose_name = "measurement"
        constraints = [on_the_sky("galsources")]
        indexes = [
            models.Index(fields=["refsource_id"], name="galsources_refsource"),
            BTreeIndex(
                Q3CIndexExpression("ra", "dec"),
                condition=models.Q(is_reference=True),
                name="galsources_q3c",
            ),
            BrinIndex(
                fields=["galimage_id"],
                autosummarize=True,
                pages_per_range=32,
                name="galsources_image",
            ),
        ]

    def __str__(self):
        return f"source {self.refsource_id} on image {self.galimage_id}"

    @property
    def kind(self) -> EpochKind:
        return EpochKind.DETECTION

    @property
    def limit_mag(self):
        """None, as detections have no upper limit."""
        return None


class GalNonDetection(Measurement):
    """A source without positive flux, or without enough usable pixels, on a search image.

    galsources has no row of it. mag is NaN where the flux is not positive. With these, what varies
    can be selected anew without the pixels.
    """

    galimage_id = models.BigIntegerField(db_index=True)
    limit_mag = RealField(
        help_text="upper limit, corrected to the reference; NaN where too few pixels can tell"
    )

    objects = EpochQuerySet.as_manager()

    class Meta:
        db_table = "galnondetections"
        verbose_name = "non-detection"
        constraints = [on_the_sky("galnondetections")]

    def __str__(self):
        return f"no source {self.refsource_id} on image {self.galimage_id}"

    @property
    def kind(self) -> EpochKind:
        return EpochKind.UNMEASURED if isnan(self.limit_mag) else EpochKind.NON_DETECTION


class GalReferenceSet(WithOptions):
    """A primary reference image, and the images averaged with it for its sources' magnitudes."""

    image = models.OneToOneField(
        GalImage,
        on_delete=models.CASCADE,
        related_name="reference_set",
        help_text="the primary: it defines the photometric system",
    )
    code_version = models.CharField(max_length=64, blank=True)
    updated = models.DateTimeField(null=True, help_text="when the means changed last")
    n_sources = models.PositiveIntegerField(default=0, help_text="with a mean of several images")
    n_at_fault = models.PositiveIntegerField(
        default=0, help_text="of these, those that the primary has wrong"
    )

    class Meta:
        db_table = "galreferencesets"
        verbose_name = "reference set"

    def __str__(self):
        return f"set of {self.image}"


class GalReferenceMember(models.Model):
    """A search image that is in the set of a reference."""

    reference_set = models.ForeignKey(
        GalReferenceSet, on_delete=models.CASCADE, related_name="members"
    )
    image = models.ForeignKey(GalImage, on_delete=models.CASCADE, related_name="memberships")
    added = models.DateTimeField(auto_now_add=True)
    added_by = models.CharField(max_length=150, blank=True)

    class Meta:
        db_table = "galreferencemembers"
        verbose_name = "member of a reference set"
        verbose_name_plural = "members of reference sets"
        ordering = ["image__exposure__mjd", "image_id"]
        constraints = [
            models.UniqueConstraint(
                fields=["reference_set", "image"], name="galreferencemembers_once_a_set"
            )
        ]

    def __str__(self):
        return f"{self.image} in the {self.reference_set}"


class GalReferenceMag(models.Model):
    """The mean magnitude of a source over its reference set; written by COPY.

    ``mag`` is the primary's own where flags has 4 (the images don't agree). Of a source without
    significant light it is that of one sigma.
    """

    refsource_id = models.BigIntegerField(primary_key=True)
    outlying_image_id = models.BigIntegerField(help_text="the image at fault; 0: none")
    mag = RealField(help_text="robust mean over the set")
    mag_err = RealField()
    scatter = RealField(help_text="of the images about the mean, mag; NaN without light")
    n_images = models.SmallIntegerField(help_text="of the set that measured it well")
    n_used = models.SmallIntegerField(help_text="of these, that make the mean")
    flags = models.SmallIntegerField(
        help_text="1: the primary is at fault, 2: it has no good measurement, "
        "4: the images don't agree, 8: a member is at fault"
    )

    class Meta:
        db_table = "galreferencemags"
        verbose_name = "reference magnitude"
        indexes = [
            # Few among millions: where a member of a set is at fault.
            models.Index(
                fields=["refsource_id", "outlying_image_id"],
                condition=models.Q(outlying_image_id__gt=0),
                name="galreferencemags_faults",
            )
        ]

    def __str__(self):
        return f"source {self.refsource_id}: {self.mag:.3f} mag"


class GalMotion(models.Model):
    """The proper motion of a reference source, by a catalogue of stars or by images.

    The source is where galsources has it at the epoch of its reference image. Sources without a
    row have no known motion.
    """

    refsource_id = models.BigIntegerField(primary_key=True)
    pm_ra = RealField(help_text="mas/yr, times cos(dec)")
    pm_dec = RealField(help_text="mas/yr")
    pm_ra_err = RealField(help_text="mas/yr")
    pm_dec_err = RealField(help_text="mas/yr")
    n_images = models.SmallIntegerField(
        help_text="on which it was measured; 0 where it is a catalogue's"
    )
    star_id = models.BigIntegerField(
        default=0, help_text="published star that it is of; 0: it is of a tile, or measured"
    )

    class Meta:
        db_table = "galmotions"
        verbose_name = "proper motion"

    def __str__(self):
        return f"source {self.refsource_id}: {self.speed:.0f} mas/yr"

    @property
    def speed(self):
        """Its size, mas/yr."""
        return hypot(self.pm_ra, self.pm_dec)


class GalDisplacements(models.Model):
    """Where the bright sources of a catalogue are on an image, from where the reference has them.

    Arrays, an element a source: proper motions are measured from them, and nothing else looks for
    one of them.
    """

    coverage = models.OneToOneField(
        GalCoverage, on_delete=models.CASCADE, primary_key=True, related_name="displacements"
    )
    refsource_ids = ArrayField(models.BigIntegerField())
    east = ArrayField(RealField(), help_text="mas")
    north = ArrayField(RealField(), help_text="mas")
    error = ArrayField(RealField(), help_text="mas, of either")

    class Meta:
        db_table = "galdisplacements"
        verbose_name = "displacements of a catalogue"
        verbose_name_plural = "displacements of catalogues"

    def __str__(self):
        return f"{len(self.refsource_ids)} sources of {self.coverage}"
