"""Whole frames brought onto the pixels of another, by a smooth map of positions."""

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import RectBivariateSpline
from scipy.ndimage import map_coordinates, maximum_filter, spline_filter

# Of the spline. It keeps 0.90 of white noise's sigma, the rest being between pixels where no PSF
# that is sampled well has anything; a cubic one keeps 0.84.
ORDER = 5
NODE_PIXELS = 48  # between nodes of what is smooth: distortions, scales
EDGE = 1e-3  # pixels by which a position may lie off the frame: the map is no better
ROWS = 256  # resampled at once, so that coordinates stay small


@dataclass(frozen=True)
class SmoothMap:
    """A function of pixel position that is smooth over the image, known at nodes of a grid."""

    spline: RectBivariateSpline

    @classmethod
    def of(cls, function, shape):
        """From ``function(x, y)`` of two (n,) arrays, evaluated every NODE_PIXELS of ``shape``."""
        y, x = (np.linspace(0, n - 1, max(4, n // NODE_PIXELS + 2)) for n in shape)
        at_y, at_x = (a.ravel() for a in np.meshgrid(y, x, indexing="ij"))
        values = np.reshape(function(at_x, at_y), (len(y), len(x)))
        return cls(RectBivariateSpline(y, x, values))

    def rows(self, start, stop, nx):
        """(stop - start, nx) values on the pixels of some rows."""
        return self.spline(np.arange(start, stop), np.arange(nx))


def resample(pixels, usable, to_x, to_y, shape):
    """Pixels of a frame on a grid of ``shape``: (data, usable, nearest) there.

    ``pixels`` (ny, nx) have sensible values where they are not ``usable`` too, for the spline runs
    through them. ``to_x`` and ``to_y`` are SmoothMaps from the grid to the frame. Data are NaN
    off the frame. A pixel is usable where no bad one has a noticeable part in it: none among the
    four around it, nor next to these. ``nearest`` is the flat index of the frame's pixel that is
    nearest; -1 off the frame.

    Interpolation keeps the flux of whatever is sampled well, and its noise on the scale of the
    PSF; it takes away noise between neighbouring pixels (Unser 1999, IEEE SPM 16, 22).
    """
    coefficients = spline_filter(pixels, ORDER, output=np.float32, mode="mirror")
    bad = maximum_filter(~usable, 3).astype(np.float32)
    data = np.empty(shape, np.float32)
    good = np.empty(shape, bool)
    nearest = np.empty(shape, np.int32)
    for start in range(0, shape[0], ROWS):
        part = slice(start, min(start + ROWS, shape[0]))
        place = np.array([to.rows(part.start, part.stop, shape[1]) for to in (to_y, to_x)])
        inside = _inside(place, pixels.shape)
        data[part] = np.where(inside, _at(coefficients, place, ORDER), np.nan)
        good[part] = inside & (_at(bad, place, 1) < 0.01)
        row, column = np.rint(np.where(inside, place, 0)).astype(np.int32)
        nearest[part] = np.where(inside, row * pixels.shape[1] + column, -1)
    return data, good, nearest


def _at(pixels, place, order):
    return map_coordinates(
        pixels, place, order=order, prefilter=False, mode="mirror", output=np.float32
    )


def _inside(place, shape):
    y, x = place
    inside = (y > -EDGE) & (y < shape[0] - 1 + EDGE)
    return inside & (x > -EDGE) & (x < shape[1] - 1 + EDGE)
