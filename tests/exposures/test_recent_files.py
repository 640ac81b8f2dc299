"""What is known of a file is not found out again for each of its chips, until it changes."""

import os

import numpy as np
import pytest
from astropy.io import fits

from exposures.errors import InputFileError
from exposures.fits import read_chip, read_exposure
from exposures.fits.files import open_images
from exposures.fits.source_files import chip_digest
from exposures.simulation import SimulationOptions, simulate_night

N_CHIPS = 5


@pytest.fixture(scope="module")
def exposure(tmp_path_factory):
    options = SimulationOptions(
        n_epochs=1, stars_per_chip=200, n_chips=N_CHIPS, chip_shape=(128, 130)
    )
    return simulate_night(tmp_path_factory.mktemp("night"), options).searches[0]


@pytest.fixture
def n_headers(monkeypatch):
    """How many headers of compressed images have been read, as a list of one number."""
    count, make = [0], fits.CompImageHDU.__init__

    def counted(*arguments, **named):
        count[0] += 1
        make(*arguments, **named)

    monkeypatch.setattr(fits.CompImageHDU, "__init__", counted)
    return count


def test_a_chip_is_read_without_the_headers_of_the_others(exposure, n_headers):
    facts = read_exposure(exposure)
    for entry in facts.chips:
        read_chip(facts, entry)
    n_headers[0] = 0
    again = read_exposure(exposure)
    assert (again, n_headers[0]) == (facts, 0)
    read_chip(facts, facts.chips[-1])
    chip_digest(facts.mask_path, facts.chips[-1].name)
    # The siblings' first images say of what exposure they are.
    assert n_headers[0] <= 5


def test_a_chip_is_the_same_whichever_was_read_before(exposure):
    facts = read_exposure(exposure)
    with fits.open(facts.image_path) as hdus:
        for entry in reversed(facts.chips):
            assert np.array_equal(read_chip(facts, entry).data, hdus[entry.name].data)


def test_an_image_keeps_its_header_and_scale_wherever_it_is_in_the_file(tmp_path):
    path, images = tmp_path / "many.fits", [fits.PrimaryHDU()]
    for number in range(3):
        image = fits.ImageHDU(np.full((4, 5), 40_000 + number, np.uint16), name=f"A{number}")
        image.header["OWN"] = number
        images.append(image)
    fits.HDUList(images).writeto(path)
    for _ in range(2):
        with open_images(path) as file:
            for number in (2, 0, 1):
                image = file.named(f"A{number}")
                assert image.cards.number("OWN") == number
                assert np.all(image.hdu.data == 40_000 + number)


def write_named(path, *names):
    images = [fits.ImageHDU(np.ones((4, 5), np.float32), name=name) for name in names]
    fits.HDUList([fits.PrimaryHDU(), *images]).writeto(path, overwrite=True)


def test_a_file_that_was_replaced_is_read_anew(tmp_path):
    path = tmp_path / "a.fits"
    for names in (("N1", "N2"), ("S1", "S2")):
        write_named(path, *names)
        for _ in range(2):
            with open_images(path) as file:
                assert [image.name for image in file.images] == list(names)


def test_a_file_that_is_cut_short_after_it_was_read_is_refused(tmp_path):
    path = tmp_path / "a.fits"
    write_named(path, "N1", "N2")
    with open_images(path):
        pass
    os.truncate(path, path.stat().st_size - 2880)
    with pytest.raises(InputFileError, match="truncated"), open_images(path):
        pass


def test_facts_are_read_anew_where_a_sibling_is_gone(exposure, tmp_path):
    facts = read_exposure(exposure)
    paths = facts.image_path, facts.weight_path, facts.mask_path
    copies = [tmp_path / path.name for path in paths]
    for path, copy in zip(paths, copies, strict=True):
        copy.write_bytes(path.read_bytes())
    assert read_exposure(copies[0]).chips == facts.chips
    copies[1].unlink()
    with pytest.raises(InputFileError, match=r"weight file .* is missing"):
        read_exposure(copies[0])
