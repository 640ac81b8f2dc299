"""manage.py demo: a simulated night, processed and compared with its truth."""

import time

from django.conf import settings
from django.core.management import call_command
from tqdm import tqdm

from exposures.management.base import SurveyCommand
from exposures.management.command_errors import plain_errors
from exposures.management.numbers import WORKERS
from galproject.demo import demonstration
from galproject.demo.first_look import what_to_look_at
from galproject.demo.published import load_published, match_published


class Command(SurveyCommand):
    help = "Simulate a night, process it and compare what was found with what was simulated."

    def add_arguments(self, parser):
        parser.add_argument("--folder", default=settings.BASE_DIR / "data" / "demo-night")
        parser.add_argument("--workers", type=WORKERS, default=2, help="processes (default 2)")

    def handle(self, *, folder, workers, **_):
        folder = type(settings.BASE_DIR)(folder)
        self.stdout.write(f"1. A simulated night in {folder}")
        with plain_errors(), tqdm(unit="chip", disable=None, leave=False) as bar:
            files = demonstration.prepare_night(folder, bar)
        self.stdout.write("2. Published catalogues of that sky: Gaia's, and known variables")
        with plain_errors():
            for report in load_published(files.published):
                catalogue = report.catalogue
                self.stdout.write(f"   {catalogue.title}: {catalogue.n_rows:,} stars")
        started = time.monotonic()
        common = {"workers": workers, "catalogue": str(files.catalogue)}
        self.stdout.write("3. The reference: every source of two chips")
        call_command("process_exposure", files.reference, reference=True, **common)
        self.stdout.write("4. The search exposures: each source forced, calibrated and compared;")
        self.stdout.write("   stars that the reference does not have are looked for as well")
        call_command("process_exposure", *files.searches, **common)
        self.stdout.write(f"   The pipeline took {time.monotonic() - started:.0f} s.")
        self.stdout.write("5. Against the truth")
        self.stdout.write_lines(demonstration.report(demonstration.compare_with_simulation(files)))
        self.stdout.write("6. What the survey looks at, and what of it is known")
        match_published()  # once more, as it is known now what varies
        call_command("repeat_detections")
        self.suggest_next_steps(files, folder / "light_curve.png")

    def suggest_next_steps(self, files, plot):
        user, password = demonstration.demo_user()
        position = demonstration.plot_best(files, plot)
        self.stdout.write("What to look at next:")
        for line in what_to_look_at(user):
            self.stdout.write(line)
        if position:
            ra, dec = position
            self.stdout.write(f"  .venv/bin/python manage.py light_curve {ra:.5f} {dec:.5f}")
            self.stdout.write(f"  {plot}: the same as a plot")
        if password:
            self.stdout.write(f"Log in as {user.get_username()} with the password {password}")
        else:
            self.stdout.write(
                f"Log in as {user.get_username()}, as before; a new password: "
                f".venv/bin/python manage.py changepassword {user.get_username()}"
            )
