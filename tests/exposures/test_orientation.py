"""Pictures of chips are turned for north to be up and east left, however the camera is mounted."""

import numpy as np
import pytest
from astropy.wcs import WCS

from exposures.fits import footprint_of
from exposures.science.orientation import TURNS, orientation_of

SHAPE = 410, 204  # ny, nx
SCALE = 0.263  # arcsec


def chip(cd, ra=266.0, dec=-29.0):
    """The WCS of a chip: ``cd`` is (east, north) of x and of y, in pixels of the sky."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval, wcs.wcs.crpix = [ra, dec], [SHAPE[1] / 2 + 0.5, SHAPE[0] / 2 + 0.5]
    wcs.wcs.cd = np.array(cd).T * SCALE / 3600
    return wcs


def oriented(wcs):
    return orientation_of(footprint_of(wcs, SHAPE), SHAPE[1], SHAPE[0])


def turned_by(degrees, mirrored=False):
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    along_x = (-cos, sin) if not mirrored else (cos, -sin)
    return along_x, (sin, cos)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270, 3, -40, 130, 222])
@pytest.mark.parametrize(("ra", "dec"), [(266.0, -29.0), (0.001, 10.0), (120.0, 85.0)])
def test_stars_to_the_north_are_up_and_to_the_east_left(degrees, mirrored, ra, dec):
    wcs = chip(turned_by(degrees, mirrored), ra, dec)
    here = oriented(wcs)
    pixels = np.zeros(SHAPE)
    centre = np.array(wcs.all_world2pix([[ra, dec]], 0)[0])
    step = 20 * SCALE / 3600
    to_north = wcs.all_world2pix([[ra, dec + step]], 0)[0] - centre
    to_east = wcs.all_world2pix([[ra + step / np.cos(np.radians(dec)), dec]], 0)[0] - centre
    for offset, value in ((to_north, 1), (to_east, 2)):
        x, y = np.rint(centre + offset).astype(int)
        pixels[y, x] = value
    picture = here.picture(pixels)
    assert picture.shape[::-1] == here.size(SHAPE[1], SHAPE[0])
    middle = np.array(picture.shape)[::-1] / 2
    for value, arrow in ((1, here.north), (2, here.east)):
        (row,), (column,) = np.nonzero(picture == value)
        right, up = (column, -row) - middle * (1, -1)
        # Where the star is, and where the compass says that it is.
        assert np.hypot(right - 20 * arrow[0], up - 20 * arrow[1]) < 1.5
    assert here.north[1] > 0.7 and here.east[0] < -0.7
    assert here.arcsec_per_pixel == pytest.approx(SCALE, rel=1e-3)


def test_decam_s_x_grows_down_and_its_y_to_the_left():
    here = oriented(chip(((0, -1), (1, 0))))  # +x is to the south, +y to the east
    assert (here.x_direction, here.y_direction) == ("down", "left")
    assert here.size(2046, 4094) == (4094, 2046)


@pytest.mark.parametrize("turn", TURNS)
def test_svg_s_matrix_takes_each_pixel_to_its_place_in_the_picture(turn):
    sky = np.diag([-1, 1]) @ np.array(turn)  # right is west, up is north
    here = oriented(chip(sky.T))
    assert here.turn == turn
    pixels = np.arange(np.prod(SHAPE)).reshape(SHAPE)
    a, b, c, d, e, f = here.to_picture(SHAPE[1], SHAPE[0])
    picture = here.picture(pixels)
    for x, y in ((0, 0), (203, 0), (17, 409), (5, 300)):
        assert picture[b * x + d * y + f, a * x + c * y + e] == pixels[y, x]


def test_a_chip_at_the_pole_and_one_without_a_footprint_are_shown_somehow():
    assert oriented(chip(((-1, 0), (0, 1)), 10.0, 90.0)).arcsec_per_pixel > 0.2
    for footprint, width in ((None, 10), ([], 10), (footprint_of(chip(turned_by(0)), SHAPE), None)):
        unknown = orientation_of(footprint, width, 10)
        assert unknown.north is None and (unknown.x_direction, unknown.y_direction) == (
            "right",
            "up",
        )
