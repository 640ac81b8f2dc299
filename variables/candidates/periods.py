"""The search for a candidate's period, and the caveats on its result."""

from math import isfinite

from exposures.science.barycentre import JD_OF_MJD_0
from variables.science.period_options import PeriodOptions
from variables.science.periods import find_periods


def period_search(curves, options=PeriodOptions()) -> dict:
    """Periods in light curves as ``light_curve_data`` has them, for JSON.

    ``{"periods": [{"days", "power", "false_alarm"}], "fold", "n_epochs", "note"}``, strongest
    period first; ``fold`` is the period by which the page folds at first, None if none is
    significant.
    """
    measured = [_with_errors(curve) for curve in curves]
    n_epochs = sum(len(mjd) for mjd, *_ in measured)
    periods = find_periods(measured, options)
    found = [{"days": p.days, "power": p.power, "false_alarm": p.false_alarm} for p in periods]
    stands_out = bool(periods) and periods[0].stands_out(options)
    return {
        "periods": found,
        "fold": periods[0].days if stands_out else None,
        "n_epochs": n_epochs,
        "note": _note(periods, measured, options),
    }


def _with_errors(curve):
    """Days at the barycentre, mag and mag_err of those measurements that have an error.

    Of BJD in TDB, counted as MJD are.
    """
    rows = zip(curve["bjd_tdb"], curve["mag"], curve["mag_err"], strict=True)
    known = [
        (bjd_tdb - JD_OF_MJD_0, mag, error)
        for bjd_tdb, mag, error in rows
        if bjd_tdb is not None and error is not None and isfinite(error) and error > 0
    ]
    return [[row[column] for row in known] for column in range(3)]


def _note(periods, measured, options):
    n_epochs = sum(len(mjd) for mjd, *_ in measured)
    if not periods and any(len(set(mag)) > 1 for _, mag, _ in measured):
        return (
            f"Too few epochs for a period: {n_epochs} in all filters, where it takes "
            f"{options.min_epochs} at least at different times, {options.min_epochs_a_filter} of "
            f"them in one filter, over more than {48 * options.min_days:.3g} hours."
        )
    if not periods:
        return f"No period: the magnitudes of all {n_epochs} epochs are the same."
    if periods[0].n_cycles < 1:
        return (
            f"No period was seen to repeat: what stands out in {n_epochs} epochs takes longer than "
            "they span. Try the strongest with care."
        )
    if not periods[0].stands_out(options):
        return (
            f"No period stands out in {n_epochs} epochs: noise alone has such a peak with a "
            f"probability of {_percent(periods[0].false_alarm)}. Try the strongest with care."
        )
    return (
        f"Found in {n_epochs} epochs; the others are often aliases of a day or of the season. "
        "An eclipsing binary has twice the period."
    )


def _percent(share):
    return f"{share:.0%}" if share >= 0.095 else f"{share:.1%}"
