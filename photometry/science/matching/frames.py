"""First guesses of the offset between two frames, and between two systems of magnitudes."""

import numpy as np
from scipy.ndimage import gaussian_filter

from exposures.science.arrays import Float, FloatArray, IntArray
from photometry.science.matching.neighbours import pairs_within

MOST_BRIGHT = 3000  # stars of either catalogue that are compared
FARTHEST_ARCSEC = 2.0  # of one frame from the other
STEP_ARCSEC = 0.1
STEP_MAG = 0.1
FARTHEST_MAG = 5.0
SMOOTHED = 1.5  # steps
SIGNIFICANT = 7.0  # sigma of a peak above chance


def frame_offset(
    places: FloatArray, mag: FloatArray, star_places: FloatArray, star_mag: FloatArray
) -> FloatArray:
    """(2,) arcsec by which sources at places (n, 2) lie off published stars at (m, 2) arcsec.

    The peak in the differences of positions of the brightest, by magnitudes (n,) and (m,), as far
    from each other as FARTHEST_ARCSEC; 0 where chance makes such a peak.
    """
    own, other = places[_brightest(mag)], star_places[_brightest(star_mag)]
    if not len(own) or not len(other):
        return np.zeros(2)
    i, j = pairs_within(own, other, np.full(len(other), FARTHEST_ARCSEC * np.sqrt(2)))
    offset = own[i] - other[j]
    edges = np.arange(-FARTHEST_ARCSEC, FARTHEST_ARCSEC + STEP_ARCSEC / 2, STEP_ARCSEC)
    counts = np.histogram2d(offset[:, 0], offset[:, 1], bins=[edges, edges])[0]
    smooth = gaussian_filter(counts, SMOOTHED, mode="constant")
    if not _is_peak(smooth, counts.mean(), 4 * np.pi * SMOOTHED**2):
        return np.zeros(2)
    middles = 0.5 * (edges[1:] + edges[:-1])
    peak = middles[list(np.unravel_index(np.argmax(smooth), smooth.shape))]
    near = np.linalg.norm(offset - peak, axis=1) < 3 * STEP_ARCSEC
    return np.median(offset[near], axis=0)


def magnitude_offset(off: FloatArray, chance: FloatArray) -> Float:
    """The offset in mag at which differences (n,) mag of near pairs are more than by chance.

    ``chance`` (n,) are differences of pairs that are no matches, such as of those farther apart.
    0 where there is no significant excess.
    """
    edges = np.arange(-FARTHEST_MAG, FARTHEST_MAG + STEP_MAG / 2, STEP_MAG)
    counts, by_chance = (np.histogram(a, edges)[0].astype(float) for a in (off, chance))
    excess = gaussian_filter(counts - by_chance, SMOOTHED, mode="constant")
    noise = np.sqrt(gaussian_filter(counts + by_chance, SMOOTHED, mode="constant") + 1)
    noise /= np.sqrt(2 * np.sqrt(np.pi) * SMOOTHED)
    best = int(np.argmax(excess))
    if excess[best] < SIGNIFICANT * noise[best]:
        return 0.0
    return 0.5 * (edges[best] + edges[best + 1])


def _brightest(mag: FloatArray) -> IntArray:
    known = np.flatnonzero(np.isfinite(mag))
    return known[np.argsort(mag[known])[:MOST_BRIGHT]]


def _is_peak(smooth: FloatArray, mean: Float, n_steps: Float) -> bool:
    return bool(smooth.max() - mean > SIGNIFICANT * np.sqrt((mean + 0.1 / n_steps) / n_steps))
