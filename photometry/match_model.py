"""The tables of matches of reference sources with published stars."""

from django.db import models

from exposures.real_field import RealField
from exposures.source_ids import id_range
from photometry.science.matching.states import MatchState

STATES = [(state.value, state.label) for state in MatchState]


class GalMatchRun(models.Model):
    """A reference catalogue that was matched with a published one, and what was learnt of both.

    The pair has rows of galmatches as long as it has one of these.
    """

    reference = models.ForeignKey(
        "photometry.GalReference", on_delete=models.CASCADE, related_name="match_runs"
    )
    published = models.ForeignKey(
        "exposures.GalPublishedCatalogue", on_delete=models.CASCADE, related_name="match_runs"
    )
    digest = models.CharField(max_length=64, help_text="of the options and the code")
    matched_at = models.DateTimeField(auto_now=True)
    n_stars = models.IntegerField(help_text="published ones on the image")
    n_matched = models.IntegerField(help_text="sources")
    n_cant_be_told = models.IntegerField(help_text="sources")
    n_no_counterpart = models.IntegerField(help_text="sources")
    n_not_covered = models.IntegerField(help_text="sources")
    east = RealField(help_text="arcsec, of our frame from theirs in the middle of the image")
    north = RealField(help_text="arcsec, of our frame from theirs in the middle of the image")
    position_scale = RealField(help_text="errors of positions as found, over those stated")
    mag_offset = RealField(help_text="mag, of ours from theirs in the main band")
    mag_scatter = RealField(help_text="mag, of that beyond the errors")
    has_motions = models.BooleanField(
        default=False, help_text="the sources have the proper motions of their stars"
    )

    class Meta:
        db_table = "galmatchruns"
        verbose_name = "match run"
        constraints = [
            models.UniqueConstraint(
                fields=["reference", "published"], name="galmatchruns_once_a_pair"
            )
        ]

    def __str__(self):
        return f"catalogue {self.reference_id} matched with {self.published_id}"


class GalMatchQuerySet(models.QuerySet):
    """Matches of sources by reference catalogue, published catalogue and rank."""

    def in_reference(self, catalogue_id: int):
        """Those of the sources of a reference catalogue."""
        return self.filter(refsource_id__range=id_range(catalogue_id))

    def with_published(self, catalogue_id: int):
        """Those with stars of a published catalogue, or with none of it."""
        return self.filter(catalogue_id=catalogue_id)

    def best(self):
        """The row of rank 1, which every source has that was matched."""
        return self.filter(rank=1)


class GalMatch(models.Model):
    """A published star that a reference source is, or may be; or that there is none.

    Of each source in a reference catalogue that was matched with a published one there is a row of
    rank 1, and one of rank 2 where another star is a part of it or may be it. Written whole for
    both catalogues by COPY, and never by the ORM.
    """

    pk = models.CompositePrimaryKey("refsource_id", "catalogue_id", "rank")
    refsource_id = models.BigIntegerField()
    star_id = models.BigIntegerField(null=True, help_text="published star; null: none")
    separation = RealField(null=True, help_text="arcsec, at the image's epoch")
    probability = RealField(
        null=True, help_text="that the source is this star, or that the star is a part of it"
    )
    n_possible = models.IntegerField(
        help_text="stars that the source may be, or sources that its star may be, if more"
    )
    catalogue_id = models.SmallIntegerField(help_text="of the published catalogue")
    rank = models.SmallIntegerField(help_text="1: best, 2: next best")
    state = models.SmallIntegerField(choices=STATES, help_text="of the source")

    objects = GalMatchQuerySet.as_manager()

    class Meta:
        db_table = "galmatches"
        verbose_name = "match"
        verbose_name_plural = "matches"
        indexes = [
            models.Index(
                fields=["star_id"],
                condition=models.Q(star_id__isnull=False),
                name="galmatches_star",
            )
        ]

    def __str__(self):
        return f"source {self.refsource_id}: star {self.star_id}, rank {self.rank}"
