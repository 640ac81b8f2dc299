"""manage.py measure_shapes: what difference pixels tell of the changes of all candidates."""

import sys

from tqdm import tqdm

from exposures.management.base import SurveyCommand
from variables.pictures.all_shapes import catalogues_to_measure, measure_shapes


class Command(SurveyCommand):
    help = (
        "Measure the shape of the changes of all candidates in their difference pixels, which "
        "models learn from. Where cutouts are drawn it is measured with them; this is for the "
        "others, of which no pictures are made. What is measured stays, so that it goes on where "
        "it was interrupted."
    )

    def handle(self, **_):
        n_candidates = n_differences = 0
        catalogues = catalogues_to_measure()
        for catalogue in tqdm(catalogues, unit="catalogue", disable=not sys.stderr.isatty()):
            measured = measure_shapes(catalogue)
            n_candidates += measured.n_candidates
            n_differences += measured.n_differences
            for problem in measured.problems:
                self.stderr.write(problem)
        self.stdout.write(
            f"Shapes of {n_candidates:,} candidates, by {n_differences:,} differences."
        )
