"""manage.py repeat_detections: how many objects were detected how many times."""

from django.core.management.base import BaseCommand, CommandError

from exposures.errors import GalprojectError
from exposures.management.tables import write_csv
from variables.repeat_detections import count_new, count_repeat_detections

HEADINGS = ("Repeated Detections", "Number of Objects")
NEW = "not on the reference"


class Command(BaseCommand):
    help = "How many objects were detected as variable once, twice, three times ..."

    def add_arguments(self, parser):
        parser.add_argument("--filter", help="on images in this filter only, e.g. i")
        parser.add_argument(
            "--all", action="store_true", help="with the detections that failed a cut"
        )
        parser.add_argument(
            "--csv", nargs="?", const="-", metavar="FILE", help="as CSV, to FILE or the screen"
        )

    def handle(self, *, filter, csv, **options):
        asked = {"filter": filter, "believed_only": not options["all"]}
        counts = count_repeat_detections(**asked)
        if csv:
            try:
                return write_csv([HEADINGS, *counts], csv, self.stdout)
            except GalprojectError as error:
                raise CommandError(str(error)) from error
        self.stdout.write("  ".join(HEADINGS))
        for row in counts:
            line = "  ".join(f"{n:>{len(h)},}" for n, h in zip(row, HEADINGS, strict=True))
            self.stdout.write(line)
        if not counts:
            self.stdout.write("(none)")
        if n_new := count_new(**asked):
            self.stdout.write(f"of these, {n_new:,} {'is' if n_new == 1 else 'are'} new: {NEW}")
