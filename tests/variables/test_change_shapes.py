"""The shape of changes in difference pixels: stars are told from what is none."""

from dataclasses import replace

import numpy as np
import pytest

from tests.builders.changed_stars import FLUX_ERR, HALF, NOISE, Scene, moffat
from variables.science.change_position import Differences
from variables.science.change_shapes import SHAPES, change_shapes

X, Y = 0.3, -0.4  # pixels of the star from the middle


def stamps_of(*sigma):
    scene = Scene(np.array([X]), np.array([Y]), np.array([100.0]), FLUX_ERR * np.array([sigma]))
    return scene.stamps(np.random.default_rng(5))


def shapes_of(stamps):
    """{name: (n_epochs,)} SHAPES at the place of the star."""
    return dict(zip(SHAPES, change_shapes(Differences(stamps), X, Y).T, strict=True))


def of_light(light):
    """SHAPES of a difference that is some light and noise, without a star."""
    (stamp,) = stamps_of(0.0)
    return shapes_of([replace(stamp, difference=stamp.difference + light)])


def test_a_star_has_the_shape_of_its_psf_whether_it_brightens_or_fades():
    found = shapes_of(stamps_of(90.0, -90.0))
    assert (found["correlation"] > 0.9).all() and (found["core_left"] < 0.1).all()
    assert found["sharpness"] == pytest.approx(1, abs=0.25)
    assert (found["asymmetry"] < 0.4).all()
    # Noise that the kernel has correlated is more of it than weights of single pixels tell.
    assert found["sigma"] == pytest.approx(90, rel=0.4)
    assert np.ptp(found["width"]) < 0.3


def test_what_is_no_star_has_another_shape():
    star = {name: values[0] for name, values in shapes_of(stamps_of(90.0)).items()}
    light = 90 * FLUX_ERR
    pixel = np.zeros((2 * HALF + 1,) * 2)
    pixel[HALF, HALF] = light
    ray = of_light(pixel)
    assert ray["sharpness"] > 3 * star["sharpness"] and ray["core_left"] > 0.5
    dipole = of_light(light * (moffat(1, 0, half=HALF) - moffat(-1, 0, half=HALF)))
    assert dipole["asymmetry"] > 1.2 and dipole["correlation"] < 0.4
    wide = of_light(light * moffat(X, Y, fwhm=12.0, half=HALF))
    assert wide["width"] > star["width"] + 0.1 and wide["core_left"] > star["core_left"]
    nothing = of_light(0)
    assert nothing["sigma"] < 5 and nothing["correlation"] < 0.5


def test_masked_pixels_tell_nothing():
    (stamp,) = stamps_of(30.0)
    masked = stamp.difference.copy()
    masked[HALF + 2, HALF + 2] = np.nan
    spoilt = replace(stamp, difference=masked)
    other = replace(spoilt, search_variance=stamp.search_variance + NOISE * np.isnan(masked))
    np.testing.assert_array_equal(*(list(shapes_of([s]).values()) for s in (spoilt, other)))
    all_masked = replace(stamp, difference=np.full_like(masked, np.nan))
    assert all(np.isnan(value).all() for value in shapes_of([all_masked]).values())
