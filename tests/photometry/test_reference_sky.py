"""What a reference has beside its sources: seen at another seeing, subtracted, stored, dropped."""

from dataclasses import replace

import numpy as np
import pytest
from astropy.stats import mad_std
from scipy.ndimage import gaussian_filter
from scipy.signal import fftconvolve

from exposures.science.astrometry import PixelCorrection
from galproject.processing.search_references import _skies
from photometry.models import GalReferenceSky
from photometry.reduction.options import ReductionOptions
from photometry.reduction.search import measure_search
from photometry.references.reference import measure_reference_errors
from photometry.science.calibration.calibration import MAG_PER_LN
from photometry.science.psf.psf import ChipPsf
from photometry.science.reference_sky import (
    ReferenceSky,
    ReferenceSkyOptions,
    convolved_by_ratio,
    is_turned,
    structure_of,
)
from photometry.storage import storage
from photometry.storage.reference_skies import packed, store_reference_sky, unpacked
from tests.builders.nebulae import with_nebulae
from tests.builders.survey_rows import make_image, make_sources
from tests.effects.chips import base_reduction

OPTIONS = ReductionOptions()
SHARP, WIDE = ChipPsf.round(3.8), ChipPsf.round(5.3)
SHAPE = (600, 560)


def nebulae(shape=SHAPE, seed=1):
    """Light without a seeing, that scatters by 50 ADU."""
    light = gaussian_filter(np.random.default_rng(seed).normal(0, 1, shape), 2)
    return 50 * light / light.std()


def through(psf, light):
    return fftconvolve(light, psf.stamps(300, 280, 61)[0], mode="same").astype("f4")


def shifted(dx, dy, shape=SHAPE):
    """The map from pixels of a search image to those of a reference."""
    return PixelCorrection(shape, 0, np.array([dx]), np.array([dy]))


def noise_like(shape=SHAPE, sigma=10.0, seed=2):
    return np.random.default_rng(seed).normal(0, sigma, shape).astype("f4")


@pytest.mark.parametrize(("own", "wanted"), [(SHARP, WIDE), (SHARP, SHARP)])
def test_light_of_a_reference_is_seen_at_the_seeing_of_the_search_image(own, wanted):
    light = nebulae()
    sky = ReferenceSky(through(own, light), own, 3.0)
    seen, covered = sky.seen_on(shifted(11.0, -6.0), wanted, SHAPE)
    true = np.roll(through(wanted, light), (6, -11), axis=(0, 1))
    inside = np.s_[60:-60, 60:-60]
    assert covered[inside].all() and not covered[:6].any()
    assert np.std((seen - true)[inside]) < 0.03 * np.std(true[inside])


def test_light_of_a_sharper_image_is_followed_without_raising_noise():
    light = nebulae()
    sky = ReferenceSky(through(WIDE, light) + noise_like(), WIDE, 3.0)
    seen, _ = sky.seen_on(shifted(0.0, 0.0), SHARP, SHAPE)
    true, inside = through(SHARP, light), np.s_[60:-60, 60:-60]
    before, after = sky.light - true, seen - true
    # As a star's flux sees it.
    stamp = SHARP.stamps(0, 0, 25)[0]
    seen_by_star = [fftconvolve(left, stamp, mode="same")[inside].std() for left in (before, after)]
    assert seen_by_star[1] < 0.6 * seen_by_star[0]
    noise = convolved_by_ratio(noise_like(), *(p.stamps(0, 0, 61)[0] for p in (SHARP, WIDE)))
    assert noise.std() < 3 * 10


def test_a_level_stays_what_it_is():
    stamps = [psf.stamps(0, 0, 61)[0] for psf in (WIDE, SHARP)]
    assert convolved_by_ratio(np.full((128, 100), 7.0), *stamps) == pytest.approx(7.0)


def test_noise_has_no_structure_nor_have_few_bright_spots_and_nebulae_have():
    weight = np.full(SHAPE, 0.01, "f4")
    noise = noise_like()
    spots = noise.copy()
    spots[20::100, 20::100] += 1e4
    assert structure_of(noise, weight, 4.0) == pytest.approx(1, abs=0.04)
    assert structure_of(spots, weight, 4.0) == pytest.approx(1, abs=0.06)
    assert structure_of(noise + through(SHARP, nebulae()), weight, 4.0) > 3
    assert np.isnan(structure_of(noise, 0 * weight, 4.0))
    assert not ReferenceSky(noise, SHARP, np.nan).is_kept(ReferenceSkyOptions())


def test_a_reference_that_lies_otherwise_on_the_sky_is_recognised():
    upright = PixelCorrection(SHAPE, 1, *np.array([[10.0, 0.1, 0.2], [-5.0, 0.2, 0.1]]))
    half = np.array([SHAPE[1], SHAPE[0]]) - 1.0
    # By half a turn, u and v, which run from -1 to 1, change their signs.
    turned = PixelCorrection(SHAPE, 1, np.array([0, 0, -half[0]]), np.array([0, -half[1], 0]))
    assert not is_turned(upright) and not is_turned(shifted(50.0, 20.0))
    assert is_turned(turned)


@pytest.fixture(scope="module")
def nebulous():
    """A ReferenceMeasurement and the Reduction of a search image of the same nebulae."""
    reference, search = with_nebulae(base_reduction("reference"), base_reduction("search"))
    measured = measure_reference_errors(reference, OPTIONS)
    measured.sources["galimage_id"] = 1
    return measured, search


def scatter(search):
    """Of the differences to the reference, in the errors of photons."""
    good = (search.fit.flags == 0) & (search.sources["flags"] == 0)
    pulls = (search.fit.flux - search.expected_flux) / search.fit.flux_err
    return mad_std(pulls[good])


def test_nebulae_that_the_reference_has_are_no_changes(nebulous):
    measured, search = nebulous
    assert measured.sky.is_kept(OPTIONS.reference_sky)
    without = measure_search(search, measured.sources, OPTIONS)
    subtracted = measure_search(search, measured.sources, OPTIONS, skies={1: measured.sky})
    assert (without.reference_skies, subtracted.reference_skies) == ((), (1,))
    assert scatter(subtracted) < 0.6 * scatter(without)
    # What is found in the image beside its model is less, too: trails, and new stars.
    left = [mad_std((search.data - m.fit.model).ravel()) for m in (without, subtracted)]
    assert left[1] < 0.9 * left[0]


def test_errors_of_a_reference_whose_sky_is_subtracted_are_those_of_its_fit(nebulous):
    measured, _ = nebulous
    sources, model = measured.sources, measured.errors.model
    assert (model.factor, model.by_mag.at) == (1.0, ())
    alone = (sources["fracflux"] > 0.9) & (sources["flags"] == 0)
    fitted = np.hypot(sources["flux_err"] / sources["flux"], model.floor)
    ratio = sources["mag_err"] / MAG_PER_LN / fitted
    assert np.median(ratio[alone]) == pytest.approx(1, abs=0.1)


def test_a_reference_with_too_few_stars_on_the_image_is_left_out_with_a_note(nebulous):
    measured, search = nebulous
    sources = measured.sources.copy()
    sources["galimage_id"][5:] = 2
    seen = measure_search(search, sources, OPTIONS, skies={1: measured.sky})
    assert seen.reference_skies == ()
    assert any("not subtracted" in note for note in seen.notes)


def test_a_sky_is_kept_to_a_fraction_of_its_noise():
    light = through(SHARP, nebulae()) + noise_like()
    shape = np.array([3.8, 0.1, -0.1])
    psf = replace(SHARP, fwhm=shape, e1=0 * shape, e2=0 * shape, core=np.ones((3, 5, 5)), wing=0.2)
    kept = packed(ReferenceSky(light, psf, 3.0))
    again = unpacked(kept, 3.0)
    assert np.std(again.light - light) < 0.15 * 10
    assert len(kept) < 1.1 * light.size
    x, y = np.array([100.0, 400]), np.array([500.0, 30])
    assert np.array_equal(again.psf.stamps(x, y, 21), psf.stamps(x, y, 21))


@pytest.mark.django_db
def test_a_sky_goes_with_its_catalogue_and_one_without_is_told():
    image = make_image("reference", is_reference=True)
    catalogue = storage.create_catalogue(image, make_sources(50), {}, "test")
    skies, notes = _skies([image], OPTIONS)
    assert skies == {} and "process that reference again" in notes[0]

    store_reference_sky(catalogue, ReferenceSky(noise_like(), SHARP, 1.0), OPTIONS.reference_sky)
    assert _skies([image], OPTIONS) == ({}, [])

    again = storage.create_catalogue(image, make_sources(60), {}, "test", drop_previous=True)
    assert not GalReferenceSky.objects.exists()
    store_reference_sky(again, ReferenceSky(noise_like(), SHARP, 3.0), OPTIONS.reference_sky)
    skies, notes = _skies([image], OPTIONS)
    assert list(skies) == [image.pk] and notes == []
    off = replace(OPTIONS, reference_sky=replace(OPTIONS.reference_sky, subtract=False))
    assert _skies([image], off) == ({}, [])

    storage.delete_image_results(image)
    assert not GalReferenceSky.objects.exists()
