"""A chip's WCS whatever the order of its axes, its form, and the turn of its right ascension."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from exposures.errors import InputFileError
from exposures.fits import footprint_of, read_chip, read_exposure, read_footprints, read_wcs_cards
from exposures.fits.cards import Cards, celestial_wcs
from exposures.models import GalImage
from exposures.science.astrometry import PixelCorrection, RefinedWcs
from exposures.simulation.mosaic import DISTORTION
from galproject.processing.sky_geometry import fill_sky_geometry
from tests.builders.fits_files import chip_cards, header, triplet_pixels, write_plain, write_triplet

X, Y = np.array([0.0, 500.0, 2000.0, 30.0]), np.array([10.0, 3000.0, 100.0, 2500.0])
BASE = {"CRVAL1": 10.0, "CRVAL2": -29.0, "CRPIX1": 50.0, "CRPIX2": 60.0}
TURNED = {"CD1_1": 1e-5, "CD1_2": 7.3e-5, "CD2_1": -7.2e-5, "CD2_2": 2e-5}
TAN = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", **BASE}
SIP = {
    "CTYPE1": "RA---TAN-SIP",
    "CTYPE2": "DEC--TAN-SIP",
    **BASE,
    **TURNED,
    "A_ORDER": 2,
    "B_ORDER": 2,
    "A_2_0": 1e-6,
    "A_1_1": 2e-6,
    "B_0_2": -3e-6,
}
PC = {"CDELT1": -7e-5, "CDELT2": 8e-5, "PC1_1": 0.8, "PC1_2": -0.6, "PC2_1": 0.6, "PC2_2": 0.8}
FORMS = {
    "CD": {**TAN, **TURNED},
    "mirrored": {**TAN, **TURNED, "CD1_1": -1e-5, "CD1_2": -7.3e-5},
    "PC": {**TAN, **PC},
    "SIP": SIP,
    "TPV": {"CTYPE1": "RA---TPV", "CTYPE2": "DEC--TPV", **BASE, **TURNED, **DISTORTION},
    "ZEA": {**TAN, **TURNED, "CTYPE1": "RA---ZEA", "CTYPE2": "DEC--ZEA"},
    "CAR": {**TAN, **TURNED, "CTYPE1": "RA---CAR", "CTYPE2": "DEC--CAR", "CRVAL2": 0.0},
    "LONPOLE": {**TAN, **TURNED, "LONPOLE": 150.0},
}
WORLD_AXIS = ("CTYPE", "CRVAL", "CDELT", "CUNIT", "CD", "PC", "PV")


def exchanged(cards):
    """The same WCS with the declination first: what belongs to a world axis changes its number."""
    result = {}
    for key, value in cards.items():
        prefix = next((p for p in WORLD_AXIS if key.startswith(p) and key[len(p)] in "12"), None)
        if prefix:
            n = len(prefix)
            key = prefix + {"1": "2", "2": "1"}[key[n]] + key[n + 1 :]
        result[key] = value
    return result


def wcs_of(cards):
    return celestial_wcs("a.fits", "N4", Cards(None, 1, header(cards)))


@pytest.mark.parametrize("form", FORMS)
def test_positions_are_the_same_whichever_axis_comes_first(form):
    expected = np.array(WCS(header(FORMS[form])).all_pix2world(X, Y, 0))
    wcs = wcs_of(exchanged(FORMS[form]))
    assert np.array(wcs.all_pix2world(X, Y, 0)) == pytest.approx(expected, abs=1e-11)
    sky = wcs.pixel_to_world(X, Y)
    assert np.array([sky.ra.deg, sky.dec.deg]) == pytest.approx(expected, abs=1e-11)
    assert np.array(wcs.all_world2pix(*expected, 0)) == pytest.approx(np.array([X, Y]), abs=1e-5)


@pytest.mark.parametrize(
    "linear", [TURNED, PC, {"CDELT1": 7e-5, "CDELT2": -8e-5, "CROTA2": 30.0}, {**PC, "CROTA2": 0.0}]
)
def test_axes_are_exchanged_as_wcslib_itself_has_them(linear):
    cards = {**exchanged(TAN), **linear}
    expected = WCS(header(cards)).all_pix2world(X, Y, 0, ra_dec_order=True)
    assert np.array(wcs_of(cards).all_pix2world(X, Y, 0)) == pytest.approx(np.array(expected))


def test_units_other_than_degrees_are_taken_with_their_axes():
    arcsec = {"CUNIT1": "arcsec", "CUNIT2": "arcsec"}
    cards = {**exchanged(FORMS["CD"]), **arcsec}
    cards |= {k: v * 3600 for k, v in cards.items() if k.startswith(("CD", "CRVAL"))}
    expected = WCS(header(FORMS["CD"])).all_pix2world(X, Y, 0)
    assert np.array(wcs_of(cards).all_pix2world(X, Y, 0)) == pytest.approx(np.array(expected))


@pytest.mark.parametrize("unit", ["degrees", "DEG", "degree", "", "Degrees "])
def test_degrees_may_be_written_in_any_way(unit):
    units = {"CUNIT1": unit, "CUNIT2": unit}
    expected = np.array(WCS(header(FORMS["CD"])).all_pix2world(X, Y, 0))
    for cards in (FORMS["CD"], exchanged(FORMS["CD"]), {**FORMS["CD"], "CRVAL1": -350.0}):
        sky = np.array(wcs_of({**cards, **units}).all_pix2world(X, Y, 0))
        assert sky == pytest.approx(expected)


def test_axes_may_be_written_in_lower_case():
    expected = np.array(WCS(header(FORMS["TPV"])).all_pix2world(X, Y, 0))
    lower = {key: FORMS["TPV"][key].lower() for key in ("CTYPE1", "CTYPE2")}
    sky = wcs_of({**FORMS["TPV"], **lower}).all_pix2world(X, Y, 0)
    assert np.array(sky) == pytest.approx(expected, abs=1e-11)


@pytest.mark.parametrize("write", ["triplet", "plain"])
def test_files_with_the_declination_first_lie_where_they_are(tmp_path, write):
    if write == "triplet":
        changed = {"i": {"N4": (triplet_pixels("i"), exchanged(chip_cards()))}}
        path = write_triplet(tmp_path, changed=changed)
    else:
        path = write_plain(tmp_path / "a.fits", triplet_pixels("i"), exchanged(chip_cards()))
    facts = read_exposure(path)
    assert (facts.ra, facts.dec) == pytest.approx((150.0, -30.0), abs=1e-6)
    expected = footprint_of(WCS(header(chip_cards())), triplet_pixels("i").shape)
    (footprint,) = read_footprints(facts).values()
    assert footprint == pytest.approx(expected, abs=1e-10)
    chip = read_chip(facts, facts.chips[0])
    assert footprint_of(chip.wcs, chip.shape) == pytest.approx(expected, abs=1e-10)
    written = read_wcs_cards(facts, facts.chips[0])  # of a stack, whose grid it is
    assert footprint_of(WCS(written), chip.shape) == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize(
    "axes",
    [
        *(("GLON-TAN", "GLAT-TAN"), ("GLAT-TAN", "GLON-TAN"), ("ELON-TAN", "ELAT-TAN")),
        *(("SLON-TAN", "SLAT-TAN"), ("RA---TAN", "RA---TAN"), ("RA---TAN", "FREQ")),
        *(("XPIXEL", "YPIXEL"), ("TLON-TAN", "TLAT-TAN"), ("HPLN-TAN", "HPLT-TAN")),
    ],
)
def test_axes_of_another_frame_are_named_in_one_clear_refusal(axes):
    cards = {**FORMS["CD"], "CTYPE1": axes[0], "CTYPE2": axes[1]}
    with pytest.raises(InputFileError, match=rf"a.fits\[N4\]: no WCS in .*, but in {axes[0]}"):
        wcs_of(cards)


@pytest.mark.parametrize("form", ["CD", "SIP", "TPV", "PC"])
@pytest.mark.parametrize("turn", [-360, 360, 720])
def test_the_turn_of_crval_makes_no_difference(form, turn):
    cards = {**FORMS[form], "CRVAL1": FORMS[form]["CRVAL1"] + turn}
    expected = wcs_of(FORMS[form]).all_pix2world(X, Y, 0)
    for turned in (cards, exchanged(cards)):
        assert np.array(wcs_of(turned).all_pix2world(X, Y, 0)) == pytest.approx(np.array(expected))


@pytest.mark.parametrize("ra", [0.0, -1e-17, -0.0005, 360.0, 359.9999, -360.0])
def test_right_ascensions_round_0_hours_are_from_0_to_360(ra):
    wcs = wcs_of({**FORMS["TPV"], "CRVAL1": ra, "PV1_0": 0.0, "PV2_0": 0.0})
    refined = RefinedWcs(wcs, PixelCorrection((4000, 2000), -1))
    x, y = np.meshgrid(np.linspace(40, 60, 41), np.linspace(50, 70, 41))
    right_ascensions, _ = refined.to_sky(x.ravel(), y.ravel())
    assert np.all((right_ascensions >= 0) & (right_ascensions < 360))
    assert right_ascensions.max() - right_ascensions.min() > 359
    corners = footprint_of(wcs, (120, 100))[::2]
    assert all(0 <= corner < 360 for corner in corners)


def test_a_wcs_that_is_not_a_chips_is_refused_when_it_is_read(tmp_path):
    cards = {**SIP, "PV1_1": None, "PV2_1": None, "A_1_1": 0.1}
    pixels = np.random.default_rng(1).normal(500, 10, (80, 100)).astype("f4")
    path = write_plain(tmp_path / "a.fits", pixels, cards)
    facts = read_exposure(path)
    with pytest.raises(
        InputFileError, match=r"a.fits\[HDU0\]: the WCS is not a chip's.*no rectangle"
    ):
        read_chip(facts, facts.chips[0])


def test_a_correction_that_takes_a_chip_to_no_place_is_refused_before_it_is_stored(tmp_path):
    facts = read_exposure(write_plain(tmp_path / "a.fits"))
    chip = read_chip(facts, facts.chips[0])
    image = GalImage()
    far = PixelCorrection(chip.shape, 1, np.array([0.0, 1e6, 0.0]), np.array([0.0, 0.0, 1e6]))
    with pytest.raises(InputFileError, match="the WCS is not a chip's"):
        fill_sky_geometry(image, chip, RefinedWcs(chip.wcs, far))
    assert image.footprint is None


def test_a_header_stays_as_it_is_where_its_axes_are_in_order(tmp_path):
    path = write_plain(tmp_path / "a.fits")
    facts = read_exposure(path)
    cards = read_wcs_cards(facts, facts.chips[0])
    there = fits.getheader(path)
    assert all(cards[key] == there[key] for key in cards if key != "RADESYS")
