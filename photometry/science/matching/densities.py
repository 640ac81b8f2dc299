"""The number density of an image's sources by magnitude and place, which chance matches follow."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import ConvexHull, QhullError

from exposures.science.arrays import Float, FloatArray, IntArray

BIN_MAG = 0.5
PER_CELL = 2000  # sources in a cell of the grid
PSEUDO_COUNT = 5.0  # of sources as everywhere, added to each bin of each cell
QUARTER_TURN = np.linspace(0, np.pi / 2, 91)
SMALLEST_SIDE = 1.0  # arcsec; of an image with hardly a source


@dataclass(frozen=True)
class LocalDensity:
    """Sources an arcsec^2 and mag on a grid of cells, as found (n_x, n_y, n_bins)."""

    angle: Float  # radians from the plane's axes to the grid's
    low: np.ndarray  # (2,) arcsec, of the grid
    step: np.ndarray  # (2,) arcsec
    first_mag: Float  # middle of the first bin
    density: np.ndarray

    @classmethod
    def of(cls, places: FloatArray, mag: FloatArray) -> "LocalDensity":
        """That of sources at ``places`` (n, 2) in arcsec with magnitudes (n,); NaN is left out."""
        angle, low, high = _narrowest_box(places)
        n = len(places)
        area = np.maximum(high - low, SMALLEST_SIDE)
        side = np.sqrt(np.prod(area) / max(n / PER_CELL, 1))
        cells = np.maximum(np.round(area / side), 1).astype(int)
        known = np.isfinite(mag)
        first = np.floor(mag[known].min() / BIN_MAG) * BIN_MAG if known.any() else 0.0
        bins = np.floor((mag[known] - first) / BIN_MAG).astype(int)
        n_bins = bins.max(initial=0) + 1
        step = area / cells
        one = cls(angle, low, step, first + BIN_MAG / 2, np.zeros((*cells, n_bins)))
        counts = one.density
        np.add.at(counts, (*one._cells(places[known]), bins), 1.0)
        everywhere = counts.sum(axis=(0, 1)) + 0.5
        of_cell = (counts.sum(axis=2) + PSEUDO_COUNT) / (counts.sum() + PSEUDO_COUNT * cells.prod())
        expected = of_cell[..., None] * everywhere
        smooth = expected * (counts + PSEUDO_COUNT) / (expected + PSEUDO_COUNT)
        return cls(angle, low, step, one.first_mag, smooth / (step.prod() * BIN_MAG))

    def at(self, places: FloatArray, mag: FloatArray) -> FloatArray:
        """(n,) sources an arcsec^2 and mag at ``places`` (n, 2) in arcsec, of magnitudes (n,).

        Linear between the middles of bins; of all magnitudes together, an arcsec^2, where the
        magnitude is NaN.
        """
        i, j = self._cells(places)
        position = np.nan_to_num((mag - self.first_mag) / BIN_MAG)
        position = np.clip(position, 0, self.density.shape[2] - 1)
        low = np.minimum(position.astype(int), max(self.density.shape[2] - 2, 0))
        high = np.minimum(low + 1, self.density.shape[2] - 1)
        part = position - low
        at_mag = (1 - part) * self.density[i, j, low] + part * self.density[i, j, high]
        return np.where(np.isnan(mag), self.density.sum(axis=2)[i, j] * BIN_MAG, at_mag)

    def _cells(self, places: FloatArray) -> tuple[IntArray, IntArray]:
        where = (places @ _rotation(self.angle) - self.low) / self.step
        shape = np.array(self.density.shape[:2])
        i, j = np.clip(where.astype(int), 0, shape - 1).T
        return i, j


def _narrowest_box(places: FloatArray) -> tuple[Float, FloatArray, FloatArray]:
    """The angle, lowest and highest coordinates of the smallest rectangle around places."""
    try:
        outer = places[ConvexHull(places).vertices]
    except (QhullError, ValueError):  # fewer than three, or all on a line
        outer = places if len(places) else np.zeros((1, 2))
    turned = [outer @ _rotation(angle) for angle in QUARTER_TURN]
    best = int(np.argmin([np.prod(np.ptp(one, axis=0)) for one in turned]))
    return QUARTER_TURN[best], turned[best].min(axis=0), turned[best].max(axis=0)


def _rotation(angle: Float) -> FloatArray:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
