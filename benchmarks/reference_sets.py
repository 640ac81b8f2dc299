"""Artifacts on the reference and variables, with one reference and with a set of three.

Simulates nights with many artifacts on the reference, processes them with it alone by the same
commands as a user, adds the two exposures that are suggested to its set, and counts by the truth
what became of the sources that changed. Ends with one JSON line. --quick takes about a minute.
"""

import argparse
import json
import shutil
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from recovery import process
from scipy.spatial import cKDTree
from scratch import manage, scratch_database

from exposures.models import GalExposure
from exposures.simulation import SimulationOptions, read_truth, simulate_night
from galproject.references.sets import possible_members
from photometry.models import GalReferenceMag, GalSource
from photometry.science.reference_mean import PRIMARY_AT_FAULT
from variables.models import Artifact, GalCandidate, GalFlag, GalVarObj

FULL = SimulationOptions(
    seed=21,
    n_chips=2,
    n_epochs=5,
    stars_per_chip=20_000,
    variable_fraction=0.05,
    n_reference_artifacts=150,
)
QUICK = replace(FULL, n_chips=1, n_epochs=4, chip_shape=(1024, 1024), n_reference_artifacts=30)
N_MEMBERS = 2
INFLUENCE_ARCSEC = 12 * 0.2624  # a change this near an artifact is its, as in recovery
MATCH_ARCSEC = 1.5 * 0.2624
EXTREME_MAG = 0.3  # off the median of the other epochs: a bright or faint state on the primary


@dataclass(frozen=True)
class Changed:
    """Sources with believed changes, by what made these in truth; arrays (n,)."""

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
    believed = GalVarObj.objects.believed().filter(image__is_reference=False)
    places = list(believed.values_list("refsource_id", "ra", "dec").distinct())
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


def share(chosen, of):
    return float((chosen & of).sum() / of.sum()) if of.any() else float("nan")


def add_members(url, primary):
    """Add the exposures that would do best to the primary's set: the run."""
    chosen = [q.exposure.identifier for q in possible_members(primary)[:N_MEMBERS]]
    print("members:", *chosen, file=sys.stderr)
    return manage(url, "reference_set", "add", *chosen)


def measure(url, night, workers):
    """The figures of a night, processed with one reference and then with a set."""
    process(url, night, workers)
    truth = read_truth(night.truth)
    before = changed(truth)
    primary = GalExposure.objects.get(identifier=str(truth.exposures["expnum"][0]))
    run = add_members(url, primary)
    after = changed(truth)
    is_flagged, is_kept = flagged(before.ids), kept(before.ids)
    own = GalVarObj.objects.believed().filter(image__is_reference=True)
    return {
        "flagged_by_set": share(is_flagged, before.is_artifact),
        "variables_kept": share(is_kept, before.is_variable),
        "extreme_variables_kept": share(is_kept, before.is_extreme),
        "n_artifact_sources": int(before.is_artifact.sum()),
        "n_variables": int(before.is_variable.sum()),
        "n_extreme_variables": int(before.is_extreme.sum()),
        "artifact_sources_left": int(after.is_artifact.sum()),
        "new_variables": int((after.is_variable & ~np.isin(after.ids, before.ids)).sum()),
        "false_before": int(before.is_false.sum()),
        "false_after": int(after.is_false.sum()),
        "believed_on_primary": own.count(),
        "n_measurements": int(GalSource.objects.filter(is_reference=False).count()),
        "add_seconds": run.seconds,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one small chip, about a minute")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="galproject-sets-"))
    try:
        with scratch_database("sets") as url:
            night = simulate_night(folder, QUICK if arguments.quick else FULL)
            figures = measure(url, night, arguments.workers)
    finally:
        shutil.rmtree(folder)
    for name, value in figures.items():
        print(f"{name:28} {value:.4g}")
    print(json.dumps({name: round(value, 4) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
