"""Pictures of light curves for others: folded by the agreed period, or over time."""

import io

import numpy as np
from matplotlib.figure import Figure

from variables.light_curves.light_curves import FILTER_COLOURS, OTHER_COLOUR

CYCLES = 2
WHOLE = 2_400_000  # days that the axis of time leaves out


def light_curve_plot(name, curves, period_days=None) -> bytes:
    """Light curves of DraftCurves as PNG, a panel for each filter, brighter up.

    Two cycles of the period in days from the first measurement on; HJD where there is none.
    """
    figure = Figure(figsize=(7, 1.0 + 2.6 * len(curves)), layout="constrained")
    axes = figure.subplots(len(curves), 1, sharex=True, squeeze=False)[:, 0]
    start = min((curve.hjd.min() for curve in curves if len(curve)), default=0.0)
    for ax, curve in zip(axes, curves, strict=True):
        _draw(ax, curve, start, period_days)
    if period_days is None:
        axes[-1].set_xlabel(f"HJD (UTC) − {WHOLE}")
    else:
        axes[-1].set_xlabel(f"phase of {period_days:.8g} d from HJD {start:.5f}")
    figure.suptitle(name, fontsize=11)
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=110)
    return out.getvalue()


def _draw(ax, curve, start, period_days):
    colour = FILTER_COLOURS.get(curve.filter, OTHER_COLOUR)
    error = np.nan_to_num(curve.mag_err)
    style = {"fmt": "o", "markersize": 3.5, "elinewidth": 0.8, "color": colour}
    if period_days is None:
        ax.errorbar(curve.hjd - WHOLE, curve.mag, error, **style)
    else:
        phase = (curve.hjd - start) / period_days % 1
        for cycle in range(CYCLES):
            ax.errorbar(phase + cycle, curve.mag, error, **style)
    ax.invert_yaxis()  # brighter up
    ax.set_ylabel(f"{curve.passband}\nmag", fontsize=9)
    ax.grid(color="0.9", linewidth=0.6)
    ax.set_axisbelow(True)
