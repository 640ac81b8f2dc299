"""Extended sources as one object: what only trades flux fails a cut, and what varies is kept."""

from dataclasses import replace

import numpy as np
import pytest

from variables.models import Cut
from variables.science.extended_objects import find_members
from variables.science.selection import Photometry, SelectionOptions, select_changes

ARCSEC = 1 / 3600
ERROR = 100.0  # ADU, of each of the members of a galaxy
FLUX = np.array([5000.0, 4000, 3000, 2000, 6000])  # the last is a star


def photometry(flux):
    one = np.ones(len(flux))
    brightest = np.argmax(flux[:4])
    return Photometry(
        mag=25 - 2.5 * np.log10(flux),
        mag_err=1e-9 * one,
        flux=flux,
        flux_err=ERROR * one,
        rchi2=one,
        fracflux=0.8 * one,
        quality=one,
        flags=np.zeros(len(flux), int),
        edge_distance=200 * one,
        saturated_distance=200 * one,
        members=np.column_stack([np.full(4, brightest), [0, 1, 2, 3]]),
    )


def changes(sigmas, options=SelectionOptions(), flux=FLUX):
    """Index and failed cuts of the changes of five sources, by so many sigma each."""
    reference = photometry(flux)
    search = replace(reference, flux=flux + ERROR * np.array(sigmas, float))
    found = select_changes(search, reference, flux, np.full(len(flux), ERROR), options)
    return list(zip(found.index.tolist(), found.failed_cuts.tolist(), strict=True))


@pytest.mark.parametrize(
    ("sigmas", "found"),
    [
        ((30, 0, 0, 0, 0), [(0, 0)]),  # the nucleus
        ((0, 0, 40, 25, 0), [(2, 0)]),  # a supernova between two sources: one change
        ((-40, 20, 20, 0, 0), [(0, Cut.TRADED)]),
        ((20, 0, -19, 0, 30), [(0, Cut.TRADED), (4, 0)]),  # beside a star that varies
        ((14, 14, 14, 14, 0), []),
    ],
)
def test_galaxy_has_one_change_if_the_sum_has_one(sigmas, found):
    assert changes(sigmas) == found


def test_sum_has_an_error_in_proportion_to_a_galaxy_s_light():
    for share, cut in ((0.0, 0), (0.05, Cut.TRADED)):
        options = SelectionOptions(extended_error=share)
        assert changes((16, 0, 0, 0, 0), options) == [(0, cut)]


def test_member_without_a_flux_is_none():
    assert changes((np.nan, 0, -30, 0, 0)) == [(2, 0)]


@pytest.mark.parametrize(("ra", "dec"), [(0.0, 10.0), (150.0, -89.99), (359.9999, 80.0)])
def test_members_are_those_near_another_wherever_on_the_sky(ra, dec):
    """A chain of three, one by itself, and a star between that is none."""
    east = np.array([0, 1.5, 3.0, 30.0, 0.5]) * ARCSEC / np.cos(np.radians(dec))
    flux, same = np.array([1.0, 3, 2, 9, 9]), np.zeros(5, int)
    is_extended = np.array([True, True, True, True, False])
    place = (ra + east) % 360, np.full(5, dec)
    members = find_members(*place, flux, same, is_extended, 2.0)
    assert sorted(members.tolist()) == [[1, 0], [1, 1], [1, 2]]
    other = np.array([0, 0, 1, 0, 0])
    members = find_members(*place, flux, other, is_extended, 2.0)
    assert sorted(members.tolist()) == [[1, 0], [1, 1]]


def test_without_extended_sources_there_are_no_members():
    nothing = np.zeros(3)
    members = find_members(nothing, nothing, nothing, nothing, np.zeros(3, bool), 2.0)
    assert members.shape == (0, 2)
