from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits

from exposures.chip import MaskBit
from exposures.errors import GalprojectError
from exposures.fits import InputOptions, read_chip, read_exposure, write_chip
from exposures.simulation import simulate_night
from tests.builders.fits_files import write_plain
from tests.builders.simulated_nights import TINY

OPTIONS = InputOptions()


def changed(chip):
    """A chip with more light everywhere and a newly saturated square."""
    data, weight, mask = chip.data + 7, chip.weight * np.float32(0.5), chip.mask.copy()
    data[40:43, 50:53], weight[40:43, 50:53] = chip.saturation, 0
    mask[40:43, 50:53] |= np.uint8(MaskBit.SATURATED)
    return replace(chip, data=data, weight=weight, mask=mask)


def written_and_read(path, folder, options=OPTIONS):
    facts = read_exposure(path, options)
    chip = changed(read_chip(facts, facts.chips[0], options))
    new_facts = read_exposure(write_chip(facts, facts.chips[0], chip, folder, options), options)
    (entry,) = new_facts.chips
    return facts, chip, new_facts, read_chip(new_facts, entry, options)


def test_a_header_with_forbidden_characters_can_be_written(tmp_path):
    path = write_plain(tmp_path / "a.fits", cards={"OBJECT": "abcdefgh"})
    path.write_bytes(path.read_bytes().replace(b"abcdefgh", b"NGC\x00\xe9\t1\x00"))
    facts, _, new_facts, _ = written_and_read(path, tmp_path / "out")
    assert new_facts.object_name == facts.object_name
    assert facts.object_name.startswith("NGC") and facts.object_name.endswith("1")


def test_a_decam_chip_is_read_as_it_was_written(tmp_path):
    night = simulate_night(tmp_path / "night", TINY)
    facts, chip, new_facts, read = written_and_read(night.reference, tmp_path / "out")
    for name in ("data", "weight", "mask"):
        assert np.array_equal(getattr(read, name), getattr(chip, name))
    assert (read.name, read.ccdnum, read.amplifiers) == (chip.name, chip.ccdnum, chip.amplifiers)
    for name in ("identifier", "filter", "mjd", "pipeline_version", "exposure_seconds"):
        assert getattr(new_facts, name) == getattr(facts, name)
    sky = [wcs.all_pix2world([3, 90], [70, 5], 0) for wcs in (chip.wcs, read.wcs)]
    assert np.array_equal(*sky)
    assert not list((tmp_path / "out").glob("writing.*"))


def test_every_real_triplet_with_its_illegal_cards_is_read_as_it_was_written(real_data, tmp_path):
    paths = sorted((real_data / "decam_legacypipe_triplets").glob("*/*ooi*"))
    for number, path in enumerate(paths[::6]):
        facts = read_exposure(path)
        chip = read_chip(facts, facts.chips[0])
        copy = write_chip(facts, facts.chips[0], chip, tmp_path / str(number), OPTIONS)
        new_facts = read_exposure(copy)
        read = read_chip(new_facts, new_facts.chips[0])
        for name in ("data", "weight", "mask"):
            assert np.array_equal(getattr(read, name), getattr(chip, name))


def plain_image(path, pixels):
    header = fits.Header()
    header.update({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 30.0, "CRVAL2": 40.0})
    header.update({"CRPIX1": 50.0, "CRPIX2": 50.0, "CD1_1": -1e-4, "CD2_2": 1e-4})
    header.update({"EXPTIME": 60.0, "FILTER": "V", "DATE-OBS": "2020-01-01T00:00:00", "EGAIN": 2.0})
    header["SATURATE"] = 4000
    fits.PrimaryHDU(pixels, header).writeto(path)


def test_a_plain_chip_of_whole_numbers_keeps_its_offset_and_its_saturation(tmp_path):
    pixels = np.random.default_rng(1).normal(1300, 10, (100, 100)).round().astype("i2")
    plain_image(tmp_path / "one.fits", pixels)  # 200 ADU of sky, and 1100 that are none
    _, chip, new_facts, read = written_and_read(tmp_path / "one.fits", tmp_path / "out")
    # The zero level is found anew, so that a constant more or less means nothing.
    np.testing.assert_allclose(np.diff(read.data), np.diff(chip.data), atol=0.01)
    assert np.array_equal((read.mask & MaskBit.SATURATED) != 0, (chip.mask & 4) != 0)
    raw = fits.getdata(new_facts.image_path)
    assert np.median(raw) == pytest.approx(1307, abs=1)
    assert raw.dtype.kind == "i"
    assert new_facts.identifier == "one"


def test_a_folder_that_cannot_be_made_is_an_error_that_says_so(tmp_path):
    night = simulate_night(tmp_path / "night", TINY)
    facts = read_exposure(night.reference)
    chip = read_chip(facts, facts.chips[0])
    (tmp_path / "file").touch()
    with pytest.raises(GalprojectError, match="set TMPDIR"):
        write_chip(facts, facts.chips[0], chip, tmp_path / "file" / "out", OPTIONS)
