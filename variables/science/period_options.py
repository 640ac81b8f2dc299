"""Which periods are looked for, and how significant one must be."""

from dataclasses import dataclass

from exposures.science.quantities import Count, Few, Fraction, Options, ShortestPeriod, Trials

LEAST_CYCLES = 1.5  # within the span of the epochs, of a period that was seen to repeat


@dataclass(frozen=True)
class PeriodOptions(Options):
    """The range of periods searched, and the significance needed to claim one."""

    min_days: ShortestPeriod = 0.05
    """Shortest period that is looked for."""
    min_epochs: Count = 8
    """Least number of different times, in all filters together, for which periods are searched."""
    min_epochs_a_filter: Count = 3
    """Least number of epochs in a filter; one with fewer is left out of the search for periods."""
    n_periods: Few = 5
    """Number of the strongest peaks of a periodogram that are reported."""
    samples_per_peak: Few = 5
    """Samples of the periodogram across a peak, before peaks are refined."""
    max_harmonics: Few = 6
    """Largest number of harmonics with which a peak is refined."""
    epochs_a_term: Count = 2
    """Number of epochs that each of the two terms of a harmonic needs."""
    n_shuffles: Trials = 100
    """Number of shuffles of the epochs, none of which may have a peak as high as a claimed
    period's."""
    max_false_alarm: Fraction = 0.01
    """False-alarm probability of a peak, above which no period is claimed."""
