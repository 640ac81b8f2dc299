"""The periods of candidates: of each the likeliest that is stored, where it is certain."""

from exposures.science.arrays import FloatArray, IntArray
from variables.derived.columns import columns_of
from variables.models import GalPeriod
from variables.science.period_options import LEAST_CYCLES, PeriodOptions


def certain_periods(
    refsource_ids: IntArray, options: PeriodOptions = PeriodOptions()
) -> tuple[FloatArray, FloatArray]:
    """(n,) periods of sources and (n,) their errors, days; NaN where none is certain, or known."""
    certain = GalPeriod.objects.filter(
        rank=1, false_alarm__lte=options.max_false_alarm, n_cycles__gte=LEAST_CYCLES
    )
    days, errors = columns_of(certain, refsource_ids, ("days", "error_days"))
    return days, errors
