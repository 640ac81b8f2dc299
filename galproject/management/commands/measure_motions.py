"""manage.py measure_motions: proper motions of sources, of published stars and from images."""

from django.core.management.base import CommandError

from exposures.lookup import find_exposures
from exposures.management.base import SurveyCommand
from exposures.management.command_errors import plain_errors
from galproject.references.motions import catalogues_of, measure_motions_of


class Command(SurveyCommand):
    help = (
        "Store proper motions of reference sources: those of published stars that they are "
        "matched with, and where no catalogue has one those that are measured, from where "
        "sources were on images of several years. Images processed from then on have these "
        "stars in their places; those of before are made over by reprocess --all."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "--exposure",
            nargs="+",
            metavar="NAME",
            help="sources on these reference exposures (default: all)",
        )

    def handle(self, *, exposure, **_):
        with plain_errors():
            catalogues = catalogues_of(None if exposure is None else find_exposures(exposure))
            if not catalogues:
                raise CommandError("No reference catalogue is in use there")
            for catalogue, stored in measure_motions_of(catalogues):
                self.stdout.write(
                    f"{catalogue.image}: {stored.n_measured:,} of {stored.n_tested:,} sources "
                    f"have a proper motion that no catalogue tells; {stored.n_published:,} have "
                    "that of a published star"
                )
