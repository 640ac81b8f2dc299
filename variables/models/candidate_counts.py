"""Numbers of candidates that the database keeps: by how often they were detected, and if known."""

from enum import IntFlag

from django.db import models


class CountedAs(IntFlag):
    """As what a candidate is counted, if it is among these at all: bits of ``counted_as``.

    A star is counted by one of its candidates: the one most often detected among those of
    catalogues in use, or among the accepted ones of these; of all filters, or of its own. Where it
    is counted by what is known, this is the one among those of which the surest is known.
    """

    SOURCE = 1  # of a catalogue in use
    STAR = 2
    STAR_IN_FILTER = 4
    ACCEPTED_STAR = 8
    ACCEPTED_STAR_IN_FILTER = 16
    KNOWN_STAR = 32
    KNOWN_STAR_IN_FILTER = 64
    KNOWN_ACCEPTED_STAR = 128
    KNOWN_ACCEPTED_STAR_IN_FILTER = 256


ALONE = 511  # all: the only candidate of its star
NOT_COUNTED = 0  # of a catalogue that is not in use any more


class GalCandidateCountQuerySet(models.QuerySet):
    """Counts of candidates: sums over the rows of one kind."""

    def by(self, *columns):
        """Sums of candidates, {columns, n}, without those of none."""
        summed = self.order_by().values(*columns).annotate(n=models.Sum("n_candidates"))
        return summed.filter(n__gt=0)


class GalCandidateCount(models.Model):
    """A change of the number of candidates of one kind; their sum is how many there are.

    Triggers on galcandidates write it: each statement adds its own rows, so that those who write at
    once don't wait for each other, and rows of one kind are put together now and then.
    """

    class Of(models.TextChoices):
        """What is counted; ``number`` is how often it was detected, or changed."""

        DETECTIONS = "detections", "accepted candidates, by detections"
        CHANGES = "changes", "candidates, by changes"
        STAR_DETECTIONS = "star detections", "stars with accepted candidates, by detections"
        STAR_CHANGES = "star changes", "stars, by changes"
        DETECTIONS_IN_FILTER = "detections in filter", "as star detections, in one filter"
        CHANGES_IN_FILTER = "changes in filter", "as star changes, in one filter"
        VETTED = "vetted", "of star detections, those of an agreed class"
        DISPUTED = "disputed", "of star detections, those on which people disagree"
        UNDETECTED = "undetected", "stars whose changes fail a cut each time"
        FLAGGED = "flagged", "stars that a flag hides"

    of = models.CharField(max_length=24, choices=Of)
    filter = models.CharField(max_length=80, blank=True, help_text='"" where it is of all filters')
    known = models.CharField(
        max_length=13, blank=True, help_text='what is known of these; "" for all together'
    )
    number = models.IntegerField(help_text="of detections or changes; 0 where it is by none")
    n_candidates = models.IntegerField(help_text="more, or fewer")

    objects = GalCandidateCountQuerySet.as_manager()

    class Meta:
        db_table = "galcandidatecounts"
        verbose_name = "count of candidates"
        verbose_name_plural = "counts of candidates"
        default_permissions = ()

    def __str__(self):
        return f"{self.n_candidates:+} {self.of} {self.number}"
