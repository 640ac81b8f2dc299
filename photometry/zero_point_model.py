"""The table of absolute zero points."""

import numpy as np
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F

from exposures.real_field import RealField
from photometry.science.absolute.zero_points import AbsoluteZeroPoint


class PhotometricSystem(models.TextChoices):
    """What has a magnitude of 0."""

    AB = "AB", "AB"
    VEGA = "Vega", "Vega"
    UNKNOWN = "", "unknown"


class GalZeroPointQuerySet(models.QuerySet):
    """Zero points by what they are good for."""

    def known(self):
        """Those that could be told."""
        return self.filter(zero_point__isnull=False)

    def best(self):
        """Those that could be told, the best of each catalogue first.

        A published band that is the survey's filter comes before one that is brought to it by a
        transformation, the closest first, and that before one that is only near it.
        """
        transformed = F("transformation_scatter").asc(nulls_first=True)
        return self.known().order_by("reference_id", "is_other_band", transformed, "error", "pk")

    def best_of(self, catalogue_ids) -> dict[int, "GalZeroPoint"]:
        """{reference catalogue's id: its best zero point}; those without one are left out."""
        rows = self.best().filter(reference_id__in=list(catalogue_ids))
        return {
            one.reference_id: one
            for one in rows.distinct("reference_id").select_related("published")
        }


class GalZeroPoint(models.Model):
    """What makes the magnitudes of a reference catalogue those of a published band.

    Written whole by ``photometry.absolute``, which says what fits it and how. All but the names
    are null where it can't be told, for the ``reason``.
    """

    reference = models.ForeignKey(
        "photometry.GalReference", on_delete=models.CASCADE, related_name="zero_points"
    )
    published = models.ForeignKey(
        "exposures.GalPublishedCatalogue", on_delete=models.CASCADE, related_name="zero_points"
    )
    band = models.CharField(
        max_length=20, help_text="of the published catalogue, or the filter's own by transformation"
    )
    transformed_from = models.CharField(
        max_length=20, blank=True, help_text="band of the published catalogue; empty: as published"
    )
    transformation_scatter = RealField(
        null=True, help_text="mag, of stars about the transformation; a part of systematic"
    )
    colour_bands = ArrayField(
        models.CharField(max_length=20),
        default=list,
        help_text="two, whose difference is the colour",
    )
    is_other_band = models.BooleanField(
        help_text="the band is only near the survey's filter, so that colour and reddening matter"
    )
    system = models.CharField(max_length=4, choices=PhotometricSystem, blank=True)
    zero_point = models.FloatField(
        null=True, help_text="mag, to add to magnitudes of stars with the pivot colour"
    )
    tie = models.FloatField(
        default=0.0,
        help_text="mag, the part of zero_point by which overlapping fields agree",
    )
    error = RealField(null=True, help_text="mag, by the scatter of stars")
    systematic = RealField(
        null=True, help_text="mag, scatter of parts of chips beyond that; null: unknown"
    )
    pivot_colour = RealField(null=True, help_text="mag")
    colour_terms = ArrayField(
        RealField(), default=list, help_text="mag, of powers 1, 2, ... of colour less pivot"
    )
    min_colour = RealField(null=True, help_text="mag, from which the colour terms hold")
    max_colour = RealField(null=True, help_text="mag, to which the colour terms hold")
    colour_scatter = RealField(null=True, help_text="mag, of stars whose colour is not known")
    scatter = RealField(null=True, help_text="mag, of published magnitudes beyond all errors")
    n_stars = models.IntegerField(default=0, help_text="published ones used")
    n_common = models.IntegerField(default=0, help_text="used that are on other references too")
    chi2_nu = RealField(null=True)
    digest = models.CharField(
        max_length=64, blank=True, help_text="of the band and its transformation"
    )
    reason = models.TextField(blank=True, help_text="why it can't be told")
    made_at = models.DateTimeField(auto_now_add=True)

    objects = GalZeroPointQuerySet.as_manager()

    class Meta:
        db_table = "galzeropoints"
        verbose_name = "zero point"
        constraints = [
            models.UniqueConstraint(
                fields=["reference", "published"], name="galzeropoints_once_a_catalogue"
            )
        ]

    def __str__(self):
        return f"zero point of catalogue {self.reference_id} by {self.published_id}"

    @property
    def source(self) -> str:
        """What it is by, in words: "r of decaps2 dr2 (AB)".

        Or "i (AB) from G and BP - RP of gaia_dr3 DR3, ±51 mmag".
        """
        system = f" ({self.system})" if self.system else ""
        if self.transformed_from:
            bands = f"{self.transformed_from} and {' - '.join(self.colour_bands)}"
            uncertain = f"±{1e3 * self.transformation_scatter:.0f} mmag"
            return f"{self.band}{system} from {bands} of {self.published}, {uncertain}"
        return f"{self.band} of {self.published}{system}"

    @property
    def total_error(self) -> float:
        """The statistical and the systematic error together, mag; NaN where it can't be told."""
        return float(np.hypot(np.nan if self.error is None else self.error, self.systematic or 0.0))

    @property
    def fitted(self) -> AbsoluteZeroPoint:
        """What was fitted, to be applied."""
        nan = float("nan")

        def known(value):
            return nan if value is None else value

        return AbsoluteZeroPoint(
            zero_point=known(self.zero_point),
            error=known(self.error),
            systematic=known(self.systematic),
            pivot_colour=known(self.pivot_colour),
            colour_terms=tuple(self.colour_terms),
            colour_range=(known(self.min_colour), known(self.max_colour)),
            colour_scatter=known(self.colour_scatter),
            n_stars=self.n_stars,
            n_common=self.n_common,
            chi2_nu=known(self.chi2_nu),
            scatter=known(self.scatter),
            reason=self.reason,
            transformation=self.transformation_scatter or 0.0,
        )
