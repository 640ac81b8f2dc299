"""How well nights are measured whose sky galproject did not draw itself, but GalSim did.

Draws nights of a field (benchmarks/skies), each with other effects, processes them by the same
commands as a user in a database of its own, compares what was found with the truth, and ends with
one JSON line. --quick (small chips, two epochs, rough figures) takes less than 50 s, --night is
for one night, --seed for other stars and other air, --keep for images and truth, --motions for
search images that are processed once more when proper motions have been measured on all of them.
"""

import argparse
import json
import multiprocessing
import shutil
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
from astropy.stats import mad_std
from django.db import connection
from machine_code import load_machine_code
from scratch import manage_here, scratch_database
from skies import CATALOGUE, SkyOptions, make_night, nights, require_galsim, write_night
from skies.assessment import BIN_EDGES, assess_night, ratio

# Before workers are forked, which need it.
import galproject.processing.pipeline  # noqa: F401
from exposures.other_database import connected_to

QUICK = {"shape": (320, 320), "n_epochs": 2}
SMALLEST = SkyOptions(shape=(64, 64), n_epochs=1)
FEWEST = 50  # measurements in a bin of magnitude, for a figure of it


def draw(options, folder):
    """Draw a night and write it; the night and its paths."""
    night = make_night(options)
    return night, write_night(folder, night)


def process(drawn, database, folder, with_motions=False):
    """Process a night in a database: its NightFigures, and seconds of references and searches.

    The search exposures once more ``with_motions`` that are measured on them.
    """
    night, (reference, *searches) = drawn
    common = ("--catalogue", folder / CATALOGUE, "--no-pictures")
    with connected_to(database):
        seconds = [
            seconds_of("process_exposure", reference, "--reference", *common),
            seconds_of("process_exposure", *searches, *common),
        ]
        if with_motions:
            seconds_of("measure_motions", "--exposure", night.options.expnum)
            seconds_of("process_exposure", *searches, *common, "--again")
        return assess_night(night), seconds


def seconds_of(*arguments):
    """Seconds of a command of manage.py on this process' database, NaN where it failed."""
    try:
        return manage_here(None, *arguments).seconds
    except SystemExit as failure:
        print(f"{failure}: what is missing counts as not found", file=sys.stderr)
        return np.nan


@contextmanager
def folder_of(kept):
    """The folder to keep, or one that is removed."""
    if kept:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept
        return
    folder = Path(tempfile.mkdtemp(prefix="galproject-skies-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def figures_of(name, night):
    """Figures of a NightFigures by key."""
    return {
        f"photon_completeness_{name}": ratio(night.n_found, night.n_expected),
        f"expected_{name}": night.n_expected,
        f"false_{name}": night.n_false,
        f"false_per_10k_{name}": 1e4 * ratio(night.n_false, night.n_measurements),
        f"measurements_{name}": night.n_measurements,
        f"scatter_mmag_{name}": median(night.scatter_mmag),
        f"saved_mmag_{name}": median(night.saved_mmag),
        f"vanished_{name}": night.n_vanished,
        f"vanished_found_{name}": ratio(night.n_vanished_found, night.n_vanished),
        f"moving_{name}": night.n_moving,
        f"moving_changed_{name}": ratio(night.n_moving_changed, night.n_moving),
        f"detection_completeness_{name}": night.completeness,
        f"detection_purity_{name}": night.purity,
        f"failed_images_{name}": night.n_failed,
    }


def median(values):
    return float(np.median(values)) if len(values) else np.nan


def summary(assessed):
    """Figures of all nights together."""
    pulls = np.concatenate([pull_sigmas(night) for night in assessed.values()])
    pulls = pulls[np.isfinite(pulls)]
    names = ("expected", "found", "vanished", "vanished_found", "false", "measurements")
    n = {name: sum(getattr(night, f"n_{name}") for night in assessed.values()) for name in names}
    return {
        "pull_min": float(pulls.min()) if len(pulls) else np.nan,
        "pull_max": float(pulls.max()) if len(pulls) else np.nan,
        "expected": n["expected"],
        "photon_completeness": ratio(n["found"], n["expected"]),
        "vanished": n["vanished"],
        "vanished_found": ratio(n["vanished_found"], n["vanished"]),
        "false": n["false"],
        "measurements": n["measurements"],
        "false_per_10k": 1e4 * ratio(n["false"], n["measurements"]),
    }


def pull_sigmas(night):
    return night.in_bins("pull", mad_std, FEWEST)


def biases(night):
    """Magnitudes by which stars are measured too faint, by bin."""
    return night.in_bins("bias", np.median, FEWEST)


def print_tables(assessed):
    print(
        "night           changes found  false in measurements  vanished found  "
        "bright: scatter/saved mmag  sources complete/pure"
    )
    for name, night in assessed.items():
        figures = {key.removesuffix(f"_{name}"): n for key, n in figures_of(name, night).items()}
        print(
            "{name:15} {photon_completeness:6.1%} of {expected:3} {false:9} in {measurements:8}"
            "{vanished_found:9.0%} of {vanished:3} {scatter_mmag:18.1f} / {saved_mmag:4.1f}"
            "{detection_completeness:14.1%} / {detection_purity:.1%}".format(name=name, **figures)
        )
    print(
        "all             {photon_completeness:6.1%} of {expected:3} {false:9} in {measurements:8}"
        "{vanished_found:9.0%} of {vanished:3}".format(**summary(assessed))
    )
    bins = [f"{a:g}-{b:g}" for a, b in pairwise(BIN_EDGES)]
    print("\nsigma of pulls   " + "".join(f"{b:>8}" for b in bins))
    for name, night in assessed.items():
        print(f"{name:17}" + "".join(f"{value:8.2f}" for value in pull_sigmas(night)))
    print("\nbias, mmag       " + "".join(f"{b:>8}" for b in bins))
    for name, night in assessed.items():
        print(f"{name:17}" + "".join(f"{1000 * value:8.0f}" for value in biases(night)))


def in_json(value):
    """A number with enough digits, or None for what is none."""
    return None if not np.isfinite(value) else round(value, 4)


def run(chosen, folder, workers, with_motions=False):
    """Draw, process and assess nights; NightFigures by name, and seconds of the commands.

    Each night is one worker's, which is forked from this process when it has loaded all that is
    needed, machine code too: that takes longer than a small chip.
    """
    load_machine_code()
    make_night(SMALLEST)
    with ProcessPoolExecutor(workers, multiprocessing.get_context("fork")) as pool:
        drawing = pool.map(partial(draw, folder=folder), chosen.values())
        with scratch_database("real_skies"):
            database = connection.settings_dict["NAME"]
            process_one = partial(
                process, database=database, folder=folder, with_motions=with_motions
            )
            processed = list(pool.map(process_one, list(drawing)))
    assessed = dict(zip(chosen, (night for night, _ in processed), strict=True))
    return assessed, np.sum([seconds for _, seconds in processed], axis=0)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small chips, under 50 s")
    parser.add_argument("--night", choices=nights(), help="one night alone")
    parser.add_argument("--seed", type=int, default=SMALLEST.seed, help="another one: another sky")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="for images and truth")
    parser.add_argument("--motions", action="store_true", help="measure them, and process again")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    require_galsim()
    size = QUICK if arguments.quick else {}
    chosen = nights(**size, seed=arguments.seed)
    if arguments.night:
        chosen = {arguments.night: chosen[arguments.night]}
    with folder_of(arguments.keep) as folder:
        assessed, seconds = run(chosen, folder, arguments.workers, arguments.motions)
    print_tables(assessed)
    figures = {}
    for name, night in assessed.items():
        figures |= figures_of(name, night)
    figures |= summary(assessed)
    figures |= {"reference_seconds": seconds[0], "search_seconds": seconds[1]}
    print(json.dumps({name: in_json(value) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
