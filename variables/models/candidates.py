"""Candidates for variable stars: reference sources that changed, and new sources."""

from django.contrib.postgres.indexes import BTreeIndex
from django.db import models
from django.db.models.functions import Upper
from django.urls import reverse

from exposures.constraints import on_the_sky
from exposures.models import GalImage
from exposures.q3c import Q3CDistance, Q3CIndexExpression, Q3CWithin
from photometry.models import GalObjectSource, GalReference
from variables.models.candidate_counts import ALONE
from variables.models.candidate_indexes import (
    IN_SAMPLE,
    KNOWN_CLASS,
    SAMPLED_OF,
    indexes_of_lists,
)
from variables.models.causes import Cause
from variables.models.changes import Cut, GalVarObj
from variables.models.known import AGREEMENTS, Known
from variables.models.opinions import UNSEEN, Opinion
from variables.models.taxonomy import TaxonomyClass
from variables.models.vetting import CampaignObject, GalDecision

MANY_VOTES = 2000  # of one person: so many are looked up for each candidate, fewer are listed
# What candidates of one star have in common.
STAR = ("object_id", "object_part", "is_flagged")
# People agree on a class, or don't agree.
HAS_CLASS = models.Q(consensus__isnull=False) | models.Q(is_disputed=True)
# Rows of a candidate, looked up for each one that all else fits. Were they only asked for as equal,
# the planner would make a table of all of them, before it knows whether it needs any.
OF_EACH = {
    "refsource_id": models.OuterRef("pk"),
    "refsource_id__lte": models.OuterRef("pk"),
}
# Opinions that the user may see. With the other condition, which none fits, that is looked up for
# each candidate; else the planner begins with all candidates of which they may not.
SEEN = models.Q(pk=None) | models.Q(shows_class=True)
# Detected on an image, or varying over all of them.
FOUND = models.Q(n_detections__gt=0) | models.Q(varies=True)
# Found, and hidden by no flag.
ACCEPTED = FOUND & models.Q(is_flagged=False)


class GalCandidateQuerySet(models.QuerySet):
    """Candidates by state and position."""

    def current(self):
        """Candidates of catalogues in use, without those of replaced catalogues."""
        return self.filter(catalogue__active=True)

    def listed_as_current(self):
        """The same, with the catalogues replaced looked up at once.

        Few are, and to join all that are not the planner may leave the order of an index.
        """
        replaced = GalReference.objects.filter(active=False)
        return self.exclude(catalogue__in=list(replaced.values_list("pk", flat=True)))

    def sampled(self, one_of=1):
        """One in SAMPLED_OF of these candidates, by their ids; or one of some of those."""
        sample = self.filter(IN_SAMPLE)
        if one_of == 1:
            return sample
        return sample.alias(rest=models.F("pk") % (SAMPLED_OF * one_of)).filter(rest=0)

    def with_ids(self, ids):
        """Those with some ids, found by whatever else is said of them."""
        return self.filter(models.Q(pk=None) | models.Q(pk__in=ids))

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
        return self.filter(pk__in=list(sources.values_list("refsource_id", flat=True)))

    def of_object_of(self, refsource_id):
        """Candidates of the object to which a source belongs."""
        own = GalObjectSource.objects.filter(pk=refsource_id)
        return self.of_object(own.values("object_id")[:1])

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
        # Nearly all are the only ones of their star; the rest is looked up one by one. That it is
        # another one keeps the planner from making a table of all others instead.
        of_star = of_star.exclude(pk=models.OuterRef("pk"))
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
        # As ranges of the change with its sign, of which there is an index.
        sized = self
        if min is not None:
            brighter, fainter = models.Q(max_delta_mag__lte=-min), models.Q(max_delta_mag__gte=min)
            sized = self.filter(brighter | fainter)
        return sized if max is None else sized.filter(max_delta_mag__range=(-max, max))

    def of_known_class(self, begun):
        """Candidates whose published class begins with a text, whatever its case."""
        # That there is one is an index of its own.
        has_class = self.filter(known_class__isnull=False).alias(in_capitals=KNOWN_CLASS)
        return has_class.filter(in_capitals__startswith=Upper(models.Value(begun)))

    def of_class(self, slug):
        """Candidates agreed to be of a class; "none" for those without votes, or "disputed".

        Classes count as far as the user may see them.
        """
        if slug == "none":
            return self.exclude(HAS_CLASS, shows_class=True)
        if slug == "disputed":
            return self.filter(SEEN, is_disputed=True)
        named = TaxonomyClass.objects.filter(models.Q(slug=slug) | models.Q(parent__slug=slug))
        # Their ids rather than a join: so the planner knows how frequent they are.
        ids = list(named.values_list("pk", flat=True))
        return self.filter(SEEN, consensus__in=ids)

    def with_class(self):
        """Candidates with visible votes, whether voters agree or not."""
        return self.filter(HAS_CLASS, SEEN)

    def vetted(self, by, user):
        """Candidates vetted by "me" (the user), "not-me", "nobody" or "anybody", if visible."""
        if by == "nobody":
            return self.exclude(n_votes__gt=0, shows_class=True)
        if by == "anybody":
            return self.filter(SEEN, n_votes__gt=0)
        own = GalDecision.objects.votes_standing().filter(user=user)
        voted = models.Exists(own.filter(**OF_EACH))
        if by == "not-me":
            return self.filter(models.Q(n_votes=0) | ~voted)
        votes = GalDecision.objects.filter(user=user, action=GalDecision.Action.VOTE)
        if not votes[MANY_VOTES : MANY_VOTES + 1].exists():
            return self.filter(pk__in=set(own.values_list("refsource_id", flat=True)))
        # What is said first keeps the planner from beginning with all these votes.
        return self.filter(models.Q(pk=None) | voted, n_votes__gt=0)

    def as_seen_by(self, user=None):
        """Annotate what a user may know of others' votes; without a user, what everybody may.

        ``shows_class`` says whether the user may know others' votes: these are blind, and in an
        open campaign only those who have voted since it began may see them. ``seen_votes`` is the
        number of visible votes, null if none may be seen. All that filters, sorts, counts or shows
        consensus, n_votes or is_disputed must use these two.
        """
        blind = CampaignObject.objects.blind_to(user).filter(**OF_EACH)
        shows = models.ExpressionWrapper(~models.Exists(blind), models.BooleanField())
        seen_votes = models.Case(models.When(shows_class=True, then="n_votes"))
        return self.annotate(shows_class=shows).annotate(seen_votes=seen_votes)

    def ids_detected_on(self, identifier) -> set[int]:
        """Ids of what was detected on an exposure, by its number or the stem of its file."""
        changes = GalVarObj.objects.accepted().filter(image__exposure__identifier=identifier)
        return set(changes.values_list("refsource_id", flat=True))


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
