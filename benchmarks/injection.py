"""Whether artificial stars tell the truth: their figures beside those of the simulation itself.

Simulates a night and does it twice. Once by process_exposure, compared with the simulation's truth:
how many of its stars are found on the reference, how large their errors are, how many of the
variables that changed by 20 sigma are found. Once by inject, which knows nothing of that truth,
with artificial stars. The two must agree. Ends with one JSON line.
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
from astropy.stats import mad_std
from astropy.table import Table
from machine_code import commands_and_workers
from scipy.spatial import cKDTree
from scratch import manage, scratch_database

from exposures.models import GalImage
from exposures.simulation import SimulationOptions, read_truth, simulate_night
from galproject.validation.injection.comparison import SAME_MAG
from galproject.validation.recovery import MATCH_PIXELS, assess
from photometry.science.calibration.calibration import CalibrationOptions
from photometry.storage.storage import reference_sources_in
from variables.science.completeness import crossing, offsets, shares

FULL = SimulationOptions(seed=21, n_chips=1, n_epochs=3, variable_fraction=0.05)
QUICK = SimulationOptions(
    seed=21, n_chips=1, n_epochs=2, chip_shape=(1024, 1024), variable_fraction=0.05
)
WIDTH_MAG = 0.5
BRIGHT_ENOUGH = 20.0  # sigma, of changes
SIGMA_EDGES = np.arange(5, 26, 2.5)  # round the threshold
FRACFLUX_EDGES = np.array([0, 0.5, 0.9, 1.5])
FEWEST = 40  # stars in a bin, for a figure of it
FAINT_FLOORS = 3.0  # floors, the least error of stars whose errors are judged


def simulated_completeness(truth):
    """Magnitudes of the simulation's stars on the reference, and which of them are sources."""
    magnitudes, found = [], []
    for image in GalImage.objects.references().select_related("exposure"):
        expnum = int(image.exposure.identifier)
        index, x, y = truth.star_pixels(expnum, image.ccdnum)
        inside = (x > 10) & (x < image.width - 10) & (y > 10) & (y < image.height - 10)
        index, x, y = index[inside], x[inside], y[inside]
        mag = truth.magnitudes(expnum)[index] + truth.flat(expnum, image.ccdnum, x, y)
        sources = reference_sources_in([image])
        distance, nearest = cKDTree(np.column_stack([sources["x"], sources["y"]])).query(
            np.column_stack([x, y])
        )
        offset = sources["mag"][nearest] - mag
        # The catalogue's zero point, which artificial stars share, is not the point here.
        offset -= np.median(offset[(distance < MATCH_PIXELS) & (mag < 20)])
        magnitudes.append(mag)
        found.append((distance < MATCH_PIXELS) & (np.abs(offset) < SAME_MAG))
    return np.concatenate(magnitudes), np.concatenate(found)


def by_simulation(night, workers, manage=manage):
    """Figures of the night against its own truth.

    ``manage`` is how commands are run: in processes of their own, or here.
    """
    with scratch_database("injection") as url:
        common = ("--catalogue", night.catalogue, "--workers", workers, "--no-pictures")
        manage(url, "process_exposure", night.reference, "--reference", *common)
        manage(url, "process_exposure", *night.searches, *common)
        truth = read_truth(night.truth)
        recovery = assess(truth)
        return simulated_completeness(truth), recovery


def by_injection(night, workers, rounds, path, manage=manage):
    """Figures of artificial stars in the same night, and the run that made them.

    ``manage`` is that of ``by_simulation``.
    """
    with scratch_database("injection") as url:
        run = manage(
            url,
            *("inject", night.reference, *night.searches),
            *("--catalogue", night.catalogue, "--workers", workers, "--rounds", rounds),
            *("--ecsv", path, "--bin", WIDTH_MAG),
        )
    return Table.read(path), run


def edges_over(low, high):
    return np.arange(np.floor(low), np.ceil(high) + WIDTH_MAG / 2, WIDTH_MAG)


def worst(ours, theirs):
    """The largest difference; NaN where no bin has enough stars on both sides."""
    return float(np.max(np.abs(ours - theirs))) if len(ours) else np.nan


def pulls_of(stars):
    """Differences of a star from epoch to epoch over their errors, as the simulation's are.

    (From its true magnitude it may differ by more: by the light of neighbours that nobody sees.)
    Of stars whose errors are their own, not the floor under the errors of bright ones: of these
    there are as many artificial ones as of faint ones, where the simulation's are mostly faint.
    """
    stars = stars[stars["measured_err"] > FAINT_FLOORS * CalibrationOptions().error_floor]
    stars = stars[np.lexsort((stars["exposure"], stars["ra"]))]
    first, second = stars[:-1], stars[1:]
    pulls = (first["measured"] - second["measured"]) / np.hypot(
        first["measured_err"], second["measured_err"]
    )
    return np.asarray(pulls[first["ra"] == second["ra"]])


def change_pulls(stars, by, edges):
    """Sigmas of measured minus true changes over their expected errors, in bins of a column."""
    difference = stars["measured"] - stars["reference_measured"] - stars["delta"]
    pulls = np.asarray(difference / np.hypot(stars["mag_err"], stars["reference_err"]))
    of = offsets(np.asarray(stars[by]), pulls, edges)
    return np.where(of.n >= FEWEST, of.spread, np.nan)


def half_found_sigma(variable):
    """The expected significance at which half of the changes are found; the threshold is wanted."""
    counted = shares(np.asarray(variable["expected_sigma"]), variable["is_changed"], SIGMA_EDGES)
    # It rises; what falls crosses at the same place.
    return crossing(SIGMA_EDGES, 1 - counted.share)


def figures_of(table, simulated, recovery):
    """The same figures from both sides."""
    mag, found = simulated
    stars = table[np.unique(table["ra"], return_index=True)[1]] if len(table) else table
    edges = edges_over(stars["mag"].min(), stars["mag"].max())
    ours, theirs = (
        shares(np.asarray(m), np.asarray(f), edges)
        for m, f in ((stars["mag"], stars["is_found"]), (mag, found))
    )
    both = (ours.n >= 10) & (theirs.n >= 10)
    constant = table[(table["amplitude"] == 0) & table["is_found"]]
    pulls = pulls_of(constant)
    bright = constant[np.asarray(constant["mag"]) < 20]
    found = table[table["is_found"]]
    large = found[found["expected_sigma"] > BRIGHT_ENOUGH]
    by_mag = change_pulls(found, "mag", edges[::2])
    by_crowding = change_pulls(found, "reference_fracflux", FRACFLUX_EDGES)
    return {
        "n_stars": len(stars),
        "n_measurements": len(table),
        "half_complete_mag": crossing(edges, ours.share),
        "half_complete_mag_truth": crossing(edges, theirs.share),
        "completeness_worst_difference": worst(ours.share[both], theirs.share[both]),
        "bright_bias_mmag": 1000 * float(np.nanmedian(bright["measured"] - bright["mag"])),
        "pull_mad": float(mad_std(pulls)),
        "pull_mad_truth": recovery.pull_mad,
        "changes_found": float(np.mean(large["is_changed"])),
        "changes_found_truth": recovery.completeness,
        "change_pull_min": float(np.nanmin([*by_mag, *by_crowding])),
        "change_pull_max": float(np.nanmax([*by_mag, *by_crowding])),
        "half_found_sigma": half_found_sigma(found[found["amplitude"] > 0]),
        "n_changes": len(large),
        "n_changes_truth": recovery.n_expected,
        "false_constant": int(constant["is_changed"].sum()),
        "n_constant": len(constant),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one small chip, under 50 s")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="galproject-artificial-"))
    run, workers = commands_and_workers(arguments.quick, arguments.workers)
    try:
        night = simulate_night(folder, QUICK if arguments.quick else FULL)
        simulated, recovery = by_simulation(night, workers, run)
        path = folder / "stars.ecsv"
        table, injected = by_injection(night, workers, arguments.rounds, path, run)
    finally:
        shutil.rmtree(folder)
    figures = figures_of(table, simulated, recovery)
    figures |= {"seconds": injected.seconds, "peak_mb": injected.peak_mb}
    for name, value in figures.items():
        print(f"{name:30} {value:.4g}")
    print(json.dumps({name: round(value, 4) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
