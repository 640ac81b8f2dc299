"""Exposures, their chips, and the log of their processing."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BTreeIndex
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.urls import reverse

from exposures.constraints import footprint_on_the_sky, on_the_sky
from exposures.doubts import Doubt, GalQualityDecision
from exposures.hosts import this_host
from exposures.image_counts import GalImageCount as GalImageCount
from exposures.image_results import ImageResults
from exposures.option_sets import GalOptionSet as GalOptionSet
from exposures.option_sets import WithOptions
from exposures.published_catalogues import GalPublishedCatalogue as GalPublishedCatalogue
from exposures.published_catalogues import GalPublishedCoverage as GalPublishedCoverage
from exposures.published_catalogues import GalPublishedStar as GalPublishedStar
from exposures.q3c import Q3CIndexExpression, Q3CWithin, shares_sky
from exposures.science.angles import wrap_ra
from exposures.science.footprints import MAX_DEGREES
from exposures.science.orientation import Orientation, orientation_of
from exposures.steps import REFERENCE_STEPS, LogStep, ProcessingStep, Status

# Asked for, and not at an end.
OPEN = (Status.QUEUED, Status.WAITING, Status.WORKING)


class GalExposure(models.Model):
    """One exposure of a camera, from one opening of the shutter."""

    instrument = models.CharField(
        max_length=80, help_text="decam, or the camera's own name; plain where it has none"
    )
    identifier = models.CharField(max_length=100, help_text="EXPNUM, or the file's stem")
    filter = models.CharField(max_length=80, db_index=True)
    mjd = models.FloatField(db_index=True, help_text="UTC, middle of the exposure")
    exposure_seconds = models.FloatField()
    object_name = models.TextField(blank=True)
    proposal = models.TextField(blank=True)
    pipeline_version = models.TextField(blank=True, help_text="PLVER")
    ra = models.FloatField(help_text="ICRS degrees")
    dec = models.FloatField(help_text="ICRS degrees")
    ingested = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "galexposures"
        verbose_name = "exposure"
        ordering = ["mjd"]
        constraints = [
            on_the_sky("galexposures"),
            models.CheckConstraint(
                condition=models.Q(mjd__gt=0, mjd__lt=100_000), name="galexposures_possible_time"
            ),
            models.CheckConstraint(
                condition=models.Q(exposure_seconds__gt=0, exposure_seconds__lte=1e9),
                name="galexposures_possible_exposure_time",
            ),
            models.UniqueConstraint(
                fields=["instrument", "identifier"], name="galexposures_one_row_an_exposure"
            ),
        ]
        # Whoever lacks it sees nothing of the survey, on whatever page.
        permissions = [("view_survey", "Can see the survey")]

    def __str__(self):
        return f"{self.instrument} {self.identifier} {self.filter}"

    def get_absolute_url(self):
        return reverse("exposure", args=[self.pk])


class GalField(models.Model):
    """A monitored field, whose new exposures are fetched and processed each night."""

    name = models.CharField(max_length=64, unique=True)
    ra = models.FloatField(validators=[MinValueValidator(0), MaxValueValidator(360)])
    dec = models.FloatField(validators=[MinValueValidator(-90), MaxValueValidator(90)])
    radius = models.FloatField(
        default=1.0,
        validators=[MinValueValidator(0.01), MaxValueValidator(90)],
        help_text="within which exposures are centred, degrees",
    )
    filters = ArrayField(
        models.CharField(max_length=80), blank=True, default=list, help_text="such as g,i; all"
    )
    proposal = models.CharField(max_length=200, blank=True, help_text="only of this one")
    is_active = models.BooleanField(default=True)

    class Meta:
        db_table = "galfields"
        verbose_name = "field"
        constraints = [on_the_sky("galfields")]
        ordering = ["name"]

    def __str__(self):
        return self.name

    def save(self, *args, **kwargs):
        self.ra = wrap_ra(self.ra)
        super().save(*args, **kwargs)

    def clean(self):
        if self.ra is not None:
            self.ra = wrap_ra(self.ra)


class GalJobQuerySet(models.QuerySet):
    """Jobs by state."""

    def open(self):
        return self.filter(closed=None)


class GalJob(WithOptions):
    """A request to process chips of an exposure; closed after its last chip."""

    exposure = models.ForeignKey(GalExposure, on_delete=models.CASCADE, related_name="jobs")
    again = models.BooleanField(default=False, help_text="do over what is done already")
    queued = models.BooleanField(
        default=True, help_text="for the workers; else done by the process that asked"
    )
    asked = ArrayField(
        models.BigIntegerField(),
        null=True,
        blank=True,
        help_text="ids of images that were asked for, until a worker puts them on the queue",
    )
    requested_by = models.CharField(max_length=150, blank=True)
    created = models.DateTimeField(auto_now_add=True, db_index=True)
    closed = models.DateTimeField(null=True, blank=True, db_index=True)

    objects = GalJobQuerySet.as_manager()

    class Meta:
        db_table = "galjobs"
        verbose_name = "job"
        ordering = ["-created"]

    def __str__(self):
        return f"job {self.pk}: {self.exposure}"


class GalImageQuerySet(models.QuerySet):
    """Chips by filter, state and position."""

    def references(self):
        return self.filter(is_reference=True)

    def searches(self):
        return self.filter(is_reference=False)

    def done(self):
        return self.filter(status=Status.DONE)

    def open(self):
        """Requested chips that are not finished."""
        return self.filter(status__in=OPEN)

    def unfinished(self):
        """Chips that failed, or whose processing was interrupted."""
        interrupted = models.Q(status=Status.PENDING, job__isnull=False)
        return self.filter(models.Q(status=Status.FAILED) | interrupted)

    def in_filter(self, name):
        return self.filter(exposure__filter=name)

    def of_exposures_near(self, exposure, reach_degrees):
        """Chips of exposures in an exposure's filter that point within a distance of it."""
        place = models.Value(exposure.ra), models.Value(exposure.dec)
        near = Q3CWithin(
            *place,
            models.F("exposure__ra"),
            models.F("exposure__dec"),
            models.Value(reach_degrees),
        )
        return self.in_filter(exposure.filter).filter(near)

    def widest(self) -> float:
        """An upper bound on the chips' radii in degrees; 0 without chips."""
        possible = self.filter(radius__lte=MAX_DEGREES)
        return possible.aggregate(widest=models.Max("radius"))["widest"] or 0.0

    def overlapping(self, image):
        """Chips whose footprint shares sky with that of ``image``.

        Chips of one camera are of about the same size. Those that were never reduced have no
        footprint, and overlap nothing.
        """
        widest = self.model.objects.widest()
        if not image.footprint or not widest:
            return self.none()
        near = Q3CWithin(
            models.Value(image.ra),
            models.Value(image.dec),
            models.F("ra"),
            models.F("dec"),
            models.Value(image.radius + widest),
        )
        return (
            self.exclude(pk=image.pk)
            .filter(near)
            .filter(shares_sky(image.positions(), image.footprint))
        )


class GalImage(ImageResults):
    """One chip of an exposure: its processing, its place on the sky and its results."""

    exposure = models.ForeignKey(GalExposure, on_delete=models.CASCADE, related_name="images")
    ccdnum = models.PositiveSmallIntegerField()
    chip_name = models.CharField(max_length=80)
    path = models.TextField(help_text="of the image file; its siblings are found beside it")
    hdu = models.PositiveSmallIntegerField()
    is_reference = models.BooleanField(default=False)
    status = models.CharField(max_length=8, choices=Status, default=Status.PENDING)
    step = models.CharField(
        max_length=32,
        choices=ProcessingStep,
        blank=True,
        help_text="the last one that was begun",
    )
    error = models.TextField(blank=True, help_text="why it failed")
    job = models.ForeignKey(
        GalJob,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="images",
        help_text="the last that asked for it",
    )
    queued = models.DateTimeField(null=True, help_text="when a worker was last told of it")
    attempts = models.PositiveSmallIntegerField(default=0, help_text="begun in its job")
    host = models.CharField(max_length=64, blank=True, help_text="where it was last begun")
    pid = models.PositiveIntegerField(null=True, help_text="of the process there")

    width = models.PositiveIntegerField(null=True, help_text="pixels")
    height = models.PositiveIntegerField(null=True, help_text="pixels")
    ra = models.FloatField(null=True, help_text="of the centre, ICRS degrees")
    dec = models.FloatField(null=True, help_text="of the centre, ICRS degrees")
    radius = models.FloatField(null=True, help_text="of the circle round the chip, degrees")
    footprint = ArrayField(
        models.FloatField(), null=True, help_text="ra, dec of the four corners, degrees"
    )

    started = models.DateTimeField(null=True)
    finished = models.DateTimeField(null=True)

    objects = GalImageQuerySet.as_manager()

    class Meta:
        db_table = "galimages"
        verbose_name = "chip"
        constraints = [
            on_the_sky("galimages"),
            footprint_on_the_sky("galimages"),
            models.UniqueConstraint(fields=["exposure", "ccdnum"], name="galimages_one_row_a_chip"),
        ]
        indexes = [
            BTreeIndex(Q3CIndexExpression("ra", "dec"), name="galimages_q3c"),
            BTreeIndex(
                Q3CIndexExpression("ra", "dec"),
                condition=models.Q(is_reference=True),
                name="galimages_references_q3c",
            ),
            # By status, and the latest of each: what failed, the pace, the time that a chip takes.
            models.Index(
                "status",
                models.F("finished").desc(nulls_last=True),
                models.F("id").desc(),
                name="galimages_latest",
            ),
            # What is still to be done: of a job, and of references, for which others wait.
            models.Index(
                fields=["job", "status"],
                condition=models.Q(status__in=OPEN),
                name="galimages_open",
            ),
            models.Index(
                fields=["exposure"],
                condition=models.Q(is_reference=True, status__in=OPEN),
                name="galimages_open_references",
            ),
            # The widest chip, by which a search round a position has to reach further.
            models.Index(fields=["radius"], name="galimages_radius"),
            models.Index(
                fields=["exposure"],
                condition=models.Q(is_doubted=True),
                name="galimages_doubted",
            ),
        ]
        permissions = [
            ("choose_reference", "Can choose which images are references"),
            ("overrule_quality", "Can overrule what is made of an image's quality"),
        ]

    def __str__(self):
        return f"{self.exposure} {self.chip_name}"

    def get_absolute_url(self):
        return reverse("image", args=[self.pk])

    @property
    def orientation(self) -> Orientation:
        """The Orientation of its pictures: their rotation, and the directions of north and east."""
        return orientation_of(self.footprint, self.width, self.height)

    @property
    def picture_size(self) -> tuple[int, int]:
        """Width and height of the chip's picture."""
        return self.orientation.size(self.width, self.height)

    @property
    def picture_matrix(self) -> str:
        """The transformation from chip pixels to the picture, as an SVG matrix."""
        return self.orientation.svg_matrix(self.width, self.height)

    @property
    def doubt_labels(self) -> list[str]:
        """The reasons to doubt it, in words."""
        labels = dict(Doubt.choices)
        return [labels.get(name, name) for name in self.doubts]

    def verdict(self) -> str:
        """The latest decision of people on its quality."""
        last = self.quality_decisions.order_by("-pk").values_list("verdict", flat=True).first()
        return last or GalQualityDecision.Verdict.AS_MEASURED

    def positions(self):
        """Corners and centre as (ra, dec) pairs in degrees."""
        corners = list(zip(self.footprint[::2], self.footprint[1::2], strict=True))
        return [*corners, (self.ra, self.dec)]


class GalCheckpointQuerySet(models.QuerySet):
    """Lines of logs."""

    def note(self, about, step, note="", **columns):
        """Write a line about a chip, or about the exposure of a job."""
        ccdnum = getattr(about, "ccdnum", 0)
        return self.create(
            exposure_id=about.exposure_id, ccdnum=ccdnum, step=step, note=note, **columns
        )


class GalCheckpoint(models.Model):
    """A line of an exposure's log."""

    class Level(models.TextChoices):
        INFO = "info"
        WARNING = "warning"
        ERROR = "error"

    exposure = models.ForeignKey(GalExposure, on_delete=models.CASCADE, related_name="checkpoints")
    ccdnum = models.PositiveSmallIntegerField(default=0, help_text="0 for the whole exposure")
    step = models.CharField(max_length=32, choices=LogStep)
    level = models.CharField(max_length=8, choices=Level, default=Level.INFO)
    note = models.TextField(blank=True)
    value = models.FloatField(null=True)
    time = models.DateTimeField(auto_now_add=True)
    host = models.CharField(max_length=64, default=this_host)

    objects = GalCheckpointQuerySet.as_manager()

    class Meta:
        db_table = "galcheckpoints"
        verbose_name = "line of the log"
        verbose_name_plural = "lines of the log"
        ordering = ["id"]
        indexes = [
            models.Index(fields=["exposure", "ccdnum"], name="galcheckpoints_chip"),
            # Few among many lines, and counted on every look at the working status.
            models.Index(
                fields=["exposure", "time"],
                condition=models.Q(level="error"),
                name="galcheckpoints_error_times",
            ),
            # Few, too: what was done to references.
            models.Index(
                fields=["exposure", "id"],
                condition=models.Q(step__in=REFERENCE_STEPS),
                name="galcheckpoints_references",
            ),
        ]

    def __str__(self):
        return f"{self.exposure_id}/{self.ccdnum} {self.step}: {self.note}"
