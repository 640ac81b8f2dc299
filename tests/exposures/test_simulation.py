"""Simulated nights: files as the Community Pipeline's, the same for the same options."""

import hashlib
from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
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
    simulate_night,
)
from exposures.simulation.catalogue import NSIDE
from exposures.simulation.detector import (
    BAD,
    BLEED,
    COSMIC_RAY,
    SATURATED,
)
from exposures.simulation.mosaic import FULL_SHAPE, Pointing, detectors
from tests.builders.simulated_nights import CROWDED, TINY, sibling


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
    with pytest.raises(GalprojectError, match=r"file.*Choose a folder"):
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


# Artifacts and catalogue


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


def test_catalogue_columns_are_those_of_real_tiles(crowded, real_data):
    ours, theirs = (
        Table.read(next(folder.glob("chunk-*.fits")))
        for folder in (crowded.catalogue, real_data / "decam_legacypipe_triplets/testcase3/gaia")
    )
    assert set(ours.colnames) <= set(theirs.colnames)
