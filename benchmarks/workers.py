"""Chips of one exposure an hour by one worker and by two, as process_exposure runs them.

An exposure of 62 chips of 768 x 768 pixels, as dense as 80,000 stars on a full one, is simulated
with its reference, and searched by one process and by two in turns, twice. Ends with one JSON line:
``ratio`` of the chips an hour of two workers to those of one, by the clock, so on an idle machine
of two cores or more; ``processor_ratio``, what the work takes of the processor with two over what
it takes with one, which tells of work done twice or threads in each other's way on any machine;
``chips_an_hour`` and ``seconds`` by number of workers. ``machine_ratio`` is what two processes that
share nothing, each with the same fit in memory again and again, get done to what one gets, on this
machine and at the same time: cores that are threads of one, or that slow down together, have no 2.

--side has chips of another width and height in pixels, as real ones take nine times as long and
the start of the processes, four seconds, does not. --quick: two small chips, once; most of its
time is that start.
"""

import argparse
import json
import multiprocessing
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.crowded_chip import QUICK_SHAPE, crowded_chip
from benchmarks.scratch import manage, scratch_database
from exposures.simulation import SimulationOptions, simulate_night
from photometry.science.forced.forced import ForcedStars, fit_fluxes

N_WORKERS = 1, 2
DENSITY = 80_000  # stars on the area of a full chip
FULL = {"n_chips": 62, "chip_shape": (768, 768)}
QUICK = {"n_chips": 2, "chip_shape": (300, 300)}
N_RUNS, N_QUICK_RUNS = 2, 1
N_FITTED = 20_000  # stars of the fixed work
N_FITS, N_QUICK_FITS = 12, 2


def processor_seconds():
    """Of all commands that have ended, and of the processes that they began."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def timed(url, night, *arguments):
    """Seconds by the clock and of the processor that the search of an exposure takes."""
    before = processor_seconds()
    search = night.searches[0]
    run = manage(url, "process_exposure", search, "--catalogue", night.catalogue, *arguments)
    return run.seconds, processor_seconds() - before


def measure(url, night, n_runs):
    """Medians of the seconds by number of workers: by the clock, and of the processor."""
    timed(url, night)  # nothing is deleted then, and machine code is there
    runs = {n: [] for n in N_WORKERS}
    for _ in range(n_runs):
        for n, own in runs.items():
            own.append(timed(url, night, "--again", "--workers", n))
            print(f"{n} workers: {own[-1][0]:.1f} s", file=sys.stderr)
    return {
        n: [statistics.median(column) for column in zip(*own, strict=True)]
        for n, own in runs.items()
    }


def seconds_of_fits(barrier, n_fits):
    """Seconds by the clock of a number of fits, begun when all processes are ready."""
    chip = crowded_chip(N_FITTED, QUICK_SHAPE)
    stars = ForcedStars(chip.x, chip.y, chip.flux, np.zeros(len(chip.x), int))
    fit_fluxes(chip.image, chip.psf, stars)  # the machine code is there
    barrier.wait()
    started = time.monotonic()
    for _ in range(n_fits):
        fit_fluxes(chip.image, chip.psf, stars)
    return time.monotonic() - started


def machine_ratio(n_fits):
    """What two processes of fixed work get done at once, to what one gets; twice each in turns."""
    took = {n: [] for n in N_WORKERS}
    processes = multiprocessing.get_context("spawn")
    with processes.Manager() as manager:
        for n in (*N_WORKERS, *N_WORKERS):
            with processes.Pool(n) as pool:
                work = [(manager.Barrier(n), n_fits)] * n
                took[n].append(max(pool.starmap(seconds_of_fits, work, chunksize=1)))
    one, two = (min(own) for own in took.values())
    return 2 * one / two


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two small chips, once")
    parser.add_argument("--side", type=int, default=FULL["chip_shape"][0], help="pixels")
    arguments = parser.parse_args()
    quick, side = arguments.quick, arguments.side
    size = QUICK if quick else {**FULL, "chip_shape": (side, side)}
    options = SimulationOptions(n_epochs=1, stars_per_chip=DENSITY, **size)
    with tempfile.TemporaryDirectory() as folder, scratch_database("workers") as url:
        night = simulate_night(folder, options)
        make = "process_exposure", night.reference, "--reference", "--catalogue", night.catalogue
        manage(url, *make, "--workers", max(N_WORKERS))
        measured = measure(url, night, N_QUICK_RUNS if quick else N_RUNS)
    possible = machine_ratio(N_QUICK_FITS if quick else N_FITS)
    (one, one_processor), (two, two_processor) = measured.values()
    result = {
        "ratio": round(one / two, 2),
        "machine_ratio": round(possible, 2),
        "processor_ratio": round(two_processor / one_processor, 2),
        "n_chips": options.n_chips,
        "chip_shape": options.chip_shape,
        "chips_an_hour": {n: round(3600 * options.n_chips / s) for n, (s, _) in measured.items()},
        "seconds": {n: round(s, 1) for n, (s, _) in measured.items()},
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
