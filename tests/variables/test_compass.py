"""The compass and the scale that are drawn on pictures."""

import numpy as np
import pytest

from exposures.science.orientation import UNTURNED, Orientation
from variables.pictures.compass import compass_of


def turned(degrees, arcsec_per_pixel=0.263):
    """North turned to the left of up."""
    angle = np.radians(degrees)
    north, east = (-np.sin(angle), np.cos(angle)), (-np.cos(angle), -np.sin(angle))
    return Orientation(UNTURNED, north, east, arcsec_per_pixel)


def test_north_and_east_are_said_as_they_are_drawn():
    straight = compass_of(turned(0.2), 63)
    assert straight.words.startswith("North is up, east left;")
    assert straight.lines["north"][1] < 0 and straight.lines["east"][0] < 0
    assert "30° left of up" in compass_of(turned(30), 63).words
    assert "30° right of up" in compass_of(turned(-30), 63).words


@pytest.mark.parametrize(
    ("side", "scale", "text"),
    [(63, 0.263, "5″"), (63, 2.0, "30″"), (4094, 0.263, "5′"), (63, 0.02, "1″"), (10, 20, "1′")],
)
def test_the_bar_is_a_round_angle_of_its_true_length(side, scale, text):
    compass = compass_of(turned(0, scale), side)
    assert compass.bar_text == text
    assert compass.bar_pixels * scale == pytest.approx(compass.bar_arcsec)
    drawn = compass.lines["bar_end"] - compass.lines["bar_start"]
    assert drawn * side / 100 * scale == pytest.approx(compass.bar_arcsec, rel=1e-3)
    assert drawn < 85


def test_without_a_known_north_there_is_no_compass():
    assert compass_of(Orientation(UNTURNED), 63) is None
