import numpy as np
import pytest

from variables.science.binned_statistics import (
    N_BINS,
    UNKNOWN,
    Density,
    Scale,
    Window,
    inside_polygon,
    window_of_most,
)

SCALE = Scale(5.0, 35.0)


def test_a_value_in_bins_is_the_same_to_half_a_bin():
    values = np.random.default_rng(1).uniform(5, 35, 1000)
    again = SCALE.values(SCALE.bins(values))
    assert np.abs(again - values).max() <= SCALE.step / 2 * (1 + 1e-9)
    assert SCALE.step < 5e-4  # mag


def test_what_is_beyond_the_scale_counts_as_its_ends_and_what_is_unknown_as_nothing():
    bins = SCALE.bins(np.array([-np.inf, 4.0, 40.0, np.inf, np.nan], "f4"))
    assert bins.tolist() == [0, 0, N_BINS - 1, N_BINS - 1, UNKNOWN]
    assert np.isnan(SCALE.values(bins)[-1])


def test_the_density_is_the_histogram_of_the_values():
    rng = np.random.default_rng(2)
    x, y = rng.normal(20, 2, (2, 3000))
    x[::50] = np.nan
    window = Window(SCALE.edge(16), SCALE.edge(16) + 32 * 500, 32)
    density = Density(window, window)
    for half in (slice(0, 1000), slice(1000, None)):
        density.add(SCALE.bins(x[half]), SCALE.bins(y[half]))
    ends = SCALE.low + SCALE.step * np.array([window.first, window.end])
    truth, _, _ = np.histogram2d(y, x, 32, [ends, ends])
    assert truth.sum() > 2000 and np.array_equal(density.counts, truth)


def test_a_window_of_one_cell_a_bin_tells_bins_apart():
    density = Density(Window(100, 356, 256), Window(0, N_BINS, 256))
    density.add(np.array([99, 100, 101, 355, 356]), np.zeros(5, int))
    assert density.counts[0, [0, 1, 255]].tolist() == [1, 1, 1] and density.counts.sum() == 3


def test_the_first_window_holds_nearly_all_stars_and_no_empty_half():
    values = np.append(np.random.default_rng(3).normal(20, 1, 100_000), [6.0, 34.0, 1.0, 90.0])
    counts = np.bincount(SCALE.bins(values), minlength=N_BINS)
    window = window_of_most(counts, 1e-3, 256)
    inside = window.holds(SCALE.bins(values))
    assert inside.mean() > 0.997
    assert 15 < SCALE.values(np.array([window.first]))[0] < 17
    assert 23 < SCALE.values(np.array([window.end]))[0] < 25


@pytest.mark.parametrize("counts", [np.zeros(N_BINS, int), np.eye(1, N_BINS, 30_000, int)[0]])
def test_without_stars_or_with_one_there_is_a_window_all_the_same(counts):
    window = window_of_most(counts, 1e-3, 256)
    assert 0 <= window.first < window.end <= N_BINS
    assert window.end - window.first >= 256


def test_what_is_inside_of_a_polygon_is_what_one_sees():
    # A horseshoe, open to the right.
    corners = np.array([[0, 0], [4, 0], [4, 1], [1, 1], [1, 3], [4, 3], [4, 4], [0, 4]], float)
    x = np.array([0.5, 2.0, 2.0, 2.0, 5.0, -1.0, np.nan])
    y = np.array([2.0, 0.5, 2.0, 3.5, 0.5, 2.0, 2.0])
    assert inside_polygon(x, y, corners).tolist() == [True, True, False, True, False, False, False]


def test_a_polygon_may_be_drawn_either_way_round():
    rng = np.random.default_rng(4)
    x, y = rng.uniform(0, 1, (2, 500))
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    circle = 0.5 + 0.3 * np.column_stack([np.cos(angle), np.sin(angle)])
    inside = inside_polygon(x, y, circle)
    assert np.array_equal(inside, inside_polygon(x, y, circle[::-1]))
    assert np.array_equal(
        inside[np.abs(np.hypot(x - 0.5, y - 0.5) - 0.3) > 0.01],
        (np.hypot(x - 0.5, y - 0.5) < 0.3)[np.abs(np.hypot(x - 0.5, y - 0.5) - 0.3) > 0.01],
    )
