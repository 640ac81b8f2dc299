"""manage.py restore: a survey from a backup."""

from argparse import ArgumentTypeError
from pathlib import Path

from exposures.management.base import SurveyCommand
from exposures.management.command_errors import plain_errors
from exposures.management.numbers import WholeNumber
from galproject.backup.bars import bar
from galproject.backup.restoring import (
    RestoreOptions,
    checked_backup,
    restore_backup,
    restored_text,
)


def moved_folder(text):
    """Parse OLD=NEW, both absolute paths."""
    old, _, new = text.partition("=")
    if not (old.startswith("/") and new.startswith("/")):
        raise ArgumentTypeError(f"{text!r} is not OLD=NEW with two absolute paths")
    return old, new


class Command(SurveyCommand):
    help = (
        "Restore a backup to the survey's database, which must be empty or not there, or to "
        "another (GALPROJECT_DATABASE=NAME). All files are checked first, and all rows counted "
        "afterwards; until then nothing has the database's name. What an older version made is "
        "migrated. Stop the web server and the workers before."
    )
    requires_system_checks = []  # The database may not be there yet.

    def add_arguments(self, parser):
        parser.add_argument("folder", type=Path, help="folder made by manage.py backup")
        parser.add_argument(
            "--check", action="store_true", help="check the backup, and restore nothing"
        )
        parser.add_argument(
            "--jobs",
            type=WholeNumber(1, 64),
            default=2,
            help="number of tables loaded at once (default 2)",
        )
        parser.add_argument(
            "--replace",
            default="",
            metavar="NAME",
            help="rename the non-empty database of this name and restore in its place",
        )
        parser.add_argument(
            "--moved",
            type=moved_folder,
            action="append",
            default=[],
            metavar="OLD=NEW",
            help="new folder of files of exposures or a catalogue; may be given several times",
        )
        parser.add_argument("--no-key", action="store_true", help="keep the current secret key")

    def handle(self, *, folder, check, jobs, replace, moved, no_key, **_):
        with plain_errors():
            if check:
                made = checked_backup(folder, bar)
                self.stdout.write(f"{folder} is whole: {len(made.files)} files of {made.made}")
                return
            options = RestoreOptions(jobs, replace, tuple(moved), not no_key)
            restored = restore_backup(folder, options, bar)
        self.stdout.write(restored_text(restored))
        if restored.put_aside:
            self.stdout.write(
                f"The database of before is called {restored.put_aside}; when it is no longer "
                f'needed: DROP DATABASE "{restored.put_aside}"'
            )
        for note in restored.notes:
            self.stdout.write(note)
