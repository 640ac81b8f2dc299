"""manage.py options: every option of the pipeline with its value and meaning."""

from django.core.management.base import CommandError

from exposures.errors import GalprojectError
from exposures.management.base import SurveyCommand
from galproject.configuration.descriptions import sections
from galproject.configuration.loading import check_file, configured_settings, load_options
from galproject.configuration.rendering import as_markdown, as_table, as_toml


class Command(SurveyCommand):
    help = (
        "Show every option: its value, unit, default, where it was set, and what it means. Set "
        "them in one TOML file (GALPROJECT_OPTIONS, by default galproject.toml in the project's "
        "folder) or in the environment (GALPROJECT_OPTION_SELECTION__THRESHOLD_SIGMA=12)."
    )
    requires_system_checks = []  # Their word on the options is that of the command itself.

    def add_arguments(self, parser):
        how = parser.add_mutually_exclusive_group()
        how.add_argument(
            "--toml", action="store_true", help="print a complete TOML file of the defaults"
        )
        how.add_argument("--markdown", action="store_true", help="print the documentation")
        how.add_argument("--check", metavar="FILE", help="check a TOML file, and list its errors")

    def handle(self, *, toml, markdown, check, **_):
        try:
            if toml:
                self.stdout.write_lines(as_toml(sections()))
            elif markdown:
                self.stdout.write_lines(as_markdown(sections()))
            elif check:
                check_file(check)
                self.stdout.write(f"{check}: every option in it exists and is valid")
            else:
                self.stdout.write_lines(as_table(sections(), load_options(), configured_settings()))
        except GalprojectError as error:
            raise CommandError(str(error)) from error
