"""Flags on artifacts: on a source, a region of a chip, or a whole chip."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Count, Max, Min, Q

from exposures.models import GalImage


class Artifact(models.TextChoices):
    """The kinds of artifact."""

    BLEED = "bleed", "bleed trail"
    EDGE = "edge", "edge of the chip"
    SATURATED = "saturated", "near a saturated star"
    DETECTOR = "detector", "defect of the detector"
    REFERENCE = "reference", "artifact on the reference"
    TRAIL = "trail", "satellite or aeroplane"
    GHOST = "ghost", "ghost or reflection"
    COSMIC = "cosmic", "cosmic ray"
    BLEND = "blend", "badly separated neighbours"
    QUALITY = "quality", "bad image: trailed, clouded, out of focus"
    OTHER = "other", "something else"


class GalFlagQuerySet(models.QuerySet):
    """Flags by state."""

    def standing(self):
        """Flags in force: they hide what they cover."""
        return self.filter(state=GalFlag.State.STANDING)

    def proposed(self):
        return self.filter(state=GalFlag.State.PROPOSED)

    def by_person(self, name):
        """Flags made or decided on by the person with this user name."""
        return self.filter(Q(made_by__username=name) | Q(decided_by__username=name))

    def on_exposure(self, identifier):
        return self.filter(image__exposure__identifier=identifier)

    def with_people(self):
        """Select the people that a list of flags names in the same query."""
        return self.select_related("image__exposure", "made_by", "decided_by")

    def groups(self):
        """The groups of proposals, largest first, with number, artifact and highest key."""
        groups = self.proposed().order_by().values("group", "artifact")
        counted = groups.annotate(n_flags=Count("pk"), last=Max("pk"), reason=Min("reason"))
        return counted.order_by("-n_flags", "group")

    def kinds(self):
        """The numbers of proposals and of groups by kind of artifact."""
        kinds = self.proposed().order_by().values("artifact")
        counted = kinds.annotate(
            n_flags=Count("pk"), last=Max("pk"), n_groups=Count("group", distinct=True)
        )
        return counted.order_by("-n_flags")


class GalFlag(models.Model):
    """A statement that what it covers is an artifact, by whom and why. Never deleted.

    With ``refsource_id`` it covers that source on all images; else what lies on ``image``, within
    ``region`` or anywhere if that is null. On a reference image a flag hides the sources
    themselves, on a search image only the changes there.
    """

    class State(models.TextChoices):
        PROPOSED = "proposed"  # by the pipeline; hides nothing until somebody accepts it
        STANDING = "standing"
        DECLINED = "declined"
        UNDONE = "undone"

    refsource_id = models.BigIntegerField(null=True, blank=True, db_index=True)
    image = models.ForeignKey(
        GalImage, null=True, blank=True, on_delete=models.CASCADE, related_name="flags"
    )
    region = ArrayField(
        models.FloatField(),
        null=True,
        blank=True,
        help_text="x, y of the corners of a polygon, pixels from 0",
    )
    artifact = models.CharField(max_length=12, choices=Artifact)
    reason = models.TextField(blank=True)
    state = models.CharField(max_length=8, choices=State, default=State.STANDING)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="flags_made",
        help_text="null: proposed by the pipeline",
    )
    made = models.DateTimeField(auto_now_add=True, db_index=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="flags_decided",
        help_text="who accepted, declined or undid it",
    )
    decided = models.DateTimeField(null=True, blank=True)
    decision_reason = models.TextField(blank=True)
    group = models.CharField(
        max_length=100,
        blank=True,
        help_text="of proposals with the same cause, which are decided in one batch",
    )

    objects = GalFlagQuerySet.as_manager()

    class Meta:
        db_table = "galflags"
        verbose_name = "flag"
        ordering = ["-made"]
        indexes = [
            models.Index(fields=["state", "-made"], name="galflags_state"),
            models.Index(fields=["state", "group", "id"], name="galflags_group"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(refsource_id__isnull=False, image=None, region=None)
                | Q(refsource_id=None, image__isnull=False),
                name="galflags_source_or_image",
            )
        ]

    def __str__(self):
        if self.refsource_id is not None:
            return f"{self.artifact} at source {self.refsource_id}"
        return f"{self.artifact} on {'a region of ' if self.region else ''}image {self.image_id}"

    @property
    def points(self):
        """The corners of the region, as SVG writes them."""
        return " ".join(f"{x:g},{y:g}" for x, y in self.corners())

    def corners(self):
        """x, y of each corner of the region."""
        region = self.region or []
        return list(zip(region[::2], region[1::2], strict=True))


class GalFlagDecision(models.Model):
    """An entry in the history of a flag: who accepted, declined or undid it, when and why."""

    flag = models.ForeignKey(GalFlag, on_delete=models.CASCADE, related_name="decisions")
    state = models.CharField(max_length=8, choices=GalFlag.State)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="flag_decisions"
    )
    reason = models.TextField(blank=True)
    time = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "galflagdecisions"
        verbose_name = "decision on a flag"
        verbose_name_plural = "decisions on flags"
        ordering = ["id"]

    def __str__(self):
        return f"flag {self.flag_id}: {self.state}"
