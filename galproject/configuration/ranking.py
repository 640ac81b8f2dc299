"""What makes an exposure a good reference."""

from dataclasses import dataclass

from exposures.science.quantities import Fraction, Ratio


@dataclass(frozen=True)
class RankingOptions:
    """Which exposures are suggested first as references."""

    # Limiting magnitude that one arcsecond of seeing is worth in the ranking.
    mag_per_arcsec: Ratio = 1.0
    # Least share of the most chips that an exposure there has; exposures with fewer come last.
    min_chips: Fraction = 0.9
