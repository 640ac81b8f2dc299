"""Artifacts on the reference and variables, with one reference and with a set of three.

Simulates nights with many artifacts on the reference, processes them with it alone by the same
commands as a user, adds the two exposures that are suggested to its set, and counts by the truth
what became of the sources that changed. Ends with one JSON line. --quick is one night, in less
than 50 s.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from machine_code import commands_and_workers
from recovery import process
from scipy.spatial import cKDTree
from scratch import scratch_database

from exposures.models import GalExposure
from exposures.simulation import SimulationOptions, read_truth, simulate_night
from galproject.references.sets import possible_members
from photometry.models import GalNonDetection, GalReferenceMag, GalSource
from photometry.science.stacking.reference_mean import PRIMARY_AT_FAULT
from variables.models import Artifact, GalCandidate, GalFlag, GalVarObj

# The smaller chips are dithered by less, so that a member misses as much of the primary's sky as
# on chips of full size: 60 pixels of 2046 and of 4094.
NIGHT = SimulationOptions(
    n_chips=1,
    n_epochs=4,
    stars_per_chip=20_000,
    chip_shape=(1024, 1024),
    dither_pixels=22.0,
    variable_fraction=0.05,
    n_reference_artifacts=60,
)
SEEDS = (21, 22, 23, 24)
N_MEMBERS = 2
INFLUENCE_ARCSEC = 12 * 0.2624  # a change this near an artifact is its, as in recovery
MATCH_ARCSEC = 1.5 * 0.2624
EXTREME_MAG = 0.3  # off the median of the other epochs: a bright or faint state on the primary


@dataclass(frozen=True)
class Changed:
    """Sources with accepted changes, by what made these in truth; arrays (n,)."""

    ids: np.ndarray
    is_artifact: np.ndarray  # at an artifact of the reference, and no variable is near
    is_variable: np.ndarray  # at a star that varied; no artifact is near
    is_extreme: np.ndarray  # of these, in a bright or faint state on the primary

    @property
    def is_false(self):
        """Neither."""
        return ~self.is_artifact & ~self.is_variable


def changed(truth) -> Changed:
    """The sources that changed on search images."""
    accepted = GalVarObj.objects.accepted().filter(image__is_reference=False)
    places = list(accepted.values_list("refsource_id", "ra", "dec").distinct())
    table = np.array(places, float).reshape(-1, 3)
    varies = truth.stars["kind"] != "constant"
    stars = truth.stars[varies]
    near_variable = near(table, stars, INFLUENCE_ARCSEC).any
    near_artifact = near(table, truth.artifacts, INFLUENCE_ARCSEC).any
    epochs = stars["epoch_mag"]
    off = np.abs(epochs[:, 0] - np.median(epochs[:, 1:], axis=1))
    at = near(table, stars, MATCH_ARCSEC)
    is_variable = near_variable & ~near_artifact
    return Changed(
        ids=np.array([pk for pk, *_ in places], "i8"),
        is_artifact=near_artifact & ~near_variable,
        is_variable=is_variable,
        is_extreme=is_variable & at.any & (off[at.nearest] > EXTREME_MAG),
    )


@dataclass(frozen=True)
class Near:
    """What of a list lies near each place."""

    any: np.ndarray  # whether anything does
    nearest: np.ndarray  # its index


def near(table, things, radius_arcsec) -> Near:
    """What of things with ra and dec lies near rows of (id, ra, dec)."""
    scale = np.cos(np.radians(np.mean(things["dec"])))
    tree = cKDTree(np.column_stack([things["ra"] * scale, things["dec"]]))
    distance, nearest = tree.query(np.column_stack([table[:, 1] * scale, table[:, 2]]))
    return Near(distance * 3600 < radius_arcsec, nearest)


def flagged(ids):
    """(n,) whether sources are proposed as faults of the primary by its set."""
    said = GalFlag.objects.filter(artifact=Artifact.REFERENCE, refsource_id__in=ids.tolist())
    proposed = set(said.values_list("refsource_id", flat=True))
    means = GalReferenceMag.objects.filter(refsource_id__in=ids.tolist())
    by_set = {m.refsource_id for m in means if m.flags & PRIMARY_AT_FAULT}
    return np.array([i in proposed & by_set for i in ids.tolist()], bool)


def kept(ids):
    """(n,) whether sources are candidates with a detection that no flag hides."""
    seen = GalCandidate.objects.filter(n_detections__gt=0, is_flagged=False)
    there = set(seen.values_list("pk", flat=True))
    return np.array([i in there for i in ids.tolist()], bool)


def add_members(url, primary, manage):
    """Add the exposures that would do best to the primary's set: the run."""
    chosen = [q.exposure.identifier for q in possible_members(primary)[:N_MEMBERS]]
    print("members:", *chosen, file=sys.stderr)
    return manage(url, "reference_set", "add", *chosen)


def measure(url, night, workers, manage):
    """The counts of a night, processed with one reference and then with a set.

    ``manage`` is how commands are run.
    """
    process(url, night, workers, manage)
    truth = read_truth(night.truth)
    before = changed(truth)
    primary = GalExposure.objects.get(identifier=str(truth.exposures["expnum"][0]))
    run = add_members(url, primary, manage)
    after = changed(truth)
    is_kept = kept(before.ids)
    return {
        "n_artifact_sources": before.is_artifact.sum(),
        "n_flagged": (flagged(before.ids) & before.is_artifact).sum(),
        "n_artifact_sources_left": after.is_artifact.sum(),
        "n_variables": before.is_variable.sum(),
        "n_variables_kept": (is_kept & before.is_variable).sum(),
        "n_extreme": before.is_extreme.sum(),
        "n_extreme_kept": (is_kept & before.is_extreme).sum(),
        "n_variables_new": (after.is_variable & ~np.isin(after.ids, before.ids)).sum(),
        "n_false": before.is_false.sum(),
        "n_false_with_set": after.is_false.sum(),
        "n_accepted_on_primary": GalVarObj.objects.accepted()
        .filter(image__is_reference=True)
        .count(),
        "n_measurements": GalSource.objects.filter(is_reference=False).count(),
        "n_non_detections": GalNonDetection.objects.count(),
        "add_seconds": run.seconds,
    }


def figures_of(nights):
    """The figures of all nights together."""
    total = {name: float(sum(night[name] for night in nights)) for name in nights[0]}
    return {
        "flagged_by_set": total["n_flagged"] / total["n_artifact_sources"],
        "variables_kept": total["n_variables_kept"] / total["n_variables"],
        "extreme_variables_kept": total["n_extreme_kept"] / total["n_extreme"],
        **total,
    }


def simulated(seed, workers, manage):
    """The counts of the night of a seed, in a database of its own.

    So many artifacts on so small a chip hide one star in twenty, for which images are doubted.
    """
    os.environ["GALPROJECT_OPTION_QUALITY__DOUBT__LOST_SHARE"] = "0.2"
    folder = Path(tempfile.mkdtemp(prefix="galproject-sets-"))
    try:
        with scratch_database("sets") as url:
            return measure(url, simulate_night(folder, replace(NIGHT, seed=seed)), workers, manage)
    finally:
        shutil.rmtree(folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one night, under 50 s")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    manage, workers = commands_and_workers(arguments.quick, arguments.workers)
    seeds = SEEDS[:1] if arguments.quick else SEEDS
    nights = []
    for seed in seeds:
        nights.append(simulated(seed, workers, manage))
        print(
            f"seed {seed}:", {k: round(float(v), 1) for k, v in nights[-1].items()}, file=sys.stderr
        )
    figures = figures_of(nights)
    for name, value in figures.items():
        print(f"{name:28} {value:.4g}")
    print(json.dumps({name: round(value, 4) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
