"""manage.py fetch_exposures: InstCal exposures from the NOIRLab Astro Data Archive."""

import sys
import time
from pathlib import Path

from django.core.management.base import CommandError
from tqdm import tqdm

from exposures.archive import Archive, FetchOptions, bytes_to_come, fetch_all, find
from exposures.archive.partial import free_bytes, size_text
from exposures.errors import GalprojectError
from exposures.management.arguments import (
    add_selection,
    archive_query,
    ccd_numbers,
    let_declinations_be_negative,
)
from exposures.management.base import SurveyCommand
from exposures.management.commands.find_exposures import INTERRUPTED, files_text, nothing_found
from exposures.management.numbers import Number

GOES_ON = "The same command goes on where it stopped; what is fetched is kept"


class ByteBar(tqdm):
    """A progress bar of bytes whose total may change."""

    def expect(self, n_bytes):
        """Raise the total by ``n_bytes``, or lower it if negative."""
        self.total = max(self.total + n_bytes, 0)
        self.refresh()


class Command(SurveyCommand):
    help = (
        "Fetch InstCal exposures of DECam from the NOIRLab Astro Data Archive: image, weight and "
        "data quality, checked. What is there already is left as it is, so that an interrupted "
        "run goes on where it stopped. Proprietary data need GALPROJECT_ARCHIVE_EMAIL and "
        "GALPROJECT_ARCHIVE_PASSWORD in the environment. The exit status is 1 if an exposure "
        "could not be fetched."
    )

    def create_parser(self, *args, **kwargs):
        return let_declinations_be_negative(super().create_parser(*args, **kwargs))

    def add_arguments(self, parser):
        add_selection(parser)
        parser.add_argument(
            "--to", required=True, metavar="FOLDER", help="folder of the files; made if missing"
        )
        parser.add_argument(
            "--ccds",
            nargs="+",
            type=ccd_numbers,
            metavar="N",
            help="chips to fetch, such as 1-3,31 (default: all)",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="list what would be fetched, and fetch nothing"
        )
        parser.add_argument(
            "--margin",
            type=Number(0, 1e9),
            default=FetchOptions().margin_bytes / 1e9,
            metavar="GB",
            help="part of the disk to leave free (default %(default)g)",
        )
        parser.add_argument(
            "--accept-wrong-md5",
            action="store_true",
            help="take a file that is not what the archive's checksum says, if it came twice alike "
            "and is a whole FITS file of the right exposure; about 1 in 100 is such",
        )

    def handle(self, *, to, ccds, dry_run, margin, accept_wrong_md5, **given):
        ccdnums = frozenset().union(*ccds) if ccds else None
        options = FetchOptions(ccdnums, int(margin * 1e9), accept_wrong_md5)
        try:
            query, archive, folder = archive_query(**given), Archive(), Path(to)
            exposures = find(query, archive)
            if not exposures:
                raise CommandError(nothing_found(query))
            complete = self.complete_ones(exposures)
            n_incomplete = len(exposures) - len(complete)
            if dry_run:
                self.announce(complete, folder, options)
                return
            n_failed = self.fetch(complete, n_incomplete, folder, options, archive)
        except GalprojectError as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt as interrupt:
            raise CommandError(f"Interrupted. {GOES_ON}", returncode=INTERRUPTED) from interrupt
        if n_failed or not complete:
            sys.exit(1)

    def complete_ones(self, exposures):
        """The complete exposures; incomplete ones are reported."""
        for exposure in exposures:
            if not exposure.is_complete:
                self.complain(f"{exposure.label}: left out: {files_text(exposure)}")
        return [exposure for exposure in exposures if exposure.is_complete]

    def announce(self, exposures, folder, options):
        for exposure in exposures:
            to_come = size_text(bytes_to_come([exposure], folder, options))
            self.stdout.write(f"{exposure.label}: {to_come} to fetch, {files_text(exposure)}")
        to_come = size_text(bytes_to_come(exposures, folder, options))
        free = size_text(free_bytes(folder))
        self.stdout.write(
            f"{len(exposures)} exposures, {to_come} to fetch; {free} free. Nothing was fetched."
        )

    def fetch(self, exposures, n_incomplete, folder, options, archive):
        """Fetch exposures and report; returns how many failed."""
        start, results = time.monotonic(), []
        to_come = bytes_to_come(exposures, folder, options)
        with ByteBar(total=to_come, unit="B", unit_scale=True, disable=None, leave=False) as bar:
            try:
                for result in fetch_all(exposures, folder, options, bar, archive):
                    results.append(result)
                    with bar.external_write_mode(file=self.stdout.stream):
                        self.report(result)
            finally:
                # Also where the disk is full, or by Ctrl-C: what has come so far.
                with bar.external_write_mode(file=self.stdout.stream):
                    self.summarise(results, n_incomplete, time.monotonic() - start)
        return sum(result.failed for result in results)

    def report(self, result):
        label = result.exposure.label
        if result.failed:
            self.complain(f"{label}: {result.error}")
        elif result.was_in_place:
            self.stdout.write(f"{label}: in place  {result.path}")
        else:
            self.stdout.write(f"{label}: {pace(result.n_bytes, result.seconds)}  {result.path}")
        for note in result.notes:
            self.stdout.write(f"  {note}")

    def summarise(self, results, n_incomplete, seconds):
        failed = sum(result.failed for result in results)
        in_place = sum(result.was_in_place for result in results)
        counts = {
            "fetched": len(results) - failed - in_place,
            "in place": in_place,
            "failed": failed,
            "incomplete in the archive": n_incomplete,
        }
        parts = ", ".join(f"{n} {name}" for name, n in counts.items() if n) or "none fetched"
        n_bytes = sum(result.n_bytes for result in results)
        self.stdout.write(f"{parts}. {pace(n_bytes, seconds)}.")

    def complain(self, message):
        self.stderr.write(message)


def pace(n_bytes, seconds):
    """The pace in words, such as 481 MB in 12.3 s (39.1 MB/s)."""
    rate = size_text(n_bytes / seconds) if seconds > 0 else "0 kB"
    return f"{size_text(n_bytes)} in {seconds:.1f} s ({rate}/s)"
