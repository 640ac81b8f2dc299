"""What is taken for the trail of a satellite or an aeroplane."""

from dataclasses import dataclass

from exposures.science.quantities import (
    BinPixels,
    BoxPixels,
    Fraction,
    Margin,
    Options,
    Parts,
    Pixels,
    Ratio,
    Sigma,
    Switch,
)


@dataclass(frozen=True)
class TrailOptions(Options):
    """Criteria for trails of satellites and aeroplanes."""

    search: Switch = True
    """Whether trails are searched on search images, and changes on them hidden by a flag."""
    bin_pixels: BinPixels = 4
    """Side of the bins whose sums along lines are searched."""
    smooth_pixels: Pixels = 96.0
    """Side of the boxes whose mean is taken off before trails are searched: anything wider is no
    trail."""
    min_sigma: Sigma = 8.0
    """Least significance of the sum along a line for it to be looked at."""
    min_total_sigma: Sigma = 20.0
    """Least significance of the lit pieces of a trail together, without the brightest."""
    brightest_pieces: Fraction = 0.25
    """Share of the lit pieces of a trail, the brightest, that don't count: haloes in a row light
    only few."""
    piece_pixels: BoxPixels = 32
    """Length of the pieces of a line whose medians are compared."""
    lit_sigma: Sigma = 3.0
    """Least significance of a piece of a line that counts as lit."""
    min_lit: Fraction = 0.5
    """Least share of lit pieces between a trail's ends; the others may be dark."""
    min_pixels: Pixels = 160.0
    """Least length of the lit pieces of a trail together."""
    min_elongation: Ratio = 10.0
    """Least ratio of the length of a trail's lit pieces to its width: the halo of a galaxy has
    less."""
    max_gap_pixels: Pixels = 256.0
    """Largest dark gap between two parts of one trail."""
    min_width: Ratio = 0.7
    """Least width of a trail's profile, in the PSF's: charge in a column may be narrower."""
    max_width_pixels: Pixels = 44.0
    """Largest width of a trail's profile: sky that wasn't taken off may be wider."""
    model_error: Fraction = 0.03
    """Share of a star's light that is added to the noise of its pixels when trails are searched."""
    saturated_pixels: Margin = 100.0
    """Distance from a saturated star on the line of a trail within which no piece counts as lit."""
    max_trails: Parts = 20
    """Largest number of trails on a chip."""
    wing_sigma: Sigma = 0.3
    """Brightness, in a pixel's noise, down to which a trail is covered."""
