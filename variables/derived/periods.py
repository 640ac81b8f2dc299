"""The periods of candidates: of each the likeliest that is stored, where it is certain."""

import numpy as np

from exposures.science.arrays import FloatArray, IntArray
from variables.models import GalPeriod
from variables.science.period_options import LEAST_CYCLES, PeriodOptions


def certain_periods(
    refsource_ids: IntArray, options: PeriodOptions = PeriodOptions()
) -> tuple[FloatArray, FloatArray]:
    """(n,) periods of sources and (n,) their errors, days; NaN where none is certain, or known."""
    certain = GalPeriod.objects.filter(
        refsource_id__in=refsource_ids.tolist(),
        rank=1,
        false_alarm__lte=options.max_false_alarm,
        n_cycles__gte=LEAST_CYCLES,
    )
    rows = certain.values_list("refsource_id", "days", "error_days")
    found = {pk: values for pk, *values in rows}
    columns = np.array([found.get(pk, (np.nan, np.nan)) for pk in refsource_ids.tolist()], float)
    days, errors = columns.reshape(-1, 2).T
    return days, errors
