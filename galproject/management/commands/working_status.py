"""manage.py working_status: what is queued, waiting, running, done and failed."""

import json
import time
from dataclasses import asdict
from getpass import getuser

from django.core.management.base import CommandError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import DatabaseError
from django.template.defaultfilters import pluralize

from exposures.errors import GalprojectError
from exposures.lookup import find_exposures
from exposures.management.base import SurveyCommand
from exposures.management.command_errors import database_lost
from exposures.management.numbers import COUNT, Number
from galproject.queue.asking import ask_failed
from galproject.status.exposure_log import exposure_log
from galproject.status.tables import change_lines, log_lines, status_lines
from galproject.status.time_arguments import parse_time
from galproject.status.working_status import PAGE, State, StatusQuery, images_of, working_status

CLEAR = "\x1b[H\x1b[2J"  # cursor home, screen empty
FOLLOW_SECONDS = 5.0


class Command(SurveyCommand):
    help = (
        "What the workers do: every exposure that was asked for, those at work first, then those "
        "asked for last, with its chips by state, errors in all and since its last start, what is "
        "being worked on, the pace and the expected end. Times are UTC."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "--since", metavar="TIME", help="exposures open, or closed since then: 2h, 1d ..."
        )
        parser.add_argument(
            "--until", metavar="TIME", help="exposures requested before then: 2h, 2026-11-23 ..."
        )
        parser.add_argument(
            "--state",
            action="append",
            choices=State.values,
            default=[],
            help="exposures with a chip in this state; may be given several times",
        )
        parser.add_argument(
            "--doubted", action="store_true", help="exposures with a chip of doubted quality"
        )
        parser.add_argument(
            "--exposure", metavar="IDENT", help="show one exposure with its log, chip by chip"
        )
        parser.add_argument(
            "--limit", type=COUNT, default=PAGE, metavar="N", help=f"exposures (default {PAGE})"
        )
        parser.add_argument(
            "--run-failed",
            action="store_true",
            help="run again what failed or was interrupted of the exposures shown, nothing else",
        )
        parser.add_argument(
            "--follow",
            nargs="?",
            type=Number(0.1, 86_400),
            const=FOLLOW_SECONDS,
            metavar="SECONDS",
            help="repeat until everything has ended; without a terminal, print a line for each "
            "change",
        )
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, **given):
        if given["json"] and given["follow"]:
            raise CommandError("Give --json or --follow, not both")
        if given["limit"] < 1:
            raise CommandError("--limit is a number of exposures, 1 or more")
        try:
            if given["run_failed"]:
                self.run_failed(self.query(given))
            show = self.follow if given["follow"] else self.show
            show(given)
        except DatabaseError as error:
            raise CommandError(str(database_lost(error))) from error
        except GalprojectError as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            self.stdout.write("")

    def query(self, given):
        """The requested StatusQuery, with ages counted from now."""
        since, until = (given[name] and parse_time(given[name]) for name in ("since", "until"))
        ids = None
        if given["exposure"] is not None:
            ids = tuple(exposure.pk for exposure in find_exposures([given["exposure"]]))
        states = tuple(given["state"])
        return StatusQuery(since, until, states, exposure_ids=ids, doubted=given["doubted"])

    def run_failed(self, query):
        enqueued = ask_failed(images_of(query), requested_by=getuser())
        for job in enqueued:
            n_chips = len(job.asked or ())
            self.stderr.write(f"{job.exposure}: {n_chips} chip{pluralize(n_chips)} asked for again")
        if not enqueued:
            self.stderr.write("Nothing failed or was interrupted there")

    def show(self, given):
        status = working_status(self.query(given), given["limit"])
        names = [] if given["exposure"] is None else find_exposures([given["exposure"]])
        logs = [exposure_log(exposure) for exposure in names]
        if given["json"]:
            whole = asdict(status) | ({"logs": [asdict(log) for log in logs]} if logs else {})
            text = json.dumps(whole, cls=DjangoJSONEncoder, indent=1)
            self.stdout.data.write(f"{text}\n")
            return
        lines = status_lines(status)
        for log in logs:
            lines += ["", *log_lines(log)]
        self.say(lines)

    def say(self, lines):
        for line in lines:
            self.stdout.write(line)

    def follow(self, given):
        """Show the status repeatedly until all has ended."""
        is_terminal, before = self.stdout.isatty(), None
        while True:
            status = working_status(self.query(given), given["limit"])
            if is_terminal:
                self.stdout.control(CLEAR)
                self.say(status_lines(status))
            else:
                self.say(change_lines(before, status))
            self.stdout.flush()
            if not status.chips.open:
                return
            before = status
            time.sleep(given["follow"])
