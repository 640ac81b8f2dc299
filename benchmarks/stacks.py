"""What a stacked reference gains: artifacts gone, variables kept, depth, fluxes.

Simulates nights with artifacts on the reference, processes them once with that reference and once
with a stack of five of the exposures, by the same commands as a user, and ends with one JSON line.
Depth is the noise of the PSF's flux at empty places, first exposure over stack, in its gain over
1, against what the weights promise. --quick does one small chip.
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
from astropy.io import fits
from scipy.spatial import cKDTree
from scratch import manage, scratch_database

from exposures.catalogues import open_catalogue
from exposures.fits import read_chip, read_exposure
from exposures.models import GalImage
from exposures.simulation import SimulationOptions, read_truth, simulate_night
from galproject.options import PipelineOptions
from photometry.models import GalSource
from photometry.reduction import reduce_chip
from photometry.science.calibration import mad_sigma
from variables.models import GalVarObj

N_STACKED = 5
FULL = SimulationOptions(
    seed=31,
    n_chips=2,
    n_epochs=8,
    chip_shape=(2048, 1024),
    stars_per_chip=20_000,
    variable_fraction=0.05,
    n_reference_artifacts=50,
    compress=False,
)
QUICK = SimulationOptions(
    seed=31,
    n_chips=1,
    n_epochs=5,
    chip_shape=(768, 768),
    stars_per_chip=20_000,
    variable_fraction=0.05,
    n_reference_artifacts=25,
    compress=False,
)
INFLUENCE_ARCSEC = 12 * 0.262  # of an artifact or a variable on the measurements round it
SEEN_SIGMA = 20  # a change of that many saved sigmas is one that must be found
BRIGHT_SIGMA, CLEAN = 300, 0.99


def process(folder, reference, night, workers):
    """The changes and fluxes of the night with one reference: a Measured."""
    common = ("--catalogue", night.catalogue, "--workers", workers, "--no-pictures")
    with scratch_database("stacks") as url:
        manage(url, "process_exposure", reference, "--reference", *common)
        manage(url, "process_exposure", *night.searches, *common)
        return measured()


def measured():
    """Positions of believed changes by exposure, and rows of bright sources of the reference."""
    changes = GalVarObj.objects.believed().values_list("ra", "dec", "image__exposure__identifier")
    ids = list(GalImage.objects.references().values_list("pk", flat=True))
    rows = GalSource.objects.filter(galimage_id__in=ids, is_reference=True)
    columns = ("ra", "dec", "x", "y", "mag", "mag_err", "flux", "flux_err", "flags", "quality")
    return list(changes), np.array(list(rows.values_list(*columns, "fracflux")), float)


def near(ra, dec, ra0, dec0, radius_arcsec):
    """(n,) whether positions lie within a radius of any of the others."""
    if len(ra) == 0 or len(ra0) == 0:
        return np.zeros(len(ra), bool)
    return distances(ra, dec, ra0, dec0)[0] < radius_arcsec


def distances(ra, dec, ra0, dec0):
    """Arcsec to the nearest of the others, and which it is."""
    scale = np.cos(np.radians(np.mean(dec0)))
    tree = cKDTree(np.column_stack([np.asarray(ra0) * scale, dec0]))
    distance, index = tree.query(np.column_stack([np.asarray(ra) * scale, dec]))
    return 3600 * distance, index


def artifacts_seen(truth, changes):
    """Indices of artifacts at which a believed change is, with no variable star nearby."""
    varies = truth.stars["kind"] != "constant"
    ra, dec = (np.array([change[k] for change in changes], float) for k in (0, 1))
    stars = truth.stars[varies]
    false = ~near(ra, dec, stars["ra"], stars["dec"], INFLUENCE_ARCSEC)
    spots = truth.artifacts
    is_seen = near(spots["ra"], spots["dec"], ra[false], dec[false], INFLUENCE_ARCSEC)
    return set(np.flatnonzero(is_seen))


def variables_found(truth, changes):
    """Indices of the variable stars at which there is a believed change on any exposure."""
    varies = np.flatnonzero(truth.stars["kind"] != "constant")
    ra, dec = (np.array([change[k] for change in changes], float) for k in (0, 1))
    stars = truth.stars[varies]
    return set(varies[near(stars["ra"], stars["dec"], ra, dec, 0.5)])


def flux_difference_mmag(single, stack):
    """Of bright clean stars, stack minus single image: robust sigma about the median, in mmag.

    The median is the difference of the two zero points. The first image is the scale of the
    stack; its own noise is in the figure.
    """
    good = [
        (r[:, 6] > BRIGHT_SIGMA * r[:, 7]) & (r[:, 8] == 0) & (r[:, 9] > CLEAN) & (r[:, 10] > 0.9)
        for r in (single, stack)
    ]
    single, stack = single[good[0]], stack[good[1]]
    distance, index = distances(single[:, 0], single[:, 1], stack[:, 0], stack[:, 1])
    difference = (stack[index, 4] - single[:, 4])[distance < 0.2]
    return 1000 * mad_sigma(difference), len(difference)


def depth(path, night):
    """Noise of the PSF's flux at places without a star, and what the header expects of a stack."""
    facts, options = read_exposure(path), PipelineOptions()
    chip = read_chip(facts, facts.chips[0])
    reduction = reduce_chip(
        chip,
        facts,
        open_catalogue(night.catalogue),
        options.reduction.reference_detection,
        options.reduction,
    )
    residual = reduction.data - reduction.detections.model
    psf = reduction.detections.psf
    rng = np.random.default_rng(1)
    half, (ny, nx) = 12, chip.shape
    # Where all exposures are; elsewhere the stack has fewer.
    y, x = (rng.integers(100, n - 100, 20_000) for n in (ny, nx))
    fluxes = []
    found = cKDTree(np.column_stack([reduction.detections.y, reduction.detections.x]))
    distance, _ = found.query(np.column_stack([y, x]))
    for j, i in zip(y[distance > 5], x[distance > 5], strict=True):
        part = slice(j - half, j + half + 1), slice(i - half, i + half + 1)
        if np.all(chip.weight[part] > 0):
            profile = psf.stamps([float(i)], [float(j)], 2 * half + 1)[0]
            fluxes.append(np.sum(profile * residual[part]) / np.sum(profile**2))
    return float(mad_sigma(np.array(fluxes)))


def depth_fraction(night, stack):
    """Share of the expected gain in depth, (measured - 1) / (expected - 1)."""
    expected = fits.getheader(stack, 1)["DEPTHGN"]
    gain = depth(night.reference, night) / depth(stack, night)
    return (gain - 1) / (expected - 1), gain, expected


def stack_of(folder, night, workers):
    """A stack of the reference and the first search exposures."""
    paths = [night.reference, *night.searches[: N_STACKED - 1]]
    run = manage(
        "postgresql:///unused", "stack_reference", *paths, "--to", folder, "--catalogue",
        night.catalogue,
    )  # fmt: skip
    return next(folder.glob("*_ooi_*")), run


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one small chip")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    options = QUICK if arguments.quick else FULL
    folder = Path(tempfile.mkdtemp(prefix="galproject-stacks-"))
    try:
        night = simulate_night(folder / "night", options)
        sparse = simulate_night(
            folder / "sparse",
            # Unresolved stars are noise that no stack takes away: depth is told in a sparse field.
            SimulationOptions(seed=32, n_chips=1, n_epochs=N_STACKED - 1, chip_shape=(768, 768),
                              stars_per_chip=3000, n_reference_artifacts=0, compress=False),
        )  # fmt: skip
        stack, run = stack_of(folder / "stack", night, arguments.workers)
        sparse_stack, _ = stack_of(folder / "sparse_stack", sparse, arguments.workers)
        truth = read_truth(night.truth)
        single_changes, single_rows = process(folder, night.reference, night, arguments.workers)
        stack_changes, stack_rows = process(folder, stack, night, arguments.workers)
        fraction, gain, expected = depth_fraction(sparse, sparse_stack)
    finally:
        shutil.rmtree(folder)
    before, after = (artifacts_seen(truth, c) for c in (single_changes, stack_changes))
    found, kept = (variables_found(truth, c) for c in (single_changes, stack_changes))
    flux_mmag, n_stars = flux_difference_mmag(single_rows, stack_rows)
    figures = {
        "gone_by_stack": 1 - len(before & after) / len(before) if before else np.nan,
        "n_artifacts_seen": len(before),
        "n_artifacts_new": len(after - before),
        "variables_kept_by_stack": len(found & kept) / len(found) if found else np.nan,
        "n_variables": len(found),
        "n_variables_by_stack": len(kept),
        "depth_gain_fraction": fraction,
        "depth_gain": gain,
        "depth_gain_expected": expected,
        "stack_flux_mmag": flux_mmag,
        "n_flux_stars": n_stars,
        "stack_seconds": run.seconds,
        "stack_peak_mb": run.peak_mb,
    }
    for name, value in figures.items():
        print(f"{name:28} {value:.4g}")
    print(json.dumps({name: round(float(value), 4) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
