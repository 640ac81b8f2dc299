"""What a stacked reference gains: artifacts gone, variables kept, depth, fluxes.

Simulates nights with artifacts on the first exposure, processes them once with that as the
reference and once with a stack of five of the exposures, by the same commands as a user, and ends
with one JSON line. A stack is no epoch, so that with it the first exposure is a search image like
the others.

``gone_by_stack``: of the artifacts at which the others had an accepted change with the single
reference, those at which they have none. ``variables_kept``: of the variable stars that had a
accepted change, those that still have one, on any exposure: one that was in a bright or faint state
on the first now changes on that. ``depth_gain_fraction``: depth is the noise of the PSF's flux at
empty places, first exposure over stack; its gain over 1, against that which the weights promise.
``stack_flux_mmag``: of bright clean constant stars, the scatter of stack over first exposure, the
photon noise of the latter included; the median of a chip is left to its zero point, which each
catalogue has.

--quick does one small chip; --full-chip adds seconds and memory of a stack of five whole chips.
"""

import argparse
import json
import shutil
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.stats import mad_std
from scipy.spatial import cKDTree
from scratch import manage, scratch_database

from exposures.catalogues import open_catalogue
from exposures.fits import read_chip, read_exposure
from exposures.models import GalImage
from exposures.simulation import SimulationOptions, read_truth, simulate_night
from galproject.configuration.pipeline_options import PipelineOptions
from galproject.management.commands.stack_reference import stack_line
from galproject.processing.stacking import plan_stack, run_stack
from photometry.models import GalSource
from photometry.reduction.reduction import reduce_chip
from photometry.science.detection.fit_stamps import cut_out
from variables.models import GalVarObj

N_STACKED = 5
# The smaller chips are dithered by less, so that others miss as much of the first's sky as on
# chips of full size: 60 pixels of 2046 and of 4094.
NIGHT = SimulationOptions(
    n_chips=2,
    n_epochs=6,
    chip_shape=(1024, 1024),
    stars_per_chip=20_000,
    dither_pixels=22.0,
    variable_fraction=0.05,
    n_reference_artifacts=60,
    compress=False,
)
QUICK = replace(NIGHT, n_chips=1, n_epochs=4, chip_shape=(640, 640), n_reference_artifacts=30)
SEEDS = (31, 32)
# Unresolved stars are noise that no stack takes away: depth is told in a sparse field.
SPARSE = SimulationOptions(
    seed=33,
    n_chips=1,
    n_epochs=N_STACKED - 1,
    chip_shape=(768, 768),
    stars_per_chip=3000,
    dither_pixels=22.0,
    n_reference_artifacts=0,
    compress=False,
)
WHOLE = SimulationOptions(seed=34, n_chips=1, n_epochs=N_STACKED - 1, compress=False)
INFLUENCE_ARCSEC = 12 * 0.2624  # of an artifact or a variable on the measurements round it
BRIGHT_SIGMA, CLEAN = 300, 0.99
ROW = ("ra", "dec", "flux", "flux_err", "flags", "quality", "fracflux", "galimage_id")


@dataclass(frozen=True)
class Found:
    """What a reference led to."""

    changes: np.ndarray  # (n, 3) accepted changes: ra, dec, number of the exposure
    sources: dict[str, np.ndarray]  # of the reference's own rows, by column


def process(reference, searches, night, workers) -> Found:
    """Process a reference and search exposures in a database of their own."""
    common = ("--catalogue", night.catalogue, "--workers", workers, "--no-pictures")
    with scratch_database("stacks") as url:
        manage(url, "process_exposure", reference, "--reference", *common)
        manage(url, "process_exposure", *searches, *common)
        changes = GalVarObj.objects.accepted().values_list(
            "ra", "dec", "image__exposure__identifier"
        )
        ids = list(GalImage.objects.references().values_list("pk", flat=True))
        rows = GalSource.objects.filter(galimage_id__in=ids, is_reference=True).values_list(*ROW)
        return Found(
            np.array(list(changes), float).reshape(-1, 3),
            dict(zip(ROW, np.array(list(rows), float).T, strict=True)),
        )


def near(places, others, radius_arcsec):
    """(n,) whether ra, dec (n, 2) lie within a radius of any of the others (m, 2)."""
    if len(places) == 0 or len(others) == 0:
        return np.zeros(len(places), bool)
    return nearest(places, others)[0] < radius_arcsec


def nearest(places, others):
    """Arcsec to the nearest of the others, and which it is."""
    scale = np.cos(np.radians(np.mean(others[:, 1]))), 1
    distance, index = cKDTree(others * scale).query(places * scale)
    return 3600 * distance, index


def sky(table):
    return np.column_stack([table["ra"], table["dec"]])


def artifacts_seen(truth, found):
    """(n,) at which artifacts other exposures have an accepted change, with no variable near it."""
    variables = truth.stars[truth.stars["kind"] != "constant"]
    first = truth.exposures["expnum"][0]
    changes = found.changes[found.changes[:, 2] != first, :2]
    is_false = ~near(changes, sky(variables), INFLUENCE_ARCSEC)
    return near(sky(truth.artifacts), changes[is_false], INFLUENCE_ARCSEC)


def variables_seen(truth, found):
    """(n,) variable stars with an accepted change on any exposure, and no artifact near."""
    variables = truth.stars[truth.stars["kind"] != "constant"]
    is_artifact = near(sky(variables), sky(truth.artifacts), INFLUENCE_ARCSEC)
    return near(sky(variables), found.changes[:, :2], 0.5) & ~is_artifact


def n_false(truth, found):
    """Accepted changes of the other exposures that are near no variable and no artifact."""
    variables = truth.stars[truth.stars["kind"] != "constant"]
    changes = found.changes[found.changes[:, 2] != truth.exposures["expnum"][0], :2]
    causes = np.concatenate([sky(variables), sky(truth.artifacts)])
    return np.count_nonzero(~near(changes, causes, INFLUENCE_ARCSEC))


def flux_differences(truth, single, stack):
    """Stack over single image of bright stars that are clean on both, in mmag.

    Three rows: as it is, without the median of its chip, and the noise of the single image.
    """
    variables = truth.stars[truth.stars["kind"] != "constant"]
    rows = []
    for found in (single.sources, stack.sources):
        good = (found["flux"] > BRIGHT_SIGMA * found["flux_err"]) & (found["flags"] == 0)
        good &= (found["quality"] > CLEAN) & (found["fracflux"] > 0.9)
        good &= ~near(sky(found), sky(variables), 1.0)
        rows.append({name: column[good] for name, column in found.items()})
    distance, index = nearest(*(sky(found) for found in rows))
    same = distance < 0.2
    flux, flux_err = rows[0]["flux"][same], rows[0]["flux_err"][same]
    difference = 2500 * np.log10(rows[1]["flux"][index[same]] / flux)
    image = rows[0]["galimage_id"][same]
    of_image = image[:, None] == np.unique(image)
    medians = [np.median(difference[mine]) for mine in of_image.T]
    return np.array([difference, difference - of_image @ medians, 1085.7 * flux_err / flux])


def stack_of(folder, night):
    """The path of a stack of the first exposures, and the run that made it."""
    paths = [night.reference, *night.searches[: N_STACKED - 1]]
    catalogue = ("--catalogue", night.catalogue)
    run = manage("postgresql:///unused", "stack_reference", *paths, "--to", folder, *catalogue)
    return next(folder.glob("*_ooi_*")), run


def compare(folder, options, workers):
    """Of one night: what was seen with the single reference and the stack, and fluxes of both."""
    night = simulate_night(folder / "night", options)
    stack, run = stack_of(folder / "stack", night)
    truth = read_truth(night.truth)
    single = process(night.reference, night.searches, night, workers)
    stacked = process(stack, [night.reference, *night.searches], night, workers)
    return {
        "artifacts": np.array([artifacts_seen(truth, found) for found in (single, stacked)]),
        "variables": np.array([variables_seen(truth, found) for found in (single, stacked)]),
        "false": np.array([[n_false(truth, found)] for found in (single, stacked)]),
        "fluxes": flux_differences(truth, single, stacked),
        "seconds": np.array([[run.seconds / options.n_chips]]),
    }


def depth(path, night):
    """Noise of the PSF's flux at places without a star, ADU."""
    facts, options = read_exposure(path), PipelineOptions().reduction
    chip = read_chip(facts, facts.chips[0])
    catalogue = open_catalogue(night.catalogue)
    reduction = reduce_chip(chip, facts, catalogue, options.reference_detection, options)
    found = reduction.detections
    residual = reduction.data - found.model
    half, rng = 12, np.random.default_rng(1)
    y, x = (rng.integers(100, n - 100, 20_000) for n in chip.shape)
    distance, _ = cKDTree(np.column_stack([found.y, found.x])).query(np.column_stack([y, x]))
    x, y = x[distance > 5], y[distance > 5]
    size = 2 * half + 1
    profiles = found.psf.stamps(x, y, size)
    pixels, weight = (cut_out(image, x, y, size) for image in (residual, chip.weight))
    fluxes = np.sum(profiles * pixels, axis=(1, 2)) / np.sum(profiles**2, axis=(1, 2))
    return float(mad_std(fluxes[np.all(weight > 0, axis=(1, 2))]))


def depth_figures(folder, options):
    """The gain in depth, and its share of the expected one, (measured - 1) / (expected - 1)."""
    night = simulate_night(folder / "sparse", options)
    paths = [night.reference, *night.searches]
    options = PipelineOptions(catalogue=str(night.catalogue))
    plan = plan_stack(paths, folder / "sparse_stack", options)
    for result in run_stack(plan):
        print(stack_line(result), file=sys.stderr)
    stack = plan.files.paths["i"]
    expected = fits.getheader(stack, 1)["DEPTHGN"]
    gain = depth(night.reference, night) / depth(stack, night)
    return {
        "depth_gain_fraction": (gain - 1) / (expected - 1),
        "depth_gain": gain,
        "depth_gain_expected": expected,
    }


def whole_chip_figures(folder):
    """What a stack of five full chips takes."""
    night = simulate_night(folder / "whole", WHOLE)
    _, run = stack_of(folder / "whole_stack", night)
    return {"full_chip_seconds": run.seconds, "full_chip_peak_mb": run.peak_mb}


def night_figures(nights):
    """The figures of all nights together."""
    concatenated = {name: np.concatenate([n[name] for n in nights], axis=1) for name in nights[0]}
    artifact, artifact_after = concatenated["artifacts"]
    variable, variable_after = concatenated["variables"]
    difference, scatter, noise = concatenated["fluxes"]
    return {
        "gone_by_stack": np.mean(~artifact_after[artifact]),
        "n_artifacts_seen": artifact.sum(),
        "n_artifacts_seen_with_stack": artifact_after.sum(),
        "variables_kept": np.mean(variable_after[variable]),
        "n_variables": variable.sum(),
        "n_variables_with_stack": variable_after.sum(),
        "n_false": concatenated["false"][0].sum(),
        "n_false_with_stack": concatenated["false"][1].sum(),
        "stack_flux_mmag": mad_std(scatter),
        "stack_flux_offset_mmag": np.median(difference),
        "single_flux_noise_mmag": np.median(noise),
        "n_flux_stars": len(scatter),
        "stack_chip_seconds": concatenated["seconds"].mean(),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one small chip, under a minute")
    parser.add_argument("--full-chip", action="store_true", help="five whole chips, too")
    parser.add_argument("--workers", type=int, help="default 2, of --quick 1")
    arguments = parser.parse_args()
    workers = arguments.workers or (1 if arguments.quick else 2)
    nights, sparse = [replace(NIGHT, seed=seed) for seed in SEEDS], SPARSE
    if arguments.quick:
        nights, sparse = [replace(QUICK, seed=SEEDS[0])], replace(SPARSE, chip_shape=(512, 512))
    folder = Path(tempfile.mkdtemp(prefix="galproject-stacks-"))
    try:
        done = []
        for options in nights:
            done.append(compare(folder / str(options.seed), options, workers))
            print(f"seed {options.seed}:", night_figures(done[-1:]), file=sys.stderr)
        figures = night_figures(done) | depth_figures(folder, sparse)
        if arguments.full_chip:
            figures |= whole_chip_figures(folder)
    finally:
        shutil.rmtree(folder)
    for name, value in figures.items():
        print(f"{name:28} {value:.4g}")
    print(json.dumps({name: round(float(value), 4) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
