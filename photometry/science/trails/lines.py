"""Lines across an image, the trails that lie on them, and the light along them."""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self

import numpy as np

from exposures.science.arrays import BoolArray, Float, FloatArray, Floats, IntArray, Shape
from photometry.science.compiled import compiled


@dataclass(frozen=True)
class Line:
    """A line through ``middle`` along the unit vector ``along``, with the length found."""

    middle: np.ndarray  # (2,) x, y in pixels
    along: np.ndarray  # (2,)
    length: float  # pixels

    @classmethod
    def through(cls, ends: FloatArray) -> Self:
        """The line through two points, ``ends`` (2, 2) x, y in pixels."""
        step = ends[1] - ends[0]
        length = float(np.hypot(*step))
        return cls(ends.mean(axis=0), step / length, length)

    def at(self, t: Floats, u: Floats) -> tuple[Any, Any]:
        """x, y of positions ``t`` along the line and ``u`` to its left, all in pixels.

        Numbers, or arrays of shapes that broadcast.
        """
        x = self.middle[0] + t * self.along[0] - u * self.along[1]
        return x, self.middle[1] + t * self.along[1] + u * self.along[0]

    def moved(self, offset: float, slope: float) -> "Line":
        """The line that is ``offset`` pixels to the left in the middle, turned by a small slope.

        Two numbers; the slope is in pixels a pixel.
        """
        x, y = self.at(0.0, offset)
        along = self.along + slope * np.array([-self.along[1], self.along[0]])
        return Line(np.array([x, y]), along / np.hypot(*along), self.length)

    def steps(self, shape: Shape, piece: int, reach: float | None = None) -> FloatArray:
        """(n, piece) pixels along the line, in complete pieces, on an image (ny, nx)."""
        far = np.hypot(*shape)
        t = np.arange(-far, far)
        x, y = self.at(t, 0.0)
        t = t[(x >= 0) & (x <= shape[1] - 1) & (y >= 0) & (y <= shape[0] - 1)]
        if reach is not None:
            t = t[np.abs(t) <= reach]
        n = len(t) // piece
        return t[: n * piece].reshape(n, piece)


@dataclass(frozen=True)
class Trail:
    """A straight trail, or its part on the chip; pixels from 0."""

    ends: np.ndarray  # (2, 2) x, y
    half_width: float  # pixels, to where its light no longer matters
    fwhm: float  # pixels, of its profile
    sigma: float  # its significance, without its brightest pieces
    lit: float  # share of its length
    line: np.ndarray  # (2, 2) ends of the whole line across the image

    def corners(self) -> FloatArray:
        """(4, 2) corners x, y of the rectangle that it covers, in pixels."""
        step = self.ends[1] - self.ends[0]
        aside = self.half_width * np.array([-step[1], step[0]]) / np.hypot(*step)
        return np.array([self.ends[0] + aside, self.ends[1] + aside, *(self.ends[::-1] - aside)])

    def covers(self, x: FloatArray, y: FloatArray) -> BoolArray:
        """(n,) whether positions ``x, y`` (n,) in pixels lie in that rectangle."""
        step = self.ends[1] - self.ends[0]
        length = np.hypot(*step)
        x, y = x - self.ends[0, 0], y - self.ends[0, 1]
        along, aside = (x * step[0] + y * step[1]) / length, (y * step[0] - x * step[1]) / length
        return (along >= 0) & (along <= length) & (np.abs(aside) <= self.half_width)


class _Images(NamedTuple):
    """Those of a Leftover that tell a pixel's significance."""

    residual: FloatArray
    weight: FloatArray
    model: FloatArray


@dataclass(frozen=True)
class Leftover:
    """The residual of a fit to an image; (ny, nx) arrays in ADU."""

    residual: np.ndarray  # without sky and stars
    weight: np.ndarray  # inverse variance of it, 0 where masked
    model: np.ndarray  # the stars' light
    is_saturated: np.ndarray  # bool: charge runs along columns from there, light along spikes

    def without(self, trail: Trail) -> "Leftover":
        """The residual with the full line of a trail masked, so that it isn't found again.

        Its weight (ny, nx) is 0 to ``half_width`` pixels from the line.
        """
        weight, line = self.weight.copy(), Line.through(trail.line)
        t = np.arange(-line.length / 2, line.length / 2, 0.7)
        u = np.arange(-trail.half_width, trail.half_width, 0.7)
        row, column, inside = self.place(*line.at(t[:, None], u))
        weight[row[inside], column[inside]] = 0
        return replace(self, weight=weight)

    def place(self, x: FloatArray, y: FloatArray) -> tuple[IntArray, IntArray, BoolArray]:
        """Rows and columns of positions (0 off the image), and whether they are on it.

        Three arrays of the same shape as ``x`` and ``y``, which are in pixels.
        """
        row, column = np.rint(y).astype(int), np.rint(x).astype(int)
        inside = (row >= 0) & (row < self.weight.shape[0])
        inside &= (column >= 0) & (column < self.weight.shape[1])
        return np.where(inside, row, 0), np.where(inside, column, 0), inside

    def strip(self, line: Line, t: FloatArray, across: IntArray, model_error: float) -> FloatArray:
        """(n, m, k) residuals in sigma of the pixels nearest to places beside a line.

        ``t`` (n, k) are pixels along the line, ``across`` (m,) pixels to its left; ``model_error``
        is the share of the model that is an error. NaN off the image and where masked.
        """
        images = _Images(self.residual, self.weight, self.model)
        sigma = np.full((len(t), len(across), t.shape[1]), np.nan, np.float32)
        at = np.concatenate([line.middle, line.along])
        _significance(images, at, (t, across), np.float32(model_error), sigma)
        return sigma


@compiled
def _significance(
    images: _Images,
    line: FloatArray,
    places: tuple[FloatArray, IntArray],
    model_error: Float,
    sigma: FloatArray,
) -> None:
    """Fill ``sigma``, see ``Leftover.strip``; ``line`` (4,) has its middle and direction."""
    residual, weight, model = images.residual, images.weight, images.model
    ny, nx = residual.shape
    middle_x, middle_y, along_x, along_y = line
    t, across = places
    for piece in range(t.shape[0]):
        for k in range(t.shape[1]):
            x = middle_x + t[piece, k] * along_x
            y = middle_y + t[piece, k] * along_y
            for i in range(len(across)):
                row = int(np.rint(y + across[i] * along_x))
                column = int(np.rint(x - across[i] * along_y))
                if 0 <= row < ny and 0 <= column < nx and weight[row, column] > 0:
                    light = model_error * model[row, column]
                    variance = np.float32(1) / weight[row, column] + light * light
                    sigma[piece, i, k] = residual[row, column] / np.sqrt(variance)
