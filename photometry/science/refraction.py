"""Differential refraction: stars of other colours are elsewhere on an image."""

from dataclasses import asdict, dataclass

import numpy as np

from exposures.science.arrays import FloatArray
from exposures.science.quantities import Count, Options
from photometry.science.scatter import sigma_about_zero

N_CLIPS, CLIP_SIGMA = 5, 3.0


@dataclass(frozen=True)
class RefractionOptions(Options):
    """Options of the shift of stars with their colour, by the air."""

    min_stars: Count = 50
    """Least number of stars of known colour on an image, for their shift with colour to be
    measured and corrected."""


@dataclass(frozen=True)
class Refraction:
    """The shift of stars on an image against its reference, in proportion to their colour."""

    x: float = 0.0  # pixels a magnitude of colour
    y: float = 0.0
    middle: float = 0.0  # mag, colour of stars that are not shifted
    n_used: int = 0  # stars; 0 where there were too few

    def shift(self, colours: FloatArray) -> tuple[FloatArray, FloatArray]:
        """dx, dy (n,) in pixels of stars by ``colours`` (n,) mag; 0 where they are NaN."""
        redder = np.where(np.isfinite(colours), colours - self.middle, 0)
        return self.x * redder, self.y * redder

    def as_json(self) -> dict[str, float]:
        """The fields as JSON values."""
        return asdict(self)


def fit_refraction(
    dx: FloatArray,
    dy: FloatArray,
    colours: FloatArray,
    options: RefractionOptions = RefractionOptions(),
) -> Refraction:
    """The Refraction by which stars of ``colours`` (n,) mag are off by ``dx, dy`` (n,) pixels.

    Air shifts light by ``k tan z`` towards the zenith, with k almost in proportion to colour in one
    filter. The image and its reference were taken at two zenith distances and angles, so that
    what is left is the difference of two vectors: a vector, too, which needs neither to be known.
    By least squares with 3 sigma clipped. No shift with fewer than ``min_stars`` of known colour.
    """
    known = np.isfinite(dx) & np.isfinite(dy) & np.isfinite(colours)
    if known.sum() < options.min_stars:
        return Refraction()
    offsets, colours = np.column_stack([dx[known], dy[known]]), colours[known]
    middle = float(np.median(colours))
    terms = np.column_stack([np.ones(len(colours)), colours - middle])
    use = np.ones(len(colours), bool)
    for _ in range(N_CLIPS):
        slopes, *_ = np.linalg.lstsq(terms[use], offsets[use], rcond=None)
        residual = offsets - terms @ slopes
        sigma = max(sigma_about_zero(residual[use].ravel()), 1e-6)
        use = np.hypot(*residual.T) < CLIP_SIGMA * np.sqrt(2) * sigma
    x, y = slopes[1].tolist()
    return Refraction(x, y, middle, int(use.sum()))
