"""How a signal is shared among the visits to a star, and among parts of the time."""

import numpy as np

from exposures.science.arrays import FloatArray, IntArray
from photometry.science.compiled import compiled
from variables.science.periodicity.fourier_evidence import WeightedCurve


@compiled
def shares_of_signal(
    curve: WeightedCurve, model: FloatArray, days_a_visit: float, days_a_part: float
) -> tuple[float, FloatArray]:
    """How many visits carry a signal, and (2, 4) figures of all epochs and of fewer.

    ``curve`` is a WeightedCurve by time, ``model`` (n,) its signal, in its unit. Measurements of
    the same ``days_a_visit``, a number of days, are one visit. The second row is without the part
    of ``days_a_part`` days that has most of the signal. Columns are the share of the variance about
    the mean of each filter that the model takes, the number of visits and of filters, and the
    standard deviation of the times in days.
    """
    days, value, weight = curve.days, curve.value, curve.weight
    n = len(days)
    by_part = np.zeros(int((days[-1] - days[0]) / days_a_part) + 1)
    part = np.empty(n, np.int64)
    visit, total, squares, in_visit = -1.0, 0.0, 0.0, 0.0
    first = np.floor(days[0] / days_a_visit)
    for i in range(n):
        left = value[i] - model[i]
        gain = weight[i] * (value[i] * value[i] - left * left)
        part[i] = int((days[i] - days[0]) / days_a_part)
        by_part[part[i]] += gain
        now = np.floor(days[i] / days_a_visit) - first
        if now != visit:
            squares += in_visit * in_visit
            visit, in_visit = now, 0.0
        in_visit += max(gain, 0.0)
        total += max(gain, 0.0)
    squares += in_visit * in_visit
    found = np.zeros((2, 4))
    found[0] = _figures(curve, model, part, -1, days_a_visit)
    found[1] = _figures(curve, model, part, int(np.argmax(by_part)), days_a_visit)
    return total * total / max(squares, 1e-300), found


@compiled
def _figures(
    curve: WeightedCurve,
    model: FloatArray,
    part: IntArray,
    left_out: int,
    days_a_visit: float,
) -> FloatArray:
    """The figures of the epochs of all parts but one."""
    days, band, value, weight, amplitude = curve
    sums = np.zeros((len(amplitude), 5))  # of weights; by value and its square; by what is left
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
    for b in range(len(amplitude)):
        if sums[b, 0] > 0:
            figures[2] += 1
            before += sums[b, 2] - sums[b, 1] * sums[b, 1] / sums[b, 0]
            after += sums[b, 4] - sums[b, 3] * sums[b, 3] / sums[b, 0]
    if epochs and before > 0:
        figures[0] = 1 - after / before
        figures[3] = np.sqrt(max(time2 / epochs - (time / epochs) ** 2, 0.0))
    figures[1] = visits
    return figures
