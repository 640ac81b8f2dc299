"""Files that chips are read from: a moved one is the same, another version is not."""

import gzip
import os
import shutil

import numpy as np
import pytest
from astropy.io import fits

from exposures.errors import InputFileError
from exposures.fits import read_exposure
from exposures.fits.source_files import archive_version, chip_digest
from exposures.ingest import ingest_exposure
from exposures.made_from import (
    check_are_as_before,
    data_version,
    describe_files,
    has_same_files,
    replacement_text,
)
from exposures.models import GalImage, Status
from tests.builders.fits_files import NAME, chip_cards, triplet_pixels, write_plain, write_triplet

KINDS = {"image": "i", "weight": "w", "mask": "d"}


def digests(path, name="N4"):
    return {
        kind: chip_digest(path.with_name(path.name.replace("_ooi_", f"_oo{letter}_")), name)
        for kind, letter in KINDS.items()
    }


def write(folder, **changed):
    folder.mkdir()
    return write_triplet(folder, names=("N4", "S4"), **changed)


def brighter(kind, name="N4"):
    """A triplet's file in which one pixel of one chip is another."""
    chips = {n: (triplet_pixels(kind), chip_cards(35 + i)) for i, n in enumerate(("N4", "S4"))}
    chips[name][0][5, 5] += 1
    return {kind: chips}


def test_a_chip_has_the_digest_of_what_it_has_in_the_files(tmp_path):
    before = digests(write(tmp_path / "a"))
    assert digests(write(tmp_path / "b")) == before
    for number, (kind, letter) in enumerate(KINDS.items()):
        path = write(tmp_path / f"{number}", changed=brighter(letter))
        differ = {k for k, v in digests(path).items() if v != before[k]}
        assert differ == {kind}
        assert digests(path, "S4") == digests(tmp_path / "a" / path.name, "S4")


def test_headers_count_those_for_all_chips_too(tmp_path):
    before = digests(write(tmp_path / "a"))
    for number, cards in enumerate(({"PLVER": "V5.3.1"}, {"EXPTIME": 31.0})):
        assert digests(write(tmp_path / f"{number}", **cards))["image"] != before["image"]
    own = {n: (triplet_pixels("i"), chip_cards(35, GAINA=4.1)) for n in ("N4", "S4")}
    assert digests(write(tmp_path / "own", changed={"i": own}))["image"] != before["image"]


@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "fpacked"])
def test_compressed_files_are_told_apart_too(tmp_path, compressed):
    found = []
    for value in (400, 400, 401):
        path = tmp_path / "c4d_170119_085651_ooi_r_v1.fits.fz"
        pixels = np.random.default_rng(1).normal(value, 5, (40, 60)).astype("f4")
        make = fits.CompImageHDU if compressed else fits.ImageHDU
        image = make(pixels, fits.Header(chip_cards()), name="N4")
        fits.HDUList([fits.PrimaryHDU(), image]).writeto(path, overwrite=True)
        found.append(chip_digest(path, "N4"))
    assert found[0] == found[1] != found[2]


def test_within_gzip_the_pixels_count_and_not_how_they_were_compressed(tmp_path):
    path = write(tmp_path / "a")
    packed = [tmp_path / f"c4d_170119_085651_ooi_r_v{n}.fits.gz" for n in (1, 2)]
    for level, target in enumerate(packed, 1):
        target.write_bytes(gzip.compress(path.read_bytes(), level))
    assert {chip_digest(p, "N4") for p in packed} == {chip_digest(path, "N4")}


def test_a_plain_image_counts_whole(tmp_path):
    path = write_plain(tmp_path / "star.fits")
    before = chip_digest(path, "star")
    with fits.open(path, mode="append") as hdus:
        hdus.append(fits.ImageHDU(np.ones((80, 100), "f4"), name="ERR"))
    assert chip_digest(path, "star") != before


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("c4d_170119_085651_ooi_r_v1.fits.fz", "v1"),
        ("c4d_170119_085651_ood_r_v2.fits.gz", "v2"),
        ("c4d_170119_085651_ooi_N964_ls9.fits.fz", "ls9"),
        ("c4d_140818_232043_ooi_z_ls9.N12.fits", "ls9"),
        ("c4d_170119_085651_ooi_g_a1_v3.fits", "a1_v3"),
        ("c4d_170119_085651_ooi_g.fits", ""),
        ("stack_600000_5_ooi_i.fits.fz", ""),
        ("star.fits", ""),
    ],
)
def test_the_archives_version_is_in_the_name(tmp_path, name, version):
    assert archive_version(tmp_path / name) == version


def test_a_chip_that_is_gone_or_cut_short_is_said_so(tmp_path):
    path = write(tmp_path / "a")
    with pytest.raises(InputFileError, match="no chip N9"):
        chip_digest(path, "N9")
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(InputFileError, match="truncated"):
        chip_digest(path, "N4")


# ---- of stored results


@pytest.fixture
def stored(db, tmp_path):
    """A chip whose result was made of a triplet."""
    path = write(tmp_path / "night")
    return made_of(path)


def made_of(path):
    facts = read_exposure(path)
    image = ingest_exposure(facts)[0]
    image.files, image.data_version = describe_files(image), data_version(facts)
    image.status = Status.DONE
    image.save()
    return GalImage.objects.get(pk=image.pk)


def folder_of(image):
    return os.path.dirname(image.path)


def move(image, target):
    """The files moved to another folder, and entered from there."""
    shutil.move(folder_of(image), target)
    ingest_exposure(read_exposure(target / os.path.basename(image.path)))
    return GalImage.objects.get(pk=image.pk)


def test_files_are_described_by_what_tells_them_apart(stored):
    assert set(stored.files) == set(KINDS)
    assert stored.data_version == "V4.8.2a v1"
    for kind, letter in KINDS.items():
        known = stored.files[kind]
        assert known["path"].endswith(NAME.format(kind=letter))
        assert known["size"] == os.path.getsize(known["path"])
        assert len(known["digest"]) == 32
    assert has_same_files(stored)


def test_a_file_that_was_moved_is_the_same_and_is_not_read_again(stored, tmp_path, monkeypatch):
    image = move(stored, tmp_path / "elsewhere")
    assert "elsewhere" in image.path and has_same_files(image, remember=True)
    monkeypatch.setattr("exposures.made_from.chip_digest", None)
    assert has_same_files(GalImage.objects.get(pk=image.pk))


def test_looking_alone_remembers_nothing(stored, tmp_path):
    image = move(stored, tmp_path / "elsewhere")
    assert has_same_files(image)
    assert GalImage.objects.get(pk=image.pk).files == stored.files


def touch(path):
    os.utime(path, (1e9, 1e9))


def copied(path):
    shutil.copy(path, f"{path}.copy")
    os.replace(f"{path}.copy", path)


def linked(path):
    os.rename(path, f"{path}.there")
    os.symlink(f"{path}.there", path)


@pytest.mark.parametrize("change", [touch, copied, linked])
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_contents_are_the_same_file(stored, kind, change):
    change(stored.files[kind]["path"])
    assert has_same_files(stored)


def with_the_same_times(path):
    """Another pixel, in a file of the same size that claims to be as old."""
    status = os.stat(path)
    with fits.open(path, mode="update") as hdus:
        hdus["N4"].data[3, 3] += 1
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert os.path.getsize(path) == status.st_size


def relinked(path):
    """A link that leads to another version now."""
    other = f"{path}.v2"
    shutil.copy(path, other)
    with fits.open(other, mode="update") as hdus:
        hdus["N4"].header["REDONE"] = True
    os.remove(path)
    os.symlink(other, path)


@pytest.mark.parametrize("change", [with_the_same_times, relinked])
@pytest.mark.parametrize("kind", KINDS)
def test_other_contents_are_another_file_whatever_its_name_and_times(stored, kind, change):
    change(stored.files[kind]["path"])
    assert not has_same_files(stored)


def test_another_chip_of_the_same_file_is_none_of_this_ones_business(stored):
    path = stored.files["weight"]["path"]
    with fits.open(path, mode="update") as hdus:
        hdus["S4"].data[3, 3] += 1
    assert has_same_files(stored)
    other = GalImage.objects.get(exposure=stored.exposure, chip_name="S4")
    other.files = stored.files
    assert not has_same_files(other)


def test_another_version_that_takes_the_place_is_another_file(stored, tmp_path):
    shutil.rmtree(folder_of(stored))
    folder = tmp_path / "v2"
    for path in write(folder, PLVER="V5.3.1").parent.iterdir():
        path.rename(folder / path.name.replace("_v1", "_v2"))
    facts = read_exposure(folder / NAME.format(kind="i").replace("_v1", "_v2"))
    image = ingest_exposure(facts)[0]
    assert image.pk == stored.pk and not has_same_files(image)
    assert image.exposure.pipeline_version == "V5.3.1"
    assert data_version(facts) == "V5.3.1 v2"
    assert replacement_text(image) == (
        "made of c4d_170119_085651_ooi_r_v1.fits (V4.8.2a v1), where now "
        "c4d_170119_085651_ooi_r_v2.fits is"
    )


def test_what_is_not_there_speaks_against_nothing(stored):
    os.remove(stored.files["weight"]["path"])
    assert has_same_files(stored)
    shutil.rmtree(folder_of(stored))
    assert has_same_files(stored)


def test_of_results_of_older_code_the_name_is_what_is_known(stored, tmp_path):
    stored.files = {"image": {"path": stored.path}}
    assert has_same_files(stored)
    stored.files = {"image": {"path": f"/gone/{os.path.basename(stored.path)}"}}
    assert has_same_files(stored)
    stored.files = {"image": {"path": stored.path.replace("_v1", "_v0")}}
    assert not has_same_files(stored)
    stored.files = {}
    assert has_same_files(stored)


def test_a_file_that_changes_while_it_is_read_is_refused(stored):
    check_are_as_before(stored.files)
    touch(stored.files["mask"]["path"])
    with pytest.raises(InputFileError, match=r"_ood_.*changed while it was read"):
        check_are_as_before(stored.files)


def test_beside_the_first_version_a_second_says_how_it_comes_into_its_place(stored):
    folder = folder_of(stored)
    for path in map(stored.files.get, KINDS):
        shutil.copy(path["path"], path["path"].replace("_v1", "_v2"))
    facts = read_exposure(os.path.join(folder, NAME.format(kind="i").replace("_v1", "_v2")))
    with pytest.raises(
        InputFileError, match=r"entered before, from .*_v1\.fits\. To have this vers"
    ):
        ingest_exposure(facts)
    assert GalImage.objects.get(pk=stored.pk).path == stored.path
