"""manage.py find_periods: the periods of stars that vary, in all filters together."""

import sys

from django.core.management.base import CommandError
from tqdm import tqdm

from exposures.management.base import SurveyCommand
from exposures.management.command_errors import plain_errors
from exposures.management.numbers import ROW_ID
from exposures.options_in_force import options_in_force
from photometry.models import GalReference
from variables.periods.finding import find_periods, find_periods_of
from variables.periods.options import PeriodSearch


class Command(SurveyCommand):
    help = (
        "Find the periods of the stars that vary, from their light curves in all filters, and "
        "store the likeliest of each in galperiods. Catalogues whose varying stars and images are "
        "those of the last time are left out, so that it goes on where it was interrupted."
    )

    def add_arguments(self, parser):
        chosen = parser.add_mutually_exclusive_group()
        chosen.add_argument(
            "--catalogue",
            type=ROW_ID,
            nargs="+",
            metavar="ID",
            help="catalogues with these ids (default: all in use)",
        )
        chosen.add_argument(
            "--source",
            type=ROW_ID,
            nargs="+",
            metavar="ID",
            help="these reference sources alone, whether they vary or not",
        )
        parser.add_argument(
            "--again", action="store_true", help="those, too, of which nothing changed"
        )

    def handle(self, *, catalogue, source, again, **_):
        with plain_errors():
            search = PeriodSearch.of(options_in_force())
            if source:
                found = find_periods_of(source, search)
                self.stdout.write(f"{found.n_periodic} of {found.n_stars} stars are periodic")
            else:
                self._find(catalogues_of(catalogue), search, again)

    def _find(self, catalogues, search, again):
        unchanged = 0
        with tqdm(total=len(catalogues), unit="catalogue", disable=not sys.stderr.isatty()) as bar:
            for catalogue in catalogues:
                found = find_periods(catalogue, search, again)
                bar.update()
                unchanged += found is None
                if found is not None and found.n_stars:
                    bar.write(
                        f"{catalogue.image}: {found.n_periodic:,} of {found.n_stars:,} stars "
                        "that vary are periodic",
                        file=self.stdout,
                    )
        if unchanged:
            self.stdout.write(f"{unchanged} catalogues are as they were")


def catalogues_of(ids):
    """The catalogues in use with these ids, or all of them; CommandError where one is not."""
    known = GalReference.objects.filter(active=True).select_related("image__exposure")
    if ids:
        known = known.filter(pk__in=ids)
        if missing := set(ids) - set(known.values_list("pk", flat=True)):
            raise CommandError(
                f"There is no catalogue {', '.join(map(str, sorted(missing)))} in use"
            )
    return list(known.order_by("pk"))
