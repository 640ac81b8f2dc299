"""The density of all stars of some catalogues in the plane of two statistics."""

from dataclasses import dataclass

import numpy as np

from variables.planes.candidates import candidates_on
from variables.science.binned_statistics import (
    N_BINS,
    UNKNOWN,
    Density,
    Window,
    window_of_most,
)
from variables.variability.axes import Axis
from variables.variability.binned_statistics import bins_of

N_CELLS = 256  # along each axis
BEYOND = 5e-4  # share of the stars that the first window leaves out at either end of an axis


@dataclass(frozen=True)
class Limits:
    """The ends of a window on an axis, in the unit of the statistic; None: such that most show."""

    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Plane:
    """Two statistics of the stars of some catalogues."""

    catalogue_ids: tuple[int, ...]
    x: Axis
    y: Axis
    x_limits: Limits = Limits()
    y_limits: Limits = Limits()


def plane_data(plane: Plane, user) -> dict:
    """What is drawn of a plane, for JSON: its density, and the candidates that ``user`` may see.

    ``{"x", "y", "cells", "counts", "n_stars", "n_shown", "candidates", ...}``: ``x`` and ``y`` are
    axes with the ends of the window; ``cells`` are those that have stars, numbered along rows from
    the lower left, and ``counts`` how many.
    """
    stars = dict(bins_of(plane.catalogue_ids, [plane.x, plane.y]))
    x = _window(plane.x, plane.x_limits, [bins for bins, _ in stars.values()])
    y = _window(plane.y, plane.y_limits, [bins for _, bins in stars.values()])
    density, n_stars = Density(x, y), 0
    for x_bins, y_bins in stars.values():
        density.add(x_bins, y_bins)
        n_stars += int(np.count_nonzero((x_bins != UNKNOWN) & (y_bins != UNKNOWN)))
    counts = density.counts.ravel()
    cells = np.flatnonzero(counts)
    return {
        "x": _described(plane.x, x) | {"is_down": False},
        "y": _described(plane.y, y),
        "cells": cells.tolist(),
        "counts": counts[cells].tolist(),
        "n_stars": n_stars,
        "n_shown": int(counts.sum()),
        "n_catalogues": len(stars),
        **candidates_on(plane.x, plane.y, stars, user),
    }


def _window(axis, limits, all_bins) -> Window:
    """The window that limits ask for, of a bin a cell at least; without limits, of most stars."""
    if limits.low is None or limits.high is None:
        counts = np.zeros(N_BINS + 1, np.int64)
        for bins in all_bins:
            counts += np.bincount(bins, minlength=N_BINS + 1)
        return window_of_most(counts[:UNKNOWN], BEYOND, N_CELLS)
    ends = axis.coordinates(np.array(sorted([limits.low, limits.high])))
    first, end = (axis.scale.edge(c) for c in np.nan_to_num(ends, nan=axis.scale.low))
    first = min(first, N_BINS - N_CELLS)
    return Window(first, max(end, first + N_CELLS), N_CELLS)


def _described(axis, window):
    low, high = (axis.scale.low + axis.scale.step * end for end in (window.first, window.end))
    return {
        "name": axis.name,
        "title": axis.title,
        "is_log": axis.is_log,
        "is_down": axis.is_down,
        "start": axis.value(low),
        "end": axis.value(high),
        "n_cells": window.n_cells,
    }
