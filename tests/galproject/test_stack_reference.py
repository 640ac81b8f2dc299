"""Stacks made by the command: files that are a reference like any other, and clear refusals."""

import os
from io import StringIO
from types import SimpleNamespace

import numpy as np
import pytest
from astropy.io import fits
from django.core.management import CommandError, call_command
from django.db.models import F

from exposures.chip import MaskBit
from exposures.fits import read_chip, read_exposure
from exposures.fits.stacks import codes_of, read_keys
from exposures.models import GalImage, Status
from exposures.simulation import SimulationOptions, read_truth, simulate_night
from galproject.configuration.pipeline_options import PipelineOptions
from galproject.processing import stacking
from galproject.processing.stacking import plan_stack, run_stack
from galproject.queue.runs import process_exposure
from photometry.models import GalSource
from photometry.science.stacking.stacking import Stack
from tests.builders.processed_night import remove_survey
from variables.models import GalVarObj

CHIP = 28


@pytest.fixture(scope="module")
def paths(night):
    return [night.reference, *night.searches]


@pytest.fixture(scope="module")
def stacked(night, paths, tmp_path_factory):
    """The plan and the result of a stack of one chip of the night's three exposures."""
    folder = tmp_path_factory.mktemp("stack")
    plan = plan_stack(paths, folder, night.options, {CHIP})
    (result,) = run_stack(plan)
    return plan, result


def chip_of(plan):
    facts = read_exposure(plan.files.paths["i"])
    return facts, read_chip(facts, facts.chips[0])


def run(*arguments):
    out = StringIO()
    call_command("stack_reference", *map(str, arguments), stdout=out, no_color=True)
    return out.getvalue()


def test_stack_is_read_as_an_exposure_with_weight_and_mask(stacked, paths):
    plan, result = stacked
    facts, chip = chip_of(plan)
    first = read_exposure(paths[0])
    assert (result.status, result.n_inputs) == ("done", 3)
    assert facts.identifier == "stack_600000_3"
    assert (facts.filter, facts.exposure_seconds) == (first.filter, first.exposure_seconds)
    assert facts.mjd == pytest.approx(np.mean([read_exposure(path).mjd for path in paths]))
    assert chip.ccdnum == CHIP
    assert chip.shape == (420, 400)
    assert np.mean(chip.weight > 0) > 0.99
    assert np.all((chip.weight > 0) | (chip.mask > 0))


def test_headers_name_the_inputs_and_their_part(stacked, paths):
    plan, result = stacked
    with fits.open(plan.files.paths["i"]) as hdus:
        primary, header = hdus[0].header, hdus[1].header
    assert [primary[f"IMCMB{n:03d}"] for n in (1, 2, 3)] == [path.name for path in paths]
    assert [header[f"IMCMB{n:03d}"].partition("[")[0] for n in (1, 2, 3)] == [p.name for p in paths]
    assert sum(header[f"WGHT{n:03d}"] for n in (1, 2, 3)) == pytest.approx(1)
    assert header["SCALE001"] == 1
    assert header["NHOMOGEN"] == result.n_homogenised > 0
    assert header["GAINA"] == header["GAINB"] > 8  # of three times the photons, about


def test_grid_and_astrometry_are_those_of_the_first(stacked, paths, night):
    plan, _ = stacked
    _, chip = chip_of(plan)
    truth = read_truth(night.truth)
    expnum = int(read_exposure(paths[0]).identifier)
    true_sky = truth.wcs(expnum, CHIP).all_pix2world([200.0], [210.0], 0)
    sky = chip.wcs.all_pix2world([200.0], [210.0], 0)
    d_ra = (sky[0] - true_sky[0]) * np.cos(np.radians(true_sky[1]))
    assert 3.6e6 * np.hypot(d_ra, sky[1] - true_sky[1])[0] < 25


def test_noise_of_the_sky_is_what_level_gain_and_read_noise_say(stacked):
    _, chip = chip_of(stacked[0])
    gain, read_noise = chip.gain_map()[0], chip.read_noise_map()[0]
    level = fits.getheader(stacked[0].files.paths["i"], 1)["AVSKY"]
    # The darkest pixels have no star, and their photons' part of the weight is the sky's.
    variance = 1 / np.percentile(chip.weight[100:300, 100:300], 90)
    assert variance == pytest.approx(level / gain + (read_noise / gain) ** 2, rel=0.05)


def test_artifacts_of_the_first_are_clipped_where_others_see_the_place(stacked, paths, night):
    plan, _ = stacked
    clipped = fits.getdata(plan.files.paths["c"], 1)
    spots = read_truth(night.truth).artifacts
    spots = spots[(spots["ccdnum"] == CHIP) & are_on_others(spots, paths[1:])]
    assert len(spots) == 2
    for spot in spots:
        y, x = round(spot["y"]), round(spot["x"])
        assert np.any(clipped[y - 2 : y + 3, x - 2 : x + 3] & 1), spot["kind"]
    # The rest are cosmic rays that the mask did not tell of, and variable stars.
    assert np.mean(clipped != 0) < 0.05


def are_on_others(spots, paths):
    """(n,) whether positions lie on the chip of any of the exposures."""
    seen = np.zeros(len(spots), bool)
    for facts in map(read_exposure, paths):
        entry = next(entry for entry in facts.chips if entry.ccdnum == CHIP)
        chip = read_chip(facts, entry)
        x, y = chip.wcs.all_world2pix(spots["ra"], spots["dec"], 0)
        ny, nx = chip.shape
        seen |= (x > 5) & (x < nx - 5) & (y > 5) & (y < ny - 5)
    return seen


def test_stack_that_stands_is_left_and_other_files_make_it_anew(stacked, night, paths):
    plan, _ = stacked
    before = plan.files.paths["i"].stat().st_mtime_ns
    again = plan_stack(paths, plan.files.folder, night.options, {CHIP})
    (result,) = run_stack(again)
    assert result.status == "unchanged"
    assert plan.files.paths["i"].stat().st_mtime_ns == before
    os.utime(paths[1])
    other = plan_stack(paths, plan.files.folder, night.options, {CHIP})
    assert read_keys(other.files)[CHIP][0] != other.key(CHIP)


def test_interrupted_run_goes_on_where_it_stopped(night, paths, tmp_path, monkeypatch):
    plan = plan_stack(paths[:2], tmp_path, night.options)
    assert len(plan.wanted) == 2
    done = []

    def stack(plan, number, key, settings):
        if len(done) == 1:
            raise KeyboardInterrupt
        done.append(number)
        return original(plan, number, key, settings)

    original = stacking._stack  # noqa: SLF001  one chip of a stack
    monkeypatch.setattr(stacking, "_stack", stack)
    with pytest.raises(KeyboardInterrupt):
        list(run_stack(plan))
    assert not any(path.exists() for path in plan.files.paths.values())
    monkeypatch.setattr(stacking, "_stack", original)
    assert [result.status for result in run_stack(plan)] == ["unchanged", "done"]
    assert {entry.ccdnum for entry in read_exposure(plan.files.paths["i"]).chips} == set(plan.chips)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        path.name for path in plan.files.paths.values()
    )


def test_failed_write_leaves_nothing(night, paths, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    pixels = np.zeros((10, 10), np.float32)
    clipped = pixels.astype(np.int32)
    made_up = SimpleNamespace(
        stack=Stack(pixels, pixels, pixels.astype(np.uint8), clipped, 0.0, 1.0, 1.0)
    )
    monkeypatch.setattr(fits.HDUList, "writeto", fail)
    monkeypatch.setattr(stacking, "stack_chip", lambda *_: made_up)
    monkeypatch.setattr(stacking, "_chip_header", lambda *_: fits.Header())
    with pytest.raises(CommandError, match=r"No space left on device\. Choose a folder"):
        run(*paths, "--to", tmp_path, "--ccds", CHIP)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_one_exposure_is_no_stack(paths, tmp_path):
    with pytest.raises(CommandError, match="made of 2 to 31 exposures, not of 1"):
        run(paths[0], "--to", tmp_path)


def test_exposures_of_different_filters_are_refused(paths, tmp_path):
    other = simulate_night(
        tmp_path / "r",
        SimulationOptions(filter="r", n_epochs=0, n_chips=1, chip_shape=(64, 64), compress=False),
    )
    with pytest.raises(
        CommandError, match=r"filter r, but .* has i\. Stack exposures of one filter"
    ):
        run(paths[0], other.reference, "--to", tmp_path)


def test_exposure_given_twice_is_refused(paths, tmp_path):
    with pytest.raises(CommandError, match="given twice"):
        run(paths[0], paths[0], "--to", tmp_path)


def test_missing_file_is_named(paths, tmp_path):
    with pytest.raises(CommandError, match=r"no\.fits: there is no such file"):
        run(paths[0], tmp_path / "no.fits", "--to", tmp_path)


def test_chip_that_nobody_has_is_refused(paths, tmp_path):
    with pytest.raises(CommandError, match="Choose --ccds from those there are"):
        run(*paths, "--ccds", "1", "--to", tmp_path)


def test_stack_of_other_exposures_is_not_replaced(stacked, night, paths):
    plan, _ = stacked
    with pytest.raises(CommandError, match="a stack of other exposures"):
        run(*paths[:2], "--name", plan.files.name, "--to", plan.files.folder)


@pytest.mark.django_db
def test_exposures_that_do_not_overlap_make_no_stack(paths, tmp_path, capsys):
    elsewhere = simulate_night(
        tmp_path / "far",
        SimulationOptions(
            seed=8, ra=100.0, n_epochs=1, n_chips=1, chip_shape=(64, 64), compress=False
        ),
    )
    with pytest.raises(SystemExit):
        run(paths[0], elsewhere.searches[0], "--ccds", CHIP, "--to", tmp_path / "out")
    assert "1 of the 2 exposures that a stack needs can be used" in capsys.readouterr().err
    assert not list(tmp_path.glob("out/*.fits*"))


def test_every_reason_has_a_code_and_saturation_comes_first():
    mask = np.array([[0, 1, 2, 4, 8, 16, 64, 4 | 16]], np.uint8)
    assert codes_of(mask).tolist() == [[0, 1, 2, 3, 4, 5, 8, 3]]
    assert MaskBit.SATURATED == 4


@pytest.mark.django_db
def test_stack_is_a_reference_like_any_other(stacked, night):
    """Processed without a special case, it has the stars' magnitudes, and artifacts of none."""
    plan, _ = stacked
    (reference,) = process_exposure(plan.files.paths["i"], night.options, is_reference=True)
    assert not reference.failed, reference.error
    search = process_exposure(night.searches[1], night.options, ccds={CHIP})
    assert not search[0].failed, search[0].error
    image = GalImage.objects.references().get()
    assert image.status == Status.DONE
    assert_magnitudes_are_true(image, night)
    changes = GalVarObj.objects.accepted().filter(image__is_reference=False)
    assert_no_change_at_an_artifact(changes, night)
    remove_survey()


def assert_magnitudes_are_true(image, night):
    truth = read_truth(night.truth)
    # With blends, which are no part of a reference's mag_err, the faintest would be off by more.
    rows = GalSource.objects.measured_on(image).filter(flags=0, mag_err__lt=0.03)
    rows = rows.filter(flux__gt=45 * F("flux_err"))
    x, y, mag = np.array(list(rows.values_list("x", "y", "mag")), float).T
    index, star_x, star_y = truth.star_pixels(600000, CHIP)
    constant = truth.stars["kind"][index] == "constant"
    true_mag = truth.magnitudes(600000)[index][constant]
    distance = np.hypot(x[:, None] - star_x[constant], y[:, None] - star_y[constant])
    nearest = distance.argmin(axis=1)
    matched = distance.min(axis=1) < 0.5
    flat = truth.flat(600000, CHIP, x, y)
    error = (mag - flat - true_mag[nearest])[matched]
    assert matched.sum() > 20
    assert np.median(np.abs(error - np.median(error))) < 0.02


def assert_no_change_at_an_artifact(changes, night):
    spots = read_truth(night.truth).artifacts
    for ra, dec in changes.values_list("ra", "dec"):
        d_ra = (spots["ra"] - ra) * np.cos(np.radians(dec))
        assert np.hypot(d_ra, spots["dec"] - dec).min() * 3600 > 2


def test_options_of_stacks_are_among_the_options():
    assert PipelineOptions().stack.clip_fraction == 0.25
