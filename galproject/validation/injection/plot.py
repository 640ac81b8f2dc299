"""The plot of a summary, in six panels."""

import io
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from exposures.errors import GalprojectError
from galproject.validation.injection.summary import CROWDING

# Told apart in grey and by the colour-blind, too: each has a marker of its own.
STYLES = {
    "all": {"color": "0.15", "marker": "o", "linewidth": 1.6, "zorder": 3},
    "isolated": {"color": "#1f77b4", "marker": "s", "linewidth": 1.0},
    "crowded": {"color": "#d9820f", "marker": "^", "linewidth": 1.0},
    "blended": {"color": "#a02c2c", "marker": "v", "linewidth": 1.0},
}
MARKERS = "osD^vP*X"
# Shifts along the axis, so that error bars don't hide each other.
SHIFT = {"all": 0.0, "isolated": -0.08, "crowded": 0.08, "blended": 0.16}


def plot_summary(summary, path, title, threshold_sigma):
    """Draw a Summary to a PNG file. Raises GalprojectError if it can't be written."""
    figure = Figure(figsize=(10, 11), layout="constrained")
    axes = figure.subplots(3, 2)
    _completeness(axes[0, 0], summary)
    _bias(axes[0, 1], summary)
    _pulls(axes[1, 0], summary)
    _by_sigma(axes[1, 1], summary, threshold_sigma)
    _by_amplitude(axes[2, 0], summary)
    _false(axes[2, 1], summary)
    for ax in axes.flat:
        ax.grid(color="0.9", linewidth=0.6)
        ax.set_axisbelow(True)
        for side in ("top", "right"):
            ax.spines[side].set_visible(False)
    figure.suptitle(title, fontsize=12)
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=130, format="png")
    try:
        Path(path).write_bytes(drawn.getvalue())
    except OSError as error:
        raise GalprojectError(f"{path} can't be written: {error.strerror}") from error


def _middles(rows, shift=0.0):
    return np.array([np.mean(row.magnitude) + shift for row in rows])


def _draw(ax, x, rows, scale=1.0, **style):
    """Draw values with their intervals, if there are any."""
    if not rows:
        return
    value, low, high = (
        scale * np.array([getattr(row, name) for row in rows]) for name in ("value", "low", "high")
    )
    bars = np.maximum([value - low, high - value], 0)
    ax.errorbar(x, value, bars, markersize=4, elinewidth=0.8, **style)


def _draw_classes(ax, summary, quantity, scale=1.0):
    for crowding in CROWDING:
        rows = summary.of(quantity, crowding=crowding)
        low, high = CROWDING[crowding]
        limits = "" if crowding == "all" else f" (own light {_limits(low, high)})"
        x = _middles(rows, SHIFT[crowding])
        _draw(ax, x, rows, scale, label=f"{crowding}{limits}", **STYLES[crowding])


def _limits(low, high):
    if not np.isfinite(high):
        return f"> {low:g}"
    return f"{low:g}–{high:g}" if low > 0 else f"< {high:g}"


def _completeness(ax, summary):
    _draw_classes(ax, summary, "completeness", 100)
    ax.axhline(50, color="0.6", linewidth=0.8, linestyle=":")
    ax.set(ylim=(-3, 103), ylabel="found on the reference (%)", title="Completeness")
    _finish(ax, summary, "lower left")


def _bias(ax, summary):
    _draw_classes(ax, summary, "search_bias_mag", 1000)
    ax.axhline(0, color="0.6", linewidth=0.8)
    rows = summary.of("search_bias_mag", crowding="all")
    # The blended ones may lie far out; what most stars do must be seen.
    widest = max([20.0, *(3000 * abs(row.value) for row in rows)])
    ax.set_yscale("symlog", linthresh=10)
    ax.set_ylim(-widest, widest)
    ax.yaxis.set_major_formatter("{x:+g}")
    ax.set(ylabel="measured − true (mmag)", title="Bias of forced photometry, constant stars")
    _finish(ax, summary)


def _pulls(ax, summary):
    _draw_classes(ax, summary, "search_pull_sigma")
    ax.axhline(1, color="0.6", linewidth=0.8)
    ax.set(ylabel="sigma of (measured − true) / error", title="Uncertainties, constant stars")
    ax.set_ylim(0, max(2.0, ax.get_ylim()[1]))
    _finish(ax, summary)


def _by_sigma(ax, summary, threshold_sigma):
    for crowding in CROWDING:
        rows = [r for r in summary.of("variables_found", crowding=crowding) if r.sigma[0] >= 0]
        # The lowest bin begins at none and the highest has no end: an axis shows neither.
        x = [np.sqrt(max(r.sigma[0], 2) * min(r.sigma[1], 2 * r.sigma[0] + 8)) for r in rows]
        _draw(ax, x, rows, 100, label=crowding, **STYLES[crowding])
    style = {"color": "0.4", "linewidth": 0.8, "linestyle": "--"}
    ax.axvline(threshold_sigma, label=f"threshold, {threshold_sigma:g} sigma", **style)
    ax.set_xscale("log")
    ax.set_xticks([3, 5, 10, 20, 50, 100], labels=["3", "5", "10", "20", "50", "100"])
    ax.set(
        ylim=(-3, 103),
        xlabel="expected significance of the change (sigma)",
        ylabel="changes found (%)",
    )
    ax.set_title("Variables on the reference", fontsize=11)
    ax.legend(framealpha=0.8, edgecolor="none", fontsize=8, loc="lower right")


def _by_amplitude(ax, summary):
    rows = [row for row in summary.of("variables_found") if np.isfinite(row.amplitude)]
    amplitudes = sorted({row.amplitude for row in rows})
    for number, amplitude in enumerate(amplitudes):
        these = [row for row in rows if row.amplitude == amplitude]
        shade = str(0.75 - 0.7 * number / max(len(amplitudes) - 1, 1))
        style = {"color": shade, "marker": MARKERS[number % len(MARKERS)], "linewidth": 1.0}
        _draw(ax, _middles(these), these, 100, label=f"{amplitude:g} mag", **style)
    ax.set(ylim=(-3, 103), ylabel="changes found (%)", title="Variables, by amplitude")
    _finish(ax, summary, "upper right")


def _false(ax, summary):
    own, constant = (summary.of(name) for name in ("survey_changed", "constant_changed"))
    style = {"color": "0.15", "marker": "o", "linewidth": 1.0}
    _draw(ax, _middles(own), own, 1e4, label="other sources, real variables among them", **style)
    style = {"color": "#1f77b4", "marker": "s", "linestyle": "none"}
    _draw(ax, _middles(constant, 0.08), constant, 1e4, label="constant artificial stars", **style)
    ax.set_yscale("symlog", linthresh=1)
    ax.set_ylim(bottom=0)
    ax.yaxis.set_major_formatter("{x:g}")
    ax.set(ylabel="changes in 10,000 measurements", title="What should not have changed")
    _finish(ax, summary)


def _finish(ax, summary, place="best"):
    """Finish a panel: the axis of magnitudes, and a legend if anything was drawn."""
    ax.set_xlabel("magnitude on the reference (mag)")
    ax.title.set_fontsize(11)
    magnitudes = [edge for row in summary.of("completeness") for edge in row.magnitude]
    if magnitudes:
        ax.set_xlim(min(magnitudes) - 0.2, max(magnitudes) + 0.2)
    if ax.get_legend_handles_labels()[0]:
        ax.legend(framealpha=0.8, edgecolor="none", fontsize=8, loc=place)
