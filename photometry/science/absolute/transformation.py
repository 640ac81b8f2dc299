"""Published magnitudes brought to another band by a polynomial in colour."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.polynomial import Polynomial

from photometry.science.absolute.stars import MatchedStars
from photometry.science.absolute.zero_points import AbsoluteZeroPoint

# Of the stars' colours, from the bluest: where the zero point of a transformed band is read. Of a
# field behind dust these are the least reddened.
BLUE_SHARE = 0.1


def transformed(
    stars: MatchedStars, coefficients: Sequence[float], colour_range: tuple[float, float]
) -> MatchedStars:
    """The MatchedStars (n,) whose colour is within a range in mag, in another band.

    To each published magnitude ``sum_k coefficients[k] colour^k`` is added; an error of the colour
    goes into that of the magnitude. Stars whose colour is NaN are left out.
    """
    stars = stars.select((stars.colour >= colour_range[0]) & (stars.colour <= colour_range[1]))
    added = Polynomial(coefficients)
    of_colour = added.deriv()(stars.colour) * np.nan_to_num(stars.colour_err)
    error = np.hypot(np.nan_to_num(stars.published_err), of_colour)
    return replace(stars, published=stars.published + added(stars.colour), published_err=error)


def in_own_band(zero_point: AbsoluteZeroPoint, scatter: float) -> AbsoluteZeroPoint:
    """The AbsoluteZeroPoint, mag, of the filter's own band, by one fitted to transformed stars.

    ``scatter`` is that of the transformation, mag. Colour terms that are fitted tell where it fails
    for the field's stars, and not what our filter is: they are left out, and how much they differ
    among the stars goes into the systematic error, with ``scatter``. Neither falls with the number
    of stars. A zero point that is NaN stays as it is.
    """
    if zero_point.reason:
        return zero_point
    parts = np.nan_to_num(zero_point.systematic)
    return replace(
        zero_point,
        systematic=float(np.sqrt(parts**2 + scatter**2 + zero_point.colour_scatter**2)),
        colour_terms=(),
        colour_range=(np.nan, np.nan),
        colour_scatter=0.0,
        transformation=scatter,
    )
