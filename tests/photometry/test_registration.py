"""Images with a wrong WCS, or of other stars: registered all the same, or of no use."""

from dataclasses import replace

import numpy as np
import pytest

from exposures.science.astrometry import AstrometryOptions, PixelCorrection, fit_pixel_correction
from exposures.science.registration import (
    StarList,
    agreement,
    displacement,
    register_on_image,
)
from exposures.simulation import SimulationOptions, simulate_night
from photometry.reduction.image_quality import reference_figures
from photometry.reduction.reduction import reduce_chip
from photometry.science.quality.image_quality import QualityLimits, beyond
from tests.builders.spoilt_images import OPTIONS, QUALITY, make_field, measure

NIGHT = SimulationOptions(
    seed=23,
    n_epochs=1,
    n_chips=1,
    chip_shape=(400, 400),
    stars_per_chip=60_000,
    variable_fraction=0.0,
    n_reference_artifacts=0,
    compress=False,
)
SPARSE = replace(NIGHT, seed=1, stars_per_chip=2_000, chip_shape=(600, 600))


@pytest.fixture(scope="module")
def field(tmp_path_factory):
    return make_field(simulate_night(tmp_path_factory.mktemp("registration"), NIGHT))


@pytest.fixture(scope="module")
def ordinary(field):
    return measure(field, field.chip)


def with_wcs(chip, change):
    """The chip with what a function does to its WCS."""
    wcs = chip.wcs.deepcopy()
    change(wcs.wcs)
    wcs.wcs.set()
    return replace(chip, wcs=wcs)


def moved(d_ra, d_dec):
    """A function that moves a chip's WCS by arcsec on the sky."""

    def move(wcs):
        per_arcsec = np.array([1 / np.cos(np.radians(wcs.crval[1])), 1]) / 3600
        wcs.crval = np.array(wcs.crval) + np.array([d_ra, d_dec]) * per_arcsec

    return lambda chip: with_wcs(chip, move)


def with_matrix(matrix, on_sky=True):
    """A function that multiplies a chip's CD matrix, its middle staying where it is."""

    def change(chip):
        middle = np.array(chip.shape[::-1]) / 2 + 1
        where = chip.wcs.all_pix2world([middle], 1)[0]

        def multiply(wcs):
            cd = np.array(wcs.cd)
            wcs.cd = matrix @ cd if on_sky else cd @ matrix
            wcs.crval, wcs.crpix = where, middle

        # The distortion of a chip of the simulation is that of its place in the focal plane.
        straight = with_wcs(chip, lambda wcs: wcs.set_pv([]))
        return with_wcs(straight, multiply)

    return change


def turned(degrees):
    angle = np.radians(degrees)
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def with_pixels(change):
    """A function that rearranges a chip's pixels, its header staying as it is."""

    def rearrange(chip):
        arrays = {name: getattr(chip, name) for name in ("data", "weight", "mask")}
        return replace(chip, **{name: change(a).copy() for name, a in arrays.items()})

    return rearrange


def with_stretched_distortion(chip):
    def stretch(wcs):
        wcs.set_pv([(i, m, 1.005 * v if m == 1 else v) for i, m, v in wcs.get_pv()])

    return with_wcs(chip, stretch)


def negative(chip):
    return replace(chip, data=(2 * np.median(chip.data) - chip.data).astype("f4"))


def without_catalogue(field):
    return replace(field, catalogue=None)


@pytest.mark.parametrize("known_sky", [False, True], ids=["alone", "catalogue"])
@pytest.mark.parametrize(
    ("spoil", "offset_arcsec"),
    [
        pytest.param(moved(0, 6), 6, id="6 arcsec north"),
        pytest.param(moved(-40, 40), 56, id="57 arcsec north-west"),
        pytest.param(with_matrix(1.01 * np.eye(2)), None, id="scale"),
        pytest.param(with_matrix(turned(1.5)), None, id="turned by 1.5 degrees"),
        pytest.param(with_stretched_distortion, None, id="distortion"),
    ],
)
def test_image_with_a_wrong_wcs_is_measured_as_with_the_right_one(
    field, ordinary, spoil, offset_arcsec, known_sky
):
    outcome = measure(field if known_sky else without_catalogue(field), spoil(field.chip))
    assert not outcome.doubts
    assert len(outcome.counted) <= len(ordinary.counted) + 1
    assert outcome.figures["registered_share"] > 0.8
    if offset_arcsec:
        assert outcome.figures["wcs_offset"] == pytest.approx(offset_arcsec, abs=1.0)
        notes = " ".join([*outcome.reduction.notes, *outcome.measurement.notes])
        assert "the header's WCS was off by " in notes
    assert_same_magnitudes(outcome, ordinary)


def assert_same_magnitudes(outcome, ordinary):
    one, other = (
        dict(zip(o.measurement.sources["refsource_id"].tolist(), o.measurement.mag, strict=True))
        for o in (outcome, ordinary)
    )
    both = [i for i in one if i in other]
    assert len(both) > 0.97 * len(other)
    difference = np.array([one[i] - other[i] for i in both])
    difference = difference[np.isfinite(difference)]
    # Measured with a zero point of the catalogue or the header, and brought onto the reference.
    assert abs(np.median(difference)) < 0.005
    assert np.percentile(np.abs(difference), 68) < 0.02


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(moved(0, 70), id="70 arcsec north"),
        pytest.param(negative, id="negative"),
        pytest.param(with_pixels(lambda a: a[:, ::-1]), id="mirrored in x"),
        pytest.param(with_pixels(np.transpose), id="transposed"),
        pytest.param(with_pixels(lambda a: a[::-1, ::-1]), id="turned by 180 degrees"),
        pytest.param(with_matrix(np.diag([-1, 1]), on_sky=False), id="sign of a CD column"),
        pytest.param(with_matrix(-np.eye(2)), id="sign of the CD matrix"),
    ],
)
def test_image_of_other_stars_fails_and_counts_no_change(field, spoil):
    outcome = measure(field, spoil(field.chip))
    # On a negative hardly a star is found that could be registered.
    assert outcome.failures & {"registered_share", "lost_share"}
    assert outcome.measurement.registration.order == -1
    assert not outcome.counted


def test_field_of_few_stars_is_registered_as_far_off(tmp_path):
    field = make_field(simulate_night(tmp_path, SPARSE))
    outcome = measure(without_catalogue(field), moved(25, -20)(field.chip))
    assert 10 <= outcome.measurement.agreement.n_tested <= 60
    assert outcome.figures["wcs_offset"] == pytest.approx(32, abs=1)
    assert not outcome.doubts & {"registered_share", "n_registered", "lost_share"}
    assert len(outcome.counted) <= 1


def test_a_reference_that_is_not_where_its_header_says_is_put_right_or_refused(field):
    depth = OPTIONS.reference_detection
    right = field.reference.wcs.to_sky(np.array([200.0]), np.array([150.0]))
    chip = field.reference.chip
    reduction = reduce_chip(moved(20, 20)(chip), field.facts, field.catalogue, depth, OPTIONS)
    assert np.allclose(reduction.wcs.to_sky(np.array([200.0]), np.array([150.0])), right, atol=3e-5)
    assert "astrometry: the header's WCS was off by 28" in " ".join(reduction.notes)
    assert reduction.zero_point.source == "catalogue"
    mirrored = with_pixels(lambda a: a[::-1])(chip)
    reduction = reduce_chip(mirrored, field.facts, field.catalogue, depth, OPTIONS)
    figures = reference_figures(reduction, field.sources)
    assert "catalogue_share" in {excess.name for excess in beyond(figures, QUALITY.fail)}


def test_options_bound_how_far_is_searched(field):
    chip = moved(0, 30)(field.chip)
    near = replace(OPTIONS.registration, search_arcsec=20.0)
    options = replace(OPTIONS, registration=near, catalogue_astrometry=near)
    outcome = measure(without_catalogue(field), chip, options)
    assert "registered_share" in outcome.failures


FIT, SIDE = AstrometryOptions(), 2000


def star_lists(n, seed, shift=(0.0, 0.0), common=1.0, noise=0.1):
    """Two lists of stars of which a share is common to both, a shift apart."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(0, SIDE, (2, n))
    mag = 22 - rng.exponential(1.5, n)
    n_other = n - int(common * n)
    x0, y0, mag0 = x + shift[0], y + shift[1], mag + rng.normal(0, noise, n)
    x0[:n_other], y0[:n_other] = rng.uniform(0, SIDE, (2, n_other))
    everyone = np.ones(n, bool)
    return StarList(x, y, mag, everyone), StarList(x0, y0, mag0, everyone)


def registered(expected, found, reach=230.0):
    shape = (SIDE, SIDE)
    near = fit_pixel_correction(expected.x, expected.y, found.x, found.y, shape, FIT)
    return register_on_image(near, expected, found, np.ones(shape, bool), reach, FIT)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n", [15, 150, 8_000])
def test_unrelated_stars_are_never_registered(n, seed):
    correction, agreed = registered(*star_lists(n, seed, common=0.0))
    assert correction.order == -1 or n == 15
    assert not agreed.is_registered(FIT)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("n", "common"), [(15, 0.8), (150, 0.6), (8_000, 0.6)])
def test_a_shift_is_found_where_some_stars_are_on_one_list_alone(n, common, seed):
    rng = np.random.default_rng(seed)
    shift = rng.uniform(-150, 150, 2)
    correction, agreed = registered(*star_lists(n, seed, shift, common))
    assert agreed.is_registered(FIT)
    assert correction.apply(1000.0, 1000.0) == pytest.approx(1000 + shift, abs=0.2)


def test_stars_at_the_same_places_with_other_magnitudes_are_other_stars():
    expected, found = star_lists(2000, 7, noise=0.1)
    rng = np.random.default_rng(8)
    others = replace(found, mag=rng.uniform(10, 30, len(found)))
    usable = np.ones((SIDE, SIDE), bool)
    assert agreement(expected, found, usable, FIT).share > 0.95
    assert not agreement(expected, others, usable, FIT).is_registered(FIT)


def test_an_image_that_is_less_deep_than_its_reference_is_registered():
    expected, found = star_lists(3000, 9)
    found = found.limited_to(40)
    _, agreed = registered(expected, found)
    assert agreed.is_registered(FIT)
    assert agreed.n_tested == 40


def test_stars_expected_on_masked_pixels_say_nothing():
    expected, found = star_lists(400, 10)
    usable = np.ones((SIDE, SIDE), bool)
    usable[:, : SIDE // 2] = False
    right = found.x > SIDE / 2
    assert agreement(expected, found.select(right), usable, FIT).share > 0.95


def test_a_displacement_says_shift_turn_and_scale():
    angle = np.radians(0.3)

    def to_image(x, y):
        x, y = x - 300, y - 200
        x, y = x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)
        return 1.02 * x + 303, 1.02 * y + 204

    found = displacement(to_image, (401, 601))
    assert found.pixels == pytest.approx(5.0)
    assert found.turn_degrees == pytest.approx(0.3)
    assert found.scale == pytest.approx(1.02)
    assert found.describe(2.0) == (
        "the header's WCS was off by 10.0 arcsec, turned by 0.30 degrees, its scale by 2.00%"
    )


def test_limits_of_registration_leave_images_with_too_few_stars_alone():
    none = PixelCorrection((100, 100), -1)
    nobody = StarList(*np.zeros((3, 0)), np.zeros(0, bool))
    correction, agreed = register_on_image(
        none, nobody, nobody, np.ones((100, 100), bool), 50.0, FIT
    )
    assert correction.order == -1
    assert np.isnan(agreed.share)
    assert beyond({"registered_share": np.nan}, QualityLimits()) == ()
