"""manage.py export_catalogue: the survey as a HATS collection of Parquet files."""

from pathlib import Path

from django.core.management import CommandError

from exposures.archive.partial import size_text
from exposures.management.base import SurveyCommand
from exposures.management.command_errors import plain_errors
from exposures.management.numbers import Number, WholeNumber
from galproject.backup.bars import bar
from galproject.export.exporting import ExportOptions, export, plan_of
from galproject.export.releases import ReleaseText, make_release


class Command(SurveyCommand):
    help = (
        "Export all sources with their light curves, statistics, periods, classes and matches to "
        "a folder, as a HATS collection for LSDB and Dask. Run again, it writes what changed "
        "since and leaves all else; interrupted, it goes on."
    )

    def add_arguments(self, parser):
        parser.add_argument("folder", type=Path, help="folder of the collection")
        parser.add_argument(
            "--name", default=ExportOptions.name, help="of the catalogue (default galproject)"
        )
        parser.add_argument(
            "--margin",
            type=Number(0, 15),
            default=ExportOptions.margin_arcsec,
            help="arcsec within which a pixel's margin cache has sources of others (default 5)",
        )
        parser.add_argument(
            "--rows",
            type=WholeNumber(1000, 100_000_000),
            default=ExportOptions.max_rows,
            help="most measurements in a pixel (default 4000000)",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would be written, and write nothing"
        )

        release = parser.add_argument_group("a release, which is frozen")
        release.add_argument("--release", metavar="NAME", help="such as dr1")
        release.add_argument("--title", help="of the release")
        release.add_argument(
            "--creator", action="append", default=[], help="who made it; once for each"
        )
        release.add_argument("--publisher", help="who publishes it")
        release.add_argument(
            "--rights",
            help="under which it may be used, such as CC-BY-4.0. Say it only where all exposures "
            "are public: provenance.json lists their proposals",
        )

    def handle(self, *, folder, name, margin, rows, dry_run, **words):
        options, text = ExportOptions(name, margin, rows), self._release_text(**words)
        with plain_errors():
            if dry_run:
                self._tell_plan(plan_of(folder, options, bar))
            else:
                self._tell(folder, export(folder, options, bar))
                if text is not None:
                    release = make_release(folder, words["release"], text, bar)
                    self.stdout.write(f"{release}: frozen; sha256sum -c SHA256SUMS checks it there")

    def _release_text(self, *, release, title, creator, publisher, rights, **_):
        said = {"--title": title, "--creator": creator, "--publisher": publisher}
        said["--rights"] = rights
        if release is None:
            return None
        if missing := [name for name, value in said.items() if not value]:
            raise CommandError(f"A release needs {', '.join(missing)}")
        return ReleaseText(title, tuple(creator), publisher, rights)

    def _tell_plan(self, plan):
        self.stdout.write(
            f"{len(plan.to_write):,} of {len(plan.parts):,} files would be written, with up to "
            f"{plan.n_rows:,} measurements; {len(plan.left_over):,} would be removed"
        )

    def _tell(self, folder, exported):
        self.stdout.write(
            f"{folder}: {exported.n_sources:,} sources with {exported.n_measurements:,} "
            f"measurements in {exported.n_pixels:,} pixels, {exported.n_written:,} of them written "
            f"anew; {size_text(exported.n_bytes)}"
        )
