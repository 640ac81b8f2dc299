"""Candidates for variable stars: reference sources that changed, and new sources."""

from dataclasses import dataclass

from django.contrib.postgres.indexes import BTreeIndex
from django.db import models
from django.db.models.functions import Abs
from django.urls import reverse

from exposures.constraints import on_the_sky
from exposures.models import GalImage
from exposures.q3c import Q3CDistance, Q3CIndexExpression, Q3CWithin
from photometry.models import GalObjectSource, GalReference
from variables.models.candidate_counts import ALONE
from variables.models.causes import Cause
from variables.models.changes import Cut, GalVarObj
from variables.models.known import AGREEMENTS, Known
from variables.models.planes import StarList
from variables.models.vetting import CampaignObject, GalDecision, TaxonomyClass

# What candidates of one star have in common.
STAR = ("object_id", "object_part", "is_flagged")
# People agree on a class, or don't agree.
HAS_CLASS = models.Q(consensus__isnull=False) | models.Q(is_disputed=True)
# Detected on an image, or varying over all of them.
FOUND = models.Q(n_detections__gt=0) | models.Q(varies=True)
# Found, and hidden by no flag.
ACCEPTED = FOUND & models.Q(is_flagged=False)


@dataclass(frozen=True)
class Opinion:
    """People's consensus on a candidate as one user may see it; all None if they may not."""

    choice: TaxonomyClass | None  # that they agree on
    n_votes: int | None
    is_disputed: bool | None
    period_days: float | None  # that those agree on who voted for the class
    period_err: float | None  # days


UNSEEN = Opinion(None, None, None, None, None)


class GalCandidateQuerySet(models.QuerySet):
    """Candidates by state and position."""

    def current(self):
        """Candidates of catalogues in use, without those of replaced catalogues."""
        return self.filter(catalogue__active=True)

    def counted_as(self, bit):
        """Candidates that are counted as one of CountedAs, if they are among these at all."""
        return self.alias(bit=models.F("counted_as").bitand(int(bit))).filter(bit__gt=0)

    def visible(self):
        """Candidates that are not hidden by a flag."""
        return self.filter(is_flagged=False)

    def found(self):
        """Candidates with a change that passes all cuts, or whose light curve varies."""
        return self.filter(FOUND)

    def accepted(self):
        """Candidates as pages, lists, the API and counts mean them: current, visible and found.

        They belong to a catalogue in use, have a change that passes all cuts or a light curve that
        varies, and are not hidden by a flag. Numbers on pages count ``one_a_star`` of these.
        """
        return self.current().filter(ACCEPTED)

    def to_be_seen(self):
        """Candidates that people are shown: found, voted on, or in a campaign."""
        asked_for = CampaignObject.objects.values("refsource_id")
        return self.filter(FOUND | models.Q(n_votes__gt=0) | models.Q(pk__in=asked_for))

    def in_filter(self, name):
        return self.filter(filter=name)

    def of_object(self, object_id):
        """Candidates whose source belongs to an object: one in each filter, more in a blend."""
        sources = GalObjectSource.objects.filter(object_id=object_id)
        return self.filter(pk__in=sources.values("refsource_id"))

    def of_object_of(self, refsource_id):
        """Candidates of the object to which a source belongs."""
        own = GalObjectSource.objects.filter(pk=refsource_id)
        return self.of_object(own.values("object_id")[:1])

    def in_star_list(self, pk):
        """Candidates among the stars of a list that somebody made."""
        listed = StarList.objects.filter(pk=pk)
        ids = listed.values_list(models.Func("refsource_ids", function="unnest"), flat=True)
        return self.filter(pk__in=ids)

    def one_a_star(self):
        """One candidate for each star among these: the one most often detected.

        A star has a candidate for each reference image on which it is found, and in each filter.
        """
        own = {name: models.OuterRef(name) for name in ("n_detections", "n_changes", "pk")}
        more = models.Q(n_detections__gt=own["n_detections"])
        alike = models.Q(n_detections=own["n_detections"])
        more |= alike & models.Q(n_changes__gt=own["n_changes"])
        more |= alike & models.Q(n_changes=own["n_changes"], pk__lt=own["pk"])
        return self.of_stars_without(self.order_by().filter(more))

    def of_stars_without(self, others):
        """These candidates without those whose star has a candidate among ``others``."""
        of_star = others.filter(**{name: models.OuterRef(name) for name in STAR})
        # Nearly all are the only ones of their star; the rest is looked up one by one.
        return self.filter(models.Q(star_sources=1) | ~models.Exists(of_star))

    def near(self, ra, dec, radius_arcsec):
        """Candidates within a radius of a position in degrees."""
        place = models.F("ra"), models.F("dec")
        centre = models.Value(float(ra)), models.Value(float(dec))
        return self.filter(Q3CWithin(*centre, *place, models.Value(float(radius_arcsec) / 3600)))

    def with_distance(self, ra, dec):
        """Annotated with the ``distance_arcsec`` of each from a position in degrees."""
        place = models.F("ra"), models.F("dec")
        centre = models.Value(float(ra)), models.Value(float(dec))
        return self.annotate(distance_arcsec=Q3CDistance(*centre, *place) * 3600.0)

    def cone(self, ra, dec, radius_arcsec):
        """Candidates near a position in degrees with ``distance_arcsec``, nearest first."""
        near = self.near(ra, dec, radius_arcsec)
        return near.with_distance(ra, dec).order_by("distance_arcsec")

    def changed_by(self, min=None, max=None):
        """Candidates whose largest change, whatever its sign, is in a range of magnitudes."""
        sized = self.alias(size=Abs("max_delta_mag"))
        sized = sized if min is None else sized.filter(size__gte=min)
        return sized if max is None else sized.filter(size__lte=max)

    def of_class(self, slug):
        """Candidates agreed to be of a class; "none" for those without votes, or "disputed".

        Classes count as far as the user may see them.
        """
        if slug == "none":
            return self.exclude(HAS_CLASS, shows_class=True)
        if slug == "disputed":
            return self.filter(is_disputed=True, shows_class=True)
        own, parent = models.Q(consensus__slug=slug), models.Q(consensus__parent__slug=slug)
        return self.filter(own | parent, shows_class=True)

    def with_class(self):
        """Candidates with visible votes, whether voters agree or not."""
        return self.filter(HAS_CLASS, shows_class=True)

    def vetted(self, by, user):
        """Candidates vetted by "me" (the user), "not-me", "nobody" or "anybody", if visible."""
        if by == "nobody":
            return self.exclude(n_votes__gt=0, shows_class=True)
        if by == "anybody":
            return self.filter(n_votes__gt=0, shows_class=True)
        voted_on = GalDecision.objects.votes_standing().filter(user=user).values("refsource_id")
        # As a set that is made once: asked for each candidate, it took a second.
        return self.filter(pk__in=voted_on) if by == "me" else self.exclude(pk__in=voted_on)

    def as_seen_by(self, user=None):
        """Annotate what a user may know of others' votes; without a user, what everybody may.

        ``shows_class`` says whether the user may know others' votes: these are blind, and in an
        open campaign only those who have voted since it began may see them. ``seen_votes`` is the
        number of visible votes, null if none may be seen. All that filters, sorts, counts or shows
        consensus, n_votes or is_disputed must use these two.
        """
        blind = CampaignObject.objects.blind_to(user).filter(refsource_id=models.OuterRef("pk"))
        shows = models.ExpressionWrapper(~models.Exists(blind), models.BooleanField())
        seen_votes = models.Case(models.When(shows_class=True, then="n_votes"))
        return self.annotate(shows_class=shows).annotate(seen_votes=seen_votes)

    def detected_on(self, identifier):
        """Candidates detected on an exposure, given by its number or the stem of its file."""
        changes = GalVarObj.objects.accepted().filter(image__exposure__identifier=identifier)
        return self.filter(pk__in=changes.values("refsource_id"))


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
        constraints = [on_the_sky("galcandidates")]
        indexes = [
            BTreeIndex(Q3CIndexExpression("ra", "dec"), name="galcandidates_q3c"),
            # The orders of the lists, each ended by the id, so that pages are found by key.
            models.Index(fields=["-n_detections", "refsource_id"], name="galcandidates_detections"),
            models.Index(fields=["-star_detections", "refsource_id"], name="galcandidates_star"),
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
            models.Index(fields=["-max_significance", "refsource_id"], name="galcandidates_sigma"),
            models.Index(fields=["reference_mag", "refsource_id"], name="galcandidates_mag"),
            models.Index(fields=["-last_mjd", "refsource_id"], name="galcandidates_last"),
            models.Index(fields=["false_alarm", "refsource_id"], name="galcandidates_alarm"),
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
