"""The light that bright stars' wings lay under their neighbours."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from exposures.science.arrays import Float, FloatArray

CORE_FWHM = 1.5  # within this of a star its light is the core's, which the PSF has well
BRIGHT = 10.0  # a star whose wings matter is so many times as bright as the median
LARGEST_PIXELS = 150.0  # reach of any star's wings
FAINTEST = 0.05  # of the median error of fluxes, below which light of wings is left out
CHUNK = 2_000  # bright stars whose neighbours are looked up at once


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
) -> FloatArray:
    """(n,) flux in ADU that ``wings`` of bright neighbours would add to each star; 0 without wings.

    ``place`` are x and y (n,) in pixels, ``flux`` and ``flux_err`` (n,) are ADU. Of errors that are
    known the median says what is negligible; where none is, there is no light.
    """
    known = np.isfinite(flux_err) & (flux_err > 0)
    if wings is None or not known.any():
        return np.zeros(len(flux))
    return halo_light(*place, flux, wings, FAINTEST * np.median(flux_err[known]))


def halo_light(
    x: FloatArray, y: FloatArray, flux: FloatArray, wings: Wings, faintest: Float
) -> FloatArray:
    """(n,) flux that the wings of bright neighbours would add to each star.

    ``x, y`` (n,) are pixels, ``flux`` (n,) ADU, as is the result; ``wings`` are Wings, and light
    below ``faintest``, a number of ADU, is left out. Neighbours within CORE_FWHM don't count. NaN
    in ``flux`` counts as 0.
    """
    light = np.zeros(len(x))
    flux = np.nan_to_num(flux)
    bright = np.flatnonzero(flux > max(BRIGHT * np.median(flux), faintest))
    if len(bright) == 0:
        return light
    core = CORE_FWHM * wings.fwhm_pixels
    reach = np.minimum(wings.reach(faintest / flux[bright]), LARGEST_PIXELS)
    bright, reach = bright[reach > core], reach[reach > core]
    places = np.column_stack([x, y])
    tree = cKDTree(places)
    for start in range(0, len(bright), CHUNK):
        part = slice(start, start + CHUNK)
        near = tree.query_ball_point(places[bright[part]], reach[part], return_sorted=False)
        counts: Any = [len(members) for members in near]
        member = np.concatenate([np.asarray(m, int) for m in near])
        owner = np.repeat(bright[part], counts)
        distance = np.hypot(x[member] - x[owner], y[member] - y[owner])
        outside = distance > core
        member, owner, distance = member[outside], owner[outside], distance[outside]
        light += np.bincount(member, flux[owner] * wings.share_at(distance), len(x))
    return light
