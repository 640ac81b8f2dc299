"""manage.py inject: the pipeline tested with artificial stars in real or simulated exposures."""

import sys
from pathlib import Path

from django.core.management.base import CommandError
from tqdm import tqdm

from exposures.errors import GalprojectError
from exposures.fits import read_exposure
from exposures.management.arguments import ccd_numbers
from exposures.management.base import SurveyCommand
from exposures.management.command_errors import INTERRUPTED, plain_errors
from exposures.management.numbers import (
    COUNT,
    GAIN,
    MAGNITUDE,
    READ_NOISE,
    SATURATION,
    SEED,
    WORKERS,
    Number,
    WholeNumber,
)
from exposures.models import GalImage
from exposures.tables import write_csv
from galproject.configuration.loading import load_options
from galproject.validation.injection.options import InjectionOptions
from galproject.validation.injection.plot import plot_summary
from galproject.validation.injection.report import lines, summary_rows, write_stars
from galproject.validation.injection.run import inject
from galproject.validation.injection.stored import keep_summary
from galproject.validation.injection.summary import summarise
from galproject.validation.injection.temporary_database import interrupted_by_sigterm
from variables.learning.injected import keep_examples

DEFAULTS = InjectionOptions()
NUMBERS = {
    "seed": "seed",
    "n_stars": "stars",
    "n_rounds": "rounds",
    "variable_fraction": "variables",
}


class Command(SurveyCommand):
    help = (
        "Add artificial stars, half of them variable, to a reference and search exposures, run "
        "the pipeline on them, and report completeness, photometric bias and purity by magnitude, "
        "crowding and amplitude. The summary is kept, and shown on the page Completeness; files, "
        "images and measurements stay as they are: the pipeline runs in a database of its own, "
        "which is dropped at the end. The same seed puts in the same stars."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "reference", help="reference exposure: a file, or the name of one in the survey"
        )
        parser.add_argument(
            "searches",
            nargs="*",
            metavar="SEARCH",
            help="search exposure: a file, or the name of one in the survey",
        )
        parser.add_argument(
            "--ccds",
            nargs="+",
            type=ccd_numbers,
            metavar="N",
            help="chips, such as 1-3,31 (default: all)",
        )
        parser.add_argument(
            "--workers", type=WORKERS, default=1, help="number of processes (default 1)"
        )
        parser.add_argument("--catalogue", help="astrometric catalogue, as for process_exposure")
        self.add_star_arguments(parser.add_argument_group("the stars"))
        plain = parser.add_argument_group("plain FITS images whose headers don't say")
        plain.add_argument("--gain", type=GAIN, help="gain of a plain image, e-/ADU")
        plain.add_argument("--read-noise", type=READ_NOISE, help="read noise of a plain image, e-")
        plain.add_argument("--saturation", type=SATURATION, help="saturation of a plain image, ADU")
        report = parser.add_argument_group("the report")
        report.add_argument("--plot", metavar="PNG", help="plot the summary to a file")
        report.add_argument(
            "--csv", metavar="PATH", help="write the summary as CSV, - for standard output"
        )
        report.add_argument(
            "--ecsv", metavar="PATH", help="write every star on every search image as ECSV"
        )
        report.add_argument(
            "--bin",
            type=Number(0.01, 100),
            default=1.0,
            metavar="MAG",
            help="width of magnitude bins, mag (default 1)",
        )

    def add_star_arguments(self, stars):
        stars.add_argument(
            "--stars",
            type=COUNT,
            metavar="N",
            help="stars on a reference chip (default: 3 per cent of its sources, or more if it is "
            "empty; at most 5 per cent)",
        )
        stars.add_argument(
            "--magnitudes",
            nargs=2,
            type=MAGNITUDE,
            metavar=("BRIGHTEST", "FAINTEST"),
            help="magnitudes (default: from 1 mag below saturation to 1 mag beyond 5 sigma)",
        )
        stars.add_argument(
            "--amplitudes",
            nargs="+",
            type=MAGNITUDE,
            metavar="MAG",
            default=DEFAULTS.amplitudes,
            help="(default {})".format(" ".join(map(str, DEFAULTS.amplitudes))),
        )
        stars.add_argument(
            "--variables",
            type=Number(0, 1),
            metavar="SHARE",
            default=DEFAULTS.variable_fraction,
            help=f"of the stars that vary (default {DEFAULTS.variable_fraction})",
        )
        stars.add_argument(
            "--rounds",
            type=WholeNumber(1, 1000),
            default=1,
            metavar="N",
            help="repetitions with consecutive seeds (default 1)",
        )
        stars.add_argument("--seed", type=SEED, default=DEFAULTS.seed, help="seed of the stars")

    def handle(self, *, reference, searches, **given):
        with plain_errors():
            named = [path for name in (reference, *searches) for path in paths_of(name)]
            # As in night/*_ooi_i_*, which has the reference in it.
            paths = list({path.resolve(): path for path in named}.values())
            self.check_outputs(given["plot"], given["csv"], given["ecsv"])
            pipeline = pipeline_options(given)
            injection = injection_options(given)
            done = self.run(paths, pipeline, injection, given)
            summary = summarise(done.comparison, given["bin"])
            reference = read_exposure(paths[0], pipeline.input)
            keep_summary(summary, done.comparison, injection, reference)
            keep_examples(done.examples, reference.identifier, injection.seed)
            self.report(summary, done.comparison, given, pipeline)
        for error in done.errors:
            self.stderr.write(error)
        if done.errors:
            sys.exit(1)

    def check_outputs(self, *outputs):
        """Check that outputs can be written before the work begins."""
        for path in filter(None, outputs):
            if path != "-" and not Path(path).absolute().parent.is_dir():
                raise GalprojectError(f"{path}: there is no such folder. Make it first")

    def run(self, paths, pipeline, injection, given):
        """Add the stars and process the exposures."""
        ccds = set().union(*given["ccds"]) if given["ccds"] else None
        try:
            with interrupted_by_sigterm(), tqdm(unit="chip", disable=None, leave=False) as bar:
                return inject(paths, pipeline, injection, ccds, given["workers"], bar)
        except KeyboardInterrupt as interrupt:
            message = "Interrupted. Its files and its database are removed; nothing is kept"
            raise CommandError(message, returncode=INTERRUPTED) from interrupt

    def report(self, summary, comparison, given, pipeline):
        if given["csv"] != "-":
            for line in lines(summary):
                self.stdout.write(line)
        if given["csv"]:
            write_csv(summary_rows(summary), given["csv"], self.stdout.data)
        if given["ecsv"]:
            write_stars(comparison, given["ecsv"])
        if given["plot"]:
            title = f"{summary.n_stars:,} artificial stars, seed {given['seed']}"
            plot_summary(summary, given["plot"], title, pipeline.selection.threshold_sigma)


def injection_options(given):
    """Numbers, magnitudes and changes of the stars, as asked for."""
    numbers = {name: given[key] for name, key in NUMBERS.items()}
    magnitudes = given["magnitudes"] and tuple(given["magnitudes"])
    return InjectionOptions(**numbers, magnitudes=magnitudes, amplitudes=tuple(given["amplitudes"]))


def pipeline_options(given):
    """The survey's options, updated by the command's."""
    known = {name: given[name] for name in ("gain", "read_noise", "saturation")}
    catalogue = given["catalogue"] and str(Path(given["catalogue"]).absolute())
    return load_options(input=known, catalogue=catalogue)


def paths_of(name):
    """The file of a name, or those of the exposure entered under it."""
    if Path(name).exists():
        return [Path(name)]
    images = GalImage.objects.filter(exposure__identifier=name)
    paths = images.order_by("path").values_list("path", flat=True).distinct()
    # A name that is neither is a file that is not there, and reading says so.
    return list(map(Path, paths)) or [Path(name)]
