"""What the plane of all stars is drawn from, and the lists that people choose on it."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import connection, models
from django.urls import reverse

from exposures.models import GalPublishedCatalogue
from photometry.models import GalReference

LISTED = """
SELECT DISTINCT star FROM galstarlists, unnest(refsource_ids) AS star
WHERE star BETWEEN %s AND %s
"""


class GalBinnedStatistic(models.Model):
    """One statistic of all stars of a catalogue, in bins of 16 bits, in the order of their ranks.

    Kept beside galvariability, so that the density of millions of stars is counted at once.
    """

    catalogue = models.ForeignKey(
        GalReference, on_delete=models.CASCADE, related_name="binned_statistics"
    )
    statistic = models.CharField(
        max_length=100, help_text="a column of galvariability or galperiods, or a colour"
    )
    n_stars = models.PositiveIntegerField(help_text="that have it")
    bins = models.BinaryField(help_text="two bytes a star, the lower first; 65535: unknown")

    class Meta:
        db_table = "galbinnedstatistics"
        verbose_name = "binned statistic"
        constraints = [
            models.UniqueConstraint(
                fields=["catalogue", "statistic"], name="galbinnedstatistics_once"
            )
        ]

    def __str__(self):
        return f"{self.statistic} of catalogue {self.catalogue_id}"


class GalPublishedDiagram(models.Model):
    """How the matched stars of a catalogue lie in published colours and magnitudes.

    Counted when matches change: a page that counts them itself takes a third of a second.
    """

    catalogue = models.OneToOneField(
        GalReference, on_delete=models.CASCADE, related_name="published_diagram"
    )
    published = models.ForeignKey(
        GalPublishedCatalogue, on_delete=models.CASCADE, related_name="diagrams"
    )
    densities = models.JSONField(help_text="counts of stars in cells, of each kind of magnitude")

    class Meta:
        db_table = "galpublisheddiagrams"
        verbose_name = "diagram of matched stars"
        verbose_name_plural = "diagrams of matched stars"

    def __str__(self):
        return f"published colours of catalogue {self.catalogue_id}"


class StarListQuerySet(models.QuerySet):
    """Lists of stars, and which stars are in them."""

    def sources_of(self, pk) -> list[int]:
        """Ids of the stars of a list; none of one that does not exist."""
        return next(iter(self.filter(pk=pk).values_list("refsource_ids", flat=True)), [])

    def sources_between(self, first, last) -> list[int]:
        """Ids, from ``first`` to ``last``, of the stars of all lists."""
        with connection.cursor() as cursor:
            cursor.execute(LISTED, [first, last])
            return [i for (i,) in cursor.fetchall()]


class StarList(models.Model):
    """Stars that somebody chose on the plane, as they were then."""

    NAME_LENGTH = 80

    name = models.CharField(max_length=NAME_LENGTH)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="star_lists"
    )
    made = models.DateTimeField(auto_now_add=True)
    query = models.TextField(help_text="of the plane that it was drawn on")
    refsource_ids = ArrayField(models.BigIntegerField())

    objects = StarListQuerySet.as_manager()

    class Meta:
        db_table = "galstarlists"
        verbose_name = "list of stars"
        verbose_name_plural = "lists of stars"
        ordering = ["-made"]
        constraints = [
            models.UniqueConstraint(fields=["user", "name"], name="galstarlists_one_a_name")
        ]

    def __str__(self):
        return self.name

    def get_absolute_url(self):
        return reverse("star_list", args=[self.pk])

    @property
    def n_stars(self) -> int:
        return len(self.refsource_ids)
