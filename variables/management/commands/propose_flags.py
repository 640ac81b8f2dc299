"""manage.py propose_flags: artifacts found among the changes, for people to accept."""

from operator import attrgetter

from tqdm import tqdm

from exposures.lookup import find_exposures
from exposures.management.base import SurveyCommand
from exposures.management.command_errors import plain_errors
from exposures.models import GalExposure
from variables.flags.proposals import propose


class Command(SurveyCommand):
    help = (
        "Propose flags for what looks like artifacts: groups of changes round saturated stars, "
        "on bleed trails, along edges, at defects of the detector, and sources that the reference "
        "has wrong. They hide nothing until somebody accepts them on the page of artifacts."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "--exposure",
            nargs="+",
            metavar="EXPOSURE",
            help="EXPNUM of an exposure, or the stem of its file (default: all)",
        )

    def handle(self, *, exposure, **_):
        exposures = GalExposure.objects.order_by("mjd")
        if exposure:
            with plain_errors():
                exposures = sorted(find_exposures(exposure), key=attrgetter("mjd"))
        exposures = list(exposures)
        with tqdm(unit="part", disable=None, leave=False) as bar:
            n_new = propose(exposures, progress=bar)
        self.stdout.write(f"{n_new:,} new proposals, from {len(exposures):,} exposures")
