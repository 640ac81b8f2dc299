"""manage.py doctor: all that can be wrong with this installation, and what to do."""

import json
import sys

from exposures.management.base import SurveyCommand
from galproject.doctor.examination import examine
from galproject.doctor.findings import Severity, worst

STYLES = {Severity.OK: "SUCCESS", Severity.WARNING: "WARNING", Severity.FAILS: "ERROR"}


class Command(SurveyCommand):
    requires_system_checks = ()  # they are made here, and told with the rest
    help = (
        "Look at everything that can be wrong with this installation, and say what to do: "
        "settings, packages, disk, memory, clocks, mail, backups, the database and its locks, "
        "workers, failures, pictures. One line each. Changes nothing, and works where the "
        "database is away. The exit status is 0 where all is well, 1 for warnings, 2 where "
        "something fails."
    )

    def add_arguments(self, parser):
        parser.add_argument("--json", action="store_true", help="print JSON")
        parser.add_argument(
            "--url",
            default="",
            metavar="ADDRESS",
            help="look at the site, too, as a visitor does: https://gal.example.org",
        )
        parser.add_argument(
            "--quiet", action="store_true", help="say nothing of what is as it should be"
        )

    def handle(self, *, url, quiet, **given):
        findings = []
        for finding in examine(url):
            findings.append(finding)
            if not given["json"] and (finding.severity or not quiet):
                style = getattr(self.style, STYLES[finding.severity])
                self.stdout.write(finding.line, style)
        severity = worst(findings)
        if given["json"]:
            told = {
                "worst": severity.name.lower(),
                "findings": [finding.as_dict for finding in findings],
            }
            self.stdout.data.write(json.dumps(told, indent=1) + "\n")
        if severity:
            sys.exit(int(severity))
