"""Chips whose zero points are fitted together, outliers among their stars losing their weight."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array, hstack

from exposures.science.arrays import FloatArray, IntArray
from photometry.science.absolute.options import AbsoluteOptions
from photometry.science.absolute.robust import excess_scatter, soft_weights, tight_weights
from photometry.science.absolute.stars import MatchedStars
from photometry.science.absolute.system import Equations, Solution

SOFT_ROUNDS, TIGHT_ROUNDS = 8, 8
SMALLEST_WEIGHT = 1e-3  # with which an outlier still counts in the mean that others are judged by
SMALLEST_SCATTER = 1e-3  # mag
LEAST_WEIGHT = 1e-6  # of what is measured, in the system


@dataclass(frozen=True)
class PatchFit:
    """What n measurements of m published stars say of a patch of the sky."""

    solution: Solution
    weight: np.ndarray  # (n,) from 0 to 1: whether a star's other measurements agree
    anchor_weight: np.ndarray  # (m,) from 0 to 1: whether what is published agrees
    residual: np.ndarray  # (n,) mag, published less calibrated; NaN where nothing is published
    residual_error: np.ndarray  # (n,) mag
    scatter: float  # mag, of published magnitudes beyond all errors

    @property
    def chi(self) -> FloatArray:
        """(n,) residuals in sigma."""
        return self.residual / self.residual_error


class Patch:
    """Chips that are fitted together, with MatchedStars on them.

    ``chips`` (k,) are their numbers, ``group`` (k,) those of their exposures, from 0; ``chip`` and
    ``star`` (n,) say of each measurement which of these it is of. ``pivot`` is in mag.
    """

    def __init__(
        self, stars: MatchedStars, exposure: IntArray, pivot: float, options: AbsoluteOptions
    ) -> None:
        self.stars, self.pivot, self.options = stars, pivot, options
        self.chips, self.chip = np.unique(stars.chip, return_inverse=True)
        self.group = np.unique(exposure[self.chips], return_inverse=True)[1]
        _, self._first, self.star = np.unique(stars.star, return_index=True, return_inverse=True)
        self.is_published = np.isfinite(stars.published[self._first])
        self.has_colours = bool(options.colour_order and np.ptp(stars.colour) > 0)
        self._variance = stars.mag_err**2 + options.min_error**2
        self._orders = self._orders_of_exposures()
        self.columns = self._powers(lambda after, power: after**power)
        self._slopes = self._powers(lambda after, power: power * after ** (power - 1))
        published = np.nan_to_num(stars.published[self._first])
        columns = hstack([self.columns, self._faint_light()], format="csr")
        self._equations = Equations(
            self.chip, self.star, columns, stars.mag, published, len(self.chips)
        )

    def terms_of(self, solution: Solution, group: int) -> tuple[float, ...]:
        """Numbers in mag: the colour terms of an exposure, of powers 1, 2, ..."""
        first = sum(self._orders[:group])
        return tuple(solution.terms[first : first + self._orders[group]].tolist())

    def fit(self) -> PatchFit:
        """The PatchFit in mag, of weights (n,) that were found in rounds."""
        fit = self._start()
        for weights in [soft_weights] * SOFT_ROUNDS + [tight_weights] * TIGHT_ROUNDS:
            fit = self._improved(fit, weights)
        return fit

    def _orders_of_exposures(self) -> list[int]:
        """Orders of the polynomials in colour, as the number of stars allows."""
        n = np.bincount(self.group[self.chip], minlength=self.group.max() + 1)
        order = self.options.colour_order if self.has_colours else 0
        return np.minimum(n // self.options.stars_per_term, order).tolist()

    def _powers(self, function: Callable[[FloatArray, int], FloatArray]) -> csr_array:
        """(n, p) a ``function`` of colour less pivot, for each exposure's powers."""
        after, group = self.stars.colour - self.pivot, self.group[self.chip]
        columns = [
            np.where(group == number, function(after, power), 0)
            for number, order in enumerate(self._orders)
            for power in range(1, order + 1)
        ]
        return csr_array(np.array(columns).reshape(len(columns), len(after)).T)

    def _faint_light(self) -> csr_array:
        """(n, n_exposures) light of the faintest stars as a share of a star's own.

        What unlisted stars add to all sources alike, or a sky that is off, counts for more the
        fainter a star is: a term of its own, or it would be the zero point's.
        """
        share = 10 ** (0.4 * (self.stars.mag - self.stars.mag.max()))
        group = self.group[self.chip]
        n = len(share)
        return csr_array((share, (np.arange(n), group)), shape=(n, self.group.max() + 1))

    def colour_correction(self, solution: Solution) -> FloatArray:
        """(n,) mag, the colour terms of the stars."""
        return self.columns @ self._of_colour(solution)

    def _of_colour(self, solution: Solution) -> FloatArray:
        return solution.terms[: self.columns.shape[1]]

    def _start(self) -> PatchFit:
        """The PatchFit of medians of chips, without colour terms."""
        difference = self.stars.published - self.stars.mag
        none = np.zeros(self._equations.columns.shape[1])
        overall = np.nanmedian(difference)
        zero_points = np.full(len(self.chips), overall)
        for number in range(len(self.chips)):
            of_chip = difference[self.chip == number]
            if np.isfinite(of_chip).any():
                zero_points[number] = np.nanmedian(of_chip)
        start = Solution(zero_points, none, np.zeros((0, 0)))
        return self._judged(start, np.ones(len(self.stars)), SMALLEST_SCATTER, soft_weights)

    def _improved(self, fit: PatchFit, weights: Callable[[FloatArray], FloatArray]) -> PatchFit:
        published_variance = self._published_variance(fit.solution, fit.scatter)
        # Never quite 0: of a chip whose stars are all outliers the system would be singular.
        weight = np.maximum(fit.weight, LEAST_WEIGHT)
        anchor_weight = np.where(self.is_published, np.maximum(fit.anchor_weight, LEAST_WEIGHT), 0)
        solution = self._equations.solve(
            weight / self._variance, anchor_weight / published_variance
        )
        return self._judged(solution, fit.weight, fit.scatter, weights)

    def _judged(
        self,
        solution: Solution,
        weight: FloatArray,
        scatter: float,
        weights: Callable[[FloatArray], FloatArray],
    ) -> PatchFit:
        """The PatchFit of a solution: its residuals, their scatter, and new weights by them."""
        star, n_stars = self.star, len(self.is_published)
        calibrated = self._equations.calibrated(solution)
        precision = np.maximum(weight, SMALLEST_WEIGHT) / self._variance
        known = np.bincount(star, precision, n_stars)
        mean = np.bincount(star, precision * calibrated, n_stars) / known
        whole = np.bincount(star, 1 / self._variance, n_stars)  # as if none were an outlier
        left = self._equations.published - mean
        without = np.sqrt(self._published_variance(solution, 0.0) + 1 / whole)
        scatter = max(
            excess_scatter(left[self.is_published], without[self.is_published]), SMALLEST_SCATTER
        )
        chi = left / np.hypot(without, scatter)
        anchor_weight = np.where(self.is_published, weights(chi), 0)
        variance = self._published_variance(solution, scatter)
        ties = self._agreement(calibrated, anchor_weight, precision, variance)
        residual = self.stars.published - calibrated
        error = np.sqrt(variance[star] + self._variance)
        return PatchFit(solution, weights(ties), anchor_weight, residual, error, scatter)

    def _agreement(
        self,
        calibrated: FloatArray,
        anchor_weight: FloatArray,
        precision: FloatArray,
        published_variance: FloatArray,
    ) -> FloatArray:
        """(n,) sigma, of measurements from all else that is known of their star; 0 without any."""
        star, n_stars = self.star, len(self.is_published)
        held = np.maximum(anchor_weight, SMALLEST_WEIGHT) * self.is_published / published_variance
        total = np.bincount(star, precision, n_stars) + held
        product = np.bincount(star, precision * calibrated, n_stars)
        product += held * self._equations.published
        whole = np.bincount(star, 1 / self._variance, n_stars)
        whole += self.is_published / published_variance
        others, rest = whole[star] - 1 / self._variance, total[star] - precision
        alone = others < 1e-6 * whole[star]
        others, rest = np.where(alone, 1.0, others), np.where(alone, 1.0, rest)
        mean = (product[star] - precision * calibrated) / rest
        chi = (calibrated - mean) / np.sqrt(self._variance + 1 / others)
        return np.where(alone, 0, chi)

    def _published_variance(self, solution: Solution, scatter: float) -> FloatArray:
        """(m,) mag squared, of published magnitudes: their errors, colours' errors and scatter."""
        stars, first = self.stars, self._first
        slope = (self._slopes @ self._of_colour(solution))[first]
        of_colour = slope * np.nan_to_num(stars.colour_err)[first]
        return np.nan_to_num(stars.published_err)[first] ** 2 + of_colour**2 + scatter**2
