"""manage.py check_counts: the numbers on pages compared with the rows that they are of."""

from django.core.management.base import CommandError

from exposures.kept_counts import OF_IMAGES
from exposures.management.base import SurveyCommand
from variables.derived.counts import OF_CANDIDATES


class Command(SurveyCommand):
    help = (
        "Compare the numbers of chips and of candidates that the database keeps for pages with the "
        "rows themselves. The database keeps them true; this is for after a change of the tables "
        "by hand, with triggers disabled. It fails where a number is wrong, unless --mend."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "--mend",
            action="store_true",
            help="count anew what is wrong; who changes the rows waits for some seconds",
        )

    def handle(self, *, mend, **options):
        wrong = [(one, one.differences()) for one in (OF_IMAGES, OF_CANDIDATES)]
        for one, differences in wrong:
            if differences and mend:
                one.mend()
            what = f"{len(differences):,} wrong" if differences else "right"
            mended = ", counted anew" if differences and mend else ""
            self.stdout.write(f"Numbers of {one.counted}: {what}{mended}.")
        if not mend and any(differences for _, differences in wrong):
            raise CommandError("Some numbers are wrong: --mend counts them anew")
