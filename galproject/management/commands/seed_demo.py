"""manage.py seed_demo: a made-up survey of any size, to look at, vet and benchmark."""

import os
import subprocess
import sys
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import CommandError
from tqdm import tqdm

from exposures.management.base import SurveyCommand
from exposures.management.command_errors import plain_errors
from exposures.management.numbers import COUNT, SEED, WholeNumber
from galproject.configuration.loading import load_options
from galproject.demo import seeding
from galproject.demo.first_look import what_to_look_at
from galproject.demo.named_database import create_database
from galproject.demo.published import load_published, match_published
from galproject.demo.seeding import SurveyPlan
from galproject.processing.matches import published_names
from galproject.processing.variability import (
    catalogues_with_epochs,
    measure_catalogues,
    unmeasured_catalogues,
)
from photometry.crossmatch.crossmatching import crossmatch_filters, passes_of
from variables.derived.refresh import refresh_candidates
from variables.models import GalCandidate


class Command(SurveyCommand):
    help = (
        "Fill the database with a made-up survey: fields, epochs, candidates and variables as the "
        "simulator has them, people and their votes. Asked for again, it does what is missing."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "--candidates", type=COUNT, default=40_000, help="number of candidates (default 40000)"
        )
        parser.add_argument(
            "--sources",
            type=WholeNumber(1, 1_000_000_000),
            default=1_000_000,
            help="number of measurements (default 1000000)",
        )
        parser.add_argument("--seed", type=SEED, default=1)
        parser.add_argument(
            "--pictures",
            type=WholeNumber(0, 10_000_000),
            default=4000,
            metavar="N",
            help="candidates with cutouts; a tenth as many chips get pictures (default 4000)",
        )
        parser.add_argument(
            "--database",
            metavar="NAME",
            help="use a database of this name beside the survey's, made if missing",
        )
        parser.add_argument(
            "--into-existing",
            action="store_true",
            help="fill a database that already has real exposures",
        )

    def handle(self, *, database, **given):
        if database is None:
            self.seed(**given)
            return
        with plain_errors():
            create_database(database)
        options = ("candidates", "sources", "seed", "pictures")
        self.manage(database, "migrate", "--verbosity", "0")
        self.manage(database, "seed_demo", *(f"--{name}={given[name]}" for name in options))

    def manage(self, database, *words):
        """Run a command of manage.py on another database; it reports its own errors."""
        self.stdout.flush()
        command = [sys.executable, settings.BASE_DIR / "manage.py", *words]
        done = subprocess.run(command, env={**os.environ, "GALPROJECT_DATABASE": database})
        if done.returncode:
            raise CommandError(f"{words[0]} failed on {database}", returncode=done.returncode)

    def seed(self, *, candidates, sources, seed, pictures, into_existing, **_):
        with plain_errors():
            plan = SurveyPlan(candidates, sources, seed)
            is_new = self.fill(plan, into_existing)
            passwords = seeding.make_people()
            if n_flags := seeding.make_flags():
                self.stdout.write(f"{n_flags} artifacts flagged or proposed")
            if n_campaigns := seeding.make_campaigns(seed):
                self.stdout.write(f"{n_campaigns} campaigns begun")
            seeding.make_star_list()
            seeding.make_upload()
            seeding.make_watch()
            if pictures:
                self.draw(pictures, is_new)
        self.stdout.write("What to look at next:")
        for line in what_to_look_at(get_user_model().objects.get(username="curator")):
            self.stdout.write(line)
        for name, password in passwords.items():
            self.stdout.write(f"  log in as {name} with the password {password}")
        if not passwords:
            self.stdout.write(
                "  log in as curator, vetter, reader or operator; a new password: "
                f"{'GALPROJECT_DATABASE=' * bool(settings.GALPROJECT_DATABASE)}"
                f"{settings.GALPROJECT_DATABASE}{' ' * bool(settings.GALPROJECT_DATABASE)}"
                ".venv/bin/python manage.py changepassword curator"
            )

    def fill(self, plan, into_existing):
        """Fill the tables with observations, measurements and what is derived."""
        with self.bar(plan.n_catalogues, "measurements") as bar:
            is_new = seeding.seed_survey(plan, into_existing, bar)
        self.stdout.write("The survey is there." if is_new else "The survey was there already.")
        crossmatch_options = load_options().crossmatch
        counts = [
            crossmatch_filters(chain.from_iterable(fields), crossmatch_options)
            for fields in passes_of()
        ]
        n_stars = sum(one.n_one_to_one + one.n_doubtful for one in counts)
        self.stdout.write(f"{n_stars:,} stars cross-matched across filters")
        with self.bar(plan.n_catalogues, "statistics") as bar:
            todo = unmeasured_catalogues(catalogues_with_epochs())
            for _ in measure_catalogues(todo):
                bar.update(1)
        if not published_names():
            self.publish(plan)
        with self.bar(plan.n_catalogues, "candidates") as bar:
            n_candidates = refresh_candidates(progress=bar)
        n_accepted = GalCandidate.objects.accepted().count()
        self.stdout.write(f"{n_accepted:,} candidates, of {n_candidates:,} sources that changed")
        return is_new

    def publish(self, plan):
        """Load what is published of the survey's stars, and match it with them."""
        with TemporaryDirectory() as folder:
            reports = load_published(seeding.write_published_sky(plan, Path(folder)))
        n_stars = sum(report.catalogue.n_rows for report in reports)
        n_references = match_published()
        self.stdout.write(
            f"{n_stars:,} stars of {len(reports)} published catalogues matched with "
            f"{n_references} references"
        )

    def draw(self, n_candidates, again):
        """Draw cutouts and pictures of chips, over those of another survey with the same ids."""
        ids = seeding.candidates_to_draw(n_candidates, again)
        chips = seeding.chips_to_draw(-(-n_candidates // 10), again)
        with self.bar(len(ids), "cutouts") as bar:
            seeding.draw_seeded_cutouts(ids, bar)
        with self.bar(len(chips), "chips") as bar:
            seeding.draw_chips(chips, bar)
        if ids or chips:
            self.stdout.write(f"cutouts of {len(ids):,} candidates and {len(chips):,} chips drawn")

    def bar(self, total, what):
        return tqdm(total=total, desc=what, disable=None, leave=False)
