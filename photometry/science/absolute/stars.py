"""Published stars that were measured on reference catalogues, and which make zero points."""

from dataclasses import dataclass

import numpy as np

from exposures.science.arrays import Index, IntArray
from photometry.science.absolute.options import AbsoluteOptions

COLOUR_RANGE = (0.01, 0.99)  # quantiles between which colours are those of the field


@dataclass(frozen=True)
class MatchedStars:
    """Measurements (n,) of published stars on chips; a star may be on several."""

    chip: np.ndarray  # (n,) int, number of its reference catalogue from 0
    star: np.ndarray  # (n,) int64, the published star's id
    mag: np.ndarray  # (n,) mag, on the reference
    mag_err: np.ndarray  # (n,) mag
    published: np.ndarray  # (n,) mag; NaN of one that only ties chips to each other
    published_err: np.ndarray  # (n,) mag; NaN where it is unknown
    colour: np.ndarray  # (n,) mag, as published; NaN where it is unknown
    colour_err: np.ndarray  # (n,) mag; NaN where it is unknown
    part: np.ndarray  # (n,) int, of its chip, from 0
    probability: np.ndarray  # (n,) that the star is the one that was measured
    neighbours: np.ndarray  # (n,) light of its published neighbours, a share of its own

    def __len__(self) -> int:
        return len(self.chip)

    def select(self, index: Index) -> "MatchedStars":
        """The mag and all else of a selection: indices (k,), or a mask (n,) of bool."""
        return MatchedStars(*(values[index] for values in vars(self).values()))

    @property
    def has_colours(self) -> bool:
        """Whether any star has a colour."""
        return bool(np.isfinite(self.colour).any())


def quarters_of(chip: IntArray, x: np.ndarray, y: np.ndarray) -> IntArray:
    """(n,) numbers 0 to 3 of the quarters of their chips in which stars are, ``x, y`` (n,) pixels.

    A chip's quarters meet at the median of its stars; ``chip`` (n,) says which one is whose.
    """
    part = np.zeros(len(chip), int)
    for one in np.unique(chip):
        on_it = chip == one
        right, up = (values[on_it] > np.median(values[on_it]) for values in (x, y))
        part[on_it] = 2 * up + right
    return part


def usable(stars: MatchedStars, options: AbsoluteOptions) -> MatchedStars:
    """The MatchedStars whose errors are within limits in mag, and whose colours are usual.

    Where no star has a colour, all are as if they had one of 0. A star is left out where its error
    or that of its colour is larger than the options' limits, its probability lower, or the share of
    its neighbours larger; published errors that are not known are taken to be 0. Colours beyond the
    first and the last 1 % are left out, as a polynomial must not hang on them.
    """
    if not options.colour_order or not stars.has_colours:
        blank = np.zeros(len(stars))
        stars = MatchedStars(**{**vars(stars), "colour": blank, "colour_err": blank})
    is_usable = np.isfinite(stars.mag) & np.isfinite(stars.colour)
    is_usable &= (stars.mag_err <= options.max_error) & (stars.mag_err > 0)
    is_usable &= stars.probability >= options.min_probability
    is_usable &= stars.neighbours <= options.max_neighbours
    is_usable &= np.nan_to_num(stars.published_err) <= options.max_published_error
    is_usable &= np.nan_to_num(stars.colour_err) <= options.max_colour_error
    if not is_usable.any():
        return stars.select(is_usable)
    bluest, reddest = np.quantile(stars.colour[is_usable], COLOUR_RANGE)
    return stars.select(is_usable & (stars.colour >= bluest) & (stars.colour <= reddest))
