"""What candidates are judged to be caused by, and the statistics of their light curves."""

from dataclasses import replace

import numpy as np
import pytest

from variables.science.causes import BIT, CauseOptions, Evidence, count_others_nearby, judge_causes
from variables.science.light_curve_statistics import light_curve_statistics

# A star that changed three times in twenty epochs, in the middle of a quiet chip.
STAR = Evidence(
    always_failed=np.array([0]),
    edge_distance=np.array([500.0]),
    n_changes=np.array([3]),
    n_epochs=np.array([20]),
    mean_delta=np.array([0.5]),
    scatter_delta=np.array([0.2]),
    least_crowd=np.array([12]),
    n_others_nearby=np.array([0]),
    only_on_reference=np.array([False]),
    is_new=np.array([False]),
    speed=np.array([np.nan]),
    speed_sigma=np.array([np.nan]),
    motion_fade=np.array([np.nan]),
)
# 60 mas a year for ten years: it fades by 0.45 mag where its old place is looked at.
FAST = {"speed": 60.0, "speed_sigma": 30.0, "motion_fade": 0.45}


def cause(options=CauseOptions(), **columns):
    (name,) = judge_causes(replace(STAR, **{k: np.array([v]) for k, v in columns.items()}), options)
    return name


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("real", {}),
        ("bleed", {"always_failed": BIT["saturated"] | BIT["masked"]}),
        ("saturated", {"always_failed": BIT["near_saturated"]}),
        ("edge", {"edge_distance": 14.9}),
        ("real", {"edge_distance": 15.1}),
        ("detector", {"n_others_nearby": 3}),
        ("real", {"n_others_nearby": 2}),
        ("reference", {"n_changes": 16, "scatter_delta": 0.1}),
        ("reference", {"n_changes": 1, "only_on_reference": True}),
        ("real", {"n_changes": 15, "scatter_delta": 0.1}),
        ("real", {"n_changes": 16, "scatter_delta": 0.4}),
        ("real", {"n_changes": 4, "n_epochs": 4, "scatter_delta": 0.1}),
        ("missing", {"is_new": True, "n_changes": 19, "mean_delta": 1.0, "scatter_delta": 0.1}),
        ("real", {"is_new": True, "n_changes": 10, "mean_delta": 1.0, "scatter_delta": 0.1}),
        ("real", {"is_new": True, "n_changes": 19, "mean_delta": 1.0, "scatter_delta": 0.5}),
        ("shape", {"always_failed": BIT["search_rchi2"]}),
        ("shape", {"always_failed": BIT["traded"]}),
        ("crowd", {"least_crowd": 100}),
        ("motion", FAST),
        ("motion", {**FAST, "n_changes": 20, "scatter_delta": 0.1}),
        ("real", {**FAST, "mean_delta": 1.0}),
        ("real", {**FAST, "mean_delta": -0.5}),
        ("real", {**FAST, "speed": 19.0}),
        ("real", {**FAST, "speed_sigma": 4.0}),
        ("real", {"mean_delta": np.nan, "scatter_delta": np.nan, "n_changes": 20}),
    ],
)
def test_a_cause_is_judged_by_what_it_leaves_behind(name, columns):
    assert cause(**columns) == name


def test_thresholds_are_options():
    assert cause(CauseOptions(crowd=12)) == "crowd"
    assert cause(CauseOptions(edge_pixels=501.0)) == "edge"


def test_others_at_a_place_are_counted_once_each_and_never_the_source_itself():
    rng = np.random.default_rng(1)
    n, radius = 400, 3.0
    source = rng.integers(0, 60, n)
    x, y = rng.uniform(0, 60, (2, n))
    x[::37] = np.nan
    near = np.hypot(x[:, None] - x, y[:, None] - y) <= radius
    expected = [len(set(source[row].tolist()) - {source[i]}) for i, row in enumerate(near)]
    assert count_others_nearby(source, x, y, radius).tolist() == expected
    assert max(expected) > 3


def test_too_few_measurements_have_no_shape():
    curve = np.array([0, 1, 1, 2, 2, 2])
    mag = np.array([18.0, 18.0, 18.4, 19.0, 19.0, 19.0])
    s = light_curve_statistics(4, curve, mag, np.full(6, 0.1))
    assert s.n.tolist() == [1, 2, 3, 0]
    assert s.mean_mag[:3] == pytest.approx([18.0, 18.2, 19.0]) and np.isnan(s.mean_mag[3])
    assert np.isnan(s.rms_mag[[0, 3]]).all() and s.rms_mag[2] == 0
    assert s.chi2_nu[1] == pytest.approx(8.0) and s.amplitude_mag[1] == pytest.approx(0.36)
    assert np.isnan(s.von_neumann).all() and np.isnan(s.skewness).all()


def test_noise_has_chi2_nu_of_1_and_von_neumann_s_ratio_of_2():
    rng = np.random.default_rng(2)
    curve = np.repeat(np.arange(300), 100)
    s = light_curve_statistics(300, curve, rng.normal(18, 0.05, curve.size), np.full(30000, 0.05))
    assert s.chi2_nu.mean() == pytest.approx(1, abs=0.03)
    assert s.von_neumann.mean() == pytest.approx(2, abs=0.05)
    assert s.skewness.mean() == pytest.approx(0, abs=0.05)
    smooth = np.tile(18 + np.sin(np.linspace(0, 2 * np.pi, 100)), 300)
    assert (
        light_curve_statistics(300, curve, smooth, np.full(30000, 0.05)).von_neumann < 0.1
    ).all()
