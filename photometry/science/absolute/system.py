"""Zero points of chips and colour terms of exposures as one linear system."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array, diags_array, hstack

from exposures.science.arrays import FloatArray, IntArray

WEAK = 1.0  # mag, about 0, that a term is at most expected to be


@dataclass(frozen=True)
class Solution:
    """What the system says of chips, exposures and stars."""

    zero_points: np.ndarray  # (k,) mag, of chips
    terms: np.ndarray  # (p,) mag, of the columns
    covariance: np.ndarray  # (k + p, k + p) mag squared


@dataclass(frozen=True)
class Equations:
    """Equations of n measurements and m published stars on k chips.

    ``mag = M - Z - C c`` of each measurement and ``published = M`` of each star, with M the star's
    magnitude in the published band, Z the zero point of the chip and c the coefficients of the
    columns C.
    """

    chip: np.ndarray  # (n,) int, from 0
    star: np.ndarray  # (n,) int, from 0
    columns: csr_array  # (n, p) powers of the colour less the pivot, and others, about 1
    mag: np.ndarray  # (n,)
    published: np.ndarray  # (m,) mag; 0 where the weight is
    n_chips: int

    def solve(self, weight: FloatArray, anchor_weight: FloatArray) -> Solution:
        """The Solution by least squares; inverse variances (n,) and (m,) in mag.

        The stars' magnitudes are eliminated, each of which is in few equations (Padmanabhan et al.
        2008, ApJ 674, 1217, section 3, with the published magnitudes as further equations).
        Singular where a chip has no star that another chip or a published magnitude holds; raises
        numpy's LinAlgError there.
        """
        design, of_star = self._design(), self._of_star()
        known = of_star.T @ weight + anchor_weight
        share = diags_array(1 / np.maximum(known, 1e-30))
        weighted = diags_array(weight) @ design
        between = of_star.T @ weighted
        normal = (design.T @ weighted - between.T @ share @ between).toarray()
        normal[self._of_terms()] += 1 / WEAK**2
        held = of_star.T @ (weight * self.mag) + anchor_weight * self.published
        right = between.T @ (share @ held) - weighted.T @ self.mag
        covariance = np.linalg.inv(normal)
        fit = covariance @ right
        return Solution(fit[: self.n_chips], fit[self.n_chips :], covariance)

    def calibrated(self, solution: Solution) -> FloatArray:
        """(n,) mag, of each measurement in the published band."""
        return self.mag + solution.zero_points[self.chip] + self.columns @ solution.terms

    def _design(self) -> csr_array:
        n = len(self.chip)
        of_chip = csr_array((np.ones(n), (np.arange(n), self.chip)), shape=(n, self.n_chips))
        return hstack([of_chip, self.columns], format="csr")

    def _of_star(self) -> csr_array:
        n = len(self.star)
        shape = n, len(self.published)
        return csr_array((np.ones(n), (np.arange(n), self.star)), shape=shape)

    def _of_terms(self) -> tuple[IntArray, IntArray]:
        places = self.n_chips + np.arange(self.columns.shape[1])
        return places, places
