"""Right ascensions in their range, and offsets that hold at the poles."""

import numpy as np
import pytest

from exposures.science.angles import ra_difference, tangent_offsets, to_sky, wrap_ra
from exposures.science.footprints import fault_of
from tests.builders.survey_rows import from_tangent_plane, square


@pytest.mark.parametrize(
    ("ra", "wrapped"),
    [
        *((-95.0, 265.0), (265.0, 265.0), (360.0, 0.0), (0.0, 0.0), (725.0, 5.0)),
        *((-1e-17, 0.0), (np.nextafter(0, -1), 0.0), (-0.0, 0.0), (-360.0, 0.0)),
        (np.nextafter(360, 0), np.nextafter(360, 0)),
    ],
)
def test_right_ascensions_are_at_least_0_and_below_360(ra, wrapped):
    assert wrap_ra(ra) == wrapped
    assert isinstance(wrap_ra(ra), float)
    assert list(wrap_ra(np.array([ra, ra]))) == [wrapped, wrapped]
    assert not np.signbit(wrap_ra(ra))


def test_an_undefined_right_ascension_stays_so():
    assert np.isnan(wrap_ra(np.nan))
    assert np.isnan(wrap_ra(np.array([np.nan, 1.0]))[0])


def test_differences_go_the_shorter_way_round():
    assert ra_difference(0.1, 359.9) == pytest.approx(0.2)
    assert ra_difference(359.9, 0.1) == pytest.approx(-0.2)


@pytest.mark.parametrize("centre", [(266.0, -29.0), (0.0, 0.0), (10.0, 89.9999), (200.0, -90.0)])
def test_offsets_east_and_north_are_those_of_the_tangent_plane(centre):
    x, y = np.array([0.001, -0.002, 0.0]), np.array([0.003, 0.0, -0.001])
    east, north = tangent_offsets(*from_tangent_plane(x, y, *centre), *centre)
    assert east == pytest.approx(x, abs=1e-9)
    assert north == pytest.approx(y, abs=1e-9)


def test_vectors_of_any_length_have_a_place_on_the_sky():
    ra, dec = to_sky([[3.0, -3e-17, 0.0], [0.0, 0.0, -2.0]])
    assert list(ra) == [0.0, 0.0]
    assert list(dec) == [0.0, -90.0]


@pytest.mark.parametrize("centre", [(266.0, -29.0), (0.0, 0.0), (10.0, 90.0), (0.0, -89.95)])
def test_the_footprint_of_a_chip_has_no_fault(centre):
    assert fault_of(square(*centre)) == ""
    assert fault_of(np.reshape(square(*centre), (4, 2))[::-1].ravel()) == ""  # mirrored


@pytest.mark.parametrize(
    ("footprint", "fault"),
    [
        ([np.nan] * 8, "no place"),
        ([0, 0, 90, 0, 90, 80, 0, 80], "degrees apart"),
        ([0, 95, 1, 95, 1, 96, 0, 96], "beyond the poles"),
        ([10, 0, 11, 0, 10, 1, 11, 1], "no rectangle"),  # its sides cross
        ([10, 0, 10, 0, 10, 0, 10, 0], "no rectangle"),
    ],
)
def test_corners_that_are_no_chips_are_told(footprint, fault):
    assert fault in fault_of(footprint)
