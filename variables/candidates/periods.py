"""The search for a candidate's period while somebody waits, and the caveats on its result."""

from variables.models import GalCandidate
from variables.periods.options import PeriodSearch
from variables.periods.single_star import measured_curves, within_reach
from variables.science.period_options import LEAST_CYCLES, PeriodOptions
from variables.science.periodicity.curve_matrices import CurveMatrix
from variables.science.periodicity.search import StarPeriods, are_enough, periods_of_stars


def period_search(candidate: GalCandidate, search: PeriodSearch) -> dict:
    """Periods of a candidate's star, from all its filters and without trends, for JSON.

    As those that are stored of all stars; but for the shortest of light curves of many years, so
    that it takes no longer than somebody waits.
    """
    curves = measured_curves(candidate, search)
    return periods_told(curves, within_reach(search.periods, curves))


def periods_told(curves: CurveMatrix, options: PeriodOptions = PeriodOptions()) -> dict:
    """Periods of the one star of a CurveMatrix of measured epochs, and what to think of them.

    ``{"periods": [{"days", "power", "false_alarm"}], "fold", "n_epochs", "note"}``, the most
    probable first; ``fold`` is the period by which the page folds at first, None if none is
    certain.
    """
    found = periods_of_stars(curves, options)
    names = ("days", "power", "false_alarm")
    rows = zip(*(getattr(found, name)[0].tolist() for name in names), strict=True)
    periods = [dict(zip(names, row, strict=True)) for row in rows if row[0] == row[0]]
    is_periodic = bool(found.are_periodic(options)[0])
    return {
        "periods": periods,
        "fold": periods[0]["days"] if is_periodic else None,
        "n_epochs": len(curves.days),
        "note": _note(found, curves, options),
    }


def _note(found: StarPeriods, curves: CurveMatrix, options: PeriodOptions) -> str:
    n_epochs = len(curves.days)
    if not are_enough(curves.days, options):
        return (
            f"Too few epochs for a period: {n_epochs} good ones in all filters, where it takes "
            f"{options.min_epochs} at different times, over more than "
            f"{48 * options.min_days:.3g} hours."
        )
    if not found.days[0, 0] > 0:
        return f"No period: the magnitudes of all {n_epochs} epochs are the same."
    if found.are_periodic(options)[0]:
        return (
            f"Found in {n_epochs} epochs; the others are often aliases of a day or of the season. "
            "An eclipsing binary whose minima are alike has twice the period."
        )
    if found.n_cycles[0, 0] < LEAST_CYCLES:
        return (
            f"No period was seen to repeat: what stands out in {n_epochs} epochs takes too long "
            "for their span. Try the likeliest with care."
        )
    return (
        f"No period stands out in {n_epochs} epochs: noise, one event or a few outliers look so "
        f"with a probability of {_percent(found.false_alarm[0, 0])}. Try the likeliest with care."
    )


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.095 else f"{share:.1%}"
