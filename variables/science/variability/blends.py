"""Stars so close to others that a fit trades flux between them: the sum of their light."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from exposures.science.arrays import BoolArray, FloatArray
from photometry.science.calibration.calibration import MAG_PER_LN
from photometry.science.compiled import compiled, inlined
from variables.science.close_pairs import find_close_pairs

# Of a star's light that a PSF does not have: by how much brighter a star is that is in it, how far
# it reaches, and the steps of magnitude in which it is looked for.
HALO_MAG, HALO_FWHM, HALO_STEP = 3.0, 5.0, 0.5


@dataclass(frozen=True)
class Neighbours:
    """The close neighbours of the stars that have some."""

    star: np.ndarray  # (n,) indices of stars, ascending
    first: np.ndarray  # (n + 1,) indices into ``neighbour``, where those of each begin
    neighbour: np.ndarray  # (k,) indices of stars

    @classmethod
    def within(cls, x: FloatArray, y: FloatArray, radius: float) -> "Neighbours":
        """Neighbours at most ``radius`` away; ``x, y`` (n_stars,) and it are pixels."""
        pairs = find_close_pairs(x, y, np.zeros(len(x), int), radius)
        both = np.concatenate([pairs, pairs[:, ::-1]])
        both = both[np.lexsort((both[:, 1], both[:, 0]))]
        star, first = np.unique(both[:, 0], return_index=True)
        return cls(star, np.append(first, len(both)), both[:, 1])

    def select(self, part: slice) -> "Neighbours":
        """Those of some of the stars that have some, one after the other."""
        return Neighbours(self.star[part], self.first[part.start : part.stop + 1], self.neighbour)


@dataclass(frozen=True)
class PairSums:
    """Light curves of stars with all their close neighbours; a row for each of n such stars."""

    mag: np.ndarray  # (n, n_images) mag, linear in flux, as if all were the star's own
    mag_err: np.ndarray  # (n, n_images) mag
    correlation: np.ndarray  # (n,) of the star's deviations with its neighbours'; a ratio


def pair_sums(
    neighbours: Neighbours,
    mag: FloatArray,
    mag_err: FloatArray,
    centre: FloatArray,
    is_linear: BoolArray,
) -> PairSums:
    """The PairSums of stars that have ``neighbours``.

    ``mag`` and ``mag_err`` (n_stars, n_images) mag are NaN where not measured; ``centre``
    (n_stars,) mag are the stars' means, about which magnitudes of those that are ``is_linear``
    (n_stars,) are linear in flux. What a star gains and its neighbours lose leaves the sum as it
    is. The sum's error is the largest of theirs: what one gains the other loses, so that a fit
    knows the sum about as well as either (``has_traded`` in variables.science.close_pairs). NaN
    where one of them was not measured; a neighbour that never was is none. The correlation is NaN
    with fewer than three measurements.
    """
    shape = (len(neighbours.star), mag.shape[1])
    sums, errors = np.full(shape, np.nan, "f4"), np.full(shape, np.nan, "f4")
    correlation = np.full(shape[0], np.nan, "f4")
    light = 10 ** (-0.4 * (centre.astype("f8") - np.nanmin(centre, initial=99.0)))
    lists = _Lists(neighbours.star, neighbours.first, neighbours.neighbour)
    value, error = mag.astype("f4", copy=False), mag_err.astype("f4", copy=False)
    stars = _Stars(value, error, centre.astype("f8"), light, is_linear)
    _add(lists, stars, sums, errors, correlation)
    return PairSums(sums, errors, correlation)


def in_haloes(x: FloatArray, y: FloatArray, mag: FloatArray, fwhm: float) -> BoolArray:
    """(n_stars,) whether a star lies in the light round one that is 3 mag brighter.

    ``x, y`` (n_stars,) and ``fwhm`` are pixels, ``mag`` (n_stars,) mag, all NaN where unknown. What
    a PSF leaves of such a star is to be seen up to 5 FWHM away.
    """
    is_inside = np.zeros(len(x), bool)
    known = np.flatnonzero(np.isfinite(x) & np.isfinite(y) & np.isfinite(mag))
    if len(known) == 0 or not np.isfinite(fwhm):
        return is_inside
    known = known[np.argsort(mag[known], kind="stable")]
    places = np.column_stack([x[known], y[known]])
    steps = np.arange(mag[known[0]] + HALO_MAG, mag[known[-1]] + HALO_STEP, HALO_STEP)
    for faintest in steps:
        n_brighter = np.searchsorted(mag[known], faintest - HALO_MAG)
        here = slice(*np.searchsorted(mag[known], (faintest, faintest + HALO_STEP)))
        if n_brighter and here.stop > here.start:
            tree = cKDTree(places[:n_brighter])
            distance, _ = tree.query(places[here], distance_upper_bound=HALO_FWHM * fwhm)
            is_inside[known[here]] = np.isfinite(distance)
    return is_inside


class _Lists(NamedTuple):
    star: np.ndarray
    first: np.ndarray
    neighbour: np.ndarray


class _Stars(NamedTuple):
    mag: np.ndarray  # (n_stars, n_images) float32, mag
    mag_err: np.ndarray  # (n_stars, n_images) float32, mag
    centre: np.ndarray  # (n_stars,) mag
    light: np.ndarray  # (n_stars,) flux of that, in any unit
    is_linear: np.ndarray  # (n_stars,)


@inlined
def _change(stars: _Stars, star: int, image: int) -> float:
    """By how much a star's flux differs from its mean, in the unit of ``light``."""
    off = (stars.mag[star, image] - stars.centre[star]) / MAG_PER_LN
    change: float = -off if stars.is_linear[star] else np.expm1(-off)
    return change * stars.light[star]


@inlined
def _correlation(x: FloatArray, y: FloatArray) -> float:
    xx = yy = xy = 0.0
    x_mean, y_mean = x.mean(), y.mean()
    for i in range(len(x)):
        dx, dy = x[i] - x_mean, y[i] - y_mean
        xx, yy, xy = xx + dx * dx, yy + dy * dy, xy + dx * dy
    return xy / np.sqrt(xx * yy) if xx * yy > 0 else np.nan


@compiled
def _add(
    lists: _Lists, stars: _Stars, sums: FloatArray, errors: FloatArray, correlation: FloatArray
) -> None:
    n_images = stars.mag.shape[1]
    for row in range(len(lists.star)):
        star = lists.star[row]
        n, first, second = 0, np.empty(n_images), np.empty(n_images)
        for j in range(n_images):
            own, others = _change(stars, star, j), 0.0
            largest: float = stars.mag_err[star, j] * stars.light[star]
            for place in range(lists.first[row], lists.first[row + 1]):
                one = lists.neighbour[place]
                if np.isfinite(stars.centre[one]):
                    others += _change(stars, one, j)
                    largest = max(largest, stars.mag_err[one, j] * stars.light[one])
            # Whether a sum is finite is asked by its difference to itself, which is reordered to 0.
            if not largest > 0 or np.isnan(own) or np.isnan(others):
                continue
            sums[row, j] = -MAG_PER_LN * (own + others) / stars.light[star]
            errors[row, j] = largest / stars.light[star]
            first[n], second[n] = own, others
            n += 1
        if n >= 3:
            correlation[row] = _correlation(first[:n], second[:n])
