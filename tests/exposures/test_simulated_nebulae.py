"""Nebulae and dark filaments of simulated nights."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.fft import fft2, fftfreq
from scipy.ndimage import gaussian_filter

from exposures.errors import GalprojectError
from exposures.simulation import SimulationOptions, simulate_chip
from exposures.simulation.mosaic import PIXEL_DEGREES, Pointing, detectors
from exposures.simulation.nebulae import SLOPE, nebulae, power_law_field, seen_nebulae

FEW = SimulationOptions(chip_shape=(400, 400), stars_per_chip=1, n_chips=1, n_epochs=0)


def slope_of_power(field, shortest, longest):
    """Exponent of the power spectrum of a field between two wavelengths in pixels."""
    power = np.abs(fft2(field)) ** 2
    k = np.hypot(fftfreq(field.shape[0])[:, None], fftfreq(field.shape[1]))
    edges = np.geomspace(1 / longest, 1 / shortest, 9)
    number = np.digitize(k, edges)
    means = [(k[number == i].mean(), power[number == i].mean()) for i in range(1, len(edges))]
    return np.polyfit(*np.log(means).T, 1)[0]


@pytest.mark.parametrize("slope", [-2.0, -3.0])
def test_power_falls_as_asked(slope):
    field = power_law_field((512, 512), (8, 300), slope, np.random.default_rng(1))
    assert slope_of_power(field, 12, 120) == pytest.approx(slope, abs=0.15)


def test_nebulae_have_the_scatter_asked_for_and_power_that_falls_nearly_as_their_field():
    light = nebulae((600, 500), 0.15, np.random.default_rng(2))
    assert light.std() == pytest.approx(0.15, rel=0.01)
    assert slope_of_power(light[:500], 15, 100) == pytest.approx(SLOPE, abs=0.4)


def test_dark_filaments_lie_before_the_light(monkeypatch):
    with_dust = nebulae((800, 800), 0.15, np.random.default_rng(3))
    monkeypatch.setattr("exposures.simulation.nebulae.FILAMENT_DEPTH", 0.0)
    without = nebulae((800, 800), 0.15, np.random.default_rng(3))
    fine = [
        gaussian_filter(light, 2) - gaussian_filter(light, 12) for light in (with_dust, without)
    ]
    dark, usual = (np.percentile(light, 0.5) / light.std() for light in fine)
    assert dark < usual - 0.2


def test_an_image_has_nebulae_only_where_they_are_asked_for():
    without, with_them = (simulate_chip(replace(FEW, nebulosity=rms)) for rms in (0.0, 0.15))
    scatter = [np.std(chip.sky - np.median(chip.sky)) for chip in (without, with_them)]
    assert scatter[1] > 3 * scatter[0]
    difference = with_them.exposed.data - without.exposed.data
    usable = (with_them.exposed.quality == 0) & (without.exposed.quality == 0)
    correlation = np.corrcoef(difference[usable], (with_them.sky - without.sky)[usable])[0, 1]
    assert correlation > 0.9


def test_nebulae_stay_where_they_are_on_the_sky():
    detector, shape = detectors(1)[0], (200, 300)
    still = Pointing(265.0, -29.0).wcs(detector, shape)
    moved = Pointing(265.0, -29.0 + 20 * PIXEL_DEGREES).wcs(detector, shape)
    first, second = (
        seen_nebulae(0.2, wcs, still, shape, 4.0, np.random.default_rng(4))
        for wcs in (still, moved)
    )
    x, y = moved.all_world2pix(*still.all_pix2world([150], [100], 0), 0)
    dx, dy = round(x[0] - 150), round(y[0] - 100)
    assert abs(dx) + abs(dy) == 20
    there = second[50 + dy : 150 + dy, 50 + dx : 250 + dx]
    np.testing.assert_allclose(there, first[50:150, 50:250], atol=0.01)


def test_more_nebulosity_than_sky_is_refused():
    with pytest.raises(GalprojectError, match="nebulosity"):
        SimulationOptions(nebulosity=1.5)
