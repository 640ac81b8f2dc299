"""The periodogram of one star, with its stored periods, as its page draws it."""

import numpy as np

from exposures.science.arrays import FloatArray
from variables.models import GalCandidate, GalPeriod, PeriodAlias
from variables.periods.options import PeriodSearch
from variables.periods.single_star import measured_curves, within_reach
from variables.science.periodicity.curve_matrices import scaled
from variables.science.periodicity.frequencies import FrequencyGrid, frequency_grid
from variables.science.periodicity.highest_in_bins import highest_in_bins
from variables.science.periodicity.periodograms import periodograms
from variables.science.periodicity.search import are_enough

# Short, as they stand beside peaks.
ALIASES = {
    PeriodAlias.NONE: "",
    PeriodAlias.HALF: "half",
    PeriodAlias.DOUBLE: "twice",
    PeriodAlias.HARMONIC: "harmonic",
    PeriodAlias.DAY: "day",
    PeriodAlias.MONTH: "lunation",
    PeriodAlias.YEAR: "year",
    PeriodAlias.WINDOW: "epochs",
}
N_BINS = 2500
SAMPLES_BESIDE = 2  # a period's frequency, that are of the same peak


def periodogram_data(candidate: GalCandidate, search: PeriodSearch) -> dict:
    """The periodogram of a candidate's star, from all its filters and without trends, for JSON.

    ``{"frequency", "power", "n_epochs", "n_filters", "note", "periods": [{"rank", "days", "power",
    "alias"}]}``: frequencies in cycles a day with the highest power about each, a share of the
    variance. Stored periods have the power beside them, None of those beyond the frequencies, and
    in a word what alias they may be. Without frequencies where epochs are too few; ``note`` says
    so.
    """
    curves = measured_curves(candidate, search)
    told = {"n_epochs": len(curves.days), "n_filters": len(np.unique(curves.band))}
    if not are_enough(curves.days, search.periods):
        note = (
            f"Too few epochs for a periodogram: {len(curves.days)} good ones in all filters, where "
            f"it takes {search.periods.min_epochs} at different times."
        )
        return {"frequency": [], "power": [], "periods": [], "note": note, **told}
    grid = frequency_grid(curves.span, within_reach(search.periods, curves))
    (power,) = periodograms(scaled(curves), grid)
    highest = highest_in_bins(grid, power, N_BINS)
    return {
        "frequency": [float(f"{one:.9g}") for one in highest.frequency.tolist()],
        "power": np.round(highest.power, 4).tolist(),
        "periods": [_period(one, grid, power) for one in _stored(candidate)],
        "note": "",
        **told,
    }


def _stored(candidate):
    return GalPeriod.objects.filter(refsource_id=candidate.pk).order_by("rank")


def _period(stored: GalPeriod, grid: FrequencyGrid, power: FloatArray) -> dict:
    """A stored period, with the highest power within SAMPLES_BESIDE of it."""
    place = round(1 / stored.days / float(grid.step)) - grid.first
    near = power[max(place - SAMPLES_BESIDE, 0) : max(place + SAMPLES_BESIDE + 1, 0)]
    return {
        "rank": stored.rank,
        "days": stored.days,
        "power": round(float(near.max()), 4) if len(near) else None,
        "alias": ALIASES[PeriodAlias(stored.alias)],
    }
