"""Surfaces through values of boxes that divide an image."""

import numpy as np

from exposures.science.arrays import FloatArray, IntArray
from photometry.science.compiled import compiled


def between_boxes(level: FloatArray, y_edges: IntArray, x_edges: IntArray) -> FloatArray:
    """(ny, nx) float32: values ``level`` (n_y, n_x) of boxes, in any unit, bilinear between them.

    The boxes lie between edges (n_y + 1,) and (n_x + 1,) in pixels, the first of which is 0 and the
    last the side of the image. Constant beyond the centres of the outer ones.
    """
    (below, up), (left, right) = (_neighbours(edges) for edges in (y_edges, x_edges))
    # Not by matrices, whose last digit depends on the number of threads.
    # Made here: numpy takes large pages for an image, compiled code small ones.
    surface = np.empty((len(below), len(left)), np.float32)
    _bilinear(np.asarray(level, np.float32), (below, up), (left, right), surface)
    return surface


def _neighbours(edges: IntArray) -> tuple[IntArray, FloatArray]:
    """For each pixel of an axis, the box with centre below it, and the weight of the next."""
    centres = (edges[:-1] + edges[1:] - 1) / 2
    place = np.interp(np.arange(edges[-1]), centres, np.arange(len(centres)))
    below = np.minimum(place.astype(np.int64), max(len(centres) - 2, 0))
    return below, (place - below).astype(np.float32)


@compiled
def _bilinear(
    level: FloatArray,
    in_rows: tuple[IntArray, FloatArray],
    in_columns: tuple[IntArray, FloatArray],
    surface: FloatArray,
) -> None:
    (below, up), (left, right) = in_rows, in_columns
    last_row, last_column = level.shape[0] - 1, level.shape[1] - 1
    for j in range(surface.shape[0]):
        first, second = level[below[j]], level[min(below[j] + 1, last_row)]
        row = first + up[j] * (second - first)
        place = 0
        # Box by box, so that the loop over pixels is vectorised.
        for box in range(len(row)):
            end = int(np.searchsorted(left, box, side="right"))
            pixels, share = surface[j, place:end], right[place:end]
            start, step = row[box], row[min(box + 1, last_column)] - row[box]
            for i in range(len(pixels)):
                pixels[i] = start + share[i] * step
            place = end
