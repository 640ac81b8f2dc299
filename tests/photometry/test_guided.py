"""A search image calibrated by the stars that its reference lists, or searched where it can't be.

Whatever is done to the image: it is registered and measured right, or refused.
"""

from dataclasses import replace

import numpy as np
import pytest

from exposures.chip import MaskBit
from exposures.simulation import SimulationOptions, simulate_night
from photometry.science.guided.choice import ReferenceStars, choose_stars
from photometry.science.guided.peaks import bright_peaks
from photometry.science.guided.unlisted import add_changes, add_unlisted
from photometry.science.psf.psf import ChipPsf
from photometry.science.psf.stamps import add_profiles
from photometry.science.weighted_image import WeightedImage
from tests.builders import spoilt_images
from tests.builders.spoilt_images import (
    OPTIONS,
    make_field,
    smeared,
    wrong_wcs,
)

NIGHT = SimulationOptions(
    seed=12,
    n_epochs=1,
    n_chips=1,
    chip_shape=(512, 512),
    stars_per_chip=60_000,
    variable_fraction=0.0,
    n_reference_artifacts=0,
    compress=False,
)
SPARSE = replace(NIGHT, chip_shape=(800, 800), stars_per_chip=3900)  # 300 stars
# On chips as small as these.
GUIDED = replace(OPTIONS, guided=replace(OPTIONS.guided, use=True, min_stars=20))
SEARCHED_FOR = "sources: searched for"


@pytest.fixture(scope="module")
def field(tmp_path_factory):
    return make_field(simulate_night(tmp_path_factory.mktemp("guided"), NIGHT))


@pytest.fixture(scope="module")
def ordinary(field):
    return measure(field, field.chip)


@pytest.fixture(scope="module")
def searched(field):
    """The same image, whose bright sources are searched for."""
    guided = replace(OPTIONS.guided, use=False)
    return measure(field, field.chip, replace(OPTIONS, guided=guided))


def measure(field, chip, options=GUIDED):
    return spoilt_images.measure(field, chip, options)


def is_guided(outcome):
    return outcome.reduction.detections.peaks is not None


def reasons(outcome):
    return [note for note in outcome.reduction.notes if note.startswith(SEARCHED_FOR)]


def pulls(outcome, brightest=100):
    """Deviations of the brightest clean stars from the reference, in errors with 0.5 per cent."""
    m = outcome.measurement
    stars = np.isin(m.x, m.calibrators.x)
    stars[np.argsort(-np.where(stars, m.expected_flux, 0))[brightest:]] = False
    error = np.hypot(m.fit.flux_err[stars], 0.005 * m.expected_flux[stars])
    return (m.fit.flux[stars] - m.expected_flux[stars]) / error


def assert_measured_right(outcome):
    """Registered to 0.06 pixels, hardly a change that counts, and bright fluxes within errors."""
    assert not outcome.failures
    assert outcome.measurement.registration.order >= 0
    assert np.hypot(*outcome.measurement.fit.shift) < 0.06
    assert len(outcome.counted) < 0.004 * len(outcome.measurement.sources)
    pull = pulls(outcome)
    assert np.abs(np.median(pull)) < 0.4
    assert np.median(np.abs(pull)) < 1.4


def turned_wcs(chip, degrees):
    """A header's WCS that is turned about the middle of the chip."""
    wcs, angle = chip.wcs.deepcopy(), np.radians(degrees)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    wcs.wcs.cd = wcs.pixel_scale_matrix @ rotation
    return replace(chip, wcs=wcs)


def masked(chip, share, seed=3):
    """The brightest stars' cores masked on a share of the chip, in stripes a star wide."""
    rng = np.random.default_rng(seed)
    ny, nx = chip.shape
    cells = rng.random((ny // 8 + 1, nx // 8 + 1)) < share
    hidden = cells.repeat(8, 0).repeat(8, 1)[:ny, :nx]
    mask = np.where(hidden, np.uint8(MaskBit.BAD), chip.mask).astype(chip.mask.dtype)
    return replace(chip, mask=mask, weight=np.where(hidden, 0, chip.weight).astype("f4"))


def test_image_is_calibrated_by_its_references_stars_as_well_as_by_a_search(
    field, ordinary, searched
):
    assert is_guided(ordinary)
    assert not is_guided(searched)
    assert not reasons(ordinary) + reasons(searched)
    assert_measured_right(ordinary)
    guided, blind = ordinary.reduction, searched.reduction
    assert guided.fwhm_pixels == pytest.approx(blind.fwhm_pixels, rel=0.01)
    assert guided.zero_point.value == pytest.approx(blind.zero_point.value, abs=0.005)
    assert np.std(pulls(ordinary)) < 1.1 * np.std(pulls(searched))
    assert guided.detections.n_found > 100
    assert ordinary.figures.keys() == searched.figures.keys()
    usable = field.chip.weight > 0
    ratio = guided.model_weight[usable] / blind.model_weight[usable]
    assert np.median(ratio) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("catalogue", [True, False])
def test_header_that_is_off_and_turned_is_put_right(field, catalogue):
    field = field if catalogue else replace(field, catalogue=None)
    pixels = 3.0 / 0.27
    outcome = measure(field, turned_wcs(wrong_wcs(field.chip, pixels, 0), 0.05))
    assert is_guided(outcome)
    assert_measured_right(outcome)
    assert outcome.figures["wcs_offset"] == pytest.approx(3.0, abs=0.3)


def test_image_of_which_a_third_is_masked_is_measured_right(field):
    assert_measured_right(measure(field, masked(field.chip, 0.3)))


def test_image_of_twice_the_seeing_is_measured_right(field):
    fwhm = field.reference.fwhm_pixels
    sigma = np.sqrt(3) * fwhm / 2.355
    chip = smeared(field.chip, lambda x, y: np.exp(-(x**2 + y**2) / (2 * sigma**2)))
    outcome = measure(field, chip)
    assert is_guided(outcome)
    assert outcome.reduction.fwhm_pixels == pytest.approx(2 * fwhm, rel=0.15)
    assert_measured_right(outcome)


def test_field_of_few_stars_is_measured_right(tmp_path):
    outcome = measure(field := make_field(simulate_night(tmp_path, SPARSE)), field.chip)
    assert is_guided(outcome) or reasons(outcome)
    assert_measured_right(outcome)


def test_image_of_another_field_is_searched_and_refused(field, tmp_path):
    other = make_field(simulate_night(tmp_path, replace(NIGHT, seed=77, chip_shape=(256, 256))))
    outcome = measure(replace(field, catalogue=None), replace(other.chip, wcs=field.chip.wcs))
    assert "not where the reference has stars" in " ".join(reasons(outcome))
    assert outcome.failures & {"registered_share", "lost_share"}
    assert not outcome.counted


def test_image_whose_stars_have_all_changed_is_searched(field):
    """As if the reference's fluxes were of other stars: they differ by a factor of five."""
    sources = field.sources.copy()
    sources["flux"] *= 10 ** np.random.default_rng(1).normal(0, 0.7, len(sources))
    outcome = measure(replace(field, sources=sources), field.chip)
    assert not is_guided(outcome)
    assert "as bright as expected" in " ".join(reasons(outcome))


def test_new_stars_beside_those_of_the_psf_change_neither_it_nor_their_fluxes(field, ordinary):
    """Ten stars that the reference doesn't have, as bright as a neighbour 6 pixels off."""
    m, chip = ordinary.measurement, field.chip
    bright = np.argsort(-m.fit.flux)[10:60]
    inside = np.hypot(m.x[bright] - 256, m.y[bright] - 256) < 200
    chosen = bright[inside][:10]
    x, y = m.x[chosen] + 6, m.y[chosen]
    light = np.zeros(chip.shape, np.float32)
    places = np.column_stack([np.rint(y), np.rint(x), np.full(len(x), 20)]).astype(int)
    profiles = ordinary.reduction.detections.psf.profiles(x, y)
    add_profiles(light, places, m.fit.flux[chosen].astype("f4"), profiles)
    with np.errstate(divide="ignore"):
        weight = np.where(chip.weight > 0, 1 / (1 / chip.weight + light / chip.gain_map()), 0)
    changed = replace(chip, data=chip.data + light, weight=weight.astype("f4"))
    outcome = measure(field, changed)
    assert is_guided(outcome)
    change = outcome.reduction.fwhm_pixels / ordinary.reduction.fwhm_pixels
    assert change == pytest.approx(1, abs=0.005)
    assert len(outcome.counted) <= len(chosen)
    assert np.median(np.abs(pulls(outcome))) < 1.2
    # The new stars' photons count in the weights, of which they are three quarters and more.
    pixels = np.rint(y).astype(int), np.rint(x).astype(int)
    expected = weight[pixels] > 0
    ratio = (outcome.reduction.model_weight[pixels] / weight[pixels])[expected]
    assert 0.9 < np.median(ratio) < 1.4


def test_light_that_no_star_explains_is_added_and_noise_is_not():
    rng = np.random.default_rng(1)
    left = rng.normal(size=(300, 300)).astype("f4")
    left[100:103, 100:103] += 5
    left[200:203, 200:203] -= 5
    model, weight = np.zeros_like(left), np.ones_like(left)
    add_unlisted(model, left, weight, 5.0)
    assert model[101, 101] == pytest.approx(5, abs=1.2)
    assert model[201, 201] == pytest.approx(-5, abs=1.2)
    model[98:105, 98:105] = model[198:205, 198:205] = 0
    assert np.count_nonzero(model) == 0


def test_stars_that_changed_are_in_the_model_as_they_are_and_their_neighbours_as_they_were():
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:120, :120]

    def light(star, flux):
        return (
            flux * np.exp(-((x - star[0]) ** 2 + (y - star[1]) ** 2) / (2 * 2.0**2)) / (8 * np.pi)
        )

    vanished, beside, brighter, constant = (30, 30), (34, 30), (80, 40), (50, 90)
    stars = np.array([vanished, beside, brighter, constant, (200, -50)])
    expected = np.array([300.0, 300.0, 200.0, 400.0, 100.0])
    model = np.sum([light(star, flux) for star, flux in zip(stars, expected, strict=True)], axis=0)
    change = light(brighter, 250.0) - light(vanished, 300.0)
    left = (change + rng.normal(0, 1, x.shape)).astype("f4")
    stamp = light((60, 60), 1.0)[49:72, 49:72].astype("f4")
    seen = model.astype("f4")
    weight = np.ones_like(left)
    add_changes(seen, left, weight, (stars[:, 1], stars[:, 0], expected), stamp, 5.0)
    assert np.abs(seen - model - change).max() < 1.0  # 4 and 12 where nothing is changed
    assert left.std() < 1.05
    assert np.array_equal(seen[85:, 60:], model[85:, 60:].astype("f4"))


def test_stars_off_the_image_keep_the_flux_that_their_reference_has():
    shape = 120, 120
    y, x = (c.ravel().astype(float) for c in np.mgrid[15:120:15, 15:120:15])
    x, y = np.append(x, -3.0), np.append(y, 60.0)
    listed = ReferenceStars(x, y, np.full(len(x), 1e4), np.ones(len(x), bool))
    image = WeightedImage(
        np.full(shape, 100, np.float32), np.ones(shape, np.float32), np.zeros(shape, np.int16)
    )
    chosen = choose_stars(image, 1.0, listed, ChipPsf.round(4.0))
    assert chosen.free.tolist() == list(range(len(x) - 1))
    assert chosen.fixed.tolist() == [len(x) - 1]


def test_peaks_are_where_stars_are_and_not_on_unusable_pixels():
    rng = np.random.default_rng(2)
    y, x = np.mgrid[:200, :200]
    truth = np.array([(40.3, 50.7), (120.0, 80.4), (150.6, 150.2), (70.0, 160.0)])
    data = rng.normal(0, 1, x.shape)
    for column, row in truth:
        data += 400 * np.exp(-((x - column) ** 2 + (y - row) ** 2) / (2 * 1.8**2))
    weight = np.ones(x.shape)
    weight[150:155, 60:75] = 0
    weight[155:165, 65:75] = 0
    found = bright_peaks(data, weight, 50.0, 4.2)
    whole = found.select(found.is_clean)
    assert len(whole) == 3
    nearest = np.hypot(whole.x[:, None] - truth[:, 0], whole.y[:, None] - truth[:, 1]).min(axis=1)
    assert nearest.max() < 0.05
    assert whole.mag == pytest.approx(-2.5 * np.log10(400), abs=0.1)
