"""Candidates by state and position, and by what people said of them."""

from django.db import models
from django.db.models.functions import Upper

from exposures.q3c import Q3CDistance, Q3CWithin
from photometry.models import GalObjectSource, GalReference
from variables.models.candidate_indexes import IN_SAMPLE, KNOWN_CLASS, SAMPLED_OF
from variables.models.changes import GalVarObj
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


class AmongIds(models.Func):
    """True of an id that is among others, which are one text such as {1,2} to the database."""

    template = "(%(expressions)s::bigint[]))"
    arg_joiner = " = ANY("
    output_field = models.BooleanField()


def _is_of_class(slug):
    """The condition that people agree on a class or one of its subtypes, or are "disputed"."""
    if slug == "disputed":
        return models.Q(is_disputed=True)
    named = TaxonomyClass.objects.filter(models.Q(slug=slug) | models.Q(parent__slug=slug))
    # Their ids rather than a join: so the planner knows how frequent they are.
    return models.Q(consensus__in=list(named.values_list("pk", flat=True)))


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

    def among_many(self, ids):
        """The same of very many ids, of which each candidate is looked up among all."""
        listed = models.Value("{" + ",".join(map(str, ids)) + "}")
        return self.filter(models.Q(pk=None) | models.Q(AmongIds("pk", listed)))

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
        return self.filter(SEEN, _is_of_class(slug))

    def of_class_vetted(self, slug, user):
        """The same of candidates that the user has vetted, of which few are blind to them."""
        voted_before = CampaignObject.objects.blind_though_voted(user)
        ids = list(voted_before.values_list("refsource_id", flat=True)[: MANY_VOTES + 1])
        if len(ids) > MANY_VOTES:
            return self.of_class(slug)
        # All others' classes are seen, and need not be looked up for each candidate.
        blind = models.Q(pk__in=ids)
        if slug == "none":
            return self.filter(~HAS_CLASS | blind)
        return self.filter(_is_of_class(slug), ~blind)

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

    def tagged(self, taggings, user):
        """Candidates with one of these taggings: the user's own, or others' that they may see."""
        here = taggings.filter(**OF_EACH)
        own = models.Exists(here.filter(user=user))
        return self.filter(
            models.Q(pk=None) | own | models.Q(models.Exists(here), shows_class=True)
        )

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
