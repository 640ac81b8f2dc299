"""Options of how a search image is calibrated by the stars of its reference."""

from dataclasses import dataclass

from exposures.science.quantities import (
    Count,
    Fraction,
    Options,
    Sigma,
    Switch,
    Trials,
)


@dataclass(frozen=True)
class GuidedOptions(Options):
    """Options of finding a search image's bright stars by its reference, without a search."""

    use: Switch = True
    """Whether search images are calibrated by the bright stars of their reference, in its places.
    Where that fails, or where this is false, bright sources are searched for."""
    peak_sigma: Sigma = 10.0
    """Least brightness of a peak that registers an image, in the sky's noise in a pixel."""
    n_stars: Trials = 700
    """Largest number of stars that are fitted, the brightest of each part of the chip."""
    min_stars: Count = 100
    """Least number of stars that are whole and hardly blended; with fewer sources are searched
    for."""
    min_found: Fraction = 0.7
    """Least share of the stars that are as bright as expected; with less the field has changed."""
    max_misfit: Fraction = 0.05
    """Largest residual light round bright stars, as a share of their light; with more the PSF is
    wrong, and sources are searched for."""
    unlisted_sigma: Sigma = 5.0
    """Significance of light in 3 x 3 pixels that the reference's stars don't explain, from which on
    its photons count in the weights."""
