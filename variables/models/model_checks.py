"""Groups of a campaign that a model is sure are artifacts, and what people saw of a sample."""

from django.conf import settings
from django.db import models

from photometry.models import RealField


class ModelCheck(models.Model):
    """Candidates of a campaign that a model is sure are artifacts, of which people check a sample.

    Which these are is said by the campaign's objects, and doesn't change with the model's scores.
    """

    campaign = models.ForeignKey(
        "variables.Campaign", on_delete=models.CASCADE, related_name="model_checks"
    )
    model = models.ForeignKey(
        "variables.LearntModel", on_delete=models.PROTECT, related_name="checks"
    )
    made = models.DateTimeField(auto_now_add=True)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="model_checks_made"
    )
    most_probable = RealField(
        help_text="probability to be real, up to which the model is sure of an artifact"
    )
    most_real = RealField(help_text="share of real ones that the sample has to exclude")
    n_sure = models.PositiveIntegerField(help_text="candidates of which the model is sure")
    n_sampled = models.PositiveIntegerField(help_text="of them, looked at one by one")
    n_real = models.PositiveIntegerField(
        null=True, help_text="in the sample, when the others were voted on; null: they were not"
    )
    greatest_share = RealField(
        null=True, help_text="of real ones among the others, by the sample at 95 %"
    )

    class Meta:
        db_table = "galmodelchecks"
        verbose_name = "check of a model"
        verbose_name_plural = "checks of models"
        constraints = [
            models.UniqueConstraint(fields=["campaign", "model"], name="galmodelchecks_once")
        ]

    def __str__(self):
        return f"check of {self.model_id} in {self.campaign_id}"

    @property
    def batch(self) -> str:
        """Of the votes that follow from it: a person takes them back together."""
        return f"model-check-{self.pk}"
