import os
import shutil

import numpy as np
import pytest
from astropy.io import fits

from exposures.errors import InputFileError
from exposures.fits import read_exposure
from exposures.ingest import distinct, ingest_exposure
from exposures.models import GalExposure, GalImage
from tests.exposures.files import write_plain, write_triplet

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
