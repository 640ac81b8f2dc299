"""manage.py report_night: what was observed in a night, what failed, and what is new."""

from datetime import date

from exposures.management.base import SurveyCommand
from galproject.nightly.report import night_before_last, report_of
from galproject.nightly.telling import tell_night


class Command(SurveyCommand):
    help = (
        "Print the report of a night: exposures and chips by filter, seeing, depth, failures, new "
        "candidates, and sources that the reference lacks. It is made of the tables as they are "
        "now. The schedule tells it once a day to those who asked for it; --tell does the same."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "night",
            nargs="?",
            type=date.fromisoformat,
            help="such as 2017-01-18, the evening in Chile (default: the night before last, whose "
            "exposures are processed by now)",
        )
        parser.add_argument(
            "--tell", action="store_true", help="tell those who asked for reports, each once"
        )

    def handle(self, *, night, tell, **_):
        report = report_of(night or night_before_last())
        for line in report.as_text().splitlines():
            self.stdout.write(line)
        if tell:
            self.stdout.write(f"{tell_night(report)} people told")
