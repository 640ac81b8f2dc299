"""manage.py train_model: a model that tells real candidates from artifacts, learnt from votes."""

from exposures.management.base import SurveyCommand
from exposures.management.command_errors import plain_errors
from galproject.processing.learning import train


class Command(SurveyCommand):
    help = (
        "Train a model on the candidates that people agree on, and store it. Its scores are shown "
        "once all candidates have one (manage.py score_candidates). Without --again nothing is "
        "done until people have agreed on enough more candidates (option learning.new_votes). "
        "Takes scikit-learn: pip install --no-deps -r requirements-learning.txt"
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "--again", action="store_true", help="though few votes are new, or none"
        )

    def handle(self, *, again, **_):
        with plain_errors():
            model = train(again)
        if model is None:
            self.stdout.write("Nothing is to be learnt: too few votes are new, or another is at it")
            return
        n, split_by = len(model.example_ids), model.figures["split_by"]
        self.stdout.write(
            f"{model}: {n:,} examples, split by {split_by}. Of those left out: "
            f"{', '.join(figures_of(model))}"
        )


def figures_of(model):
    """How good a model is, in words."""
    names = {
        "area_under_curve": "area under the curve",
        "calibration_error": "calibration off by",
        "macro_f1": f"macro F1 of {len(model.classes)} classes",
    }
    for name, words in names.items():
        value = model.figures[name]
        yield f"{words} {'unknown' if value is None else f'{value:.3f}'}"
