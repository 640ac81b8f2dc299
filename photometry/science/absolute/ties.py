"""Offsets by which chips of different fields agree where they overlap."""

from dataclasses import dataclass

import numpy as np
from astropy.stats import mad_std
from scipy.sparse import coo_array, csc_array
from scipy.sparse.linalg import spsolve

from exposures.science.arrays import FloatArray, IntArray

MEDIAN_ERROR = 1.2533  # of a median over that of a mean, of Gaussian errors
LEAST_ERROR = 0.001  # mag, of a difference
HASH = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio, by which ids are mixed
MIXED_BITS = np.uint64(33)


@dataclass(frozen=True)
class SharedStars:
    """Calibrated magnitudes of one chip's stars that other chips may have: n of them."""

    star: np.ndarray  # (n,) int64, the published star's id, ascending
    mag: np.ndarray  # (n,) mag


@dataclass(frozen=True)
class Differences:
    """Between two chips each: arrays (n,)."""

    first: np.ndarray  # int, number of a chip from 0
    second: np.ndarray  # int
    mag: np.ndarray  # mag, of the first less the second's
    error: np.ndarray  # mag
    n_stars: np.ndarray  # int

    def __len__(self) -> int:
        return len(self.first)

    def left(self, offsets: FloatArray) -> FloatArray:
        """(n,) mag, what is left of them when ``offsets`` (k,) mag are added to the chips."""
        return self.mag + offsets[self.first] - offsets[self.second]


def sampled(star: IntArray, mag: FloatArray, n_most: int) -> SharedStars:
    """SharedStars, at most about ``n_most`` of those (n,) of a chip, magnitudes in mag.

    Which ones hangs on their ids alone, so that two chips keep the same; NaN are left out.
    """
    known = np.isfinite(mag)
    star, mag = star[known], mag[known]
    if len(star) > n_most:
        with np.errstate(over="ignore"):
            mixed = star.astype(np.uint64) * HASH
            mixed = (mixed ^ (mixed >> MIXED_BITS)) * HASH
        kept = mixed <= np.partition(mixed, n_most - 1)[n_most - 1]
        star, mag = star[kept], mag[kept]
    order = np.argsort(star, kind="stable")
    return SharedStars(star[order], mag[order].astype(np.float32))


def differences(stars: list[SharedStars], pairs: IntArray, min_stars: int) -> Differences:
    """Differences in mag of those ``pairs`` (n, 2) of chips that share at least ``min_stars``.

    Medians, which variables and blends don't pull; their errors are by the stars' robust scatter.
    """
    found = []
    for first, second in pairs:
        one, other = stars[first], stars[second]
        _, here, there = np.intersect1d(
            one.star, other.star, assume_unique=True, return_indices=True
        )
        if len(here) < min_stars:
            continue
        apart = one.mag[here].astype(float) - other.mag[there]
        error = MEDIAN_ERROR * mad_std(apart) / np.sqrt(len(apart))
        row = (first, second, np.median(apart), max(float(error), LEAST_ERROR), len(apart))
        found.append(row)
    columns = np.array(found, float).reshape(-1, 5).T
    first, second, n_stars = (columns[k].astype(np.int64) for k in (0, 1, 4))
    return Differences(first, second, columns[2], columns[3], n_stars)


def solve_ties(
    between: Differences, field: IntArray, field_error: FloatArray, chip_error: FloatArray
) -> FloatArray:
    """(k,) mag to add to the zero points of k chips, so that they agree where fields overlap.

    ``field`` (k,) are the numbers of the chips' fields from 0. Each offset is one of the field
    and one of the chip, about 0 within ``field_error`` (m,) and ``chip_error`` (k,) mag: what the
    published stars left open. With the differences they are one linear least-squares system of
    k + m unknowns, sparse, as only chips that overlap are in one equation (ubercal, Padmanabhan et
    al. 2008, ApJ 674, 1217, of whole fields). 0 for chips that hang together with no other field.
    """
    k, m = len(field), len(field_error)
    n = len(between)
    rows = np.repeat(np.arange(n), 4)
    columns = np.stack(
        [between.first, between.second, k + field[between.first], k + field[between.second]], axis=1
    ).ravel()
    signs = np.tile([1.0, -1.0, 1.0, -1.0], n)
    design = csc_array(coo_array((signs, (rows, columns)), shape=(n, k + m)))
    weight = between.error**-2.0
    prior = np.concatenate([chip_error, field_error]) ** -2.0
    weighted = csc_array(design.T * weight)
    places = np.arange(k + m)
    normal = weighted @ design + csc_array((prior, (places, places)), shape=(k + m, k + m))
    solution = spsolve(normal, -(weighted @ between.mag))
    return solution[:k] + solution[k:][field]
