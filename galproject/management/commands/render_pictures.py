"""manage.py render_pictures: cutouts of candidates and pictures of chips, rendered ahead."""

import shutil
import sys
from pathlib import Path

from django.conf import settings
from django.core.management.base import CommandError
from tqdm import tqdm

from exposures.errors import GalprojectError
from exposures.lookup import find_exposures
from exposures.management.base import SurveyCommand
from exposures.management.command_errors import plain_errors
from exposures.management.numbers import ROW_ID
from exposures.models import GalImage, Status
from galproject.processing.cutouts import draw_cutouts
from photometry.models import GalReference
from variables.pictures.chips import has_pictures, write_chip_picture
from variables.pictures.paths import SMALL
from variables.pictures.pixels import pixels_of_image


class Command(SurveyCommand):
    help = (
        "Render the cutouts of candidates (reference, search and difference of every epoch) and "
        "the pictures of chips. What is there already stays; workers do the same after each night. "
        "Candidates that fail the cuts on every image have none, unless somebody voted on them or "
        "they are in a campaign; with --all they have."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "--catalogue",
            type=ROW_ID,
            nargs="+",
            metavar="ID",
            help="catalogues with these ids (default: all)",
        )
        parser.add_argument(
            "--exposure", nargs="+", metavar="NAME", help="render pictures of chips only"
        )
        parser.add_argument(
            "--all",
            action="store_true",
            help="also render cutouts of sources that fail the cuts on every image",
        )
        parser.add_argument(
            "--clean", action="store_true", help="remove pictures of deleted catalogues and images"
        )

    def handle(self, *, catalogue, exposure, clean, **options):
        if clean:
            self.stdout.write(f"Removed {clean_pictures()} folders and files.")
            return
        problems = [] if catalogue else self.chips(exposure)
        if not exposure:
            problems += self.cutouts(catalogue, options["all"])
        for problem in problems:
            self.stderr.write(problem)

    def chips(self, identifiers):
        images = GalImage.objects.filter(status=Status.DONE).select_related("exposure")
        if identifiers:
            with plain_errors():
                exposures = find_exposures(identifiers)
            images = images.filter(exposure__in=exposures)
            done = set(images.values_list("exposure__identifier", flat=True))
            if without := [name for name in identifiers if name not in done]:
                raise CommandError(f"No chip of exposure {', '.join(without)} is done")
        missing = [image for image in images if not has_pictures(image.pk)]
        problems = []
        for image in tqdm(missing, unit="chip", disable=not sys.stderr.isatty()):
            try:
                pixels = pixels_of_image(image)
                write_chip_picture(image, pixels.data, pixels.weight)
            except (GalprojectError, OSError) as error:
                problems.append(f"{image}: no picture: {error}")
        self.stdout.write(f"{len(missing) - len(problems):,} pictures of chips.")
        return problems

    def cutouts(self, ids, everything):
        catalogues = GalReference.objects.filter(active=True)
        if ids:
            catalogues = catalogues.filter(pk__in=ids)
            if gone := sorted(set(ids) - set(catalogues.values_list("pk", flat=True))):
                raise CommandError(f"No catalogue in use has the id {', '.join(map(str, gone))}")
        drawn = draw_cutouts(catalogues, everything)
        self.stdout.write(str(drawn))
        return list(drawn.problems)


def clean_pictures() -> int:
    """Remove pictures of catalogues and images that no longer exist; returns how many."""
    root = Path(settings.GALPROJECT_PICTURES)
    catalogues = set(GalReference.objects.values_list("pk", flat=True))
    images = set(GalImage.objects.values_list("pk", flat=True))
    folders = [f for f in root.glob("cutouts/*") if f.name.isdecimal()]
    gone = [folder for folder in folders if int(folder.name) not in catalogues]
    for folder in gone:
        shutil.rmtree(folder)
    files = {f: f.stem.removesuffix(SMALL) for f in root.glob("images/*/*.png")}
    stray = [file for file, pk in files.items() if pk.isdecimal() and int(pk) not in images]
    for file in stray:
        file.unlink()
    return len(gone) + len(stray)
