"""manage.py send_alerts: what changed on exposures, as Avro packets for others."""

from datetime import date

from django.conf import settings
from django.core.management.base import CommandError

from exposures.lookup import find_exposures
from exposures.management.base import SurveyCommand
from exposures.management.command_errors import plain_errors
from exposures.models import GalExposure
from galproject.nightly.report import exposures_of
from variables.alerts.sending import send_alerts


class Command(SurveyCommand):
    help = (
        "Write the alerts of exposures, an Avro packet for each detection with its candidate and "
        "its light curve, to a file for each exposure in a folder, or send them to a Kafka broker. "
        "The schema is variables/alerts/schema/alert.avsc. Nothing that people say is among it. "
        "Where GALPROJECT_ALERTS is set, workers do the same at the end of each job."
    )

    def add_arguments(self, parser):
        parser.add_argument("exposures", nargs="*", metavar="IDENT", help="such as 610001")
        parser.add_argument(
            "--night", type=date.fromisoformat, help="all exposures of a night, such as 2017-01-18"
        )
        parser.add_argument(
            "--to",
            default=settings.GALPROJECT_ALERTS,
            help="a folder, or kafka://host:9092/topic (default: GALPROJECT_ALERTS)",
        )

    def handle(self, *, exposures, night, to, **_):
        if not to:
            raise CommandError("Say --to a folder or kafka://host:9092/topic")
        with plain_errors():
            found = find_exposures(exposures)
            of_night = exposures_of(night) if night else GalExposure.objects.none()
            for exposure in [*found, *of_night.order_by("mjd", "pk")]:
                sent = send_alerts(exposure, to)
                self.stdout.write(f"{exposure}: {sent.n_alerts} alerts to {sent.to}")
