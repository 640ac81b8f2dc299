"""The options that the search for periods of stored stars goes by."""

from dataclasses import dataclass

from exposures.science.barycentre import ObservatoryOptions
from variables.science.period_options import PeriodOptions
from variables.science.variability.options import VariabilityOptions


@dataclass(frozen=True)
class PeriodSearch:
    """Which periods are looked for, which measurements count, and where the telescope stands."""

    periods: PeriodOptions
    variability: VariabilityOptions
    observatory: ObservatoryOptions

    @classmethod
    def of(cls, options) -> "PeriodSearch":
        """Those of PipelineOptions."""
        return cls(options.periods, options.variability, options.observatory)
