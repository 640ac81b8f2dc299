"""Resampling of full frames to the pixels of another by a smooth map."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from scipy.interpolate import RectBivariateSpline
from scipy.ndimage import maximum_filter, spline_filter

from exposures.science.arrays import BoolArray, Float, FloatArray, Shape
from photometry.science.compiled import compiled, inlined
from photometry.science.pixel_positions import PixelPositions
from photometry.science.stacking.stacking import StackOptions

# Of the spline. It keeps 0.90 of white noise's sigma, the rest being between pixels where no PSF
# that is sampled well has anything; a cubic one keeps 0.84.
ORDER = 5
REACH = 3  # pixels by which the spline reaches to either side
NODE_PIXELS = 48  # between nodes of what is smooth: distortions, scales
EDGE = 1e-3  # pixels by which a position may lie off the frame: the map is no better
ROWS = 256  # resampled at once, so that coordinates stay small


@dataclass(frozen=True)
class SmoothMap:
    """A smooth function of pixel position, known at the nodes of a grid."""

    spline: RectBivariateSpline

    @classmethod
    def of(cls, function: Callable[[FloatArray, FloatArray], FloatArray], shape: Shape) -> Self:
        """The map of ``function(x, y)``, of two (n,) arrays of pixels, in any unit.

        Evaluated about every NODE_PIXELS of an image of ``shape`` (ny, nx).
        """
        y, x = (np.linspace(0, n - 1, max(4, n // NODE_PIXELS + 2)) for n in shape)
        at_y, at_x = (a.ravel() for a in np.meshgrid(y, x, indexing="ij"))
        values = np.reshape(function(at_x, at_y), (len(y), len(x)))
        return cls(RectBivariateSpline(y, x, values))

    def rows(self, start: int, stop: int, nx: int) -> FloatArray:
        """(stop - start, nx) values on the pixels of the rows from ``start`` to ``stop``."""
        return self.spline(np.arange(start, stop), np.arange(nx))


class Resampled(NamedTuple):
    """A frame on a grid; all (ny, nx)."""

    data: np.ndarray  # float32, in the unit of the frame; NaN off the frame
    usable: np.ndarray  # bool
    nearest: np.ndarray  # int32, flat index of the frame's nearest pixel; -1 off the frame


def resample_to_grid(
    pixels: FloatArray,
    usable: BoolArray,
    to_x: SmoothMap,
    to_y: SmoothMap,
    shape: Shape,
    options: StackOptions = StackOptions(),
) -> Resampled:
    """Pixels of a frame on a grid of ``shape``, as Resampled.

    ``pixels`` (ny, nx) have sensible values where they are not ``usable`` too, for the spline runs
    through them. ``to_x`` and ``to_y`` are SmoothMaps from the grid to the frame. A
    pixel is usable where bad ones have less than ``bad_part`` in it: those among the four around
    it, or next to these.

    Interpolation keeps the flux of whatever is sampled well, and its noise on the scale of the
    PSF; it takes away noise between neighbouring pixels (Unser 1999, IEEE SPM 16, 22).
    """
    coefficients = spline_filter(pixels, ORDER, output=np.float32, mode="mirror")
    coefficients = np.pad(coefficients, REACH, mode="reflect")
    bad = maximum_filter(~usable, 3)
    result = Resampled(
        np.empty(shape, np.float32), np.empty(shape, bool), np.empty(shape, np.int32)
    )
    for start in range(0, shape[0], ROWS):
        part = slice(start, min(start + ROWS, shape[0]))
        y, x = (to.rows(part.start, part.stop, shape[1]) for to in (to_y, to_x))
        rows = Resampled(result.data[part], result.usable[part], result.nearest[part])
        _interpolate(coefficients, bad, options.bad_part, PixelPositions(x, y), rows)
    return result


@compiled
def _interpolate(
    coefficients: FloatArray,
    bad: BoolArray,
    bad_part: float,
    positions: PixelPositions,
    result: Resampled,
) -> None:
    """Fill ``result`` with what the frame has at ``positions``; both (ny, nx).

    The spline's ``coefficients`` are those of ``bad``'s pixels, with REACH more on every side.
    """
    data, usable, nearest = result.data, result.usable, result.nearest
    ny, nx = bad.shape
    by_y, by_x = np.empty(6, np.float32), np.empty(6, np.float32)
    for j in range(data.shape[0]):
        for i in range(data.shape[1]):
            y, x = positions.y[j, i], positions.x[j, i]
            if not (-EDGE < y < ny - 1 + EDGE and -EDGE < x < nx - 1 + EDGE):
                data[j, i], usable[j, i], nearest[j, i] = np.nan, False, -1
                continue
            row, column = int(np.floor(y)), int(np.floor(x))
            dy, dx = np.float32(y - row), np.float32(x - column)
            _quintic(dy, by_y)
            _quintic(dx, by_x)
            total = np.float32(0)
            for k in range(6):
                line = coefficients[row + k + 1]
                along = np.float32(0)
                for m in range(6):
                    along += by_x[m] * line[column + m + 1]
                total += by_y[k] * along
            data[j, i] = total
            above, left = max(row, 0), max(column, 0)
            below, right = min(row + 1, ny - 1), min(column + 1, nx - 1)
            part = (1 - dy) * ((1 - dx) * bad[above, left] + dx * bad[above, right])
            part += dy * ((1 - dx) * bad[below, left] + dx * bad[below, right])
            usable[j, i] = part < bad_part
            nearest[j, i] = (below if dy > 0.5 else above) * nx + (right if dx > 0.5 else left)


@inlined
def _quintic(t: Float, weights: FloatArray) -> None:
    """Fill ``weights`` (6,) with the quintic B-spline at the distances -2 - t ... 3 - t.

    Its pieces are those of Unser 1999, eq. 2.
    """
    for k in range(6):
        d = abs(np.float32(k - 2) - t)
        if d < 1:
            value = 66 + d * d * (-60 + d * d * (30 - 10 * d))
        elif d < 2:
            value = 51 + d * (75 + d * (-210 + d * (150 + d * (-45 + 5 * d))))
        else:
            value = max(np.float32(3) - d, np.float32(0)) ** 5
        weights[k] = value / np.float32(120)
