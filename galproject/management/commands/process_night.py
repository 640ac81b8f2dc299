"""manage.py process_night: new exposures of monitored fields fetched and processed."""

from datetime import date, timedelta

from django.conf import settings
from django.core.management.base import CommandError

from exposures.management.base import SurveyCommand
from exposures.management.command_errors import plain_errors
from exposures.management.numbers import WholeNumber
from exposures.models import GalField
from galproject.queue.nights import expnums_to_fetch, last_night
from galproject.queue.tasks import queue_fetches


class Command(SurveyCommand):
    help = (
        "Look in the archive for new exposures of the active fields (in the admin: Gal fields) and "
        "have the workers of the queue fetch and process them. The schedule does the same every "
        "day; this is for other nights, or to see what there is."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "--night",
            type=date.fromisoformat,
            help="last night to search, such as 2017-01-18 (default: the last complete one)",
        )
        parser.add_argument(
            "--nights",
            type=WholeNumber(1, 366),
            default=settings.GALPROJECT_NIGHTS,
            help="number of nights up to that one (default %(default)s)",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="list new exposures, and fetch nothing"
        )

    def handle(self, *, night, nights, dry_run, **_):
        if not GalField.objects.filter(is_active=True).exists():
            raise CommandError("No field is followed. Add one in the admin: Gal fields")
        last = night or last_night()
        with plain_errors():
            new = expnums_to_fetch(last - timedelta(days=nights - 1), last)
        if new and not dry_run:
            queue_fetches(new)
        what = "new" if dry_run else "new, to be fetched and processed by the workers"
        numbers = f": {', '.join(map(str, new))}" if new else ""
        self.stdout.write(f"{len(new)} exposures {what}{numbers}")
