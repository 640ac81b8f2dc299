"""manage.py stack_reference: exposures of a field stacked to serve as a reference."""

import sys
from collections import Counter
from pathlib import Path

from exposures.management.arguments import ccd_numbers
from exposures.management.command_errors import plain_errors
from exposures.management.numbers import GAIN, READ_NOISE, SATURATION
from galproject.configuration.loading import load_options
from galproject.management.chip_results import ChipResultsCommand
from galproject.processing.chip_result import Outcome
from galproject.processing.stacking import plan_stack, run_stack


class Command(ChipResultsCommand):
    help = (
        "Stack exposures of one field and filter: registered to the first by their stars, brought "
        "to its flux scale, and averaged without what only one of them shows; variable stars are "
        "given the same brightness on all frames first. Writes image, weight, data quality, and a "
        "map with a bit for each input where it was clipped or a star of it changed. Chips that "
        "are up to date are left as they are, so that a run that was interrupted goes on where it "
        "stopped. The exit status is 1 if a chip failed."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "paths", nargs="+", metavar="PATH", help="exposures to stack, on the grid of the first"
        )
        parser.add_argument("--to", default=".", metavar="FOLDER", help="folder of the stack")
        parser.add_argument(
            "--name", default="", help="name of the stack's files (default stack_FIRST_N)"
        )
        parser.add_argument(
            "--ccds",
            nargs="+",
            type=ccd_numbers,
            metavar="N",
            help="chips, such as 1-3,31 (default: all)",
        )
        parser.add_argument(
            "--catalogue", help="astrometric catalogue: a folder of HEALPix tiles or one file"
        )
        plain = parser.add_argument_group("plain FITS images whose headers don't say")
        plain.add_argument("--gain", type=GAIN, help="gain of a plain image, e-/ADU")
        plain.add_argument("--read-noise", type=READ_NOISE, help="read noise of a plain image, e-")
        plain.add_argument("--saturation", type=SATURATION, help="saturation of a plain image, ADU")
        parser.add_argument("--again", action="store_true", help="stack finished chips again")

    def handle(self, *, paths, to, name, ccds, catalogue, again, **given):
        known = {option: given[option] for option in ("gain", "read_noise", "saturation")}
        catalogue = catalogue and str(Path(catalogue).absolute())
        ccds = set().union(*ccds) if ccds else None
        with plain_errors():
            options = load_options(input=known, catalogue=catalogue)
            plan = plan_stack(paths, to, options, ccds, name)
            results = list(self.follow(run_stack(plan, again), len(plan.wanted)))
        self.summarise(results, plan.files.paths["i"], catalogue)
        if any(result.failed for result in results):
            sys.exit(1)

    def lines_of(self, result):
        return [stack_line(result), *(f"[{result.label}] {note}" for note in result.notes)]

    def summarise(self, results, path, catalogue):
        counts = Counter(result.status for result in results)
        parts = [f"{counts[k]} {k}" for k in Outcome.values if counts[k]]
        self.stdout.write(f"{len(results)} chips: {', '.join(parts)}.")
        if len(results) > counts[Outcome.FAILED]:
            with_it = f" --catalogue {catalogue}" if catalogue else ""
            command = f"manage.py process_exposure {path} --reference{with_it}"
            self.stdout.write(f"Make it a reference: {command}")


def stack_line(result):
    """A line about a chip's result."""
    if result.n_inputs is None:
        return f"{result.label}: {result.status}"
    sharpest, widest = result.fwhm_pixels
    return (
        f"{result.label}: {result.n_inputs} chips  seeing {sharpest:.1f} to {widest:.1f} px"
        f"  depth x {result.gain_in_depth:.2f}  {result.n_homogenised} variable stars homogenised"
        f"  clipped {result.clipped_fraction:.3%}"
        f"  filled {result.filled_fraction:.2%}  unusable {result.unusable_fraction:.2%}"
        f"  {result.seconds:.1f} s"
    )
