"""The base class of all commands."""

from django.core.checks import Tags
from django.core.management.base import BaseCommand, SystemCheckError
from django.core.management.color import no_style

from exposures.terminal import LineOutput

# Of the survey's options and environment; checks that register under it are made by all commands.
SURVEY = "survey"
# All but those of the pages, whose views take a third of the time until a command begins.
COMMAND_CHECKS = [SURVEY, Tags.caches, Tags.compatibility, Tags.files, Tags.models]


class _Output:
    """A descriptor that turns a command's stream into a LineOutput."""

    def __set_name__(self, _, name):
        self.name = f"_{name}"

    def __get__(self, command, _):
        return self if command is None else getattr(command, self.name)

    def __set__(self, command, output):
        # Django's wrapper has no public name for the stream that it writes to.
        setattr(command, self.name, LineOutput(output._out, output.ending))  # noqa: SLF001


class SurveyCommand(BaseCommand):
    """A command whose output can't control a terminal."""

    requires_system_checks = COMMAND_CHECKS
    stdout = _Output()
    stderr = _Output()

    def check(self, *args, **kwargs):
        """Run Django's checks, keeping the lines of the report but not its colours."""
        style, self.style, self.stderr.keeps_lines = self.style, no_style(), True
        try:
            super().check(*args, **kwargs)
        except SystemCheckError:
            raise  # and is written to stderr by who called
        else:
            self.stderr.keeps_lines = False
        finally:
            self.style = style
