"""manage.py calibrate_references: absolute zero points of references, by published stars."""

from exposures.management.base import SurveyCommand
from exposures.management.command_errors import plain_errors
from galproject.configuration.loading import load_options
from galproject.management.commands.crossmatch_filters import reference_ids
from photometry.absolute.calibrating import calibrate_field
from photometry.crossmatch.crossmatching import fields_of

NOTHING = (
    "No reference in use is matched with a published catalogue that has magnitudes in a band near "
    "its filter: load_catalogue loads one, match_catalogues matches it."
)


class Command(SurveyCommand):
    help = (
        "Fit the zero points that make magnitudes of references absolute, with colour terms, from "
        "published stars that are matched with their sources; all references of a field and filter "
        "at once."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "--exposure",
            nargs="+",
            metavar="NAME",
            help="fields of these reference exposures (default: all)",
        )

    def handle(self, *, exposure, **options):
        with plain_errors():
            wanted, absolute = reference_ids(exposure), load_options().absolute
        n_done = 0
        for number, images in enumerate(fields_of(), 1):
            if wanted is not None and not set(wanted) & set(images):
                continue
            with plain_errors():
                found = calibrate_field(images, absolute)
            for one in found:
                self.stdout.write(f"field {number}: {one}")
            n_done += len(found)
        if not n_done:
            self.stdout.write(NOTHING)
