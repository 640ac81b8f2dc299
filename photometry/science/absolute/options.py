"""Options of the absolute calibration."""

from dataclasses import dataclass

from exposures.science.quantities import Count, Fraction, InFwhm, LowOrder, MagnitudeError, Options


@dataclass(frozen=True)
class AbsoluteOptions(Options):
    """Options of the zero points that make magnitudes of references absolute."""

    colour_order: LowOrder = 3
    """Order of the polynomial in colour between the survey's filter and the published band; where
    an exposure has few stars it is lower, and with 0 there are no colour terms."""
    stars_per_term: Count = 30
    """Number of published stars wanted on an exposure for each order of the polynomial."""
    min_stars: Count = 10
    """Least number of stars for the zero point of a chip: published, or in common with chips
    that have one."""
    min_probability: Fraction = 0.9
    """Least probability that a published star is the source on the reference."""
    max_error: MagnitudeError = 0.02
    """Largest error of a magnitude of ours of the stars that make zero points: fainter ones have
    more light of unlisted stars."""
    max_published_error: MagnitudeError = 0.05
    """Largest error of a published magnitude of the stars that make zero points."""
    neighbour_fwhm: InFwhm = 1.5
    """Radius in FWHM of the reference within which a star's published neighbours may be a part of
    its source."""
    max_neighbours: Fraction = 0.02
    """Largest share of the light of a star that its published neighbours within the radius have."""
    max_colour_error: MagnitudeError = 0.1
    """Largest error of the colour of the stars that make zero points."""
    min_error: MagnitudeError = 0.005
    """Least error of a magnitude, added in quadrature: what flat field and PSF leave between
    chips."""
