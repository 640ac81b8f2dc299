"""manage.py repeat_detections: how many stars were detected how many times."""

from django.core.management.base import CommandError

from exposures.errors import GalprojectError
from exposures.management.base import SurveyCommand
from exposures.tables import write_csv
from variables.candidates.repeat_detections import (
    Counting,
    count_known,
    count_new,
    count_repeat_detections,
    count_varying,
)

HEADINGS = ("Repeated Detections", "Number of Objects")
OF_SOURCES = ("Repeated Detections", "Number of Sources")
NEW = "not on the reference"


class Command(SurveyCommand):
    help = (
        "How many stars were detected as variable once, twice, three times ... A star that is on "
        "several references or in several filters is one object."
    )

    def add_arguments(self, parser):
        parser.add_argument("--filter", help="detections in this filter, such as i")
        parser.add_argument(
            "--all", action="store_true", help="also count detections that failed a cut"
        )
        parser.add_argument(
            "--per-source",
            action="store_true",
            help="count a star once for each reference and filter in which it has a source",
        )
        parser.add_argument(
            "--csv",
            nargs="?",
            const="-",
            metavar="FILE",
            help="write CSV to FILE, or to standard output",
        )

    def handle(self, *, filter, csv, **options):
        per_source = options["per_source"]
        counting = Counting(filter, accepted_only=not options["all"], per_source=per_source)
        counts, headings = count_repeat_detections(counting), OF_SOURCES if per_source else HEADINGS
        if csv:
            try:
                write_csv([headings, *counts], csv, self.stdout.data)
            except GalprojectError as error:
                raise CommandError(str(error)) from error
            return
        self.stdout.write("  ".join(headings))
        for row in counts:
            line = "  ".join(f"{n:>{len(h)},}" for n, h in zip(row, headings, strict=True))
            self.stdout.write(line)
        if not counts:
            self.stdout.write("(none)")
        if n_new := count_new(counting):
            self.stdout.write(f"of these, {n_new:,} {'is' if n_new == 1 else 'are'} new: {NEW}")
        if n_varying := count_varying(counting):
            self.stdout.write(f"beside these, {n_varying:,} over all epochs alone")
        if known := count_known(counting):
            told = ", ".join(f"{n:,} {one.label}" for one, n in known.items())
            self.stdout.write(f"by published catalogues of variable stars: {told}")
