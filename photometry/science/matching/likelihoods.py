"""How probable the distance and magnitudes of a match are, learnt from the matches themselves."""

from dataclasses import dataclass

import numpy as np

from exposures.science.arrays import Float, FloatArray, IntArray
from photometry.science.matching.binning import bins_of, sums

WIDE = 3.0  # times the error of most, of matches that are far off
WIDE_FWHM = 0.15  # of the seeing, added to that in positions
WIDE_MAG = 0.5  # added to that in magnitudes
SMALLEST_SCATTER = 0.02  # mag
# What is assumed counts as much as so many matches.
ASSUMED = 8.0
BOUNDS_OF_SCALE = 0.3, 5.0  # of errors of positions
LEAST_FOR_PLANE = 100.0  # matches to fit a rotation and scales


@dataclass(frozen=True)
class PositionModel:
    """The errors of positions as they are, and the offset of one frame from the other."""

    frame: np.ndarray  # (3, 2) arcsec of a constant, and arcsec a field of x and y
    field_arcsec: Float
    knots: np.ndarray  # (k,) log of errors, arcsec
    scale: np.ndarray  # (k,) ratio of true errors to those
    far: Float  # share of matches that are far off
    fwhm_arcsec: float

    def deviations(self, offset: FloatArray, places: FloatArray) -> FloatArray:
        """(n, 2) arcsec, of offsets (n, 2) at places (n, 2), but for the frame's."""
        return offset - terms(places, self.field_arcsec) @ self.frame

    def densities(self, off: FloatArray, error: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(n,) an arcsec^2 each, of deviations (n, 2) with errors (n, 2) arcsec: near, and far off.

        Their sum is the probability density: a Gaussian, and one of larger errors for blends,
        crowding and whatever catalogues don't say of themselves.
        """
        near = (
            error * np.exp(np.interp(np.log(size(error)), self.knots, np.log(self.scale)))[:, None]
        )
        far = np.hypot(WIDE * near, WIDE_FWHM * self.fwhm_arcsec)
        return (1 - self.far) * _gauss2(off, near), self.far * _gauss2(off, far)

    def learnt(
        self, off: FloatArray, error: FloatArray, places: FloatArray, weight: FloatArray
    ) -> "PositionModel":
        """The model of deviations (n, 2) and errors (n, 2) in arcsec, by probabilities (n,)."""
        near, far = self.densities(off, error)
        share = weight * near / np.maximum(near + far, 1e-300)
        total = share.sum()
        squares = 0.5 * ((off / error) ** 2).sum(axis=1)
        knots, bins = bins_of(np.log(size(error)), weight)
        mean = (np.sum(share * squares) + ASSUMED) / (total + ASSUMED)
        of_bins = sums(bins, share, len(knots))
        of_squares = sums(bins, share * squares, len(knots))
        scale = np.clip(
            np.sqrt((of_squares + ASSUMED * mean) / (of_bins + ASSUMED)), *BOUNDS_OF_SCALE
        )
        frame = self.frame + self._frame_left(off, error, places, share)
        far_share = (weight.sum() - total + ASSUMED * self.far) / (weight.sum() + ASSUMED)
        far_share = min(max(far_share, 0.001), 0.3)
        return PositionModel(frame, self.field_arcsec, knots, scale, far_share, self.fwhm_arcsec)

    def _frame_left(
        self, off: FloatArray, error: FloatArray, places: FloatArray, share: FloatArray
    ) -> FloatArray:
        """(3, 2) what deviations show of the frame, weighted by the inverse variance."""
        weight = share[:, None] / error**2
        left = np.zeros((3, 2))
        n_terms = 3 if share.sum() >= LEAST_FOR_PLANE else 1
        basis = terms(places, self.field_arcsec)[:, :n_terms]
        # Of a frame that is right within 0.1 arcsec, as far as a few stars can tell.
        assumed = np.eye(n_terms) / 0.1**2
        for axis in range(2):
            weighted = basis * weight[:, axis, None]
            left[:n_terms, axis] = np.linalg.solve(
                weighted.T @ basis + assumed, weighted.T @ off[:, axis]
            )
        return left


@dataclass(frozen=True)
class MagnitudeModel:
    """The image's magnitude as a function of the published one, with its scatter."""

    knots: np.ndarray  # (k,) published mag
    offset: np.ndarray  # (k,) mag, of ours from theirs
    scatter: np.ndarray  # (k,) mag, beyond the errors
    slope: Float  # mag a mag of colour
    colour: Float  # mean, from which the slope counts
    far: Float  # share of matches that are far off

    def deviations(self, mag: FloatArray, published: FloatArray, colour: FloatArray) -> FloatArray:
        """(n,) mag, of magnitudes from those expected by published ones (n,) and colours (n,)."""
        return mag - published - self.at(published) - self.slope * self._redder(colour)

    def at(self, published: FloatArray) -> FloatArray:
        """(n,) mag, of ours from theirs at published magnitudes (n,) and the mean colour."""
        return np.interp(published, self.knots, self.offset)

    def densities(
        self, off: FloatArray, error: FloatArray, published: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """(n,) a mag each, of deviations (n,) with errors (n,) mag: near, and far off.

        Their sum is the probability density.
        """
        scatter = np.interp(published, self.knots, self.scatter)
        near = np.hypot(error, scatter)
        far = np.hypot(WIDE * near, WIDE_MAG)
        return (1 - self.far) * _gauss(off, near), self.far * _gauss(off, far)

    def learnt(
        self,
        off: FloatArray,
        error: FloatArray,
        published: FloatArray,
        colour: FloatArray,
        weight: FloatArray,
    ) -> "MagnitudeModel":
        """The model by deviations (n,) and errors (n,) in mag, and the matches' probabilities (n,).

        ``published`` and ``colour`` (n,) are published magnitudes and colours, mag.
        """
        near, far = self.densities(off, error, published)
        share = weight * near / np.maximum(near + far, 1e-300)
        slope, middle = self._colour_term(off, error, published, colour, share)
        redder = np.nan_to_num(colour - middle)
        level = off + self.at(published) + self.slope * self._redder(colour) - slope * redder
        knots, bins = bins_of(published, weight)
        total = sums(bins, share, len(knots))
        mean = np.sum(share * level) / (share.sum() + 1)  # one match of no offset
        offset = (sums(bins, share * level, len(knots)) + mean) / (total + 1)
        left = level - np.interp(published, knots, offset)
        scatter = self._scatter(left, error, share, bins, len(knots))
        far_share = (weight.sum() - share.sum() + ASSUMED * self.far) / (weight.sum() + ASSUMED)
        return MagnitudeModel(
            knots, offset, scatter, slope, middle, min(max(far_share, 0.001), 0.3)
        )

    def _scatter(
        self, left: FloatArray, error: FloatArray, share: FloatArray, bins: IntArray, n_bins: int
    ) -> FloatArray:
        squares = share * (left**2 - error**2)
        before = float(np.mean(self.scatter)) ** 2
        mean = max((squares.sum() + ASSUMED * before) / (share.sum() + ASSUMED), 0.0)
        total = sums(bins, share, n_bins)
        of_bins = (sums(bins, squares, n_bins) + ASSUMED * mean) / (total + ASSUMED)
        return np.sqrt(np.maximum(of_bins, SMALLEST_SCATTER**2))

    def _colour_term(
        self,
        off: FloatArray,
        error: FloatArray,
        published: FloatArray,
        colour: FloatArray,
        share: FloatArray,
    ) -> tuple[Float, Float]:
        """The slope in mag a mag of colour, and the mean colour."""
        weight = np.where(np.isfinite(colour), share, 0.0)
        if weight.sum() < LEAST_FOR_PLANE:
            return self.slope, self.colour
        middle = float(np.average(np.nan_to_num(colour), weights=weight))
        redder = np.nan_to_num(colour - middle)
        scatter = np.interp(published, self.knots, self.scatter)
        weight = weight / np.hypot(error, np.hypot(scatter, 0.05)) ** 2
        level = off + self.slope * self._redder(colour)
        level = level - np.average(level, weights=weight)
        return float(
            np.sum(weight * redder * level) / max(np.sum(weight * redder**2), 1e-9)
        ), middle

    def _redder(self, colour: FloatArray) -> FloatArray:
        return np.nan_to_num(colour - self.colour)


def terms(places: FloatArray, field_arcsec: Float) -> FloatArray:
    """(n, 3) the constant, x and y of places (n, 2) in arcsec, as shares of a field's size."""
    return np.column_stack([np.ones(len(places)), places / field_arcsec])


def size(error: FloatArray) -> FloatArray:
    """(n,) arcsec, the geometric mean of errors (n, 2) arcsec along two axes."""
    return np.sqrt(error[:, 0] * error[:, 1])


def _gauss2(off: FloatArray, sigma: FloatArray) -> FloatArray:
    chi2 = ((off / sigma) ** 2).sum(axis=1)
    return np.exp(-0.5 * chi2) / (2 * np.pi * sigma[:, 0] * sigma[:, 1])


def _gauss(off: FloatArray, sigma: FloatArray) -> FloatArray:
    return np.exp(-0.5 * (off / sigma) ** 2) / (np.sqrt(2 * np.pi) * sigma)
