"""What keeps true changes from being found: nights that GalSim draws, one effect after another.

Draws nights of a field (benchmarks/skies), measures them in memory, without a database, and prints
how many of the true changes would be found at 15 sigma with one effect more in each column: with
photons alone, with neighbours, sources that are not listed, the PSF and the sky that were measured,
noise, errors and cuts. Ends with one JSON line. --quick has small chips and two epochs, --night is
for one night, --explain says what the columns are.
"""

import argparse
import json
import multiprocessing
import tempfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial

import numpy as np
import scratch  # noqa: F401 - sets up Django
from machine_code import load_machine_code
from skies import chips_of, nights, require_galsim
from skies.limits import FREE, N_LOCAL, STEPS, THRESHOLD, Limits, Measured
from skies.truth import Changes, EpochTruth

from photometry.reduction.options import ReductionOptions
from photometry.reduction.reduction import reduce_chip
from photometry.reduction.refraction import SourcesAtEpoch
from photometry.reduction.search import measure_search
from photometry.references.measured import Measured as MeasuredSources
from photometry.references.motions import reference_motions
from photometry.references.reference import measure_reference_errors
from photometry.science.motions import positions_at
from photometry.storage.columns import measured_rows
from photometry.storage.reference_values import ReferenceValues
from variables.changes.detection import find_changes
from variables.science.selection import SelectionOptions

QUICK = {"shape": (320, 320), "n_epochs": 2}
QUICK_LOCAL = 80  # constant stars that are fitted one by one
GROUPS = ("expected", "vanished")  # of Changes


def measure_night(sky_options, options=ReductionOptions()):
    """Yield the true Changes and what is Measured of each search image of a night."""
    with tempfile.TemporaryDirectory(prefix="galproject-limits-") as folder:
        night, chips, catalogue = chips_of(sky_options, folder)
    facts, chip = chips[0]
    reference = reduce_chip(chip, facts, catalogue, options.reference_detection, options)
    measured = measure_reference_errors(reference, options)
    sources = measured.sources
    sources["galimage_id"], sources["refsource_id"] = 1, np.arange(len(sources))
    skies = {1: measured.sky} if measured.sky.is_kept(options.reference_sky) else {}
    motions = reference_motions(reference, sources, options)
    truth = EpochTruth(night, 0)
    for epoch, (facts, chip) in zip(night.epochs[1:], chips[1:], strict=True):
        reduction = reduce_chip(chip, facts, catalogue, options.search_detection, options)
        days = epoch.mjd - night.epochs[0].mjd
        positions = positions_at(sources["ra"], sources["dec"], motions, days, options.motions)
        at_epoch = SourcesAtEpoch(*positions, np.full(len(sources), np.nan))
        search = measure_search(reduction, sources, options, at_epoch=at_epoch, skies=skies)
        changes = Changes(truth, EpochTruth(night, epoch.index))
        yield changes, judged((reference, reduction), search)


def judged(reductions, search):
    """What is Measured, with the significance of each source's change and the cuts it fails."""
    n = len(search.sources)
    values = ReferenceValues(
        search.sources["mag"].astype("f8"),
        search.sources["mag_err"].astype("f8"),
        is_mean=np.zeros(n, bool),
        has_primary=np.ones(n, bool),
        at_fault=np.zeros(n, bool),
    )
    zero_point = values.mag + 2.5 * np.log10(search.expected_flux)
    measured = MeasuredSources(
        measured_rows(search), search.sources, values, zero_point, search.flux_err
    )
    before, after = reductions
    fwhm = max(reduction.fwhm_pixels for reduction in reductions)
    shapes = after.chip.shape, before.chip.shape
    significance, failed_cuts = np.zeros(n), np.zeros(n, int)
    every = find_changes(measured, *shapes, SelectionOptions(threshold_sigma=0), fwhm)
    significance[every.index] = every.significance
    changes = find_changes(measured, *shapes, SelectionOptions(), fwhm)
    failed_cuts[changes.index] = changes.failed_cuts
    return Measured(reductions, search, significance, failed_cuts)


def limits_of(sky_options, n_local=N_LOCAL):
    """How many of the changes of each of GROUPS there are, and are found at each step.

    Of ``n_local`` constant stars it is looked at how they are fitted one by one.
    """
    counts = {group: dict.fromkeys(("true", *STEPS), 0) for group in GROUPS}
    for changes, measured in measure_night(sky_options):
        limits = Limits(changes, measured, n_local)
        for group, count in counts.items():
            chosen = getattr(changes, group)
            count["true"] += int(chosen.sum())
            for step, values in limits.significances(chosen).items():
                found = values if values.dtype == bool else values > THRESHOLD
                count[step] += int(found.sum())
    return counts


def print_tables(counted):
    titles = {"expected": "changes above 20 x hypot(photon error, 14 mmag)"}
    titles["vanished"] = "stars of S/N 30 to 100 that vanished"
    for group in GROUPS:
        print(f"\n{titles[group]:48}" + "".join(f"{name:>9}" for name in ("true", *STEPS)))
        for name, counts in counted.items():
            print(f"{name:48}" + "".join(f"{n:9}" for n in counts[group].values()))


def figures_of(counted):
    """Figures by key, with the numbers behind them; of all nights together for what vanished."""
    figures = {}
    for name, counts in counted.items():
        changes = counts["expected"]
        figures[f"changes_{name}"] = changes["true"]
        figures[f"photon_completeness_limit_{name}"] = share(changes, FREE)
        for step in STEPS:
            figures[f"photon_completeness_{step}_{name}"] = share(changes, step)
    vanished = sum((Counter(counts["vanished"]) for counts in counted.values()), Counter())
    figures["vanished"] = vanished["true"]
    figures["vanished_limit"] = share(vanished, FREE)
    return figures | {f"vanished_{step}": share(vanished, step) for step in STEPS}


def share(counts, step):
    """Of the true ones; None where there is none."""
    return round(counts[step] / counts["true"], 4) if counts["true"] else None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small chips, under 50 s")
    parser.add_argument("--night", choices=nights(), action="append", help="this night alone")
    parser.add_argument("--side", type=int, help="of the chips, pixels")
    parser.add_argument("--epochs", type=int, help="with the reference")
    parser.add_argument("--explain", action="store_true", help="say what the columns are")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    if arguments.explain:
        print("\n".join(f"{name:8} {meaning}" for name, meaning in STEPS.items()))
        return
    require_galsim()
    chosen = nights(**QUICK) if arguments.quick else nights()
    chosen = {name: chosen[name] for name in arguments.night or chosen}
    if arguments.side:
        chosen = {n: replace(o, shape=(arguments.side,) * 2) for n, o in chosen.items()}
    if arguments.epochs:
        chosen = {n: replace(o, n_epochs=arguments.epochs) for n, o in chosen.items()}
    counts_of = partial(limits_of, n_local=QUICK_LOCAL if arguments.quick else N_LOCAL)
    load_machine_code()
    with ProcessPoolExecutor(arguments.workers, multiprocessing.get_context("fork")) as pool:
        counted = dict(zip(chosen, pool.map(counts_of, chosen.values()), strict=True))
    print_tables(counted)
    print(json.dumps(figures_of(counted)))


if __name__ == "__main__":
    main()
