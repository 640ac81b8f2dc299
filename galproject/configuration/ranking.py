"""Options of ranking exposures as references."""

from dataclasses import dataclass

from exposures.science.quantities import Fraction, Options, Ratio


@dataclass(frozen=True)
class RankingOptions(Options):
    """The ranking of exposures suggested as references."""

    mag_per_arcsec: Ratio = 1.0
    """Limiting magnitude that one arcsecond of seeing is worth in the ranking."""
    min_chips: Fraction = 0.9
    """Least number of chips of an exposure, as a share of the most that one there has; exposures
    with fewer come last."""
