"""manage.py backup: the whole survey in one folder."""

from pathlib import Path

from django.template.defaultfilters import pluralize

from exposures.archive.partial import size_text
from exposures.management.base import SurveyCommand
from exposures.management.command_errors import plain_errors
from exposures.management.numbers import WholeNumber
from galproject.backup.bars import bar
from galproject.backup.making import BackupOptions, make_backup
from galproject.backup.restoring import checked_backup


class Command(SurveyCommand):
    help = (
        "Back the survey up to a new folder: database, pictures, options and secret key. Web "
        "server and workers may run: all tables are as they were at one moment. Files of exposures "
        "and catalogues are not in it. Whoever has the folder has the key: keep it private. "
        "GALPROJECT_DATABASE names another database than the survey's."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "folder", type=Path, help="folder of the backup, which must not exist yet"
        )
        parser.add_argument(
            "--jobs",
            type=WholeNumber(1, 64),
            default=2,
            help="number of tables dumped at once (default 2)",
        )
        parser.add_argument(
            "--no-pictures",
            action="store_true",
            help="leave out pictures, which can be rendered again in hours",
        )
        parser.add_argument("--no-key", action="store_true", help="leave out the secret key")
        parser.add_argument(
            "--published",
            action="store_true",
            help="with the stars of published catalogues, which load_catalogue can load again",
        )

    def handle(self, *, folder, jobs, no_pictures, no_key, published, **_):
        options = BackupOptions(jobs, not no_pictures, not no_key, published)
        with plain_errors():
            made = make_backup(folder, options, bar)
            checked_backup(folder, bar)
        self.stdout.write(
            f"{folder}: {sum(made.rows.values()):,} rows of {len(made.rows)} tables, {made.made}; "
            f"{size_text(made.n_bytes)} in {made.seconds:.0f} s. Restore it with: "
            f"manage.py restore {folder}"
        )
        if made.folders:
            n_chips, n_folders = sum(made.folders.values()), len(made.folders)
            self.stdout.write(
                f"Not in it: the files of {n_chips:,} chips in {n_folders} "
                f"folder{pluralize(n_folders)}{' and the catalogue' if made.catalogues else ''}"
            )
        if made.published:
            self.stdout.write(
                f"Not in it: the stars of {', '.join(made.published)} (--published), which "
                "manage.py load_catalogue loads again"
            )
