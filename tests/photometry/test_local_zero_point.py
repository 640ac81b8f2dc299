import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates

from photometry.science.calibration.calibration import Correction
from photometry.science.calibration.local_zero_point import (
    LocalOptions,
    LocalZeroPoint,
    fit_local_zero_point,
)

SHAPE = (4094, 2046)
STEP = 16  # pixels between points of the true zero points
CORRELATION = 350.0  # pixels, of turbulence over a chip


class Field:
    """Stars under a zero point that varies by ``rms`` mag; residuals are noise and that."""

    def __init__(self, rms, seed, n=4_000):
        rng = np.random.default_rng(seed)
        grid = tuple(side // STEP + 2 for side in SHAPE)
        self.truth = gaussian_filter(rng.normal(0, 1, grid), CORRELATION / STEP / 2, mode="wrap")
        self.truth *= rms / self.truth.std()
        self.x, self.y = rng.uniform(0, SHAPE[1], n), rng.uniform(0, SHAPE[0], n)
        self.sigma = 0.003 + 0.047 * rng.uniform(0, 1, n) ** 2
        self.residual = self.zero_point(self.x, self.y) + rng.normal(0, self.sigma)

    def zero_point(self, x, y):
        return map_coordinates(self.truth, [y / STEP, x / STEP], order=1)

    def fit(self, options=LocalOptions()):
        return fit_local_zero_point((self.x, self.y), self.residual, self.sigma, SHAPE, options)


@pytest.fixture(scope="module")
def turbulent():
    return Field(rms=0.009, seed=1)


def everywhere(n=5_000):
    return np.random.default_rng(99).uniform(0, 1, (2, n)) * [[SHAPE[1] - 1], [SHAPE[0] - 1]]


def test_seven_tenths_of_turbulence_go(turbulent):
    x, y = everywhere()
    left = turbulent.fit().at(x, y) - turbulent.zero_point(x, y)
    assert np.std(turbulent.zero_point(x, y)) == pytest.approx(0.009, rel=0.1)
    assert np.std(left) < 0.3 * 0.009


def test_errors_of_local_zero_points_are_what_they_are_off_by(turbulent):
    x, y = everywhere()
    surface = turbulent.fit()
    pulls = (surface.at(x, y) - turbulent.zero_point(x, y)) / surface.errors_at(x, y)
    assert 0.6 < np.std(pulls) < 1.2


@pytest.mark.parametrize("seed", range(5))
def test_without_structure_there_is_no_local_zero_point(seed):
    assert Field(rms=0, seed=seed, n=1_500).fit() is None


def test_a_variable_does_not_move_its_own_zero_point(turbulent):
    star = int(np.argmin(turbulent.sigma))
    place = turbulent.x[star : star + 1], turbulent.y[star : star + 1]
    before = turbulent.fit().at(*place)[0]
    turbulent.residual[star] -= 0.3
    without = turbulent.fit().at(*place)[0]
    turbulent.residual[star] += 0.3
    assert without == pytest.approx(before, abs=0.0005)


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_a_change_too_small_to_be_clipped_hides_by_a_tenth_at_most(seed):
    few = Field(rms=0.03, seed=seed, n=500)
    star, options = int(np.argmin(few.sigma)), LocalOptions(smallest_pixels=240, widths=1)
    place = few.x[star : star + 1], few.y[star : star + 1]
    few.residual[star] = few.fit(options).at(*place)[0]
    few.sigma[star] = 0.001  # would count for most of its surroundings
    before = few.fit(options).at(*place)[0]
    few.residual[star] += 0.002
    moved = few.fit(options).at(*place)[0] - before
    assert abs(moved) <= 0.1 * 0.002 + 1e-4  # of which the latter is the rounding of what is stored


def test_a_wrong_sky_under_faint_stars_is_no_zero_point():
    field = Field(rms=0, seed=4)
    waves = np.sin(field.x / 60) * np.cos(field.y / 60)
    field.residual += 0.03 * waves * (field.sigma / 0.05) ** 1.5
    assert field.fit() is None


def test_few_stars_give_no_local_zero_point():
    assert Field(rms=0.05, seed=5, n=50).fit() is None


def test_off_means_off(turbulent):
    assert turbulent.fit(LocalOptions(widths=0)) is None


def test_what_is_stored_gives_the_same_magnitudes(turbulent):
    x, y = everywhere(50)
    none = np.zeros(50, int)
    correction = replace(Correction(SHAPE, -1), local=turbulent.fit())
    stored = json.loads(json.dumps(correction.as_json()))
    again = Correction.from_json(stored, SHAPE)
    assert again.at(x, y, none) == pytest.approx(correction.at(x, y, none), abs=1e-12)
    assert again.errors_at(x, y) == pytest.approx(correction.errors_at(x, y), abs=1e-12)


def test_images_made_before_there_were_local_zero_points_have_none():
    stored = Correction(SHAPE, 0, np.array([0.1])).as_json()
    del stored["local"]
    assert Correction.from_json(stored, SHAPE).errors_at(*everywhere(3)).tolist() == [0, 0, 0]


def test_values_lie_on_straight_lines_between_points():
    surface = LocalZeroPoint(100.0, np.array([[0.0, 0.01], [0.02, 0.03]]), np.full((2, 2), 0.001))
    at = surface.at(np.array([0.0, 50.0, 100.0, 300.0]), np.array([0.0, 0.0, 100.0, 0.0]))
    assert at == pytest.approx([0, 0.005, 0.03, 0.01])
