"""manage.py load_catalogue: a published catalogue from files into the database."""

from pathlib import Path

from django.core.management.base import CommandError
from tqdm import tqdm

from exposures.management.arguments import let_declinations_be_negative
from exposures.management.base import SurveyCommand
from exposures.management.command_errors import plain_errors
from exposures.management.numbers import MAGNITUDE, Number
from exposures.models import GalOptionSet, GalPublishedCatalogue
from exposures.published.definitions import known_definitions, read_definition
from exposures.published.files import expanded
from exposures.published.footprints import ALL_SKY, box_footprint, read_moc
from exposures.published.loading import LoadOptions, load_catalogue, remove_catalogue

DEGREES = Number(-360, 360)


class Command(SurveyCommand):
    help = (
        "Load a published catalogue, such as Gaia's or the VSX, from files of FITS, VOTable, CSV, "
        "ECSV, Parquet or HATS, gzipped or not. It is put into use when it is whole, and then "
        "replaces the version before. An interrupted load goes on with the same command. "
        "--list says where each catalogue is to be had; nothing is downloaded."
    )

    def create_parser(self, *args, **kwargs):
        return let_declinations_be_negative(super().create_parser(*args, **kwargs))

    def add_arguments(self, parser):
        parser.add_argument("name", nargs="?", help="of the catalogue, such as gaia_dr3 or vsx")
        parser.add_argument(
            "files", nargs="*", type=Path, metavar="FILE", help="files, or folders of them"
        )
        parser.add_argument(
            "--list", action="store_true", help="list catalogues, what is loaded, and where to get"
        )
        parser.add_argument(
            "--columns", type=Path, metavar="TOML", help="how to read another catalogue's columns"
        )
        parser.add_argument(
            "--release",
            default="",
            metavar="VERSION",
            help="of the catalogue (default: as published, or the day of its newest file)",
        )
        parser.add_argument(
            "--tiles", action="store_true", help="load the tiles that images are placed by"
        )
        parser.add_argument(
            "--again", action="store_true", help="load anew what is in use or was interrupted"
        )
        parser.add_argument("--remove", action="store_true", help="remove the catalogue")
        where = parser.add_mutually_exclusive_group()
        where.add_argument("--all-sky", action="store_true", help="it covers all of the sky")
        where.add_argument(
            "--box",
            nargs=4,
            type=DEGREES,
            metavar=("RA_MIN", "RA_MAX", "DEC_MIN", "DEC_MAX"),
            help="what it covers, in degrees (default: where it has stars)",
        )
        where.add_argument("--moc", type=Path, metavar="FITS", help="what it covers, as a MOC")
        parser.add_argument(
            "--depth",
            type=MAGNITUDE,
            metavar="MAG",
            help="to which it is complete where its stars don't tell",
        )

    def handle(self, *, name, files, list, remove, tiles, columns, **given):
        if list or not name:
            with plain_errors():
                self.list()
            return
        with plain_errors():
            if remove:
                self.remove(name)
                return
            definition = definition_of(name, columns)
            paths = [*files, *(tile_folders() if tiles else ())]
            if not paths:
                raise CommandError(f"Name the files of {name}. Get them so: {where(definition)}")
            self.load(definition, paths, options_of(**given))

    def load(self, definition, paths, options):
        total = sum(path.stat().st_size for path in expanded(paths))
        with tqdm(total=total, unit="B", unit_scale=True, disable=None, leave=False) as bar:
            report = load_catalogue(definition, paths, options, bar.update)
        self.report(report)

    def report(self, report):
        catalogue = report.catalogue
        if report.was_in_use:
            self.stdout.write(f"{catalogue} is in use, of these files. Nothing was done (--again)")
            return
        counts = {
            "without a position left out": catalogue.n_left_out,
            "that came twice left out": report.n_removed,
            "with a name that another has": report.n_alike,
            "of tables that add to stars": report.n_joined,
        }
        rows = "".join(f", {n:,} {what}" for what, n in counts.items() if n)
        self.stdout.write(f"{catalogue}: {catalogue.n_rows:,} rows{rows}. It is in use")
        if report.n_files_before:
            self.stdout.write(f"  {report.n_files_before} files had been read before")
        for version in report.replaced:
            self.stdout.write(f"  {version} was replaced")
        if catalogue.footprint is None and not catalogue.coverage.exists():
            self.stdout.write(
                "  Too few stars tell which sky it covers: no star is called new by it. State that "
                "with --all-sky, --box or --moc"
            )

    def remove(self, name):
        removed = remove_catalogue(name)
        if not removed:
            raise CommandError(f"{name} is not loaded")
        for catalogue in removed:
            self.stdout.write(f"{catalogue} was removed, with {catalogue.n_rows:,} rows")

    def list(self):
        loaded = {}
        for catalogue in GalPublishedCatalogue.objects.all():
            loaded.setdefault(catalogue.name, []).append(state(catalogue))
        for name, definition in known_definitions().items():
            self.stdout.write(f"{name}: {definition.title}")
            for line in loaded.pop(name, ["not loaded"]):
                self.stdout.write(f"  {line}")
            self.stdout.write(f"  {where(definition)}")
        for name, lines in loaded.items():
            self.stdout.write(f"{name}: read by columns of your own")
            for line in lines:
                self.stdout.write(f"  {line}")


def definition_of(name, columns):
    """The definition of a catalogue: that of a file, or one that comes with galproject."""
    known = known_definitions()
    if columns is not None:
        definition = read_definition(columns)
        if definition.name != name:
            raise CommandError(f"{columns} is of {definition.name}, not of {name}")
        return definition
    if name not in known:
        raise CommandError(
            f"{name}: no such catalogue. There are {', '.join(known)}; others need --columns TOML"
        )
    return known[name]


def options_of(*, release, again, all_sky, box, moc, depth, **_):
    """Options of a load from arguments."""
    footprint = ALL_SKY if all_sky else box_footprint(*box) if box else moc and read_moc(moc)
    return LoadOptions(release, again, footprint, depth)


def tile_folders():
    """Folders of tiles that images of the survey were placed by."""
    sets = GalOptionSet.objects.filter(galimages__isnull=False).distinct()
    paths = sets.values_list("options__catalogue", flat=True)
    found = sorted({Path(path) for path in paths if path})
    if not found:
        raise CommandError("No image was placed by a catalogue. Name a folder of tiles")
    return found


def where(definition):
    """Where the files of a catalogue are to be had, in words."""
    return f"{definition.url} {' '.join(definition.download.split())}"


def state(catalogue):
    """What is loaded of a catalogue, in words."""
    if catalogue.in_use:
        return f"{catalogue.version}, {catalogue.n_rows:,} rows, in use"
    return f"{catalogue.version}, {catalogue.n_rows:,} rows, interrupted"
