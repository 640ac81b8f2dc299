"""Steps in sensitivity between the read-out channels of a detector."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from astropy.stats import gaussian_fwhm_to_sigma
from scipy.special import ndtr

from exposures.science.arrays import Float, FloatArray, IntArray


@dataclass(frozen=True)
class ChannelEdge:
    """The first column of a read-out channel, on a search image or one of its references."""

    column: float  # pixels, the channel's first
    light_sigma: float  # pixels, of the profile with which a star's light is weighted
    catalogue: int | None = None  # number of the reference that has it; None: the search image

    def share(
        self, x: FloatArray, reference_x: FloatArray | None, catalogue: IntArray
    ) -> FloatArray:
        """(n,) share of stars' light beyond the edge, from 0 before to 1 after it.

        ``x`` (n,) pixels on the search image, ``reference_x`` (n,) on the references, which are
        those numbered ``catalogue`` (n,).
        """
        if self.catalogue is None:
            return ndtr((np.asarray(x) - self.column + 0.5) / self.light_sigma)
        beyond = ndtr((np.asarray(reference_x) - self.column + 0.5) / self.light_sigma)
        return np.where(catalogue == self.catalogue, beyond, 0.0)


@dataclass(frozen=True)
class ChannelStep:
    """The magnitude step between the stars beyond an edge and those before it."""

    edge: ChannelEdge
    mag: float  # to add
    error: float  # mag, from the scatter of the stars

    def at(self, x: FloatArray, reference_x: FloatArray | None, catalogue: IntArray) -> FloatArray:
        """(n,) magnitudes to add; all arguments (n,), as those of ``ChannelEdge.share``."""
        return self.mag * self.edge.share(x, reference_x, catalogue)

    def as_json(self) -> dict[str, Any]:
        """The correction as JSON values."""
        return {**vars(self.edge), "mag": self.mag, "error": self.error}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """The ChannelStep that was stored by ``as_json``."""
        edge = {name: stored[name] for name in ("column", "light_sigma", "catalogue")}
        return cls(ChannelEdge(**edge), stored["mag"], stored["error"])


def light_sigma(fwhm_pixels: float) -> Float:
    """Sigma in pixels of the profile that weights a star's light in a PSF fit.

    Each pixel counts by the square of a PSF that is near to a Gaussian: ``FWHM / 2.3548 / sqrt 2``,
    a number for a number, an array for an array of the same shape.
    """
    return fwhm_pixels * gaussian_fwhm_to_sigma / np.sqrt(2)


def edges_at(
    columns: Iterable[float], fwhm_pixels: float, catalogue: int | None = None
) -> tuple[ChannelEdge, ...]:
    """A ChannelEdge for each of ``columns`` (n,), pixels at which channels begin.

    ``catalogue`` is the number of the reference that they are of, None for the search image.
    """
    sigma = float(light_sigma(fwhm_pixels))
    return tuple(ChannelEdge(float(column), sigma, catalogue) for column in columns)
