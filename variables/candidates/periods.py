"""A search for the period of a candidate, and what may be said of what it finds."""

from variables.science.periods import MIN_EPOCHS, find_periods

# Above this probability that noise has such a peak, none is claimed.
MAX_FALSE_ALARM = 0.01


def period_search(curves) -> dict:
    """Periods in light curves as ``light_curve_data`` has them, for JSON.

    ``{"periods": [{"days", "power", "false_alarm"}], "n_epochs", "note"}``, strongest first.
    """
    measured = [_with_errors(curve) for curve in curves]
    n_epochs = sum(len(mjd) for mjd, *_ in measured)
    periods = find_periods(measured)
    found = [{"days": p.days, "power": p.power, "false_alarm": p.false_alarm} for p in periods]
    return {"periods": found, "n_epochs": n_epochs, "note": _note(periods, n_epochs)}


def _with_errors(curve):
    rows = zip(curve["mjd"], curve["mag"], curve["mag_err"], strict=True)
    known = [row for row in rows if row[2] is not None and row[2] > 0]
    return [[row[column] for row in known] for column in range(3)]


def _note(periods, n_epochs):
    if not periods:
        return (
            f"Too few epochs for a period: {n_epochs} in all filters, where it takes "
            f"{MIN_EPOCHS} at least, 3 of them in one filter, over more than two hours."
        )
    if periods[0].false_alarm > MAX_FALSE_ALARM:
        return (
            f"No period stands out in {n_epochs} epochs: noise alone has such a peak with a "
            f"probability of {periods[0].false_alarm:.0%}. Try the strongest with care."
        )
    return (
        f"Found in {n_epochs} epochs; the others are often aliases of a day or of the season. "
        "An eclipsing binary has twice the period."
    )
