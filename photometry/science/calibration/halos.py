"""The light that bright stars' wings lay under their neighbours."""

from dataclasses import dataclass

import numpy as np

from exposures.science.arrays import BoolArray, Float, FloatArray, IntArray
from photometry.science.compiled import compiled

CORE_FWHM = 1.5  # within this of a star its light is the core's, which the PSF has well
BRIGHT = 10.0  # a star whose wings matter is so many times as bright as the median
LARGEST_PIXELS = 150.0  # reach of any star's wings
FAINTEST = 0.05  # of the median error of fluxes, below which light of wings is left out
CELL = 16  # pixels, side of the cells by which stars are sorted


@dataclass(frozen=True)
class Wings:
    """The profile of a star's wings, of Moffat's form (Moffat 1969, A&A 3, 455)."""

    fwhm_pixels: float
    exponent: float

    @property
    def radius(self) -> float:
        """Moffat's alpha in pixels."""
        return float(self.fwhm_pixels / (2 * np.sqrt(2 ** (1 / self.exponent) - 1)))

    @property
    def central_share(self) -> float:
        """The flux that a uniform light of 1 a pixel adds to a star, over the PSF's own peak.

        The peak times the area of noise, ``(2 beta - 1) / (beta - 1)`` of a Moffat profile: what a
        weighted fit takes for flux of a star is that much of its neighbour's light.
        """
        return (2 * self.exponent - 1) / (self.exponent - 1)

    def share_at(self, distance: FloatArray) -> FloatArray:
        """(n,) part of a star's flux that a fit would find at ``distance`` (n,) pixels."""
        return self.central_share * (1 + (distance / self.radius) ** 2) ** -self.exponent

    def reach(self, share: FloatArray) -> FloatArray:
        """(n,) pixels at which ``share_at`` has fallen to ``share`` (n,)."""
        fall = np.maximum(self.central_share / share, 1) ** (1 / self.exponent)
        return self.radius * np.sqrt(fall - 1)

    def as_json(self) -> list[float]:
        """The wings as JSON values."""
        return [float(self.fwhm_pixels), float(self.exponent)]


def neighbours_light(
    wings: Wings | None,
    place: tuple[FloatArray, FloatArray],
    flux: FloatArray,
    flux_err: FloatArray,
    giving: BoolArray | None = None,
) -> FloatArray:
    """(n,) flux in ADU that ``wings`` of bright neighbours would add to each star; 0 without wings.

    ``place`` are x and y (n,) in pixels, ``flux`` and ``flux_err`` (n,) are ADU. Of errors that are
    known the median says what is negligible; where none is, there is no light. Only stars that are
    ``giving`` (n,), by default all, give light and are in medians.
    """
    giving = np.ones(len(flux), bool) if giving is None else giving
    known = giving & np.isfinite(flux_err) & (flux_err > 0)
    if wings is None or not known.any():
        return np.zeros(len(flux))
    flux = np.where(giving, flux, np.nan)
    return halo_light(*place, flux, wings, FAINTEST * np.median(flux_err[known]))


def halo_light(
    x: FloatArray, y: FloatArray, flux: FloatArray, wings: Wings, faintest: Float
) -> FloatArray:
    """(n,) flux that the wings of bright neighbours would add to each star.

    ``x, y`` (n,) are pixels, ``flux`` (n,) ADU, as is the result; ``wings`` are Wings, and light
    below ``faintest``, a number of ADU, is left out. Neighbours within CORE_FWHM don't count, nor
    do those with NaN in ``flux``.
    """
    light, known = np.zeros(len(x)), ~np.isnan(flux)
    if not known.any():
        return light
    flux = np.nan_to_num(flux)
    bright = np.flatnonzero(flux > max(BRIGHT * np.median(flux[known]), faintest))
    if len(bright) == 0:
        return light
    core = CORE_FWHM * wings.fwhm_pixels
    reach = np.minimum(wings.reach(faintest / flux[bright]), LARGEST_PIXELS)
    bright, reach = bright[reach > core], reach[reach > core]
    column, row = (np.floor(place / CELL).astype(int) for place in (x, y))
    corner = int(column.min()), int(row.min())
    column, row = column - corner[0], row - corner[1]
    n_columns = int(column.max()) + 1
    order = np.argsort(row * n_columns + column, kind="stable")
    cell = (row * n_columns + column)[order]
    first = np.searchsorted(cell, np.arange((row.max() + 1) * n_columns + 1))
    stars = np.column_stack([x, y])[order].astype(float)
    profile = np.array([wings.central_share, wings.radius, wings.exponent, core])
    givers = np.column_stack([x[bright], y[bright], flux[bright], reach]).astype(float)
    light[order] = _halo_light(stars, first, (*corner, n_columns), givers, profile)
    return light


@compiled
def _halo_light(
    stars: FloatArray,
    first: IntArray,
    cells: tuple[int, int, int],
    givers: FloatArray,
    profile: FloatArray,
) -> FloatArray:
    """(n,) light that ``givers`` (m, 4), x, y, flux and reach, give to ``stars`` (n, 2), x and y.

    Stars are sorted by cells, row by row, ``first`` (n_cells + 1,) of which each begins; ``cells``
    are the first column and row of cells and the number of columns. ``profile`` are the Wings'
    central share, radius and exponent, and the radius of the core.
    """
    light = np.zeros(len(stars))
    column0, row0, n_columns = cells
    n_rows = (len(first) - 1) // n_columns
    share, radius, exponent, core = profile
    for g in range(len(givers)):
        x, y, flux, reach = givers[g]
        left = max(int(np.floor((x - reach) / CELL)) - column0, 0)
        right = min(int(np.floor((x + reach) / CELL)) - column0, n_columns - 1)
        top = min(int(np.floor((y + reach) / CELL)) - row0, n_rows - 1)
        for row in range(max(int(np.floor((y - reach) / CELL)) - row0, 0), top + 1):
            start = first[row * n_columns + left]
            for k in range(start, first[row * n_columns + right + 1]):
                square = (stars[k, 0] - x) ** 2 + (stars[k, 1] - y) ** 2
                if core * core < square <= reach * reach:
                    light[k] += flux * share * (1 + square / radius**2) ** -exponent
    return light
