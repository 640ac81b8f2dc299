"""Trails found in what the stars leave of an image, and nothing else that is long."""

import numpy as np
import pytest

from photometry.science.trails.lines import Leftover
from photometry.science.trails.options import TrailOptions
from photometry.science.trails.trails import find_trails

SHAPE, NOISE, PSF = (620, 700), 10.0, 4.0
ACROSS = (0, 90), (700, 520)


def line(ends, fwhm, peak, dash=None):
    """(ny, nx) light of a Gaussian trail between two points; dark every other ``dash`` pixels."""
    (x0, y0), (x1, y1) = ends
    y, x = np.indices(SHAPE)
    length = np.hypot(x1 - x0, y1 - y0)
    along = ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length
    aside = ((y - y0) * (x1 - x0) - (x - x0) * (y1 - y0)) / length
    lit = (along >= 0) & (along <= length)
    if dash:
        lit &= np.floor(along / dash) % 2 == 0
    return peak * np.exp(-4 * np.log(2) * (aside / fwhm) ** 2) * lit


def leftover(light=0.0, model=None, seed=3, masked=None, saturated=None):
    """Noise and ``light``, and half a star's misfit where the model has stars."""
    rng = np.random.default_rng(seed)
    model = np.zeros(SHAPE) if model is None else model
    residual = light + rng.normal(0, NOISE, SHAPE) + 0.02 * model * rng.normal(0, 1, SHAPE)
    weight = np.full(SHAPE, 1 / NOISE**2, np.float32)
    if masked is not None:
        weight[masked] = 0
    saturated = np.zeros(SHAPE, bool) if saturated is None else saturated
    return Leftover(residual.astype("f4"), weight, model.astype("f4"), saturated)


def stars(n=3000, seed=5):
    """(ny, nx) light of a crowd."""
    rng = np.random.default_rng(seed)
    image = np.zeros(SHAPE)
    y, x = np.indices((41, 41)) - 20
    profile = np.exp(-4 * np.log(2) * (x**2 + y**2) / PSF**2)
    for flux in 30 * rng.pareto(0.7, n).clip(0, 1000):
        j, i = rng.integers(0, SHAPE[0] - 41), rng.integers(0, SHAPE[1] - 41)
        image[j : j + 41, i : i + 41] += flux * profile
    return image


def distance(trail, x, y):
    """Pixels from a point to the line of a trail."""
    step = trail.ends[1] - trail.ends[0]
    dx, dy = x - trail.ends[0, 0], y - trail.ends[0, 1]
    return abs(dy * step[0] - dx * step[1]) / np.hypot(*step)


def crowd_of_trails():
    """A trail, a shorter one and a wide one, tumbling ones and a spike, among stars."""
    y, x = np.indices(SHAPE)
    light = line(((0, 40), (700, 80)), 6, 60, 40) + line(((150, 560), (350, 600)), 6, 40)
    light += line(((0, 230), (700, 330)), 32, 60) + line(((0, 500), (700, 420)), 6, 100, 80)
    light += line(((620, 0), (660, 620)), 6, 5)
    return leftover(light, stars(2000), saturated=np.hypot(x - 350, y - 60) < 8)


TRAILS = {
    "the recipe": (ACROSS, 6, 300),
    "a faint one": (ACROSS, 6, 12),
    "a wide one": (ACROSS, 25, 200),
    "a very wide one": (ACROSS, 38, 300),
    "a steep one": (((420, 0), (300, 620)), 5, 50),
    "one along a column": (((301, 0), (301, 620)), 6, 100),
    "one along a row": (((0, 250), (700, 250)), 6, 100),
    "one nearly along a column": (((301, 0), (309, 620)), 6, 100),
    "one that begins on the chip": (((250, 200), (700, 520)), 6, 100),
    "one that begins and ends on it": (((200, 180), (440, 380)), 6, 100),
    "a tumbling one": (ACROSS, 6, 200, 40),
    "one that tumbles slowly": (ACROSS, 6, 200, 80),
}


@pytest.mark.parametrize("crowd", [0, 3000])
@pytest.mark.parametrize("case", TRAILS)
def test_a_trail_is_found_where_it_is_and_along_all_of_it(case, crowd):
    ends, *rest = TRAILS[case]
    found = find_trails(leftover(line(ends, *rest), stars(crowd)), PSF)
    assert len(found) == 1
    for x, y in ends:
        assert distance(found[0], x, y) < 2.5 + 0.3 * (rest[0] - 5)
    share = np.linspace(0.03, 0.97, 50)
    on_it = [np.interp(share, [0, 1], axis) for axis in zip(*ends, strict=True)]
    assert np.mean(found[0].covers(*on_it)) > (0.9 if len(rest) > 2 else 0.98)
    assert 0.8 * rest[0] < found[0].fwhm < 1.5 * rest[0] + PSF


@pytest.mark.parametrize("apart", [40, 60, 150])
def test_two_trails_beside_each_other_are_two(apart):
    light = line(ACROSS, 6, 200) + line(((0, 90 + apart), (700, 520 + apart)), 6, 100)
    found = find_trails(leftover(light), PSF)
    middles = [distance(trail, 350, 305) for trail in found]
    assert len(found) == 2
    assert min(middles) < 2
    assert max(middles) == pytest.approx(apart * 0.852, abs=3)


def test_two_trails_that_cross_are_two():
    found = find_trails(leftover(line(ACROSS, 6, 100) + line(((600, 0), (80, 620)), 6, 60)), PSF)
    assert len(found) == 2


def spike(angle, flux=3000.0):
    """Light of a diffraction spike through a star in the middle, fading outwards."""
    y, x = np.indices(SHAPE) - np.array([310, 350])[:, None, None]
    along, aside = (
        x * np.cos(angle) + y * np.sin(angle),
        y * np.cos(angle) - x * np.sin(angle),
    )
    return flux * np.exp(-np.abs(along) / 30) * np.exp(-((aside / 2) ** 2))


def row_of_stars():
    """What is left of stars in a row, every 45 pixels."""
    y, x = np.indices(SHAPE)
    left = np.zeros(SHAPE)
    for i in range(20, 700, 45):
        left += 400 * np.exp(-((x - i) ** 2 + (y - 60 - 0.6 * i) ** 2) / 8)
    return left


def nebula():
    """A filament of gas, and a slope."""
    y, x = np.indices(SHAPE)
    return 60 * np.exp(-(((y - 300 - 40 * np.sin(x / 120)) / 90) ** 2)) + 0.05 * x


def charge():
    """One column with charge in it."""
    light = np.zeros(SHAPE)
    light[:, 333] = 200.0
    return light


def bleed():
    """A bleed trail that runs along its column from a saturated star."""
    light, saturated = np.zeros(SHAPE), np.zeros(SHAPE, bool)
    light[200:420, 330:336] = 500.0
    saturated[300:320, 325:341] = True
    return light, saturated


@pytest.mark.parametrize("light", [row_of_stars, nebula, charge, lambda: 0.0])
@pytest.mark.parametrize("crowd", [0, 3000])
def test_nothing_else_is_a_trail(light, crowd):
    assert find_trails(leftover(light(), stars(crowd)), PSF) == []


def test_spikes_and_bleed_trails_of_saturated_stars_are_none():
    y, x = np.indices(SHAPE)
    saturated = np.hypot(x - 350, y - 310) < 12
    for angle in (0.0, 0.7, np.pi / 2, 2.2):
        assert find_trails(leftover(spike(angle), saturated=saturated), PSF) == []
    light, saturated = bleed()
    assert find_trails(leftover(light, saturated=saturated), PSF) == []


def test_masked_columns_and_an_image_without_pixels_are_none():
    masked = np.zeros(SHAPE, bool)
    masked[:, 300:340], masked[50:90] = True, True
    assert find_trails(leftover(masked=masked), PSF) == []
    assert find_trails(leftover(masked=np.ones(SHAPE, bool)), PSF) == []


def test_a_small_image_is_searched_too():
    left = leftover(line(((0, 120), (300, 180)), 6, 100))
    for ny, nx, n_found in ((40, 50, 0), (3, 3, 0), (300, 300, 1)):
        small = Leftover(*(getattr(left, name)[:ny, :nx] for name in vars(left)))
        assert len(find_trails(small, PSF)) == n_found


def test_no_more_trails_are_found_than_asked_for():
    light = sum(line(((0, y), (700, y + 60)), 5, 100) for y in range(80, 500, 100))
    assert len(find_trails(leftover(light), PSF)) == 5
    assert len(find_trails(leftover(light), PSF, TrailOptions(max_trails=2))) == 2


def test_haloes_of_bright_stars_in_a_row_are_no_trail():
    y, x = np.indices(SHAPE)
    light = np.zeros(SHAPE)
    # One bright star's halo, and three fainter ones that happen to lie in line with it.
    for number, peak in enumerate((12.0, 12.0, 120.0, 12.0)):
        x0, y0 = 396 + 8.4 * number, 216 + 60 * number
        light += peak * np.exp(-0.5 * ((x - x0) ** 2 + (y - y0) ** 2) / 12**2)
    assert find_trails(leftover(light), PSF) == []
    hangs_on_few = TrailOptions(brightest_pieces=0.0)
    assert find_trails(leftover(light), PSF, hangs_on_few)
