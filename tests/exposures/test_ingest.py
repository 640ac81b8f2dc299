import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from astropy.io import fits
from django.db import connection

from exposures.errors import InputFileError
from exposures.fits import read_exposure
from exposures.ingest import distinct, ingest_exposure
from exposures.models import GalExposure, GalImage
from tests.builders.fits_files import chip_cards, triplet_pixels, write_plain, write_triplet

pytestmark = pytest.mark.django_db


def enter(path, ccds=None):
    return ingest_exposure(read_exposure(path), ccds)


def test_exposure_entered_twice_is_one(tmp_path):
    path = write_triplet(tmp_path, names=("N4", "S4"))
    first, second = enter(path), enter(path)
    assert [image.pk for image in first] == [image.pk for image in second]
    assert GalExposure.objects.count() == 1
    assert GalImage.objects.count() == 2


def test_file_is_the_same_from_every_folder(tmp_path, monkeypatch):
    path = write_plain(tmp_path / "star.fits")
    (absolute,) = enter(path)
    monkeypatch.chdir(tmp_path)
    (relative,) = enter("star.fits")
    assert relative.pk == absolute.pk
    assert relative.path == str(path)


def test_file_is_the_same_by_a_link_to_its_folder(tmp_path):
    (tmp_path / "night").mkdir()
    path = write_triplet(tmp_path / "night")
    (tmp_path / "link").symlink_to(tmp_path / "night")
    assert enter(path)[0].pk == enter(tmp_path / "link" / path.name)[0].pk


def test_second_copy_of_an_exposure_names_the_first(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        path = write_triplet(tmp_path / folder)
    enter(tmp_path / "a" / path.name)
    with pytest.raises(InputFileError, match=r"b/.*\[N4\].*entered before, from .*/a/"):
        enter(tmp_path / "b" / path.name)


def test_copy_of_a_plain_image_under_another_name_is_refused(tmp_path):
    path = write_plain(tmp_path / "star.fits")
    enter(path)
    shutil.copy(path, tmp_path / "copy.fits")
    (tmp_path / "link.fits").symlink_to(path)
    for name in ("copy.fits", "link.fits"):
        with pytest.raises(InputFileError, match=f"{name}: a copy of .*star.fits"):
            enter(tmp_path / name)
    assert GalExposure.objects.count() == 1


def test_two_frames_of_one_second_are_two_exposures(tmp_path):
    rng = np.random.default_rng(1)
    for name in ("a.fits", "b.fits"):
        enter(write_plain(tmp_path / name, rng.normal(500, 10, (80, 100)).astype("f4")))
    assert GalExposure.objects.count() == 2


def copy_under_another_number(path, folder, **cards):
    """The three files of an exposure with another EXPNUM, under names of another time."""
    folder.mkdir()
    for kind in "iwd":
        source = path.with_name(path.name.replace("_ooi_", f"_oo{kind}_"))
        copy = folder / source.name.replace("085651", "090000")
        shutil.copy(source, copy)
        for key, value in {"EXPNUM": 999999, **cards}.items():
            fits.setval(copy, key, value=value)
    return folder / path.name.replace("085651", "090000")


def test_one_exposure_under_two_numbers_is_refused_and_both_files_are_named(tmp_path):
    path = write_triplet(tmp_path)
    enter(path)
    copy = copy_under_another_number(path, tmp_path / "b")
    problem = rf"{copy}: the same exposure as {path}, which was entered before as 610792.*Remove"
    with pytest.raises(InputFileError, match=problem):
        enter(copy)
    assert GalExposure.objects.count() == 1


@pytest.mark.parametrize(
    "cards",
    [
        {"MJD-OBS": 57772.3719},  # rounded by 3 s
        {"EXPTIME": 29.8},
        {"PLVER": "V5.0"},
        {"OBJECT": "another name"},
        {"FILTER": "g DECam SDSS c0001 4720.0 1520.0"},  # with the same pixels
    ],
)
def test_a_copy_is_known_though_its_header_was_changed(tmp_path, cards):
    path = write_triplet(tmp_path)
    enter(path)
    with pytest.raises(InputFileError, match="610792: camera, time and centre agree"):
        enter(copy_under_another_number(path, tmp_path / "b", **cards))


@pytest.mark.parametrize(
    "cards",
    [
        {"MJD-OBS": 57772.37187 + 31 / 86400},  # the next one
        {"INSTRUME": "Mosaic3"},
        {"PROCTYPE": "Stacked", "NCOMBINE": 3},  # whose mean time may be that of an input
    ],
)
def test_what_differs_in_time_or_camera_or_is_a_stack_is_another_exposure(tmp_path, cards):
    path = write_triplet(tmp_path)
    enter(path)
    enter(copy_under_another_number(path, tmp_path / "b", **cards))
    assert GalExposure.objects.count() == 2


def test_an_input_of_a_stack_is_entered_beside_it(tmp_path):
    path = write_triplet(tmp_path, NCOMBINE=3)
    enter(path)
    enter(copy_under_another_number(path, tmp_path / "b", NCOMBINE=1))
    assert GalExposure.objects.count() == 2


def test_a_copy_with_fewer_chips_is_known_by_those_that_it_has(tmp_path):
    east, west = chip_cards(35), chip_cards(36, CRVAL1=150.3)
    for folder, chips in (("a", {"N4": east, "S4": west}), ("b", {"S4": west})):
        (tmp_path / folder).mkdir()
        changed = {
            kind: {name: (triplet_pixels(kind), cards) for name, cards in chips.items()}
            for kind in "iwd"
        }
        paths = write_triplet(tmp_path / folder, changed=changed, EXPNUM=len(chips))
        if folder == "a":
            enter(paths)
    with pytest.raises(InputFileError, match="entered before as 2: camera, time and centre"):
        enter(paths)


CAMERA = {"INSTRUME": "STE4"}


def test_chips_of_one_camera_may_come_in_files_of_their_own(tmp_path):
    for name, ra in (("chip1.fits", 150.0), ("chip2.fits", 150.02)):
        enter(write_plain(tmp_path / name, cards={**CAMERA, "CRVAL1": ra}))
    assert GalExposure.objects.count() == 2


def test_short_exposures_one_after_the_other_are_two(tmp_path):
    rng = np.random.default_rng(1)
    for second in (43, 44, 45):
        cards = {**CAMERA, "EXPTIME": 1.0, "DATE-OBS": f"2017-12-20T01:33:{second}"}
        pixels = rng.normal(500, 10, (80, 100)).astype("f4")
        enter(write_plain(tmp_path / f"{second}.fits", pixels, cards))
    assert GalExposure.objects.count() == 3


def test_exposures_shorter_than_the_last_digit_of_their_time_are_told_apart_by_pixels(tmp_path):
    rng = np.random.default_rng(1)
    cards = {**CAMERA, "EXPTIME": 0.2}
    for name in ("a.fits", "b.fits"):
        enter(write_plain(tmp_path / name, rng.normal(500, 10, (80, 100)).astype("f4"), cards))
    assert GalExposure.objects.count() == 2
    shutil.copy(tmp_path / "a.fits", tmp_path / "c.fits")
    with pytest.raises(InputFileError, match=r"c.fits: a copy of .*a.fits"):
        enter(tmp_path / "c.fits")


def test_arms_of_a_camera_take_two_filters_at_once(tmp_path):
    rng = np.random.default_rng(1)
    for band in ("g", "r"):
        pixels = rng.normal(500, 10, (80, 100)).astype("f4")
        enter(write_plain(tmp_path / f"{band}.fits", pixels, {**CAMERA, "FILTER": band}))
    assert GalExposure.objects.count() == 2


def test_cameras_of_one_name_at_two_telescopes_take_two_exposures_at_once(tmp_path):
    rng = np.random.default_rng(1)
    for name in ("Annie", "Cecilia"):
        pixels = rng.normal(500, 10, (80, 100)).astype("f4")
        enter(write_plain(tmp_path / f"{name}.fits", pixels, {**CAMERA, "TELESCOP": name}))
    assert GalExposure.objects.count() == 2


def test_a_file_that_was_renamed_is_not_a_second_exposure(tmp_path):
    path = write_plain(tmp_path / "star.fits", cards=CAMERA)
    enter(path)
    with pytest.raises(InputFileError, match=r"the name it had, or remove .*delete_exposure star"):
        enter(path.rename(tmp_path / "other.fits"))


@pytest.mark.parametrize("name", ["plain.fits", "x_ooi_r_v1.fits"])
def test_what_was_entered_before_cameras_had_names_keeps_its_row(tmp_path, name):
    former = "decam" if "_ooi_" in name else "plain"
    if former == "decam":
        path = write_triplet(tmp_path, INSTRUME="Mosaic3")
    else:
        path = write_plain(tmp_path / name, cards={"INSTRUME": "Mosaic3"})
    (before,) = enter(path)
    GalExposure.objects.update(instrument=former)
    (after,) = enter(path)
    assert after.pk == before.pk
    assert GalExposure.objects.get().instrument == "Mosaic3"


def test_what_was_entered_before_cameras_had_names_may_have_been_moved_since(tmp_path):
    path = write_plain(tmp_path / "star.fits", cards=CAMERA)
    (before,) = enter(path)
    GalExposure.objects.update(instrument="plain")
    (tmp_path / "archive").mkdir()
    (after,) = enter(path.rename(tmp_path / "archive" / "star.fits"))
    assert (after.pk, after.exposure.instrument) == (before.pk, "STE4")


def test_names_of_objects_and_proposals_are_stored_whole(tmp_path):
    text = "a field " * 40
    cards = {"OBJECT": text, "PROPID": "x" * 120, "FILTER": "solid/plate " + "b" * 60}
    enter(write_plain(tmp_path / "star.fits", cards=cards))
    exposure = GalExposure.objects.get()
    assert (exposure.object_name, exposure.proposal) == (text.strip(), "x" * 120)
    assert exposure.filter == "solid/plate " + "b" * 60


def test_numbers_of_another_camera_are_not_decams(tmp_path):
    path = write_triplet(tmp_path)
    (first,) = enter(path)
    (other,) = enter(
        copy_under_another_number(path, tmp_path / "b", EXPNUM=610792, INSTRUME="90prime")
    )
    assert first.exposure_id != other.exposure_id


@pytest.mark.django_db(transaction=True)
def test_two_processes_that_enter_one_exposure_under_two_names_make_one(tmp_path):
    paths = [write_plain(tmp_path / name, cards=CAMERA) for name in ("a.fits", "b.fits")]
    together = threading.Barrier(2)

    def enter_at_once(path):
        facts = read_exposure(path)
        together.wait(10)
        try:
            return ingest_exposure(facts)
        except InputFileError as error:
            return str(error)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as threads:
        results = list(threads.map(enter_at_once, paths))
    assert GalExposure.objects.count() == 1
    assert sorted(isinstance(result, str) for result in results) == [False, True]


def test_frames_of_two_nights_with_one_name_are_told_apart(tmp_path):
    for night, date in (("1", "2017-12-20T01:33:43"), ("2", "2017-12-21T01:33:43")):
        (tmp_path / night).mkdir()
        write_plain(tmp_path / night / "frame001.fits", cards={"DATE-OBS": date})
    enter(tmp_path / "1" / "frame001.fits")
    with pytest.raises(InputFileError, match=r"2/frame001.fits: another exposure is called"):
        enter(tmp_path / "2" / "frame001.fits")


def test_header_that_was_mended_counts(tmp_path):
    path = write_plain(tmp_path / "star.fits", cards={"FILTER": "R"})
    enter(path)
    fits.setval(path, "FILTER", value="V")
    enter(path)
    assert GalExposure.objects.get().filter == "V"


def test_file_that_was_moved_is_the_same(tmp_path):
    path = write_plain(tmp_path / "star.fits")
    (before,) = enter(path)
    (tmp_path / "archive").mkdir()
    (after,) = enter(path.rename(tmp_path / "archive" / "star.fits"))
    assert after.pk == before.pk
    assert after.path.endswith("archive/star.fits")


def test_chips_that_are_not_there_are_answered_with_those_that_are(tmp_path):
    path = write_triplet(tmp_path, names=("N4", "S4"))
    assert [image.ccdnum for image in enter(path, {36, 62})] == [36]
    with pytest.raises(InputFileError, match="Choose --ccds from those it has: 35, 36"):
        enter(path, {62})


@pytest.mark.parametrize("stem", ["x" * 150, os.fsdecode(b"\xe9toile")])
def test_name_that_does_not_fit_is_the_files_error(tmp_path, stem):
    with pytest.raises(InputFileError, match="doesn't fit the tables"):
        enter(write_plain(tmp_path / f"{stem}.fits"))
    assert not GalExposure.objects.exists()


def test_path_given_twice_is_kept_once(tmp_path):
    path = write_plain(tmp_path / "star.fits")
    (tmp_path / "link.fits").symlink_to(path)
    paths, errors = distinct([path, str(path), tmp_path / "link.fits"])
    assert paths == [path]
    assert [str(error).partition(":")[0] for error in errors] == [
        str(path),
        str(tmp_path / "link.fits"),
    ]
