import numpy as np
import pytest

from variables.science.completeness import crossing, offsets, shares


def test_shares_are_counted_by_hand():
    values = np.array([1.0, 1.5, 1.9, 2.0, 2.5, 9.0])
    counted = shares(values, np.array([True, False, True, True, True, True]), [0, 1, 2, 3])
    assert counted.n.tolist() == [0, 3, 2]
    assert counted.k.tolist() == [0, 2, 2]
    assert np.isnan(counted.share[0])
    assert counted.share[1:].tolist() == pytest.approx([2 / 3, 1])
    # Wilson's interval of 2 in 2 at z = 1: 1 / (1 + 1/2) to 1.
    assert counted.low[2] == pytest.approx(2 / 3, abs=1e-3)
    assert counted.high[2] == pytest.approx(1)


def test_intervals_hold_the_truth_two_times_in_three():
    rng = np.random.default_rng(1)
    has_it = rng.random((400, 50)) < 0.9
    inside = [
        s.low[0] <= 0.9 <= s.high[0] for s in (shares(np.zeros(50), row, [-1, 1]) for row in has_it)
    ]
    assert 0.58 < np.mean(inside) < 0.82


def test_offsets_are_medians_with_their_errors():
    rng = np.random.default_rng(2)
    values = np.repeat([1.5, 2.5, 3.5], [1000, 4, 500])
    differences = np.where(values < 2, 0.02, -0.1) + rng.normal(0, 0.05, len(values))
    differences[::50] = 30.0  # outliers, and what was not measured
    differences[1::50] = np.nan
    found = offsets(values, differences, [1, 2, 3, 4])
    assert found.n[1] < 5
    assert np.isnan(found.median[1])
    assert found.median[[0, 2]] == pytest.approx([0.02, -0.1], abs=0.01)
    assert found.spread[[0, 2]] == pytest.approx([0.05, 0.05], rel=0.15)
    assert found.error[0] == pytest.approx(
        np.sqrt(np.pi / 2) * found.spread[0] / np.sqrt(found.n[0])
    )


def test_crossing_is_between_the_bins_that_enclose_it():
    edges = [20, 21, 22, 23, 24]
    assert crossing(edges, np.array([1.0, 0.8, 0.3, 0.0])) == pytest.approx(22.1)
    assert crossing(edges, np.array([1.0, np.nan, 0.0, 0.0])) == pytest.approx(21.5)
    assert np.isnan(crossing(edges, np.ones(4)))
