"""manage.py simulate_exposures: a night of DECam files with known truth."""

from django.core.management.base import CommandError
from tqdm import tqdm

from exposures.errors import GalprojectError
from exposures.management.base import SurveyCommand
from exposures.management.numbers import SEED, Number, WholeNumber
from exposures.simulation import SimulationOptions, find_night, simulate_night
from exposures.simulation.published import STATED_DEPTH

DEFAULTS = SimulationOptions()
# Flag, field of SimulationOptions, type and meaning of each.
OPTIONS = (
    ("--epochs", "n_epochs", WholeNumber(0, 10_000), "search exposures"),
    ("--chips", "n_chips", WholeNumber(1, 62), "neighbouring chips of the mosaic"),
    (
        "--stars",
        "stars_per_chip",
        WholeNumber(1, 1_000_000),
        "detectable stars on an area of 4094 x 2046",
    ),
    ("--variables", "variable_fraction", Number(0, 1), "part of the stars that vary"),
    (
        "--artifacts",
        "n_reference_artifacts",
        WholeNumber(0, 10_000),
        "artifacts a chip of the reference",
    ),
    (
        "--novae",
        "n_novae",
        WholeNumber(0, 100_000),
        "stars that the reference does not have",
    ),
    ("--movers", "n_movers", WholeNumber(0, 100_000), "moving objects"),
    (
        "--vanishing",
        "n_vanishing",
        WholeNumber(0, 100_000),
        "stars of which nothing is left from some exposure on",
    ),
    (
        "--bright-stars",
        "n_bright_stars",
        WholeNumber(0, 10_000),
        "stars of 7 to 12 mag, with bleed trails and aureoles",
    ),
    (
        "--nebulosity",
        "nebulosity",
        Number(0, 1),
        "scatter of nebulae and dark filaments, as a part of the sky",
    ),
    ("--filter", "filter", str, "u, g, r, i, z, Y or VR"),
    ("--ra", "ra", Number(0, 360), "of the field, degrees"),
    ("--dec", "dec", Number(-90, 90), "of the field, degrees"),
    ("--seed", "seed", SEED, "another one makes another night"),
)


class Command(SurveyCommand):
    help = (
        "Simulate a night: DECam InstCal triplets of a reference and of search exposures, a "
        "Gaia-like catalogue, lists of known variables like the VSX and OGLE's, and truth.fits. "
        "The same options write the same files; where they are there already, nothing is done."
    )

    def add_arguments(self, parser):
        parser.add_argument("folder")
        for flag, field, kind, text in OPTIONS:
            default = getattr(DEFAULTS, field)
            parser.add_argument(
                flag,
                dest=field,
                type=kind,
                default=default,
                metavar=flag.strip("-").upper(),
                help=f"{text} (default {default})",
            )
        parser.add_argument(
            "--size",
            dest="chip_shape",
            type=WholeNumber(1, 10_000),
            nargs=2,
            default=DEFAULTS.chip_shape,
            metavar=("NY", "NX"),
            help="pixels of a chip (default {} {})".format(*DEFAULTS.chip_shape),
        )
        parser.add_argument(
            "--no-compress",
            dest="compress",
            action="store_false",
            help="write .fits instead of .fits.fz",
        )

    def handle(self, *, folder, **arguments):
        fields = {k: v for k, v in arguments.items() if k in SimulationOptions.__annotations__}
        try:
            options = SimulationOptions(**{**fields, "chip_shape": tuple(fields["chip_shape"])})
            night = find_night(folder, options)
            if night is not None:
                self.stdout.write(f"{folder} holds this night already: nothing to do.")
            else:
                night = self.simulate(folder, options)
        except GalprojectError as error:
            raise CommandError(str(error)) from error
        self.suggest_next_steps(night)

    def simulate(self, folder, options):
        n_images = (options.n_epochs + 1) * options.n_chips
        with tqdm(total=n_images, unit="chip", disable=None, leave=False) as bar:
            night = simulate_night(folder, options, bar)
        self.stdout.write(f"{n_images} chips of {options.n_epochs + 1} exposures in {folder}:")
        return night

    def suggest_next_steps(self, night):
        self.stdout.write(f"  reference  {night.reference}")
        for search in night.searches:
            self.stdout.write(f"  search     {search}")
        self.stdout.write(f"  catalogue  {night.catalogue}")
        self.stdout.write(f"  truth      {night.truth}")
        process = f"manage.py process_exposure --catalogue {night.catalogue}"
        self.stdout.write("Next:")
        self.stdout.write(f"  {process} --reference {night.reference}")
        if night.searches:
            self.stdout.write(f"  {process} {' '.join(map(str, night.searches))}")
        self.stdout.write("What was known of its stars:")
        for name, paths in night.published.items():
            depth = STATED_DEPTH.get(name)
            stated = f" --all-sky --depth {depth}" if depth else ""
            files = " ".join(map(str, paths))
            self.stdout.write(f"  manage.py load_catalogue {name} {files}{stated}")
