"""Proper motions fitted to where stars were on images of several years."""

from dataclasses import dataclass

import numpy as np

from exposures.science.arrays import FloatArray, Index, IntArray
from photometry.science.motions import MotionOptions, Motions

N_ROUNDS = 10  # in which outliers lose their weight
OUTLIER_SIGMA = 3.0  # at which a place has half the weight that its error gives it
SMALLEST_LEVER = 1e-6  # share of the squared times that their scatter is; below it there is no line


@dataclass(frozen=True)
class Displacements:
    """Where stars are on images, from where their references have them; (n,), each of one star."""

    refsource_id: np.ndarray  # int64
    east: np.ndarray  # mas
    north: np.ndarray  # mas
    error: np.ndarray  # mas, of either

    def __len__(self) -> int:
        return len(self.refsource_id)

    def select(self, index: Index) -> "Displacements":
        """The mas of a selection: indices (k,), or a mask (n,) of bool."""
        columns = (self.refsource_id, self.east, self.north, self.error)
        return Displacements(*(values[index] for values in columns))


@dataclass(frozen=True)
class FittedMotions:
    """What lines through the places of k stars say of their proper motions."""

    refsource_id: np.ndarray  # (k,) int64
    motions: Motions  # NaN where all places are of one time
    significance: np.ndarray  # (k,) sigma by which they move; NaN as they

    def significant(self, options: MotionOptions = MotionOptions()) -> np.ndarray:
        """(k,) whether ``min_speed`` mas/yr and ``min_sigma`` are reached."""
        fast = self.motions.speed >= options.min_speed
        return fast & (self.significance >= options.min_sigma)


def fit_motions(
    places: Displacements, years: FloatArray, options: MotionOptions = MotionOptions()
) -> FittedMotions:
    """The FittedMotions of the k stars in ``places`` that are on ``min_images`` at least.

    ``places`` are Displacements of stars on all images, (n,), ``years`` (n,) since their reference.
    To each star's places a line in time is fitted, by weights of the inverse variance with
    ``position_error`` in quadrature. A place at r sigma from the line has its weight divided by ``1
    + (r / 3)^2`` (Cauchy), again and again; sigma grows for stars that scatter more than it says.
    A sigma from a scatter of m degrees of freedom is itself uncertain: by it, chance makes S sigma
    as often as ``sqrt(m ln(1 + S^2 / m))`` of a sigma that is known, which is their significance.
    """
    ids, star, n_images = np.unique(places.refsource_id, return_inverse=True, return_counts=True)
    enough = n_images >= options.min_images
    chosen = enough[star]
    rows, time = places.select(chosen), years[chosen]
    star, ids, n_images = (np.cumsum(enough) - 1)[star[chosen]], ids[enough], n_images[enough]
    variance = np.square(rows.error) + options.position_error**2
    freedom = 1 - 2 / n_images  # of a line's parameters
    chi2 = np.zeros(len(star))
    for _ in range(N_ROUNDS):
        usual = np.maximum(_median_chi2(star, chi2, n_images) / freedom, 1)
        weight = 1 / (1 + chi2 / usual[star] / OUTLIER_SIGMA**2)
        east, north = (
            _fit_lines(star, len(ids), time, v, weight / variance) for v in (rows.east, rows.north)
        )
        chi2 = (np.square(east.residual) + np.square(north.residual)) / variance
    weighted, weights = (np.bincount(star, v, len(ids)) for v in (weight * chi2, weight))
    scatter = weighted / weights / 2 / freedom
    error = east.slope_error * np.sqrt(np.maximum(scatter, 1))
    motions = Motions(east.slope, north.slope, error, error, n_images)
    chance = 2.0 * (n_images - 2)
    tested = np.sqrt(chance * np.log1p(np.square(motions.significance) / chance))
    return FittedMotions(ids, motions, np.where(scatter > 1, tested, motions.significance))


def _median_chi2(star: IntArray, chi2: FloatArray, n_images: IntArray) -> FloatArray:
    """(k,) medians of the chi2 of k stars, as a share of what two coordinates have."""
    in_order = chi2[np.lexsort((chi2, star))]
    last = np.cumsum(n_images)
    middle = last - n_images + n_images // 2
    return in_order[middle] / (2 * np.log(2))


@dataclass(frozen=True)
class _Lines:
    """Straight lines of k stars through n places."""

    slope: np.ndarray  # (k,) NaN where all places are of one time
    slope_error: np.ndarray  # (k,)
    residual: np.ndarray  # (n,)


def _fit_lines(
    star: IntArray, n_stars: int, time: FloatArray, value: FloatArray, weight: FloatArray
) -> _Lines:
    def total(values: FloatArray) -> FloatArray:
        return np.bincount(star, values, n_stars).astype(float)

    weights = total(weight)
    middle, mean = total(weight * time) / weights, total(weight * value) / weights
    after, beyond = time - middle[star], value - mean[star]
    lever = total(weight * after**2)
    known = lever > SMALLEST_LEVER * total(weight * time**2)
    lever = np.where(known, lever, np.nan)
    slope = total(weight * after * beyond) / lever
    return _Lines(slope, 1 / np.sqrt(lever), beyond - np.nan_to_num(slope)[star] * after)
