"""What makes an exposure a good reference."""

from dataclasses import dataclass

from exposures.science.quantities import Fraction, Ratio


@dataclass(frozen=True)
class RankingOptions:
    """Which exposures are suggested first as references."""

    mag_per_arcsec: Ratio = 1.0  # of depth that one arcsecond of seeing is worth
    min_chips: Fraction = 0.9  # of the most that an exposure here has; fewer come last
