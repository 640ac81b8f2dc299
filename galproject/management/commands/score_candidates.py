"""manage.py score_candidates: what the last model says of all candidates."""

import sys

from tqdm import tqdm

from exposures.management.base import SurveyCommand
from exposures.management.command_errors import plain_errors
from variables.learning.scoring import catalogues_to_score, model_to_score_by, score_candidates


class Command(SurveyCommand):
    help = (
        "Score all candidates by the model that was trained last: how probably each is real, and "
        "of which class. Catalogues whose candidates are as they were are left out, so that it "
        "goes on where it was interrupted. Scores are shown by the model before until all "
        "candidates have one by this."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "--again", action="store_true", help="those, too, of which nothing changed"
        )

    def handle(self, *, again, **_):
        with plain_errors():
            model = model_to_score_by()
            if model is None:
                self.stdout.write("There is no model yet. Train one: manage.py train_model")
                return
            total = len(catalogues_to_score())
            scored = 0
            with tqdm(total=total, unit="catalogue", disable=not sys.stderr.isatty()) as bar:
                for one in score_candidates(model, again):
                    bar.update()
                    scored += one.n_candidates or 0
        self.stdout.write(f"{scored:,} candidates are scored by {model}")
