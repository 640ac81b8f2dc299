"""Very bright stars of simulated nights: saturated cores, bleed trails and aureoles."""

from dataclasses import replace

import numpy as np

from exposures.simulation import SimulationOptions, simulate_chip
from exposures.simulation.aureole import SHARE, aureoles
from exposures.simulation.detector import BLEED, SATURATED

FEW = SimulationOptions(chip_shape=(400, 400), stars_per_chip=1, n_chips=1, n_epochs=0)


def test_bright_stars_saturate_and_bleed():
    chip = simulate_chip(replace(FEW, n_bright_stars=3))
    assert np.count_nonzero(chip.exposed.quality == SATURATED) > 300
    assert np.count_nonzero(chip.exposed.quality == BLEED) > 300
    bright = np.sort(chip.flux)[-3:]
    np.testing.assert_allclose(np.diff(-2.5 * np.log10(bright)), -2.5, atol=0.1)


def test_aureole_falls_as_the_square_of_the_distance():
    light = aureoles(np.array([300.0]), np.array([310.0]), np.array([1e8]), (620, 610))
    near, far = light[310, 300 + 60], light[310, 300 + 120]
    np.testing.assert_allclose(near / far, 4, rtol=0.1)
    np.testing.assert_allclose(light.sum(), SHARE * 1e8, rtol=0.03)


def test_other_stars_stay_where_they_are_with_bright_ones():
    without, with_them = (simulate_chip(replace(FEW, n_bright_stars=n)) for n in (0, 2))
    n = len(without.flux)
    np.testing.assert_array_equal(without.flux, with_them.flux[:n])
    assert len(with_them.flux) == n + 2
