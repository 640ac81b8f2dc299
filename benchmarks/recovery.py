"""How well a simulated night is recovered: errors, completeness, false variables.

Simulates a night, processes it by the same commands as a user in a database of its own, compares
what was found with the truth, and ends with one JSON line. --quick takes less than 50 s, --seed is
for another night.
"""

import argparse
import json
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from machine_code import commands_and_workers
from scratch import manage, scratch_database

from exposures.simulation import SimulationOptions, read_truth, simulate_chip, simulate_night
from galproject.validation.recovery import assess
from photometry.science.sky.sky import fit_sky

BRIGHT_STARS = {False: 14, True: 2}  # of 7 to 12 mag, by whether the night is the quick one
VANISHING = {False: 400, True: 40}  # stars of which nothing is left on later exposures
VARIABLE_FRACTION = 0.05  # more than the sky has, for the sake of the statistics
FULL = SimulationOptions(
    seed=11, n_chips=2, n_epochs=5, stars_per_chip=20_000, variable_fraction=VARIABLE_FRACTION
)
QUICK = SimulationOptions(
    seed=11,
    n_chips=1,
    n_epochs=4,
    stars_per_chip=20_000,
    chip_shape=(1024, 1024),
    variable_fraction=VARIABLE_FRACTION,
)
CROWDING = (20_000, 80_000)  # stars a full chip, for the sky
SKY_SEED = 1  # more than the night's
TILE_PIXELS = 205


def process(url, night, workers, manage=manage):
    """Process the reference, then the search exposures: the two runs.

    ``manage`` is how commands are run: in processes of their own, or here.
    """
    common = ("--catalogue", night.catalogue, "--workers", workers, "--no-pictures")
    return (
        manage(url, "process_exposure", night.reference, "--reference", *common),
        manage(url, "process_exposure", *night.searches, *common),
    )


def sky_errors(n_stars, shape, seed):
    """(n_tiles,) absolute error of the sky in each tile, in sigma of the true sky noise."""
    options = SimulationOptions(seed=seed, stars_per_chip=n_stars, chip_shape=shape)
    chip = simulate_chip(options)
    gain, read_noise = (by_column(chip, name) for name in ("gain", "read_noise"))
    sky = fit_sky(chip.exposed.data, chip.exposed.weight, gain, read_noise)
    noise = np.sqrt(chip.sky / gain + (read_noise / gain) ** 2)
    error = (sky.image - chip.sky) / noise
    tiles = [
        error[j : j + TILE_PIXELS, i : i + TILE_PIXELS].mean()
        for j in range(0, shape[0] - TILE_PIXELS + 1, TILE_PIXELS)
        for i in range(0, shape[1] - TILE_PIXELS + 1, TILE_PIXELS)
    ]
    return np.abs(tiles)


def by_column(chip, name):
    """A quantity of the amplifiers for each column."""
    values = np.empty(chip.exposed.data.shape[1])
    for amplifier in chip.amplifiers:
        values[amplifier.x_start : amplifier.x_stop] = getattr(amplifier, name)
    return values


def sky_figures(shape, seed):
    """The worse of the two crowdings."""
    errors = [sky_errors(n, shape, seed) for n in CROWDING]
    return {
        "sky_median_sigma": max(float(np.median(e)) for e in errors),
        "sky_worst_sigma": max(float(np.max(e)) for e in errors),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one small chip, under 50 s")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=FULL.seed, help="another one: another night")
    parser.add_argument("--no-bright-stars", action="store_true", help="none of 7 to 12 mag")
    arguments = parser.parse_args()
    options = QUICK if arguments.quick else FULL
    options = replace(options, seed=arguments.seed, n_vanishing=VANISHING[arguments.quick])
    if not arguments.no_bright_stars:
        options = replace(options, n_bright_stars=BRIGHT_STARS[arguments.quick])
    folder = Path(tempfile.mkdtemp(prefix="galproject-recovery-"))
    run, workers = commands_and_workers(arguments.quick, arguments.workers)
    try:
        with scratch_database("recovery") as url:
            night = simulate_night(folder, options)
            reference, search = process(url, night, workers, run)
            figures = assess(read_truth(night.truth)).as_dict()
    finally:
        shutil.rmtree(folder)
    figures |= sky_figures(options.chip_shape, options.seed + SKY_SEED)
    figures |= {
        "reference_seconds": reference.seconds,
        "reference_peak_mb": reference.peak_mb,
        "search_seconds_an_exposure": search.seconds / options.n_epochs,
        "search_peak_mb": search.peak_mb,
    }
    for name, value in figures.items():
        print(f"{name:28} {value:.4g}")
    print(json.dumps({name: round(value, 4) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
