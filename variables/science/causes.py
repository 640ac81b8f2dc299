"""The probable cause of a candidate's changes: a star, or one of the usual artifacts."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from exposures.science.arrays import FloatArray, IntArray
from exposures.science.quantities import Count, Fraction, Motion, Options, Pixels, Ratio, Sigma
from variables.science.selection import CUTS

BIT = {name: 1 << bit for bit, name in enumerate(CUTS)}
RCHI2 = BIT["search_rchi2"] | BIT["reference_rchi2"]
SHAPE = RCHI2 | BIT["masked"] | BIT["blended"] | BIT["sharp"] | BIT["traded"]
# Names of causes in the order in which they are judged; the last where none applies.
CAUSES = (
    *("bleed", "saturated", "edge", "detector", "motion", "missing", "reference", "shape"),
    *("crowd", "real"),
)
# A motion explains a star's fading up to this share of what a Gaussian PSF loses, and this much
# more, in mag: of a bright star the pixels with most of its light have least weight.
FADE_SHARE, FADE_MARGIN = 2.0, 0.05


@dataclass(frozen=True)
class CauseOptions(Options):
    """Thresholds beyond which an artifact is more likely than a star."""

    reference_fraction: Fraction = 0.8
    """Share of the epochs with changes, from which on the reference is at fault."""
    reference_epochs: Count = 5
    """Least number of search epochs before the reference can be at fault."""
    reference_scatter: Ratio = 0.3
    """Scatter of the changes over their mean, up to which they are all alike."""
    detector_pixels: Pixels = 3.0
    """Distance within which changes of several stars are at one place of the detector."""
    detector_sources: Count = 3
    """Least number of other stars with changes at one place of the detector for it to be the
    cause."""
    edge_pixels: Pixels = 15.0
    """Distance from the edge of the reference image within which the edge is the cause."""
    crowd: Count = 100
    """Number of changes on one image, from which on each of them is suspect."""
    high_motion: Motion = 20.0
    """Proper motion from which on it may be the cause that a star fades."""
    motion_sigma: Sigma = 5.0
    """Least significance of such a proper motion."""


@dataclass(frozen=True)
class Evidence:
    """The facts by which causes are judged; arrays (n,)."""

    always_failed: np.ndarray  # bits of the cuts that every change failed
    edge_distance: np.ndarray  # pixels
    n_changes: np.ndarray
    n_epochs: np.ndarray  # search images on which it was measured
    mean_delta: np.ndarray  # mag; NaN where unknown
    scatter_delta: np.ndarray  # mag
    least_crowd: np.ndarray  # changes on the quietest image on which it changed
    n_others_nearby: np.ndarray  # other stars that changed at the same place of the detector
    only_on_reference: np.ndarray  # which differs from the other images of its set
    is_new: np.ndarray  # not on the reference: mean and scatter are those of its own light
    speed: np.ndarray  # proper motion, mas/yr; NaN where unknown
    speed_sigma: np.ndarray  # significance of the proper motion; NaN where unknown
    motion_fade: np.ndarray  # mag lost at most by who looks for it where the reference has it


def judge_causes(evidence: Evidence, options: CauseOptions = CauseOptions()) -> np.ndarray:
    """(n,) names of causes, the first that applies in the order of the conditions here.

    ``evidence`` is the Evidence of n candidates, in pixels and mag. What is NaN speaks for no
    cause; what none applies to is "real".
    """
    e = evidence
    often = e.n_changes >= options.reference_fraction * np.maximum(e.n_epochs, 1)
    alike = e.scatter_delta <= options.reference_scatter * np.abs(e.mean_delta)
    always = often & alike & (e.n_epochs >= options.reference_epochs)
    is_fast = (e.speed >= options.high_motion) & (e.speed_sigma >= options.motion_sigma)
    is_moved = (e.mean_delta > 0) & (e.mean_delta <= FADE_SHARE * e.motion_fade + FADE_MARGIN)
    conditions = {
        "bleed": e.always_failed & BIT["saturated"],
        "saturated": e.always_failed & BIT["near_saturated"],
        "edge": (e.always_failed & BIT["edge"]) | (e.edge_distance < options.edge_pixels),
        "detector": e.n_others_nearby >= options.detector_sources,
        "motion": is_fast & is_moved & ~e.is_new.astype(bool),
        "missing": always & e.is_new,
        "reference": e.only_on_reference | (always & ~e.is_new),
        "shape": e.always_failed & SHAPE,
        "crowd": e.least_crowd >= options.crowd,
    }
    return np.select([c.astype(bool) for c in conditions.values()], list(conditions), "real")


def count_others_nearby(source: IntArray, x: FloatArray, y: FloatArray, radius: float) -> IntArray:
    """(m,) for each change, how many other sources changed within ``radius`` pixels of it.

    ``source`` (m,) are ids, ``x, y`` (m,) pixels on each change's own image; NaN is nowhere.
    """
    known = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    others = np.zeros(len(source), int)
    if len(known) < 2:
        return others
    places = np.column_stack([x, y])[known]
    pairs = cKDTree(places).query_pairs(radius, output_type="ndarray")
    i, j = (known[np.concatenate([pairs[:, a], pairs[:, 1 - a]])] for a in (0, 1))
    different = np.unique(np.column_stack([i, source[j]])[source[i] != source[j]], axis=0)
    np.add.at(others, different[:, 0], 1)
    return others
