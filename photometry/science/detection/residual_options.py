"""The options of the search for stars in residuals."""

from dataclasses import dataclass

from exposures.science.quantities import (
    Fraction,
    HalfPixels,
    InFwhm,
    Margin,
    Options,
    Pixels,
    Ratio,
    Sigma,
    SourceCount,
)


@dataclass(frozen=True)
class ResidualOptions(Options):
    """Criteria for peaks of a residual to be new stars."""

    threshold: Sigma = 5.0
    """Least significance of the flux of a new star, with the errors of neighbours and of the
    model."""
    model_error: Fraction = 0.01
    """Error of the PSF in the core of a neighbour, as a share of its light there."""
    wing_error: Fraction = 0.025
    """Error of the PSF in the wings of a neighbour, as a share of its light there."""
    least_error_share: Fraction = 0.5
    """Least share of these errors that a star's PSF is taken to have; how much it has, the pixels
    beside it tell that are darker than the model. With 1 all have these errors."""
    core_fwhm: InFwhm = 1.0
    """Distance from a neighbour, in FWHM, up to which the error is that of the core."""
    wing_fwhm: InFwhm = 2.5
    """Distance from a neighbour, in FWHM, from which on the error is that of the wings."""
    wing_pixels: HalfPixels = 40
    """Distance from a star up to which the errors of its PSF are counted."""
    pixel_error: Fraction = 0.05
    """Error of the model in a pixel, as a share of it, that is allowed for in the rchi2 of a new
    star."""
    min_separation: Ratio = 0.45
    """Least distance from a listed star, in FWHM: what is nearer is that star's change."""
    min_displacement: Ratio = 0.09
    """Least displacement of a listed star's light, in FWHM: with less its position was wrong."""
    min_displacement_known: Ratio = 0.06
    """The same where the reference's residual is kept, in which is measured what the reference has
    in the place: two stars that are listed as one are two there."""
    max_peaks: SourceCount = 20000
    """Largest number of peaks of the residual, the most significant, that are fitted on a chip; and
    of those that show when the stars at these are taken away."""
    edge_pixels: Margin = 5.0
    """Least distance of a new star from the edge: stars beyond the edge are not fitted."""
    peak_part: Fraction = 0.85
    """Share of the threshold, and of the model's error, that a peak must exceed to be fitted."""
    hiding_sigma: Sigma = 5.0
    """Least significance of a star at a peak, against its own error, from which on it is taken away
    to find peaks that it hides; above all others, none is."""
    kernel_fwhm: InFwhm = 1.5
    """Half the side of the PSF with which peaks are found, in FWHM."""
    fit_fwhm: InFwhm = 2.0
    """Half the side of the square that is fitted round a peak, in FWHM."""
    max_move_pixels: Pixels = 1.5
    """Largest move of a star from its peak in the fit."""
    merge_pixels: Margin = 1.5
    """Distance between two new stars after the fit below which they are one."""
    max_rchi2: Ratio = 2.0
    """Largest rchi2 of a new star."""
    min_quality: Fraction = 0.75
    """Least share of a new star's PSF on usable pixels."""
    saturated_pixels: Margin = 16.0
    """Least distance of a new star from saturated pixels, round which the model is not that of a
    star."""
    max_reference_rchi2: Ratio = 10.0
    """rchi2 of a source on the reference from which on nothing near it is told to be new: a cosmic
    ray that is listed took the light of the stars beside it. So did what is too sharp."""
    misfit_fwhm: InFwhm = 1.5
    """Distance from such a source, in FWHM, up to which a star fails a cut."""
    left_over_threshold: Sigma = 3.0
    """Least significance of what a reference's own fit left over, which tells whether a new star
    was there already."""
    max_left_over: SourceCount = 80000
    """Largest number of these that are kept of a reference, the most significant."""
