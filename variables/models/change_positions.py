"""Where the change of a candidate is, and which star it is that changes."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from photometry.models import RealField
from variables.models.variability import OfCatalogueQuerySet
from variables.science.changed_star import Doubt


class ChangePositionQuerySet(OfCatalogueQuerySet):
    """Places of changes by what they tell."""

    def of_another_star(self):
        """Those whose change is most likely that of another star than the candidate."""
        return self.filter(is_of_another=True)


def another_star_changes():
    """A condition on candidates: their change is most likely that of another star."""
    # Asked of each candidate that all else fits, as in OF_EACH of candidates.
    own = {"refsource_id": models.OuterRef("pk"), "refsource_id__lte": models.OuterRef("pk")}
    return models.Exists(GalChangePosition.objects.of_another_star().filter(**own))


class GalChangePosition(models.Model):
    """The place of a candidate's change by its differences on several images, fitted together.

    A source of the catalogue is named by its id alone, as in all tables that refer to sources. The
    rows of a catalogue go with it, and are replaced where cutouts of further images are drawn.
    """

    refsource_id = models.BigIntegerField(primary_key=True)
    ra = models.FloatField(null=True, help_text="ICRS degrees; null: no place can be told")
    dec = models.FloatField(null=True, help_text="ICRS degrees")
    x = models.FloatField(null=True, help_text="on the reference image, pixels from 0")
    y = models.FloatField(null=True, help_text="on the reference image, pixels from 0")
    x_err = RealField(null=True, help_text="pixels")
    y_err = RealField(null=True, help_text="pixels")
    xy_correlation = RealField(null=True, help_text="of both errors, -1 to 1")
    error_arcsec = RealField(null=True, help_text="geometric mean of the error's two axes")
    significance = RealField(help_text="of the change on all images that were fitted; sigma")
    image_ids = ArrayField(models.BigIntegerField(), help_text="images that were fitted")
    likeliest_id = models.BigIntegerField(
        null=True, help_text="refsource_id of the star that changes most likely; null: of none"
    )
    likeliest_odds = RealField(help_text="of that; or of none of the stars listed")
    own_odds = RealField(help_text="of the candidate itself")
    odds_of_none = RealField(help_text="of none of the stars listed")
    is_of_another = models.BooleanField(
        help_text="another star is most likely, and nothing but a single image speaks against it"
    )
    neighbours = models.JSONField(
        help_text="[refsource_id, odds, significance of the change fitted there alone] of the "
        "candidate, then of its neighbours, the likeliest first"
    )
    doubts = models.SmallIntegerField(
        help_text="bits: 1: one image only, 2: masked pixels, 4: another star changes as well, "
        "8: a star moved, 16: at the edge of the search, 32: too faint to tell"
    )
    version = models.SmallIntegerField(help_text="of the fit")
    fitted = models.DateTimeField(auto_now=True)

    objects = ChangePositionQuerySet.as_manager()

    class Meta:
        db_table = "galchangepositions"
        verbose_name = "position of a change"
        verbose_name_plural = "positions of changes"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ra=None, dec=None)
                | models.Q(ra__gte=0, ra__lt=360, dec__gte=-90, dec__lte=90),
                name="galchangepositions_on_the_sky",
            )
        ]
        indexes = [
            models.Index(
                fields=["refsource_id"],
                condition=models.Q(is_of_another=True),
                name="galchangepositions_another",
            )
        ]

    def __str__(self):
        return f"place of the change of {self.refsource_id}"

    @property
    def doubted(self) -> Doubt:
        """The Doubts, as flags."""
        return Doubt(self.doubts)
