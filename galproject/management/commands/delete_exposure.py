"""manage.py delete_exposure: an exposure deleted with all its results."""

import sys

from django.core.management.base import CommandError

from exposures.lookup import find_exposures
from exposures.management.base import SurveyCommand
from exposures.management.command_errors import plain_errors
from exposures.terminal import printable
from galproject.processing.removal import plan_removal, remove


class Command(SurveyCommand):
    help = (
        "Remove exposures from the database: what was measured on them, their variables, the "
        "catalogues made from them, and their log. Says first what will be removed. The files "
        "stay. A reference that search images depend on is removed only with --cascade."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "identifiers",
            nargs="+",
            metavar="EXPOSURE",
            help="EXPNUM of an exposure, or the stem of its file",
        )
        parser.add_argument(
            "--cascade",
            action="store_true",
            help="also what search images have of a reference; they are to be processed again",
        )
        parser.add_argument("--yes", action="store_true", help="delete without asking")
        parser.add_argument(
            "--dry-run", action="store_true", help="list what would be deleted, and delete nothing"
        )

    def handle(self, *, identifiers, cascade, yes, dry_run, **_):
        with plain_errors():
            exposures = find_exposures(identifiers)
            for exposure in exposures:
                self.stdout.write_lines(removal_text(plan_removal(exposure)))
            if dry_run or not (yes or self.is_confirmed()):
                self.stdout.write("Nothing was removed.")
                return
            for exposure in exposures:
                label = str(exposure)
                remove(exposure, cascade)
                self.stdout.write(f"{label}: removed")

    def is_confirmed(self):
        if not sys.stdin.isatty():
            raise CommandError("There is nobody to ask here: give --yes to remove it")
        return input("Remove this? [y/N] ").strip().lower() in ("y", "yes")


def removal_text(removal):
    """A line or two about what is deleted with an exposure."""
    text = (
        f"{printable(removal.exposure)}: {removal.n_images} chips, "
        f"{removal.n_sources:,} measurements, "
        f"{removal.n_variables:,} variables, {removal.n_catalogues} reference catalogues"
    )
    if removal.n_dependents:
        text += (
            f"\n  and of {removal.n_dependents} search images that depend on these: "
            f"{removal.n_dependent_sources:,} measurements, "
            f"{removal.n_dependent_variables:,} variables"
        )
    return text
