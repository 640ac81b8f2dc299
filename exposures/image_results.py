"""The columns of galimages that hold what a chip's processing has measured, in one place."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from exposures.doubts import Doubt, ZeroPointSource
from exposures.option_sets import WithOptions


class ImageResults(WithOptions):
    """The results of a chip's processing: what is deleted with them, and nothing else."""

    reference = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="searches",
        help_text="of a search image: the reference image that overlaps it most",
    )
    notes = ArrayField(models.TextField(), default=list, help_text="steps that fell back, and how")

    fwhm_pixels = models.FloatField(null=True)
    fwhm_arcsec = models.FloatField(null=True, help_text="seeing")
    sky = models.FloatField(null=True, help_text="median sky level, ADU")
    sky_noise = models.FloatField(null=True, help_text="median sky sigma, ADU")
    masked_fraction = models.FloatField(null=True, help_text="of the pixels, without weight")
    zero_point = models.FloatField(null=True, help_text="mag of 1 ADU; approximate")
    zero_point_error = models.FloatField(null=True)
    zero_point_source = models.CharField(max_length=9, choices=ZeroPointSource, blank=True)
    chi2_nu = models.FloatField(
        null=True, help_text="of constant stars against the reference, before the expansion"
    )
    correction = models.JSONField(
        null=True, help_text="magnitude correction to the reference: Chebyshev coefficients"
    )
    astrometry = models.JSONField(
        null=True, help_text="correction of the header's WCS: polynomial coefficients, pixels"
    )
    astrometric_rms_mas = models.FloatField(
        null=True, help_text="of a reference against the catalogue, of a search image against it"
    )
    n_detected = models.PositiveIntegerField(null=True, help_text="sources found on the image")
    n_sources = models.PositiveIntegerField(null=True, help_text="rows saved in galsources")
    n_variables = models.PositiveIntegerField(null=True, help_text="rows in galvarobjs")

    channel_columns = ArrayField(
        models.PositiveIntegerField(),
        default=list,
        help_text="first column of each read-out channel but the first, pixels from 0",
    )
    figures = models.JSONField(default=dict, help_text="figures of quality, by name")
    doubts = ArrayField(
        models.CharField(max_length=20, choices=Doubt),
        default=list,
        help_text="figures beyond the limit of doubt",
    )
    is_doubted = models.BooleanField(
        default=False, help_text="its changes are not counted; by its doubts, or as people say"
    )

    code_version = models.CharField(max_length=64, blank=True)
    results_version = models.PositiveIntegerField(
        default=0, help_text="of the numbers; with another than now they are out of date"
    )
    files = models.JSONField(
        default=dict, blank=True, help_text="of which these results were made, with their digests"
    )
    data_version = models.TextField(
        blank=True, help_text="of these files: PLVER, and the archive's in their names"
    )

    class Meta:
        abstract = True

    def clear_results(self) -> None:
        """Give every result the value that it has on a chip without any; nothing is saved."""
        for field in self._meta.concrete_fields:
            if field.name in RESULTS:
                setattr(self, field.name, field.get_default())


RESULTS = tuple(field.name for field in ImageResults._meta.local_fields)
