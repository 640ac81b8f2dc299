"""The map between sky and pixels of one chip, fitted to stars that have both positions."""

from dataclasses import dataclass

import numpy as np

from exposures.science.angles import to_sky
from exposures.science.arrays import FloatArray, Floats
from exposures.science.footprints import tangent_plane, unit_vectors

# Stars wanted for polynomials of each order in two coordinates; fewer bear a lower order.
STARS_WANTED = {3: 40, 2: 15, 1: 3}


@dataclass(frozen=True)
class ChipMap:
    """Polynomials between the tangent plane at the chip's centre and its pixels.

    Sky positions are ICRS degrees, pixel centres integers from 0.
    """

    centre: np.ndarray  # (3,) unit vector
    radius: float  # of the chip in the tangent plane
    span: float  # pixels; larger than any coordinate
    order: int
    to_xy: np.ndarray  # (n_terms, 2) coefficients in the plane over ``radius``
    to_vectors: np.ndarray  # (n_terms, 3) coefficients in pixels over ``span``

    def to_pixel(self, ra: Floats, dec: Floats) -> tuple[FloatArray, FloatArray]:
        """x, y (n,) in pixels of positions ``ra, dec`` (n,) in degrees."""
        plane = tangent_plane(unit_vectors(np.column_stack([ra, dec])), self.centre)
        return (_terms(plane / self.radius, self.order) @ self.to_xy).T

    def to_sky(self, x: Floats, y: Floats) -> tuple[FloatArray, FloatArray]:
        """ra, dec (n,) in degrees of positions ``x, y`` (n,) in pixels."""
        points = np.column_stack([x, y]) / self.span
        return to_sky(_terms(points, self.order) @ self.to_vectors)


def fit_chip_map(ra: FloatArray, dec: FloatArray, x: FloatArray, y: FloatArray) -> ChipMap | None:
    """Fit a ChipMap to stars with both positions; None for fewer than three.

    ``ra, dec`` (n,) are ICRS degrees, ``x, y`` (n,) pixels, all finite.
    """
    order = next((o for o, wanted in STARS_WANTED.items() if len(x) >= wanted), None)
    if order is None:
        return None
    vectors, points = unit_vectors(np.column_stack([ra, dec])), np.column_stack([x, y])
    centre = vectors.mean(axis=0)
    centre /= np.linalg.norm(centre)
    plane = tangent_plane(vectors, centre)
    radius, span = max(np.abs(plane).max(), 1e-12), max(np.abs(points).max(), 1.0)
    to_xy, *_ = np.linalg.lstsq(_terms(plane / radius, order), points, rcond=None)
    to_vectors, *_ = np.linalg.lstsq(_terms(points / span, order), vectors, rcond=None)
    return ChipMap(centre, radius, span, order, to_xy, to_vectors)


def _terms(points: FloatArray, order: int) -> FloatArray:
    """(n, n_terms) the terms ``u^i v^j`` with ``i + j <= order`` of (n, 2) points."""
    u, v = points.T
    powers = [(i, j) for i in range(order + 1) for j in range(order + 1 - i)]
    return np.column_stack([u**i * v**j for i, j in powers])
