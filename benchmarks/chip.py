"""A whole search chip, from its file to its rows in the database, step by step.

A reference and a search image of one full chip are simulated, with 160,000 stars that would each be
detected alone. The reference's catalogue is made at the true positions of all of them, as a search
would find fewer; the search image is then processed as every other, by a process of its own, three
times. As a worker goes from chip to chip, the process has searched and fitted a small one before:
what it takes once, to load machine code, is not of each chip. Ends with one JSON line: ``seconds``
(on the wall, median), ``peak_mb`` (of the process, the most of the runs), and ``steps``, the
seconds of each.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from functools import wraps
from pathlib import Path
from unittest.mock import patch

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.crowded_chip import crowded_chip
from benchmarks.scratch import scratch_database
from exposures.simulation import SimulationOptions, simulate_night
from exposures.simulation.truth import read_truth
from galproject.configuration.loading import load_options
from galproject.processing import measuring, pipeline, storing
from galproject.queue.runs import prepare
from photometry.reduction import reduction, search
from photometry.science.forced.forced import ForcedStars, fit_fluxes
from photometry.storage import storage

N_STARS, N_RUNS = 160_000, 3
QUICK_SHAPE, QUICK_DENSITY = (1024, 1024), 96_000  # on the area of a full chip: 12,000 stars
# What the pipeline calls, each a step: (module, name there, what it is). A step within another
# is taken out of it.
STEPS = (
    (pipeline, "read_chip", "read the file"),
    (reduction, "fit_sky_by_channel", "sky"),
    (reduction, "find_sources", "find the bright sources and the PSF"),
    (reduction, "match_catalogue", "match with the catalogue"),
    (reduction, "_zero_point", "zero point"),
    (storage, "reference_sources_in", "read the reference's sources"),
    (search, "register_search_image", "register to the reference"),
    (search, "_force", "forced fit"),
    (search, "_fit_correction", "correction to the reference"),
    (search, "_mark_trails", "satellites' trails"),
    (search, "_mark_wings", "wings of saturated stars"),
    (search, "_with_local_zero_point", "local zero points"),
    (search, "measured_errors", "errors"),
    (measuring, "measured_displacements", "shifts of stars"),
    (measuring, "find_new_detections", "search what the fit leaves over"),
    (storing, "find_changes", "select changes"),
    (storage, "replace_measurements", "store the measurements"),
    (storing, "replace_variables", "store the changes"),
    (storing, "refresh_candidates", "candidates"),
    (pipeline, "keep_chip_picture", "picture of the chip"),
)
# Steps that may cost more than the fit, and why.
REASONS = {
    "find the bright sources and the PSF": "the PSF has to come from the image itself",
}


class Stopwatch:
    """Seconds that each step took, the database's included, without the steps within it."""

    def __init__(self):
        self.seconds = {}
        self.within = [0.0]

    def timed(self, function, step):
        @wraps(function)
        def wrapper(*arguments, **options):
            self.within.append(0.0)
            started = time.perf_counter()
            try:
                return function(*arguments, **options)
            finally:
                elapsed = time.perf_counter() - started
                own = elapsed - self.within.pop()
                self.within[-1] += elapsed
                self.seconds[step] = self.seconds.get(step, 0.0) + own

        return wrapper


def process_search(image_id):
    """Process a search chip; what each step took, and the most memory that it had."""
    options = load_options(catalogue=os.environ["BENCHMARK_CATALOGUE"])
    warm_up(options.reduction)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    watch = Stopwatch()
    with ExitStack() as patches:
        for module, name, step in STEPS:
            timed = watch.timed(getattr(module, name), step)
            patches.enter_context(patch.object(module, name, timed))
        whole = watch.timed(pipeline.process_chip, "all else")
        result = whole(image_id, options, again=True)
    if result.failed:
        raise SystemExit(result.error)
    return {
        "steps": watch.seconds,
        "seconds": sum(watch.seconds.values()),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "before_mb": before,
        "n_sources": result.n_sources,
    }


def warm_up(options):
    """Search and fit a chip of 200 x 200 pixels."""
    chip = crowded_chip(300, (200, 200))
    reduction.find_sources(*chip.image, 4.0, options.search_detection, options.psf)
    stars = ForcedStars(chip.x, chip.y, chip.flux, np.zeros(len(chip.x), int))
    fit_fluxes(chip.image, chip.psf, stars, free_shift=True)


def make_reference(night, options):
    """The reference's catalogue, at the true positions of all stars above the limit."""
    truth = read_truth(night.truth)
    (image_id,) = prepare([night.reference], options, is_reference=True).image_ids
    exposure = truth.exposures[truth.exposures["is_reference"]][0]
    ccdnum = truth.chips["ccdnum"][0]
    index, x, y = truth.star_pixels(exposure["expnum"], ccdnum)
    mag = truth.magnitudes(exposure["expnum"])[index]
    flux = 10 ** (-0.4 * (mag - exposure["zero_point"]))
    find = reduction.find_sources

    def find_all(data, *arguments):
        """The true stars, with what the search finds to tell the PSF."""
        found = find(data, *arguments[:3], options.reduction.search_detection, *arguments[4:])
        inside = (x > 0) & (x < data.shape[1] - 1) & (y > 0) & (y < data.shape[0] - 1)
        chosen = inside & (mag < SimulationOptions().limiting_mag)
        return replace(found, **columns_at(found, x[chosen], y[chosen], flux[chosen]))

    with patch.object(reduction, "find_sources", find_all):
        result = pipeline.process_chip(image_id, options)
    if result.failed:
        raise SystemExit(result.error)
    return result.n_sources


def columns_at(found, x, y, flux):
    """Columns of Detections for stars of which only these are known."""
    noise = statistics.median(found.flux_err)
    one = flux * 0 + 1
    return {
        "x": x,
        "y": y,
        "flux": flux,
        "flux_err": noise * one,
        "rchi2": one,
        "fracflux": one,
        "quality": one,
        "flags": (flux * 0).astype("i4"),
    }


def run_worker(url, catalogue, image_id):
    """Process the search chip in a process of its own, so that its memory is its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--worker", str(image_id)],
        env={**os.environ, "DATABASE_URL": url, "BENCHMARK_CATALOGUE": str(catalogue)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def report(runs):
    """Print the steps, and say of those that cost more than the fit why; the medians."""
    names = [step for _, _, step in STEPS if step in runs[0]["steps"]] + ["all else"]
    steps = {name: statistics.median(run["steps"][name] for run in runs) for name in names}
    for name, seconds in steps.items():
        costs_more = seconds > steps["forced fit"]
        reason = f"  more than the fit: {REASONS.get(name, 'WITHOUT A REASON')}" * costs_more
        print(f"{seconds:7.2f} s  {name}{reason}", file=sys.stderr)
    return steps


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="1024 x 1024 pixels, 12,000 stars")
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        print(json.dumps(process_search(arguments.worker)))
        return
    simulation = SimulationOptions(n_epochs=1, n_chips=1, stars_per_chip=N_STARS)
    if arguments.quick:
        simulation = replace(simulation, chip_shape=QUICK_SHAPE, stars_per_chip=QUICK_DENSITY)
    with tempfile.TemporaryDirectory() as folder, scratch_database("chip") as url:
        night = simulate_night(folder, simulation)
        options = load_options(catalogue=str(night.catalogue))
        n_reference = make_reference(night, options)
        (image_id,) = prepare(night.searches, options).image_ids
        runs = [run_worker(url, night.catalogue, image_id) for _ in range(N_RUNS)]
    steps = report(runs)
    result = {
        "seconds": round(statistics.median(run["seconds"] for run in runs), 2),
        "peak_mb": round(max(run["peak_mb"] for run in runs)),
        "n_reference": n_reference,
        "n_sources": runs[0]["n_sources"],
        "fit_seconds": round(steps["forced fit"], 2),
        "steps": {name: round(seconds, 2) for name, seconds in steps.items()},
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
