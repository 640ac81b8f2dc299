"""Every star's variability: what its statistics cost, and what they find.

One reference catalogue and its epochs (160,000 sources, 100 epochs; with --quick 40,000 and 25) in
a database of its own, and light curves of crowded chips drawn on arrays with known truth
(simulated_curves.py), of 10, 24 and 100 epochs, and of 6 and 15 without --quick. Ends with one JSON
line: ``statistics_rows`` measurements, ``statistics_seconds`` of processor time that their
statistics take from table to table, the server's included (``statistics_server_seconds``), and
``statistics_rows_a_second``;
``false_per_million_24`` and so on, constant stars that seem to vary at 30 expected in a million,
of ``constant_stars_24`` and so on; ``found_1_to_2_tenths_24`` and so on, the share of variable
stars with ranges of 0.1 to 0.2, 0.2 to 0.3 and 0.3 to 0.5 mag that are found, brighter than 20 mag
and without a neighbour within a FWHM.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from django.db import connection
from tqdm import tqdm

from benchmarks.processor_time import server_seconds
from benchmarks.scratch import scratch_database
from benchmarks.simulated_curves import CHIP, FLOOR, FWHM_PIXELS, LIMIT, simulate
from photometry.storage import storage
from tests.builders.survey_rows import make_image, make_sources
from variables.science.variability.assessment import assess
from variables.science.variability.options import VariabilityOptions
from variables.variability.measuring import measure_variability

OPTIONS = VariabilityOptions()
BRIGHT = 20.0  # mag
EPOCHS, QUICK_EPOCHS = (6, 10, 15, 24, 100), (10, 24, 100)
RANGES = ((1, 2), (2, 3), (3, 5))  # tenths of a mag


def make_survey(n_sources, n_epochs):
    """A catalogue of constant stars with these epochs, its own image among them."""
    rng = np.random.default_rng(1)
    chip = {"width": CHIP[1], "height": CHIP[0]}
    image = make_image("reference", is_reference=True, fwhm_pixels=FWHM_PIXELS, sky=100.0, **chip)
    sources = make_sources(n_sources)
    sources["x"], sources["y"] = rng.uniform(6, np.subtract(CHIP[::-1], 7), (n_sources, 2)).T
    # Half of the stars fade below 5 sigma on some epoch, as in a crowd.
    sources["mag_err"] = np.hypot(FLOOR, 0.2 * 10 ** (0.4 * (sources["mag"] - LIMIT)))
    catalogue = storage.create_catalogue(image, sources, {}, "benchmark")
    catalogue.refresh_from_db()
    sources = storage.catalogue_sources(catalogue)
    mag = sources["mag"].copy()
    for epoch in tqdm(range(1, n_epochs), unit="epoch", desc="storing", file=sys.stderr):
        sources["mag"] = mag + rng.normal(0, sources["mag_err"])
        conditions = {
            "fwhm_pixels": FWHM_PIXELS * rng.uniform(0.8, 1.2),
            "sky": rng.uniform(90, 110),
        }
        image = make_image(f"search {epoch}", mjd=60000.0 + epoch, **conditions, **chip)
        storage.replace_measurements(image, sources)
    with connection.cursor() as cursor:
        cursor.execute(f"VACUUM ANALYZE {catalogue.partition}")
    return catalogue


def cost(n_sources, n_epochs):
    """Figures of the statistics of a catalogue, from table to table."""
    catalogue = make_survey(n_sources, n_epochs)
    with connection.cursor() as cursor:
        cursor.execute("SET max_parallel_workers_per_gather = 0")  # whose time would not be seen
    measure_variability(catalogue, OPTIONS)  # with machine code made or loaded
    client, server = time.process_time(), server_seconds()
    measure_variability(catalogue, OPTIONS, again=True)
    in_server = server_seconds() - server
    seconds = time.process_time() - client + in_server
    return {
        "statistics_rows": n_sources * n_epochs,
        "statistics_seconds": seconds,
        "statistics_server_seconds": in_server,
        "statistics_rows_a_second": n_sources * n_epochs / seconds,
    }


def found(n_chips, n_stars, n_epochs):
    """Figures of what is found, and what is believed, on chips drawn on arrays."""
    chances, constants, ranges = [], [], []
    for seed in tqdm(range(n_chips), unit="chip", desc="simulating", file=sys.stderr):
        chip = simulate(n_stars, n_epochs, seed)
        chance = assess(chip.curves, chip.surroundings, OPTIONS).false_alarm
        known = np.isfinite(chance)
        constants.append(chance[known & (chip.range_mag == 0)])
        bright = (chip.mag < BRIGHT) & ~chip.is_blended
        chances.append(np.where(known, chance, 1)[bright])
        ranges.append(chip.range_mag[bright])
    constant, chance, range_mag = map(np.concatenate, (constants, chances, ranges))
    figures = {
        "constant_stars": len(constant),
        "false_per_million": 1e6 * np.mean(constant <= OPTIONS.max_false_alarm),
    }
    for low, high in RANGES:
        inside = chance[(range_mag >= low / 10) & (range_mag < high / 10)]
        figures[f"found_{low}_to_{high}_tenths"] = np.mean(inside <= OPTIONS.max_false_alarm)
    return {f"{name}_{n_epochs}": value for name, value in figures.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--quick", action="store_true", help="a million rows, and a small chip of each kind"
    )
    quick = parser.parse_args().quick
    n_chips, n_stars = (1, 40_000) if quick else (14, 80_000)
    figures = {}
    for n_epochs in QUICK_EPOCHS if quick else EPOCHS:
        figures |= found(n_chips, n_stars, n_epochs)
    with scratch_database("variability"):
        figures |= cost(*((40_000, 25) if quick else (160_000, 100)))
    print(json.dumps({key: float(f"{value:.4g}") for key, value in figures.items()}))


if __name__ == "__main__":
    main()
