"""Models that learn from votes, and what they say of candidates."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from photometry.models import GalReference, RealField
from variables.models.variability import OfCatalogueQuerySet
from variables.models.vetting import Taxonomy

N_CLASSES = 3  # that are kept of each candidate


class LearntModelQuerySet(models.QuerySet):
    """Models by use."""

    def in_use(self) -> "LearntModel | None":
        """The model whose scores are shown, without its trees."""
        return self.filter(is_current=True).defer("data", "example_ids").first()

    def awaiting(self) -> "LearntModel | None":
        """The last model, where candidates are still to be scored by it before it is in use."""
        last = self.defer("data", "example_ids").order_by("-pk").first()
        return None if last is None or last.is_current else last


class LearntModel(models.Model):
    """A model that was trained, of what, and how good it is on examples left out."""

    made = models.DateTimeField(auto_now_add=True)
    code_version = models.CharField(max_length=64, blank=True)
    taxonomy = models.ForeignKey(Taxonomy, on_delete=models.PROTECT, related_name="models")
    is_current = models.BooleanField(default=False, help_text="whose scores are shown")
    options = models.JSONField(help_text="that it was trained with")
    features = models.JSONField(help_text="names of the features, in their order")
    classes = models.JSONField(help_text="slugs of the classes that it tells apart")
    trained_on = models.JSONField(help_text="numbers of examples by source and class")
    example_ids = ArrayField(models.BigIntegerField(), help_text="candidates it was trained on")
    n_agreed = models.PositiveIntegerField(
        help_text="candidates that people had agreed on when it was trained"
    )
    figures = models.JSONField(help_text="of examples left out of its training")
    data = models.BinaryField(help_text="its trees, as plain arrays")

    objects = LearntModelQuerySet.as_manager()

    class Meta:
        db_table = "galmodels"
        verbose_name = "model"
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_current"],
                condition=models.Q(is_current=True),
                name="galmodels_one_current",
            )
        ]

    def __str__(self):
        return f"model {self.pk}"


class InjectedExamples(models.Model):
    """Candidates that were artificial stars of one injection: examples of which the truth is known.

    They are kept by their features, as their database is dropped.
    """

    made = models.DateTimeField(auto_now=True)
    reference = models.CharField(max_length=80, help_text="exposure into which they were put")
    seed = models.BigIntegerField(help_text="of the stars")
    features = models.JSONField(help_text="names of the features, in their order")
    n_real = models.PositiveIntegerField(help_text="that were put in as variable")
    n_artifacts = models.PositiveIntegerField(help_text="that were put in as constant")
    data = models.BinaryField(help_text="features and truth, as plain arrays")

    class Meta:
        db_table = "galinjectedexamples"
        verbose_name = "examples by injection"
        verbose_name_plural = "examples by injection"
        constraints = [
            models.UniqueConstraint(fields=["reference", "seed"], name="galinjectedexamples_once")
        ]

    def __str__(self):
        return f"artificial stars of seed {self.seed} in {self.reference}"


class GalScore(models.Model):
    """What a model says of a candidate. Written by COPY, for all of a catalogue at once."""

    pk = models.CompositePrimaryKey("refsource_id", "model_id")
    refsource_id = models.BigIntegerField()
    model_id = models.IntegerField()
    class_1 = models.IntegerField(help_text="the likeliest class; 0: none is known")
    class_2 = models.IntegerField(help_text="the next; 0: none")
    class_3 = models.IntegerField(help_text="the next; 0: none")
    real = RealField(help_text="probability that it is real")
    probability_1 = RealField(help_text="that it is real, and of class_1")
    probability_2 = RealField(help_text="that it is real, and of class_2")
    probability_3 = RealField(help_text="that it is real, and of class_3")

    objects = OfCatalogueQuerySet.as_manager()

    class Meta:
        db_table = "galscores"
        verbose_name = "score"

    def __str__(self):
        return f"candidate {self.refsource_id} by model {self.model_id}"

    @property
    def classes(self) -> list[tuple[int, float]]:
        """(id, probability) of its likeliest classes."""
        pairs = (
            (getattr(self, f"class_{n}"), getattr(self, f"probability_{n}"))
            for n in range(1, N_CLASSES + 1)
        )
        return [(pk, chance) for pk, chance in pairs if pk]


class GalScoreRun(models.Model):
    """When the candidates of a catalogue were scored by a model last, and of what."""

    model = models.ForeignKey(LearntModel, on_delete=models.CASCADE, related_name="runs")
    catalogue = models.ForeignKey(GalReference, on_delete=models.CASCADE, related_name="score_runs")
    scored = models.DateTimeField(auto_now=True)
    digest = models.CharField(max_length=64, help_text="of what candidates and statistics were")
    n_candidates = models.PositiveIntegerField()

    class Meta:
        db_table = "galscoreruns"
        verbose_name = "run of scores"
        verbose_name_plural = "runs of scores"
        constraints = [
            models.UniqueConstraint(fields=["model", "catalogue"], name="galscoreruns_once")
        ]

    def __str__(self):
        return f"{self.n_candidates} candidates of catalogue {self.catalogue_id}"
