"""manage.py measure_variability: statistics of every star over all its epochs."""

import sys

from django.core.management.base import CommandError
from tqdm import tqdm

from exposures.lookup import find_exposures
from exposures.management.base import SurveyCommand
from exposures.management.command_errors import plain_errors
from galproject.processing.variability import (
    catalogues_with_epochs,
    measure_catalogues,
    unmeasured_catalogues,
)
from galproject.queue.jobs import send_variability


class Command(SurveyCommand):
    help = (
        "Measure the statistics of every reference source over all its epochs. The pipeline does "
        "it after the last job of a field, and each day where something changed since; this is for "
        "those who can't wait. "
        "Catalogues whose images did not change since the last time are left out, so that it goes "
        "on where it was interrupted."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "--exposure",
            nargs="+",
            metavar="NAME",
            help="catalogues measured on these exposures (default: all)",
        )
        parser.add_argument(
            "--again", action="store_true", help="those, too, whose images did not change"
        )
        parser.add_argument(
            "--queue", action="store_true", help="leave it to the workers, a task a catalogue"
        )

    def handle(self, *, exposure, again, queue, **_):
        with plain_errors():
            catalogues = catalogues_with_epochs(exposure and find_exposures(exposure))
            if not catalogues:
                raise CommandError("No reference catalogue is in use there")
            todo = catalogues if again else unmeasured_catalogues(catalogues)
            if queue:
                send_variability([catalogue.pk for catalogue in todo], again)
                self.stdout.write(f"{len(todo)} catalogues queued")
            else:
                self._measure(todo, again)
        if len(todo) < len(catalogues):
            self.stdout.write(f"{len(catalogues) - len(todo)} catalogues are as they were")

    def _measure(self, todo, again):
        with tqdm(total=len(todo), unit="catalogue", disable=not sys.stderr.isatty()) as bar:
            for catalogue, measured in measure_catalogues(todo, again):
                bar.update()
                if measured is not None:
                    bar.write(
                        f"{catalogue.image}: {measured.n_sources:,} sources on "
                        f"{measured.n_images:,} images",
                        file=self.stdout,
                    )
