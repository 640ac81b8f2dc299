"""manage.py seed_demo: a made-up survey of any size, to look at, to vet and to measure."""

from django.core.management.base import BaseCommand
from tqdm import tqdm

from galproject.management.plain_errors import plain_errors
from galproject.seeding import Plan, make_flags, make_people, seed_survey
from variables.candidates.refresh import refresh_candidates


class Command(BaseCommand):
    help = (
        "Fill the database with a made-up survey: fields, epochs, candidates and variables as the "
        "simulator has them, people and their votes. Asked for again, it does what is missing."
    )

    def add_arguments(self, parser):
        parser.add_argument("--candidates", type=int, default=40_000, help="(default 40000)")
        parser.add_argument(
            "--sources", type=int, default=1_000_000, help="measurements (default 1000000)"
        )
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument(
            "--into-existing", action="store_true", help="also beside exposures that are real"
        )

    def handle(self, *, candidates, sources, seed, into_existing, **_):
        with plain_errors():
            plan = Plan(candidates, sources, seed)
            with self.bar(plan.n_catalogues, "measurements") as bar:
                is_new = seed_survey(plan, into_existing, bar)
            self.stdout.write("The survey is there." if is_new else "The survey was there already.")
            with self.bar(plan.n_catalogues, "candidates") as bar:
                n_candidates = refresh_candidates(progress=bar)
            self.stdout.write(f"{n_candidates:,} candidates")
            passwords = make_people()
            if n_flags := make_flags():
                self.stdout.write(f"{n_flags} artifacts flagged")
        for name, password in passwords.items():
            self.stdout.write(f"  log in as {name} with the password {password}")

    def bar(self, total, what):
        return tqdm(total=total, desc=what, unit="chip", disable=None, leave=False)
