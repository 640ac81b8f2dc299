"""Simulated nights: files as the Community Pipeline's, pixels as the truth says."""

import hashlib
from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.stats import mad_std
from astropy.table import Table
from astropy_healpix import HEALPix
from django.core.management import CommandError, call_command
from scipy.spatial import cKDTree

from exposures.catalogues import open_catalogue
from exposures.errors import GalprojectError
from exposures.fits import read_chip, read_exposure
from exposures.simulation import (
    SimulationOptions,
    find_night,
    read_truth,
    simulate_chip,
    simulate_night,
)
from exposures.simulation.catalogue import NSIDE
from exposures.simulation.detector import (
    ARTIFACTS,
    BAD,
    BLEED,
    COSMIC_RAY,
    SATURATED,
    add_artifacts,
)
from exposures.simulation.mosaic import FULL_SHAPE, Pointing, detectors
from exposures.simulation.optics import Optics, render, stamps
from exposures.simulation.stars import KINDS, STAR_DTYPE, magnitudes_at, positions_at

CROWDED = SimulationOptions(
    seed=3, n_epochs=2, chip_shape=(600, 500), n_reference_artifacts=8, variable_fraction=0.05
)
# Few and mostly bright stars, so that apertures hold one star each.
SPARSE = SimulationOptions(
    seed=4,
    n_epochs=1,
    n_chips=1,
    chip_shape=(1400, 1200),
    stars_per_chip=3000,
    slope=0.1,
    brightest_mag=14.5,
    variable_fraction=0.2,
    n_reference_artifacts=0,
    compress=False,
)
TINY = SimulationOptions(n_epochs=1, n_chips=1, chip_shape=(80, 100))
APERTURE_PIXELS = 12


@pytest.fixture(scope="module")
def crowded(tmp_path_factory):
    return simulate_night(tmp_path_factory.mktemp("crowded"), CROWDED)


@pytest.fixture(scope="module")
def sparse(tmp_path_factory):
    return simulate_night(tmp_path_factory.mktemp("sparse"), SPARSE)


@pytest.fixture(scope="module")
def full_width():
    """A strip of a chip that is crowded enough for stars that saturate."""
    return simulate_chip(SimulationOptions(chip_shape=(500, 2046), stars_per_chip=160_000))


def sibling(path, kind):
    return path.with_name(path.name.replace("_ooi_", f"_oo{kind}_"))


def chips_of(path):
    facts = read_exposure(path)
    return int(facts.identifier), [read_chip(facts, entry) for entry in facts.chips]


# Files


def test_the_reader_takes_a_simulated_exposure_for_a_real_one(crowded):
    facts = read_exposure(crowded.reference)
    assert (facts.instrument, facts.filter) == ("decam", "i")
    assert facts.pipeline_version == "V4.8.2a"
    assert [(c.name, c.ccdnum) for c in facts.chips] == [("S4", 28), ("N4", 35)]
    exposure = read_truth(crowded.truth).exposures[0]
    assert facts.identifier == str(exposure["expnum"])
    assert facts.mjd == pytest.approx(exposure["mjd"], abs=1e-7)
    chip = read_chip(facts, facts.chips[0])
    assert chip.zero_point == pytest.approx(exposure["zero_point"])
    assert chip.fwhm_pixels == pytest.approx(exposure["fwhm"], abs=1e-4)


def test_chip_headers_hold_no_card_that_real_ones_lack(crowded, real_data):
    real = sorted(real_data.glob("decam_legacypipe_triplets/testcase*/c4d*ooi*"))[-1]
    with fits.open(real) as theirs, fits.open(crowded.reference) as ours:
        assert set(ours[1].header) <= set(theirs[1].header)
        # The zero point comes and goes among real files.
        assert set(ours[0].header) - set(theirs[0].header) <= {"MAGZERO", "MAGZPT"}


def test_headers_have_the_traps_of_real_ones(crowded):
    with fits.open(crowded.reference) as file:
        primary, chips = file[0].header, [hdu.header for hdu in file[1:]]
    assert (primary["RADESYS"], primary["RADECSYS"], primary["DIMMSEE"]) == ("FK5", "ICRS", "NaN")
    assert primary["FILTER"] == "i DECam SDSS c0003 7835.0 1470.0"
    for header in chips:
        assert header["SATURATE"] == max(header["SATURATA"], header["SATURATB"])
        assert header["CTYPE1"] == "RA---TPV"
        assert {"PV1_10", "PV2_10"} <= set(header)
        assert header["CD2_1"] < 0 < header["CD1_2"]  # +x is south, +y is east
    assert len({(header["CRVAL1"], header["CRVAL2"]) for header in chips}) == 1


def test_the_mosaic_is_that_of_decam():
    chips = {d.ccdnum: d for d in detectors(62)}
    names = {1: "S29", 3: "S31", 4: "S25", 8: "S20", 13: "S14", 19: "S8", 25: "S1", 31: "S7"}
    names |= {32: "N1", 38: "N7", 39: "N8", 45: "N14", 51: "N20", 56: "N25", 60: "N29", 62: "N31"}
    assert {n: chips[n].name for n in names} == names
    # N chips lie beyond S chips along +x, which is south: as their CRPIX1 say in real headers.
    s4, n4 = (
        Pointing(265, -29).wcs(chips[n], FULL_SHAPE).all_pix2world(1022.5, 2046.5, 0)
        for n in (28, 35)
    )
    assert n4[1] - s4[1] == pytest.approx(-0.165, abs=0.005)
    assert n4[0] == pytest.approx(s4[0], abs=0.01)


def test_weight_is_zero_exactly_where_the_quality_says_so(crowded):
    for path in (crowded.reference, *crowded.searches):
        weight, quality = (fits.getdata(sibling(path, kind), 1) for kind in "wd")
        unusable = np.isin(quality, (BAD, SATURATED, BLEED, COSMIC_RAY))
        assert set(np.unique(quality)) <= {0, BAD, SATURATED, BLEED, COSMIC_RAY}
        np.testing.assert_array_equal(weight == 0, unusable)
        assert np.all(weight >= 0)


def test_the_same_columns_are_bad_on_every_exposure(crowded):
    bad = [
        np.flatnonzero(np.all(fits.getdata(sibling(path, "d"), "S4") == BAD, axis=0)).tolist()
        for path in (crowded.reference, *crowded.searches)
    ]
    assert bad[0] and bad[0] == bad[1] == bad[2]


def digests(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("compress", [True, False])
def test_the_same_seed_writes_the_same_bytes(tmp_path, compress):
    options = replace(TINY, compress=compress)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        simulate_night(tmp_path / name, replace(options, seed=seed))
    first, again, other = (digests(tmp_path / name) for name in "abc")
    assert first == again
    assert not {d for n, d in first.items() if n.endswith((".fits", ".fz"))} & set(other.values())


# A night that is there


def test_a_night_that_is_there_is_left_alone(tmp_path):
    night = simulate_night(tmp_path, TINY)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert simulate_night(tmp_path, TINY) == find_night(tmp_path, TINY) == night
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_a_night_with_a_file_missing_is_made_again(tmp_path):
    night = simulate_night(tmp_path, TINY)
    before = digests(tmp_path)
    sibling(night.reference, "d").unlink()
    assert find_night(tmp_path, TINY) is None
    simulate_night(tmp_path, TINY)
    assert digests(tmp_path) == before


def test_another_night_is_not_overwritten(tmp_path):
    simulate_night(tmp_path, TINY)
    with pytest.raises(GalprojectError, match="other options"):
        simulate_night(tmp_path, replace(TINY, seed=2))


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(GalprojectError, match="file.*Choose a folder"):
        simulate_night(tmp_path / "file", TINY)


@pytest.mark.parametrize(
    "wrong",
    [
        {"filter": "q"},
        {"n_chips": 63},
        {"n_epochs": -1},
        {"chip_shape": (10, 10)},
        {"stars_per_chip": 0},
        {"variable_fraction": 1.5},
        {"dec": 91.0},
    ],
)
def test_what_cannot_be_simulated_is_said(wrong):
    with pytest.raises(GalprojectError, match="can't be simulated"):
        SimulationOptions(**wrong)


def test_the_command_says_what_it_wrote_and_what_comes_next(tmp_path):
    arguments = (str(tmp_path), "--epochs=1", "--chips=1", "--size", "80", "100")
    first, again = StringIO(), StringIO()
    call_command("simulate_exposures", *arguments, stdout=first)
    night = find_night(tmp_path, TINY)
    assert str(night.searches[0]) in first.getvalue()
    assert f"--reference {night.reference}" in first.getvalue()
    call_command("simulate_exposures", *arguments, stdout=again)
    assert "nothing to do" in again.getvalue()
    with pytest.raises(CommandError, match="other options"):
        call_command("simulate_exposures", *arguments, "--seed=7")


# Detector


def test_weight_is_the_inverse_variance_of_source_and_read_noise(full_width):
    data, weight, quality = (
        getattr(full_width.exposed, name) for name in ("data", "weight", "quality")
    )
    for amplifier in full_width.amplifiers:
        columns = slice(amplifier.x_start, amplifier.x_stop)
        good = quality[:, columns] == 0
        variance = np.maximum(data[:, columns], 0) / amplifier.gain
        variance += (amplifier.read_noise / amplifier.gain) ** 2
        np.testing.assert_allclose(
            weight[:, columns][good] * variance[good], 1, rtol=1e-5, err_msg=str(columns)
        )


def test_saturation_is_cut_at_the_level_of_its_amplifier(full_width):
    for amplifier in full_width.amplifiers:
        columns = slice(amplifier.x_start, amplifier.x_stop)
        data, quality = (
            getattr(full_width.exposed, name)[:, columns] for name in ("data", "quality")
        )
        saturated = quality == SATURATED
        assert saturated.any()
        np.testing.assert_allclose(data[saturated], amplifier.saturation, rtol=1e-6)
        assert data.max() <= amplifier.saturation * (1 + 1e-6)


def test_charge_bleeds_along_columns_only(full_width):
    quality = full_width.exposed.quality
    trails = np.argwhere(quality == BLEED)
    assert len(trails) > 0
    with_saturation = np.flatnonzero((quality == SATURATED).any(axis=0))
    assert set(trails[:, 1]) <= set(with_saturation)
    assert len(trails) > np.sum(quality == SATURATED)  # longer than wide


def test_the_darkest_sky_has_the_noise_of_photons_and_amplifier():
    chip = simulate_chip(
        SimulationOptions(chip_shape=(300, 2046), stars_per_chip=1, faintest_mag=23.5)
    )
    residual = chip.exposed.data - chip.sky
    for amplifier in chip.amplifiers:
        columns = slice(amplifier.x_start, amplifier.x_stop)
        expected = np.sqrt(
            chip.sky[:, columns].mean() / amplifier.gain
            + (amplifier.read_noise / amplifier.gain) ** 2
        )
        assert mad_std(residual[:, columns]) == pytest.approx(expected, rel=0.01)


# Stars


def isolated(truth, expnum, chip, faintest=18.5, radius=22):
    """Indices and pixel positions of bright stars with no light of others near, on whole pixels."""
    index, x, y = truth.star_pixels(expnum, chip.ccdnum)
    mag = truth.magnitudes(expnum)[index]
    pairs = cKDTree(np.column_stack([x, y])).query_pairs(radius, output_type="ndarray")
    alone = np.ones(len(x), bool)
    for a, b in (pairs.T, pairs.T[::-1]):
        alone[a[mag[b] < mag[a] + 5.5]] = False
    ny, nx = chip.shape
    alone &= (x > radius) & (x < nx - radius) & (y > radius) & (y < ny - radius)
    alone &= mag < faintest
    clean = [
        not np.any(cutout(chip.mask, a, b, APERTURE_PIXELS)) if good else False
        for a, b, good in zip(x, y, alone, strict=True)
    ]
    return index[clean], x[clean], y[clean]


def cutout(image, x, y, half):
    column, row = round(float(x)), round(float(y))
    return image[row - half : row + half + 1, column - half : column + half + 1]


def centroid(light, x, y, sigma=2.0):
    """Centre under a Gaussian window that follows it; unbiased for a symmetric star."""
    rows, columns = np.indices(light.shape)
    for _ in range(30):
        window = light * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 2 / sigma**2)
        step_x, step_y = (
            2 * np.sum(window * (axis - at)) / window.sum()
            for axis, at in ((columns, x), (rows, y))
        )
        x, y = x + step_x, y + step_y
    return x, y


def test_true_positions_lie_on_the_stars_and_the_headers_a_little_off(sparse):
    truth = read_truth(sparse.truth)
    expnum, (chip,) = chips_of(sparse.searches[0])
    light = chip.data - truth.sky_image(expnum, chip.ccdnum)
    index, x, y = isolated(truth, expnum, chip)
    found = np.array(
        [
            np.add(
                centroid(cutout(light, a, b, 10), 10.0 + a - round(a), 10.0 + b - round(b)),
                (round(a) - 10, round(b) - 10),
            )
            for a, b in zip(x, y, strict=True)
        ]
    )
    offset = found - np.column_stack([x, y])
    assert len(index) > 20
    assert np.all(np.abs(np.median(offset, axis=0)) < 0.005)
    assert np.all(mad_std(offset, axis=0) < 0.02)
    ra, dec = (values[index] for values in truth.positions(expnum))
    header = np.column_stack(chip.wcs.all_world2pix(ra, dec, 0))
    assert 0.01 < np.median(np.hypot(*(header - found).T)) < 2


def test_fluxes_are_those_of_the_truth_and_its_flat(sparse):
    truth = read_truth(sparse.truth)
    varied = 0
    for path in (sparse.reference, *sparse.searches):
        expnum, (chip,) = chips_of(path)
        exposure = truth.exposures[truth.exposures["expnum"] == expnum][0]
        light = chip.data - truth.sky_image(expnum, chip.ccdnum)
        index, x, y = isolated(truth, expnum, chip)
        fwhm = np.full(1, exposure["fwhm"])
        profile = stamps(np.zeros(1), np.zeros(1), [fwhm, np.zeros(1), np.zeros(1)], 25)
        flux = [cutout(light, a, b, APERTURE_PIXELS).sum() for a, b in zip(x, y, strict=True)]
        mag = exposure["zero_point"] - 2.5 * np.log10(flux / profile.sum())
        flat = truth.flat(expnum, chip.ccdnum, x, y)
        error = mag - flat - truth.magnitudes(expnum)[index]
        assert abs(np.median(error)) < 0.006
        assert mad_std(error) < 0.008 < mad_std(error + flat)
        varied += np.sum(truth.stars["kind"][index] != "constant")
    assert varied > 3


def test_the_flat_has_its_amplitude_and_differs_between_exposures(crowded):
    truth = read_truth(crowded.truth)
    y, x = np.mgrid[:600:20, :500:20]
    flats = [truth.flat(expnum, 28, x, y) for expnum in truth.exposures["expnum"]]
    for flat in flats:
        assert np.ptp(flat) == pytest.approx(0.10, abs=0.01)
    assert np.std(flats[0] - flats[1]) > 0.01


def test_the_psf_is_normalised_and_widens_across_the_chip():
    rng = np.random.default_rng(1)
    optics = Optics.of(4.0, rng)
    x, y = np.array([100.3, 700.6]), np.array([100.7, 900.2])
    image = render(x, y, np.full(2, 1e5), optics, (1000, 800), 1e-3)
    assert image.sum() == pytest.approx(2e5, rel=2e-3)
    peaks = [cutout(image, a, b, 2).sum() for a, b in zip(x, y, strict=True)]
    assert abs(peaks[1] / peaks[0] - 1) > 0.02


def test_counts_rise_as_asked_down_to_the_limit(full_width, crowded):
    truth = read_truth(crowded.truth)
    index, x, y = truth.star_pixels(truth.exposures["expnum"][0], 28)
    on_chip = (x > -0.5) & (x < 499.5) & (y > -0.5) & (y < 599.5)
    mag = truth.stars["mag"][index[on_chip]]
    expected = CROWDED.stars_per_chip * 600 * 500 / np.prod(FULL_SHAPE)
    assert np.sum(mag < CROWDED.limiting_mag) == pytest.approx(expected, abs=5 * expected**0.5)
    counts, _ = np.histogram(truth.stars["mag"], [19, 20.5, 22, 23.5])
    np.testing.assert_allclose(np.diff(np.log10(counts)), 0.3 * 1.5, atol=0.15)


def test_stars_move_along_their_proper_motion():
    star = np.zeros(1, STAR_DTYPE)
    star["ra"], star["dec"], star["pmra"], star["pmdec"] = 265, -60, 10, -20
    ra, dec = positions_at(star, 51544.5 + 25.5 * 365.25)  # ten years after the catalogue
    assert (ra - 265) * 3.6e6 * np.cos(np.radians(60)) == pytest.approx(100, rel=1e-4)
    assert (dec + 60) * 3.6e6 == pytest.approx(-200, rel=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_light_curves_have_their_amplitude(kind):
    mjd = np.linspace(57000, 57010, 4001)
    star = np.zeros(1, STAR_DTYPE)
    star["mag"], star["kind"], star["amplitude"] = 18, kind, 0.8
    star["period"], star["epoch"] = 4.0, 57002.0
    curve = np.array([magnitudes_at(star, t)[0] for t in mjd])
    assert np.ptp(curve) == pytest.approx(0.8, abs=0.02)
    assert (curve.min() < 17.3) == (kind == "flare")


def test_constant_stars_are_constant_and_variables_of_every_kind(crowded):
    truth = read_truth(crowded.truth)
    change = np.ptp(truth.stars["epoch_mag"], axis=1)
    constant = truth.stars["kind"] == "constant"
    assert np.all(change[constant] == 0)
    assert set(truth.stars["kind"][~constant]) == set(KINDS)
    assert np.median(change[~constant]) > 0.1


# Artifacts and catalogue


def test_artifacts_are_listed_with_their_light():
    shape, rng = (120, 140), np.random.default_rng(5)
    stars = np.array([70.0]), np.array([60.0]), np.array([2e4])
    kinds = []
    for _ in range(40):
        light = np.zeros(shape, "f4")
        (artifact,) = add_artifacts(light, stars, 1, Optics.of(4.0, rng), rng)
        assert light.sum() == pytest.approx(artifact.flux, rel=0.05)
        y, x = np.indices(shape)
        middle = np.average(x, weights=light), np.average(y, weights=light)
        assert middle == pytest.approx((artifact.x, artifact.y), abs=0.6)
        kinds.append(artifact.kind)
        if artifact.kind == "charge":
            assert 0.3 < 2.5 * np.log10(1 + artifact.flux / stars[2][0]) < 2
    assert set(kinds) == set(ARTIFACTS)


def test_artifacts_are_on_the_reference_alone(tmp_path, crowded):
    truth = read_truth(crowded.truth)
    assert sorted(set(truth.artifacts["ccdnum"])) == [28, 35]
    assert len(truth.artifacts) == 2 * CROWDED.n_reference_artifacts
    with_them = simulate_night(tmp_path / "with", TINY)
    without = simulate_night(tmp_path / "without", replace(TINY, n_reference_artifacts=0))
    assert with_them.searches[0].read_bytes() == without.searches[0].read_bytes()
    assert with_them.reference.read_bytes() != without.reference.read_bytes()


def test_the_catalogue_lies_in_the_tiles_of_its_positions(crowded):
    healpix = HEALPix(NSIDE, order="ring")
    tiles = sorted(crowded.catalogue.glob("chunk-*.fits"))
    assert tiles
    for tile in tiles:
        table = Table.read(tile)
        pixels = healpix.lonlat_to_healpix(table["ra"] * u.deg, table["dec"] * u.deg)
        assert {tile.name} == {f"chunk-{pixel:05d}.fits" for pixel in pixels}


def test_catalogue_stars_are_the_true_ones_at_the_exposures_epoch(crowded):
    truth = read_truth(crowded.truth)
    exposure = truth.exposures[1]
    stars = open_catalogue(crowded.catalogue).stars(265, -29, 0.3, exposure["mjd"], "i")
    ra, dec = truth.positions(exposure["expnum"])
    scale = np.cos(np.radians(-29))
    tree = cKDTree(np.column_stack([ra * scale, dec]))
    distance, nearest = tree.query(np.column_stack([stars.ra * scale, stars.dec]))
    assert len(stars) > 50
    assert np.median(distance) * 3.6e6 < 3 * np.median(stars.ra_error)
    constant = truth.stars["kind"][nearest] == "constant"
    assert abs(np.median((stars.magnitudes - truth.stars["mag"][nearest])[constant])) < 0.005


def test_a_catalogue_across_ra_0_stays_within_the_circle(tmp_path):
    night = simulate_night(tmp_path, replace(TINY, ra=0.0, dec=-30.0, n_epochs=0))
    ra = np.concatenate([Table.read(t)["ra"] for t in night.catalogue.glob("*.fits")])
    assert np.all((ra >= 0) & (ra < 360))
    assert ra.min() < 1 and ra.max() > 359
