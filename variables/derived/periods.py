"""The periods of candidates: of each the likeliest that is stored, where it is certain."""

from exposures.science.arrays import FloatArray, IntArray
from variables.derived.columns import columns_of
from variables.models import GalPeriod
from variables.science.period_options import LEAST_CYCLES, PeriodOptions


def certain_periods(
    refsource_ids: IntArray, options: PeriodOptions = PeriodOptions()
) -> tuple[FloatArray, FloatArray]:
    """(n,) periods of sources and (n,) their errors, days; NaN where none is certain, or known."""
    certain = (
        f"rank = 1 AND false_alarm <= {options.max_false_alarm!r} AND n_cycles >= {LEAST_CYCLES!r}"
    )
    days, errors = columns_of(
        GalPeriod._meta.db_table, refsource_ids, ("days", "error_days"), certain
    )
    return days, errors
