"""manage.py find_exposures: what the NOIRLab Astro Data Archive has."""

from django.core.management.base import CommandError

from exposures.archive import find
from exposures.archive.partial import size_text
from exposures.errors import GalprojectError
from exposures.management.arguments import (
    add_selection,
    archive_query,
    let_declinations_be_negative,
    selection_text,
)
from exposures.management.base import SurveyCommand
from exposures.tables import write_csv

HEADINGS = (
    "expnum", "start", "filter", "exposure_seconds", "ra", "dec", "object", "proposal", "seeing",
    "version", "bytes", "proprietary_until", "missing",
)  # fmt: skip
INTERRUPTED = 130  # exit status after Ctrl-C, as shells have it


class Command(SurveyCommand):
    help = (
        "Find InstCal exposures of DECam in the NOIRLab Astro Data Archive: those whose three "
        "files (image, weight, data quality) are there in one version, and what others lack."
    )

    def create_parser(self, *args, **kwargs):
        return let_declinations_be_negative(super().create_parser(*args, **kwargs))

    def add_arguments(self, parser):
        add_selection(parser)
        parser.add_argument(
            "--csv",
            nargs="?",
            const="-",
            metavar="FILE",
            help="write CSV to FILE, or to standard output",
        )

    def handle(self, *, csv, **given):
        try:
            query = archive_query(**given)
            exposures = find(query)
            if csv:
                write_csv([HEADINGS, *map(row, exposures)], csv, self.stdout.data)
        except GalprojectError as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt as interrupt:
            raise CommandError("Interrupted", returncode=INTERRUPTED) from interrupt
        if not exposures:
            self.stderr.write(nothing_found(query))
        elif csv != "-":
            for line in exposure_table(exposures):
                self.stdout.write(line)


def nothing_found(query):
    """The message when nothing was found."""
    return (
        f"The archive has no InstCal exposure of DECam for {selection_text(query)}. "
        "Nights are named by the date at sunset in Chile; recent ones may not be reduced yet."
    )


def row(e):
    """An exposure as a row in the order of the headings; None if unknown."""
    return (
        e.expnum, e.start, e.filter, e.exposure_seconds, e.ra, e.dec, e.object_name, e.proposal,
        e.seeing, e.version, e.size, e.proprietary_until, " ".join(e.missing),
    )  # fmt: skip


def exposure_table(exposures):
    """Lines of text, one for each exposure, and their total."""
    yield (
        f"{'expnum':>8}  {'start (UTC)':<19}  {'filter':<6}  {'s':>5}  {'RA':>9}  {'Dec':>9}  "
        f"{'object':<16}  {'proposal':<10}  {'seeing':>6}  {'version':<7}  {'size':>7}  files"
    )
    for e in exposures:
        yield (
            f"{e.expnum or '?':>8}  {e.start or '?':<19}  {e.filter or '?':<6}  "
            f"{number(e.exposure_seconds, '.5g'):>5}  {number(e.ra, '.4f'):>9}  "
            f"{number(e.dec, '+.4f'):>9}  {e.object_name[:16]:<16}  {e.proposal:<10}  "
            f"{number(e.seeing, '.2f'):>6}  {e.version or '?':<7}  {size_text(e.size):>7}  "
            f"{files_text(e)}"
        )
    complete = sum(e.is_complete for e in exposures)
    size = size_text(sum(e.size for e in exposures))
    yield f"{len(exposures)} exposures, {complete} complete, {size}."


def files_text(exposure):
    """The completeness and access of an exposure's files in words."""
    parts = [f"no {name}" for name in exposure.missing] or ["complete"]
    parts += [f"odd name {name}" for name in exposure.odd_names]
    until = exposure.proprietary_until
    return ", ".join([*parts, f"proprietary until {until}" if until else "public"])


def number(value, how):
    """A number in a format; an empty text for None."""
    return "" if value is None else format(value, how)
