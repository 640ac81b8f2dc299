"""manage.py added_sources: stars that references missed, and are sources of them now."""

from getpass import getuser

from exposures.input.numbers import BIGINT_MAX, INTEGER_MAX
from exposures.management.base import SurveyCommand
from exposures.management.command_errors import plain_errors
from exposures.management.numbers import WholeNumber
from exposures.models import GalExposure
from variables.models import GalNewSource
from variables.new_sources.decisions import add, take_back

ID = WholeNumber(1, BIGINT_MAX)


class Command(SurveyCommand):
    help = (
        "List the sources that were added to references, with when and by which exposures; take "
        "some back, or add others. What an image of before has of them is told by processing it "
        "again."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "--catalogue", type=WholeNumber(1, INTEGER_MAX), help="of this catalogue alone"
        )
        parser.add_argument(
            "--take-back",
            nargs="+",
            type=ID,
            metavar="ID",
            help="take these off their references again; they are not added by themselves later",
        )
        parser.add_argument(
            "--add", nargs="+", type=ID, metavar="ID", help="add these new sources, as they are"
        )

    def handle(self, *, catalogue, **given):
        with plain_errors():
            if given["take_back"]:
                take_back(given["take_back"])
                self.stdout.write(f"taken back: {len(given['take_back'])}")
            if given["add"]:
                add(given["add"], by=getuser())
                self.stdout.write(f"added: {len(given['add'])}")
        if not (given["take_back"] or given["add"]):
            self._list(catalogue)

    def _list(self, catalogue):
        added = GalNewSource.objects.added().order_by("catalogue_id", "pk")
        if catalogue is not None:
            added = added.filter(catalogue_id=catalogue)
        n = 0
        for source in added.iterator():
            exposures = GalExposure.objects.filter(images__in=source.added_images).order_by("mjd")
            names = ", ".join(exposures.values_list("identifier", flat=True))
            by = f" by {source.added_by}" if source.added_by else ""
            self.stdout.write(
                f"{source.pk}  {source.ra:.6f} {source.dec:+.6f}  {source.added:%Y-%m-%d}{by}  "
                f"seen on {names}"
            )
            n += 1
        self.stdout.write(f"{n:,} {'source is' if n == 1 else 'sources are'} added")
