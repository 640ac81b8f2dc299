"""How the surroundings of saturated stars are measured and avoided."""

from dataclasses import dataclass

from exposures.science.quantities import Count, Fraction, InFwhm, Options, Sigma, Switch, Trials


@dataclass(frozen=True)
class BrightStarOptions(Options):
    """Options of the mask round saturated stars."""

    mask: Switch = True
    """Whether sources in the wings and bleed trails of saturated stars are flagged; their changes
    fail a cut."""
    min_saturated_pixels: Count = 3
    """Least number of saturated pixels that touch to be a saturated star."""
    max_stars: Trials = 500
    """Largest number of saturated stars, those with most saturated pixels, whose wings are
    measured."""
    inner_fwhm: InFwhm = 1.5
    """Distance from a saturated star, in FWHM, from which on its light is its wings'."""
    wing_sigma: Sigma = 30.0
    """Light of wings under a source, in sigma of the source's flux, above which it is flagged."""
    wing_share: Fraction = 0.05
    """Light of wings under a source, over its flux, below which it is not flagged."""
    trail_sigma: Sigma = 5.0
    """Least significance of a bleed trail in each piece of it."""
