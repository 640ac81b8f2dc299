"""manage.py crossmatch_filters: sources of all filters matched to objects, by field."""

import sys
from dataclasses import replace
from itertools import chain

from django.core.management.base import CommandError
from tqdm import tqdm

from exposures.lookup import find_exposures
from exposures.management.base import SurveyCommand
from exposures.management.command_errors import plain_errors
from exposures.management.numbers import Number
from exposures.models import GalImage
from galproject.configuration.loading import load_options
from photometry.crossmatch.crossmatching import crossmatch_filters, passes_of

MAX_ARCSEC = 5.0  # beyond which nothing is one star


class Command(SurveyCommand):
    help = (
        "Cross-match the reference sources of all filters by position: one-to-one where they are, "
        "as blends where one source is several in another filter. The pipeline does it whenever a "
        "reference was made; this is for the first time, and for other options."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "--exposure",
            nargs="+",
            metavar="NAME",
            help="sources on these reference exposures (default: all)",
        )
        parser.add_argument(
            "--max-radius",
            type=Number(1e-3, 3600),
            metavar="ARCSEC",
            help="largest separation of a star in two filters (default: the option's)",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="count changes, and store nothing"
        )

    def handle(self, *, exposure, max_radius, dry_run, **options):
        with plain_errors():
            crossmatch_options = load_options().crossmatch
            image_ids = reference_ids(exposure)
        if max_radius is not None:
            least = crossmatch_options.min_radius_arcsec
            if not least <= max_radius <= MAX_ARCSEC:
                raise CommandError(
                    f"--max-radius {max_radius:g}: give {least:g} to {MAX_ARCSEC:g} arcsec"
                )
            crossmatch_options = replace(crossmatch_options, max_radius_arcsec=max_radius)
        passes = list(passes_of(image_ids))
        n_fields, n_before = sum(map(len, passes)), 0
        for together in passes:
            name = _name(n_before + 1, len(together))
            n_before += len(together)
            with (
                tqdm(
                    desc=f"{name} of {n_fields}",
                    unit="pair",
                    leave=False,
                    disable=not sys.stderr.isatty(),
                ) as bar,
                plain_errors(),
            ):
                images = chain.from_iterable(together)
                counts = crossmatch_filters(images, crossmatch_options, dry_run, bar)
            self.stdout.write(line(name, counts, dry_run))
        if not passes:
            self.stdout.write("No reference catalogue is in use.")


def _name(first, n_fields):
    return f"field {first}" if n_fields == 1 else f"fields {first} to {first + n_fields - 1}"


def reference_ids(identifiers):
    """Ids of the reference images of exposures; None for all."""
    if identifiers is None:
        return None
    images = GalImage.objects.filter(exposure__in=find_exposures(identifiers))
    return list(images.values_list("pk", flat=True))


def line(name, counts, dry_run):
    """A line about one pass."""
    would = "would be " if dry_run else ""
    return (
        f"{name}: {counts.n_sources:,} sources of {counts.n_catalogues} catalogues: "
        f"{counts.n_one_to_one:,} one-to-one, {counts.n_doubtful:,} perhaps blends, "
        f"{counts.n_blends:,} blends, {counts.n_single:,} in one filter; "
        f"{would}new {counts.n_new:,}, changed {counts.n_changed:,}, removed {counts.n_removed:,}"
    )
