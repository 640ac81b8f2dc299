"""How near to each other sources of two catalogues are one star."""

from dataclasses import dataclass

import numpy as np

from exposures.science.arrays import FloatArray, Floats
from exposures.science.quantities import (
    Arcseconds,
    Fraction,
    InFwhm,
    MagnitudeError,
    Options,
    Ratio,
    Sigma,
)


@dataclass(frozen=True)
class CrossMatchOptions(Options):
    """Options of matching the sources of two catalogues."""

    sigmas: Sigma = 5.0
    """Distance of two sources, in the error of both positions, beyond which they are not
    matched."""
    crowding: Ratio = 2.5
    """Factor by which crowding enlarges the errors of positions."""
    min_radius_arcsec: Arcseconds = 0.5
    """Sources are matched up to this distance even where errors are smaller: stars move, and fits
    are not perfect."""
    max_radius_arcsec: Arcseconds = 0.9
    """Largest distance at which sources are matched, however large the errors."""
    blend_fwhm: InFwhm = 0.8
    """Distance, in the seeing, at which half of all pairs of stars are found as one source."""
    blend_blur: Ratio = 0.1
    """Width, in the seeing, of the range of distances over which the share of pairs found as one
    source falls from most to few."""
    blend_share: Fraction = 0.08
    """Least share of a source's light that a star must have to count as a part of a blend."""
    blend_probability: Fraction = 0.8
    """Probability of being part of a blend, from which on a source is taken for one."""
    doubtful_probability: Fraction = 0.02
    """Probability of hiding another star, from which on a match is called doubtful."""
    colour_scatter: MagnitudeError = 0.4
    """Scatter of the colours of stars, by which fluxes in another filter are predicted."""
    faintest: Fraction = 0.05
    """Share of a catalogue's sources that are fainter than its limit is taken to be."""
    outliers: Fraction = 0.02
    """Share of centroids that are anywhere, as a fit in a crowded field may have them."""
    missed: Fraction = 0.001
    """Share of stars brighter than the limit that a catalogue nevertheless lacks."""
    place_error_arcsec: Arcseconds = 0.03
    """Error that even the best positions have against those of another catalogue."""
    max_extent_arcsec: Arcseconds = 1.5
    """Largest distance of an object's sources from its middle; a wider group is split."""

    def reach_arcsec(self, fwhm_arcsec: Floats) -> Floats:
        """(n,) arcsec, at which sources can be linked at most, by the seeing (n,) of images."""
        return np.maximum(self.max_radius_arcsec, self.blend_reach(fwhm_arcsec))

    def blend_log_odds(self, distance_fwhm: FloatArray) -> FloatArray:
        """(n,) natural log of the odds that two stars are one source, at distances (n,) in FWHM."""
        return (self.blend_fwhm - distance_fwhm) / self.blend_blur

    def blend_reach(self, fwhm_arcsec: Floats) -> Floats:
        """(n,) arcsec, at which parts of a blend can be linked at most, by the seeing (n,)."""
        return (self.blend_fwhm + 3 * self.blend_blur) * fwhm_arcsec
