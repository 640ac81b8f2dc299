"""manage.py reprocess: results processed again if options, code or files changed."""

import sys
from getpass import getuser

from django.core.management.base import CommandError

from exposures.lookup import find_exposures
from exposures.management.command_errors import plain_errors
from exposures.management.numbers import WORKERS
from exposures.models import GalImage
from galproject.configuration.loading import load_options
from galproject.management.commands import process_exposure
from galproject.queue.reprocessing import plan_reprocessing
from galproject.queue.runs import run_jobs


class Command(process_exposure.Command):
    help = (
        "Make over what was made with other options than now, or by code that gave other results. "
        "Run twice, it does nothing the second time. What describes the files (catalogue, gain "
        "...) stays as it was given with each. References stay as they are, but with --references."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "identifiers",
            nargs="*",
            metavar="EXPOSURE",
            help="EXPNUM of an exposure, or the stem of its file",
        )
        parser.add_argument("--all", action="store_true", help="reprocess every exposure")
        parser.add_argument("--filter", metavar="NAME", help="exposures in this filter")
        parser.add_argument(
            "--references",
            action="store_true",
            help="also process references, whose sources get new ids, and the search images "
            "measured with them",
        )
        parser.add_argument(
            "--workers", type=WORKERS, default=1, help="number of processes (default 1)"
        )
        parser.add_argument(
            "--queue", action="store_true", help="enqueue the chips for the workers"
        )
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="list what would be processed, and process nothing",
        )

    def handle(self, *, identifiers, references, workers, queue, dry_run, **chosen):
        if bool(identifiers) == chosen["all"]:
            raise CommandError("Name the exposures, or give --all")
        with plain_errors():
            images = self.choose(identifiers, chosen["filter"])
            plan = plan_reprocessing(images, load_options(), references)
            self.stdout.write_lines(plan_text(plan))
            if dry_run:
                return
            enqueued = plan.enqueue(queued=queue, requested_by=getuser())
            if queue:
                self.report_asked(enqueued)
                return
            total = plan.n_references + plan.n_searches
            results = list(self.follow(run_jobs(enqueued, workers), total))
        self.summarise(results, ())
        if any(result.failed for result in results):
            sys.exit(1)

    def choose(self, identifiers, filter_name):
        images = GalImage.objects.all()
        if identifiers:
            images = images.filter(exposure__in=find_exposures(identifiers))
        return images.in_filter(filter_name) if filter_name else images


def plan_text(plan):
    """A line or two about what would be processed again."""
    text = (
        f"{plan.n_references} references and {plan.n_searches} search images to be made over; "
        f"{plan.n_up_to_date} are up to date."
    )
    if plan.n_references_kept:
        text += (
            f"\n{plan.n_references_kept} references were made otherwise and stay: "
            "make them over with --references."
        )
    if plan.n_other_files:
        text += (
            f"\nOf all these {plan.n_other_files} were made of files or published stars that are "
            "others now."
        )
    return text
