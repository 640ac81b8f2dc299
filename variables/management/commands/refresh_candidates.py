"""manage.py refresh_candidates: the candidates derived anew from what is in the tables."""

import sys

from django.core.management.base import CommandError
from tqdm import tqdm

from exposures.management.base import SurveyCommand
from exposures.management.numbers import ROW_ID
from photometry.models import GalReference
from variables.derived.refresh import refresh_candidates


class Command(SurveyCommand):
    help = (
        "Derive candidates anew from changes, measurements and flags. The pipeline keeps them "
        "true; this is for after a change of the tables by hand. What people said stays."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "--catalogue",
            type=ROW_ID,
            nargs="+",
            metavar="ID",
            help="catalogues with these ids (default: all)",
        )

    def handle(self, *, catalogue, **options):
        known = GalReference.objects.order_by("pk")
        if catalogue:
            known = known.filter(pk__in=catalogue)
            if missing := set(catalogue) - set(known.values_list("pk", flat=True)):
                raise CommandError(f"There is no catalogue {', '.join(map(str, sorted(missing)))}")
        ids = list(known.values_list("pk", flat=True))
        with tqdm(total=len(ids), unit="catalogue", disable=not sys.stderr.isatty()) as bar:
            n_candidates = refresh_candidates(ids, progress=bar)
        self.stdout.write(f"{n_candidates:,} sources that changed, of {len(ids):,} catalogues.")
