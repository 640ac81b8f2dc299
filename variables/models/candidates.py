"""Candidates for variable stars: reference sources that changed, and new sources."""

from django.contrib.postgres.indexes import BTreeIndex
from django.db import models
from django.urls import reverse

from exposures.constraints import on_the_sky
from exposures.models import GalImage
from exposures.q3c import Q3CIndexExpression
from photometry.models import GalReference
from variables.models.candidate_counts import ALONE
from variables.models.candidate_indexes import indexes_of_lists
from variables.models.candidate_querysets import ACCEPTED, HAS_CLASS, GalCandidateQuerySet
from variables.models.causes import Cause
from variables.models.changes import Cut
from variables.models.known import AGREEMENTS, Known
from variables.models.opinions import UNSEEN, Opinion


class GalCandidate(models.Model):
    """A source with a row in galvarobjs, or whose light curve varies, summarised.

    Its columns are derived by ``variables.derived.refresh`` from galvarobjs, galsources,
    galvariability, galflags and galdecisions, and never written by hand. Statistics are over all
    measurements of the source in the reference's filter, and null where these are too few.
    """

    class Kind(models.TextChoices):
        CHANGED = "changed", "a source of the reference that changed"
        NEW = "new", "not on the reference"
        VARIES = "varies", "varies over all epochs, though no image alone shows it"

    refsource_id = models.BigIntegerField(primary_key=True)
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.CHANGED)
    catalogue = models.ForeignKey(GalReference, on_delete=models.CASCADE, related_name="candidates")
    filter = models.CharField(max_length=80)
    ccdnum = models.PositiveSmallIntegerField(help_text="chip of the reference image")
    ra = models.FloatField(help_text="ICRS degrees")
    dec = models.FloatField(help_text="ICRS degrees")
    x = models.FloatField(help_text="on the reference image, pixels from 0")
    y = models.FloatField(help_text="on the reference image, pixels from 0")
    reference_mag = models.FloatField(
        null=True, help_text="by the primary, or by all images of its set; null: on none"
    )

    n_epochs = models.PositiveIntegerField(
        help_text="images on which it was looked for, detected or not, the reference's included; "
        "if new: images that show the place"
    )
    n_non_detections = models.PositiveIntegerField(
        default=0, help_text="of these, those on which it was not detected"
    )
    n_changes = models.PositiveIntegerField(help_text="rows in galvarobjs")
    n_detections = models.PositiveIntegerField(
        help_text="of these, those that passed the cuts and are not flagged"
    )
    first_mjd = models.FloatField(
        help_text="of the detections; else of the changes; else of all epochs"
    )
    last_mjd = models.FloatField(
        help_text="of the detections; else of the changes; else of all epochs"
    )
    max_delta_mag = models.FloatField(null=True, help_text="the largest in size, with its sign")
    mean_delta_mag = models.FloatField(null=True)
    max_significance = models.FloatField(
        help_text="of the changes; else of the largest deviation from the mean; sigma"
    )
    has_vanished = models.BooleanField(default=False, help_text="on at least one image")

    mean_mag = models.FloatField(null=True, help_text="weighted")
    rms_mag = models.FloatField(null=True)
    amplitude_mag = models.FloatField(null=True, help_text="from the 5th to the 95th percentile")
    chi2_nu = models.FloatField(null=True, help_text="against a constant magnitude")
    von_neumann = models.FloatField(
        null=True, help_text="of successive differences; 2 for noise, small for smooth changes"
    )
    skewness = models.FloatField(null=True, help_text="of magnitudes; positive where it fades")

    varies = models.BooleanField(
        default=False, help_text="by its statistics over all epochs, which false_alarm sums up"
    )
    false_alarm = models.FloatField(
        null=True,
        help_text="share of constant stars that seem to vary as much; null: unknown",
    )
    excess_mag = models.FloatField(
        null=True, help_text="scatter beyond the errors, over all epochs"
    )
    period_days = models.FloatField(
        null=True, help_text="the likeliest by all its light curves; null: none is certain"
    )
    period_err = models.FloatField(null=True, help_text="days")
    colour_mag = models.FloatField(
        null=True, help_text="of the published star that it is; null: unknown"
    )
    absolute_mag = models.FloatField(
        null=True, help_text="by the published parallax, without extinction; null: unknown"
    )
    # By variables.derived.known, of published catalogues in use.
    known = models.CharField(
        max_length=13,
        choices=Known,
        default=Known.NOT_LOOKED_UP,
        help_text="whether catalogues of variable stars have it",
    )
    known_possible = models.PositiveIntegerField(
        null=True, help_text="published variables that it may be, where that can't be told"
    )
    known_class = models.TextField(null=True, help_text="as published")
    known_name = models.TextField(null=True, help_text="of the variable; else of the object")
    known_period = models.FloatField(null=True, help_text="days, as published")
    period_agreement = models.CharField(
        max_length=7, choices=AGREEMENTS, default="none", help_text="of period_days with that"
    )
    failed_cuts = models.SmallIntegerField(default=0, help_text="bits of Cut that any change fails")
    cause = models.CharField(max_length=12, choices=Cause, default=Cause.REAL)
    is_flagged = models.BooleanField(
        default=False, help_text="hidden by flags that stand: itself, or all of its changes"
    )
    consensus = models.ForeignKey(
        "variables.TaxonomyClass",
        null=True,
        on_delete=models.SET_NULL,
        related_name="candidates",
        help_text="the class that people agree on",
    )
    n_votes = models.PositiveSmallIntegerField(default=0)
    is_disputed = models.BooleanField(default=False, help_text="votes that don't agree")
    agreed_period_days = models.FloatField(
        null=True, help_text="that people agree on who voted for the class"
    )
    agreed_period_err = models.FloatField(
        null=True, help_text="days, of the votes and of its light curves; null: unknown"
    )

    # Of the star, by ``variables.derived.stars``; of the source alone where it has no object.
    object_id = models.BigIntegerField(
        null=True, help_text="the star, of galobjects; null: not cross-matched"
    )
    object_part = models.PositiveSmallIntegerField(
        default=1, help_text="of a blend that is several sources here: which of its stars, from 1"
    )
    star_sources = models.PositiveSmallIntegerField(
        default=1, help_text="candidates of the same star; flagged ones are counted apart"
    )
    star_detections = models.PositiveIntegerField(
        default=0, help_text="images on which any source of the star was detected, in all filters"
    )
    star_detections_in_filter = models.PositiveIntegerField(
        default=0, help_text="of these, those in this candidate's filter"
    )
    star_changes = models.PositiveIntegerField(
        default=0, help_text="images on which any source of the star changed, in all filters"
    )
    star_changes_in_filter = models.PositiveIntegerField(
        default=0, help_text="of these, those in this candidate's filter"
    )
    counted_as = models.SmallIntegerField(
        default=ALONE, db_default=ALONE, help_text="bits of CountedAs, for numbers of stars"
    )
    refreshed = models.DateTimeField(auto_now=True)

    objects = GalCandidateQuerySet.as_manager()

    class Meta:
        db_table = "galcandidates"
        verbose_name = "candidate"
        constraints = [on_the_sky("galcandidates")]
        indexes = [
            BTreeIndex(Q3CIndexExpression("ra", "dec"), name="galcandidates_q3c"),
            *indexes_of_lists(),
            models.Index(fields=["object_id"], name="galcandidates_object"),
            models.Index(
                fields=["catalogue", "refsource_id"],
                condition=ACCEPTED,
                name="galcandidates_accepted",
            ),
            models.Index(
                fields=["refsource_id"],
                include=["star_detections", "counted_as", "consensus", "is_disputed"],
                condition=HAS_CLASS & ACCEPTED,
                name="galcandidates_voted",
            ),
        ]

    def __str__(self):
        return f"candidate {self.refsource_id}"

    def get_absolute_url(self):
        return reverse("candidate", args=[self.pk])

    @property
    def is_new(self):
        """Whether the source is missing on the reference."""
        return self.kind == self.Kind.NEW

    @property
    def is_found(self):
        """Whether it was detected on an image, or varies over all of them."""
        return self.n_detections > 0 or self.varies

    def cuts(self):
        """The cuts that any of its changes failed."""
        return [cut for cut in Cut if self.failed_cuts & cut]

    @property
    def opinion(self) -> Opinion:
        """The Opinion on it, as seen by the user given to ``as_seen_by``."""
        if not self.shows_class:
            return UNSEEN
        period = self.agreed_period_days, self.agreed_period_err
        return Opinion(self.consensus, self.n_votes, self.is_disputed, *period)

    @property
    def image(self) -> GalImage:
        """The reference image."""
        return self.catalogue.image
