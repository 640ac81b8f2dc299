"""Image, weight and data quality are each what their names say, of one exposure and camera."""

import numpy as np
import pytest
from astropy.io import fits

from exposures.errors import InputFileError
from exposures.fits import read_chip, read_exposure
from tests.builders.fits_files import NAME, chip_cards, triplet_pixels, write_triplet

SKY = np.random.default_rng(16).normal(400, 10, (40, 60)).astype(np.float32)


def read(path):
    facts = read_exposure(path)
    return facts, read_chip(facts, facts.chips[0])


def set_card(tmp_path, kind, key, value, hdu=0):
    fits.setval(tmp_path / NAME.format(kind=kind), key, value=value, ext=hdu)


@pytest.mark.parametrize(
    ("kind", "product", "words"),
    [
        ("i", "wtmap", "'wtmap': it is the weight, under the name of the image"),
        ("i", "DQMASK", "'dqmask': it is the data quality"),
        ("w", "dqmask", "it is the data quality, under the name of the weight"),
        ("d", "wtmap", "it is the weight, under the name of the data quality"),
    ],
)
def test_a_file_that_is_another_of_the_three_by_prodtype_is_refused(tmp_path, kind, product, words):
    path = write_triplet(tmp_path)
    set_card(tmp_path, kind, "PRODTYPE", product)
    with pytest.raises(InputFileError, match=words) as error:
        read_exposure(path)
    assert NAME.format(kind=kind) in str(error.value)


def test_cutouts_that_all_have_the_images_header_are_read(tmp_path):
    path = write_triplet(tmp_path, PRODTYPE="image")
    assert read(path)[1].weight[0, 0] == pytest.approx(0.01)


@pytest.mark.parametrize("given", list("wd"))
def test_the_image_itself_is_no_weight_and_no_data_quality(tmp_path, given):
    """As where a file was copied under another name, and says itself that it is an image."""
    chip = {"N4": (SKY, chip_cards(35))}
    path = write_triplet(tmp_path, changed={"i": chip, given: chip}, PRODTYPE="image")
    words = "holds the pixels of the image" if given == "w" else "which are no codes"
    with pytest.raises(InputFileError, match=words) as error:
        read(path)
    assert NAME.format(kind=given) in str(error.value)


@pytest.mark.parametrize(
    ("kind", "pixels", "words"),
    [
        ("w", np.full((40, 60), -0.01, np.float32), "most of the weight is negative"),
        ("w", np.where(SKY > 390, -1.0, 0.01).astype(np.float32), "most of the weight is negative"),
        ("d", np.full((40, 60), 0.0123, np.float32), "holds values that aren't whole"),
        ("d", np.full((40, 60), 412, np.int32), "holds values such as 412, .* no codes of V4.8.2a"),
        ("d", np.full((40, 60), -1, np.int16), "holds values such as -1"),
    ],
)
def test_pixels_that_no_weight_and_no_data_quality_has_are_refused(tmp_path, kind, pixels, words):
    changed = {"i": {"N4": (SKY, chip_cards(35))}, kind: {"N4": (pixels, chip_cards(35))}}
    with pytest.raises(InputFileError, match=words):
        read(write_triplet(tmp_path, changed=changed))


@pytest.mark.parametrize("kind", list("wd"))
@pytest.mark.parametrize(
    ("key", "value", "hdu", "words"),
    [
        ("DATE-OBS", "2017-01-19T09:55:30", 0, "DATE-OBS is 2017-01-19T09:55:30, of its image"),
        ("INSTRUME", "Mosaic3", 0, "INSTRUME is Mosaic3, of its image .* DECam"),
        ("CCDNUM", 36, 1, "CCDNUM of this .* is 36, of the image 35"),
    ],
)
def test_siblings_of_another_exposure_camera_or_chip_are_refused(
    tmp_path, kind, key, value, hdu, words
):
    path = write_triplet(tmp_path, INSTRUME="DECam")
    set_card(tmp_path, kind, key, value, hdu)
    with pytest.raises(InputFileError, match=words):
        read(path)


def test_a_camera_that_is_none_of_the_pipelines_is_refused(tmp_path):
    with pytest.raises(InputFileError, match=r"INSTRUME is 'WFC3'.*without _ooi_"):
        read_exposure(write_triplet(tmp_path, INSTRUME="WFC3"))


@pytest.mark.parametrize("camera", ["90prime", "Mosaic3"])
def test_a_chip_of_another_camera_has_not_decams_amplifiers(tmp_path, camera):
    shape = (40, 2046)
    changed = {kind: {"N4": (triplet_pixels(kind, shape), chip_cards(4))} for kind in "iwd"}
    facts, chip = read(write_triplet(tmp_path, changed=changed, shape=shape, INSTRUME=camera))
    assert facts.instrument == camera
    assert len(chip.amplifiers) == 1


def test_a_stack_of_another_camera_that_was_made_here_is_read(tmp_path):
    changed = {
        kind: {"N4": (triplet_pixels(kind), chip_cards(35, STACKKEY="0" * 32))} for kind in "iwd"
    }
    facts, _ = read(write_triplet(tmp_path, changed=changed, INSTRUME="STE4"))
    assert facts.instrument == "STE4"
