"""How a signal is shared among the visits to a star, and among parts of the time."""

import numpy as np

from exposures.science.arrays import FloatArray, IntArray
from photometry.science.compiled import compiled_with, inlined
from variables.science.periodicity import fourier_equations
from variables.science.periodicity.fourier_equations import StarCurve, weights


@compiled_with(fourier_equations)
def shares_of_signals(
    curve: StarCurve, models: FloatArray, days_a_visit: FloatArray, days_a_part: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """(n,) how many visits carry a signal, and (n, 2, 4) figures of all epochs and of fewer.

    ``curve`` is a StarCurve by time, ``models`` (n, n_epochs) signals in its unit; its scatter
    counts as noise. Measurements of the same ``days_a_visit`` (n,) days are one visit. The second
    row of each is without the part of ``days_a_part`` (n,) days that has most of the signal.
    Columns are the share of the variance about the mean of each filter that the model takes, the
    number of visits and of filters, and the standard deviation of the times in days.
    """
    weight = weights(curve, 1.0)
    carrying, figures = np.empty(len(models)), np.empty((len(models), 2, 4))
    for k in range(len(models)):
        gain = np.empty(len(weight))
        for i in range(len(weight)):
            left = curve.value[i] - models[k, i]
            gain[i] = weight[i] * (curve.value[i] * curve.value[i] - left * left)
        carrying[k] = _carrying(curve.days, gain, days_a_visit[k])
        part, largest = _parts(curve.days, gain, days_a_part[k])
        figures[k, 0] = _figures(curve, weight, models[k], part, -1, days_a_visit[k])
        figures[k, 1] = _figures(curve, weight, models[k], part, largest, days_a_visit[k])
    return carrying, figures


@inlined
def _carrying(days: FloatArray, gain: FloatArray, days_a_visit: float) -> float:
    """How many equal visits would share the gain as evenly."""
    visit, total, squares, in_visit = -1.0, 0.0, 0.0, 0.0
    first = np.floor(days[0] / days_a_visit)
    for i in range(len(days)):
        now = np.floor(days[i] / days_a_visit) - first
        if now != visit:
            squares += in_visit * in_visit
            visit, in_visit = now, 0.0
        in_visit += max(gain[i], 0.0)
        total += max(gain[i], 0.0)
    squares += in_visit * in_visit
    return total * total / max(squares, 1e-300)


@inlined
def _parts(days: FloatArray, gain: FloatArray, days_a_part: float) -> tuple[IntArray, int]:
    """The number of the part of the time that each epoch is in, and of that with most gain."""
    by_part = np.zeros(int((days[-1] - days[0]) / days_a_part) + 1)
    part = np.empty(len(days), np.int64)
    for i in range(len(days)):
        part[i] = int((days[i] - days[0]) / days_a_part)
        by_part[part[i]] += gain[i]
    return part, int(np.argmax(by_part))


@inlined
def _figures(
    curve: StarCurve,
    weight: FloatArray,
    model: FloatArray,
    part: IntArray,
    left_out: int,
    days_a_visit: float,
) -> FloatArray:
    """The figures of the epochs of all parts but one."""
    days, band, value = curve.days, curve.band, curve.value
    n_bands = len(curve.amplitude)
    sums = np.zeros((n_bands, 5))  # of weights; by value and its square; by what is left
    visits, visit, epochs, time, time2 = 0, np.nan, 0, 0.0, 0.0
    for i in range(len(days)):
        if part[i] == left_out:
            continue
        w, left = weight[i], value[i] - model[i]
        of = sums[band[i]]
        of[0] += w
        of[1] += w * value[i]
        of[2] += w * value[i] * value[i]
        of[3] += w * left
        of[4] += w * left * left
        epochs += 1
        time += days[i]
        time2 += days[i] * days[i]
        now = np.floor(days[i] / days_a_visit)
        if now != visit:
            visit = now
            visits += 1
    figures = np.zeros(4)
    before, after = 0.0, 0.0
    for b in range(n_bands):
        if sums[b, 0] > 0:
            figures[2] += 1
            before += sums[b, 2] - sums[b, 1] * sums[b, 1] / sums[b, 0]
            after += sums[b, 4] - sums[b, 3] * sums[b, 3] / sums[b, 0]
    if epochs and before > 0:
        figures[0] = 1 - after / before
        figures[3] = np.sqrt(max(time2 / epochs - (time / epochs) ** 2, 0.0))
    figures[1] = visits
    return figures
