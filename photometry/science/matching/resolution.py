"""The distance at which a published catalogue still has two stars, by its own close pairs."""

import numpy as np
from scipy.spatial import cKDTree

from exposures.science.arrays import Float, FloatArray

STEP_ARCSEC = 0.1
FARTHEST_ARCSEC = 4.0
UNDISTURBED_ARCSEC = 3.0  # from which on pairs are as many as chance makes, or clusters have
LEAST_PAIRS = 15.0  # by chance in a step, to tell whether some are missing
HALF = 0.5
SMOOTHED_STEPS = 3


def separation_of_pairs(places: FloatArray) -> Float:
    """The distance in arcsec below which half of all pairs of stars are one; 0 if unknown.

    ``places`` (n, 2) are on a plane, in arcsec. Of stars at random the number of pairs grows with
    their distance; where a catalogue merges them, less than half of those are there.
    """
    if len(places) < 2:
        return 0.0
    pairs = cKDTree(places).query_pairs(FARTHEST_ARCSEC, output_type="ndarray").reshape(-1, 2)
    distance = np.linalg.norm(places[pairs[:, 0]] - places[pairs[:, 1]], axis=1)
    edges = np.arange(0, FARTHEST_ARCSEC + STEP_ARCSEC / 2, STEP_ARCSEC)
    counts = np.histogram(distance, edges)[0].astype(float)
    middles = 0.5 * (edges[1:] + edges[:-1])
    far = middles > UNDISTURBED_ARCSEC
    expected = middles * counts[far].sum() / middles[far].sum()
    window = np.ones(SMOOTHED_STEPS)
    counts, expected = (np.convolve(a, window, "same") for a in (counts, expected))
    merged = (counts < HALF * expected) & (expected >= LEAST_PAIRS)
    told = np.flatnonzero(expected >= LEAST_PAIRS)
    if not len(told) or not merged[told[0]]:
        return 0.0
    resolved = np.flatnonzero(~merged & (expected >= LEAST_PAIRS))
    return float(middles[resolved[0]]) if len(resolved) else 0.0
