"""manage.py match_catalogues: which published stars the sources of references are."""

import sys

from django.core.management.base import CommandError
from tqdm import tqdm

from exposures.lookup import find_exposures
from exposures.management.base import SurveyCommand
from exposures.management.command_errors import plain_errors
from galproject.processing.matches import (
    match_references,
    published_names,
    references_in_use,
    unmatched_references,
)
from galproject.queue.jobs import send_matches


class Command(SurveyCommand):
    help = (
        "Match all sources of references with the stars of published catalogues (load_catalogue), "
        "by probability. Workers do it after a reference is made and after a catalogue is loaded; "
        "this is for those who have none, and for other options. What is matched as it is now is "
        "left out, so that it goes on where it was interrupted."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "names",
            nargs="*",
            metavar="CATALOGUE",
            help="published catalogues, such as gaia_dr3 (default: all in use)",
        )
        parser.add_argument(
            "--exposure",
            nargs="+",
            metavar="NAME",
            help="references on these exposures (default: all)",
        )
        parser.add_argument(
            "--again", action="store_true", help="those, too, that are matched as they are"
        )
        parser.add_argument(
            "--queue", action="store_true", help="leave it to the workers, a task a reference"
        )

    def handle(self, *, names, exposure, again, queue, **_):
        with plain_errors():
            self._check(names)
            references = references_in_use(exposure and find_exposures(exposure))
            if not references:
                raise CommandError("No reference catalogue is in use there")
            todo = references if again else unmatched_references(references, names or None)
            if queue:
                send_matches([reference.pk for reference in todo], again)
                self.stdout.write(f"{len(todo)} references queued")
            else:
                self._match(todo, names or None, again)
        if len(todo) < len(references):
            self.stdout.write(f"{len(references) - len(todo)} references are matched as they are")

    def _check(self, names):
        there = published_names()
        if not there:
            raise CommandError("No published catalogue is loaded. Load one with load_catalogue")
        if unknown := sorted(set(names) - set(there)):
            raise CommandError(
                f"No catalogue {', '.join(unknown)} is in use; there: {', '.join(there)}"
            )

    def _match(self, todo, names, again):
        with tqdm(total=len(todo), unit="reference", disable=not sys.stderr.isatty()) as bar:
            for reference, runs in match_references(todo, names, again):
                bar.update()
                for run in runs:
                    bar.write(
                        f"{reference.image}: {run.published}: {run.n_matched:,} matched, "
                        f"{run.n_cant_be_told:,} can't be told, "
                        f"{run.n_no_counterpart:,} without a counterpart, "
                        f"{run.n_not_covered:,} not covered",
                        file=self.stdout,
                    )
