"""Which periods are looked for, and how significant one must be."""

from dataclasses import dataclass

from exposures.science.quantities import Count, Few, Fraction, Options, ShortestPeriod

LEAST_CYCLES = 1.5  # within the span of the epochs, of a period that was seen to repeat


@dataclass(frozen=True)
class PeriodOptions(Options):
    """The range of periods searched, and the significance needed to claim one."""

    min_days: ShortestPeriod = 0.05
    """Shortest period that is looked for."""
    min_epochs: Count = 8
    """Least number of different times, in all filters together, for which periods are searched."""
    n_periods: Few = 5
    """Number of the likeliest periods of a star that are reported."""
    samples_per_peak: Few = 5
    """Samples of the periodogram across a peak, before peaks are refined."""
    max_harmonics: Few = 6
    """Largest number of harmonics of the Fourier series that are fitted to a light curve."""
    max_false_alarm: Fraction = 0.01
    """Probability that a star without a period has one that explains as much, above which none is
    claimed."""
