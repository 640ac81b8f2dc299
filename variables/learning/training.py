"""Training of a model on what people agree on, from table to table."""

from dataclasses import asdict

from exposures.errors import GalprojectError
from exposures.locks import Claimed, claim
from variables.learning.examples import known_candidates, n_agreed
from variables.learning.injected import ArtificialCandidates, kept_examples, no_candidates
from variables.models import LearntModel, Taxonomy
from variables.science.learning.features import FEATURES
from variables.science.learning.fitting import train
from variables.science.learning.injected import with_injected
from variables.science.learning.options import LearningOptions


def is_due(options: LearningOptions) -> bool:
    """Whether people agreed on enough since the last model was trained to train another."""
    last = LearntModel.objects.order_by("-pk").values_list("n_agreed", flat=True).first()
    return n_agreed() - (last or 0) >= options.new_votes


def train_model(
    options: LearningOptions, code_version: str, again: bool = False
) -> LearntModel | None:
    """Train a model on what people agree on, and store it; it isn't in use until all is scored.

    None where nothing is to be done: too few votes are new (unless ``again``), or another process
    is at it. GalprojectError where examples are too few, or scikit-learn is not installed.
    """
    with claim(Claimed.TRAINING, 0) as is_claimed:
        if not is_claimed or not (again or is_due(options)):
            return None
        taxonomy = Taxonomy.objects.filter(is_current=True).first()
        if taxonomy is None:
            raise GalprojectError("no taxonomy is current. Choose one in the administration")
        agreed = n_agreed()
        known = known_candidates(taxonomy, options.stroke_weight)
        injected = kept_examples() if options.injected_weight else no_candidates()
        examples = with_injected(
            known.examples, injected.features, injected.is_real, options.injected_weight
        )
        trained = train(examples, FEATURES, known.classes, options)
        return LearntModel.objects.create(
            code_version=code_version,
            taxonomy=taxonomy,
            options=asdict(options),
            features=list(FEATURES),
            classes=list(trained.classifier.classes),
            trained_on=known.numbers | {"injected": _numbers(injected)},
            example_ids=known.refsource_id.tolist(),
            n_agreed=agreed,
            figures=_without_nan(trained.figures),
            data=trained.classifier.to_bytes(),
        )


def _numbers(injected: ArtificialCandidates) -> dict[str, int]:
    """Numbers of artificial stars, none of none."""
    n_real = int(injected.is_real.sum())
    numbers = {"variable": n_real, "constant": len(injected) - n_real}
    return {name: number for name, number in numbers.items() if number}


def _without_nan(figures: dict) -> dict:
    """Figures as JSON has them, in which what is not defined is null."""
    return {
        name: None if isinstance(value, float) and value != value else value
        for name, value in figures.items()
    }
