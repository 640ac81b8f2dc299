"""Reasons to doubt the results of an image, and people's decisions on them."""

from django.conf import settings
from django.db import models


class Doubt(models.TextChoices):
    """Reasons for doubt: figures of quality beyond their limits, or a doubted reference."""

    ELONGATION = "elongation", "elongated PSF"
    PSF_AT_BOUNDS = "psf_at_bounds", "PSF at the bounds of its fit"
    FWHM_VARIATION = "fwhm_variation", "PSF that varies over the chip"
    PSF_HOLLOW = "psf_hollow", "PSF with a hole, as out of focus"
    PSF_WIDTH = "psf_width", "PSF unlike its stars"
    DOUBLED_SHARE = "doubled_share", "doubled stars"
    PSF_MISFIT = "psf_misfit", "light that the PSF leaves"
    NOISE_RATIO = "noise_ratio", "noise not as expected"
    SKY_OVER_SATURATION = "sky_over_saturation", "sky near saturation"
    N_CALIBRATORS = "n_calibrators", "too few stars to calibrate"
    N_REGISTERED = "n_registered", "too few stars to register"
    REGISTERED_SHARE = "registered_share", "stars not where the reference has them"
    CATALOGUE_SHARE = "catalogue_share", "stars not where the catalogue has them"
    WCS_OFFSET = "wcs_offset", "header's WCS far off"
    CHI2_NU = "chi2_nu", "chi2/nu of constant stars"
    EXPANSION = "expansion", "errors expanded much"
    CORRECTION_RMS = "correction_rms", "scatter of the correction"
    CORRECTION_RANGE = "correction_range", "range of the correction"
    CHANNEL_STEP = "channel_step", "large step between amplifiers"
    LOCAL_OFFSET = "local_offset", "local offsets, as of a cloud"
    LOST_SHARE = "lost_share", "sources lost"
    CHANGED_SHARE = "changed_share", "too many changes"
    ZERO_POINT_OFFSET = "zero_point_offset", "zero point unlike other epochs"
    ZERO_POINT_ON_CHIPS = "zero_point_on_chips", "zero point unlike other chips"
    DEPTH_LOSS = "depth_loss", "much less deep than the reference"
    REFERENCE = "reference", "doubted reference"


class ZeroPointSource(models.TextChoices):
    """The origin of an image's zero point."""

    CATALOGUE = "catalogue"
    HEADER = "header"
    ASSUMED = "none", "assumed, not measured"


class GalQualityDecision(models.Model):
    """A person's decision on an image's quality. The latest counts; none is deleted."""

    class Verdict(models.TextChoices):
        ACCEPTED = "accepted", "accepted whatever was measured"
        DOUBTED = "doubted", "doubted whatever was measured"
        AS_MEASURED = "measured", "left to what was measured"

    image = models.ForeignKey(
        "exposures.GalImage", on_delete=models.CASCADE, related_name="quality_decisions"
    )
    verdict = models.CharField(max_length=8, choices=Verdict)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="quality_decisions"
    )
    reason = models.TextField()
    time = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "galqualitydecisions"
        verbose_name = "quality decision"
        ordering = ["id"]

    def __str__(self):
        return f"image {self.image_id}: {self.verdict}"
