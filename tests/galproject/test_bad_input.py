"""What a user can do wrong: each gives one clear error, and the rest goes on."""

import io
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from django.conf import settings
from django.core.management import CommandError, call_command, load_command_class

from exposures.models import GalImage, Status
from photometry.models import GalSource
from variables.models import GalVarObj

pytestmark = pytest.mark.django_db

EXPNUM = 700_000


@pytest.fixture
def copy(processed, tmp_path):
    """A search exposure as if it were another: its image file, with its siblings beside it."""
    original = processed.searches[0]
    copy = tmp_path / original.name.replace("c4d_1701", "c4d_1702")
    for kind in "iwd":
        target = shutil.copy(sibling(original, kind), sibling(copy, kind))
        fits.setval(target, "EXPNUM", value=EXPNUM)
        fits.setval(target, "MJD-OBS", value=fits.getval(target, "MJD-OBS") + 31)
    return copy


@pytest.fixture
def measured(processed, tmp_path):
    """The image file of an exposure that was measured from there, in a folder of the test's own."""
    original = processed.searches[0]
    for kind in "iwd":
        shutil.copy(sibling(original, kind), tmp_path)
    images = GalImage.objects.filter(path=str(original))
    images.update(path=str(tmp_path / original.name))
    assert images.model.objects.filter(path__startswith=str(tmp_path)).done().count() == 2
    return tmp_path / original.name


def sibling(path, kind):
    return path.with_name(path.name.replace("_ooi_", f"_oo{kind}_"))


def run(night, *paths, **options):
    """Exit status, standard output and errors of manage.py process_exposure."""
    out, err = io.StringIO(), io.StringIO()
    status = 0
    try:
        call_command(
            "process_exposure",
            *map(str, paths),
            **night.arguments,
            **options,
            stdout=out,
            stderr=err,
            no_color=True,
        )
    except SystemExit as stop:
        status = stop.code
    except CommandError as error:  # manage.py prints it and ends with 1
        status = error.returncode
        err.write(f"{error}\n")
    return status, out.getvalue(), err.getvalue()


def edit(path, change):
    """Rewrite a FITS file after ``change`` had its HDUs."""
    with fits.open(path, memmap=False) as hdus:
        change(hdus)
        hdus.writeto(path, overwrite=True, checksum=True)


def assert_nothing_stored(expnum=EXPNUM):
    images = GalImage.objects.filter(exposure__identifier=str(expnum))
    assert not images.done().exists()
    assert not GalSource.objects.filter(galimage_id__in=[i.pk for i in images]).exists()
    assert not GalVarObj.objects.filter(image__in=images).exists()


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def write_a_web_page(path):
    path.write_text("<html>The archive is down for maintenance</html>")


def lose_the_weight(path):
    sibling(path, "w").unlink()


def mismatch_the_weight(path):
    fits.setval(sibling(path, "w"), "EXPNUM", value=EXPNUM + 1)


def lose_the_wcs(path):
    def change(hdus):
        for hdu in hdus[1:]:
            for card in [k for k in hdu.header if k.startswith(("CTYPE", "CRVAL", "CD", "PV"))]:
                del hdu.header[card]

    edit(path, change)


def change_the_filter(path):
    fits.setval(path, "FILTER", value="solid plate 0.0 0.0")


@pytest.mark.parametrize(
    ("harm", "file", "words"),
    [
        (truncate, "i", ("truncated",)),
        (write_a_web_page, "i", ("FITS",)),
        (lose_the_weight, "w", ("weight",)),
        (mismatch_the_weight, "w", (str(EXPNUM), str(EXPNUM + 1))),
        (lose_the_wcs, "i", ("WCS",)),
        (change_the_filter, "i", ("filter", "solid")),
        (Path.unlink, "i", ()),
    ],
)
def test_unusable_file_is_named_and_the_others_go_on(processed, copy, harm, file, words):
    harm(copy)
    status, out, err = run(processed, copy, *processed.searches)
    assert status == 1
    errors = err.strip().splitlines()
    assert len(errors) == 1, err
    assert sibling(copy, file).stem in errors[0] or copy.stem in errors[0]
    for word in words:
        assert word in errors[0]
    assert ". " in errors[0]  # what is wrong, then what to do
    assert "Traceback" not in out + err
    assert "4 chips: 4 unchanged. " in out.replace(", 1 not usable", "")
    assert_nothing_stored()


def test_masked_chip_fails_alone(processed, copy):
    def mask_all(hdus):
        hdus[1].data = np.full_like(hdus[1].data, 1)

    edit(sibling(copy, "d"), mask_all)
    status, out, err = run(processed, copy)
    assert status == 1
    (line,) = err.strip().splitlines()
    assert "masked" in line
    assert "S4" in line
    assert sibling(copy, "d").name in line
    first, second = GalImage.objects.filter(exposure__identifier=EXPNUM).order_by("ccdnum")
    assert (first.status, second.status) == (Status.FAILED, Status.DONE)
    assert first.error in line
    assert not GalSource.objects.filter(galimage_id=first.pk).exists()
    assert GalSource.objects.filter(galimage_id=second.pk).exists()
    assert "2 chips: 1 done, 1 failed" in out


def test_file_that_was_good_and_is_cut_short_now_is_told(processed, measured):
    truncate(measured)
    plan_status, _, err = run(processed, measured, again=True)
    assert plan_status == 1
    assert "truncated" in err


def test_pixels_that_went_bad_since_keep_nothing(processed, measured):
    def mask_all(hdus):
        for hdu in hdus[1:]:
            hdu.data = np.full_like(hdu.data, 1)

    edit(sibling(measured, "d"), mask_all)
    status, _, err = run(processed, measured, again=True)
    assert status == 1
    assert len(err.strip().splitlines()) == 2
    assert_nothing_stored(600_001)


def test_chip_without_reference_says_to_make_one(processed, copy):
    fits.setval(copy, "FILTER", value="g DECam SDSS c0001 4720.0 1520.0")
    status, _, err = run(processed, copy)
    assert status == 1
    lines = err.strip().splitlines()
    assert len(lines) == 2  # one a chip
    for line, chip in zip(sorted(lines), ("N4", "S4"), strict=True):
        assert "no reference in filter g" in line
        assert f"[{chip}]" in line
        assert "--reference" in line
    assert_nothing_stored()


def test_file_given_twice_is_processed_once(processed, measured, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    for second in (measured, link / measured.name, sibling(measured, "d")):
        status, out, err = run(processed, measured, second)
        assert status == 1
        (line,) = err.strip().splitlines()
        assert "given twice" in line
        assert "2 chips: 2 " in out


def test_copy_of_an_exposure_is_refused(processed, tmp_path):
    original = processed.searches[0]
    for kind in "iwd":
        shutil.copy(sibling(original, kind), tmp_path)
    status, _, err = run(processed, tmp_path / original.name)
    assert status == 1
    assert "entered before" in err
    assert str(original) in err


def test_moved_exposure_is_the_same(processed, measured, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for kind in "iwd":
        sibling(measured, kind).rename(elsewhere / sibling(measured, kind).name)
    status, out, _ = run(processed, elsewhere / measured.name)
    assert status == 0
    assert "2 chips: 2 unchanged" in out


def test_good_run_ends_with_zero_and_a_line_a_chip(processed, copy):
    status, out, err = run(processed, copy)
    assert (status, err) == (0, "")
    lines = [line for line in out.splitlines() if " search: " in line]
    assert len(lines) == 2
    for line in lines:
        for unit in ("sources", '"', "mas", "zp", "chi2/nu", "variables", " s"):
            assert unit in line


def test_catalogue_that_is_not_there_is_named(processed, copy, tmp_path):
    options = replace(processed.options, catalogue=str(tmp_path / "gaia"))
    status, _, err = run(replace(processed, options=options), copy)
    assert status == 1
    assert str(tmp_path / "gaia") in err
    assert "Traceback" not in err


def test_database_that_is_down_is_one_clear_line(processed):
    done = subprocess.run(
        [sys.executable, "manage.py", "process_exposure", str(processed.searches[0])],
        cwd=settings.BASE_DIR,
        env={**os.environ, "DATABASE_URL": "postgresql://nobody@127.0.0.1:9/galproject"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    (line,) = done.stderr.strip().splitlines()
    assert "database can't be used" in line
    assert "scripts/database start" in line


@pytest.mark.parametrize(
    "arguments", [("--workers", "0"), ("--gain", "-1"), ("--ccds", "one"), ("--saturation", "x")]
)
def test_nonsense_on_the_command_line_is_refused(arguments, capsys):
    command = load_command_class("galproject", "process_exposure")
    with pytest.raises(SystemExit) as stop:
        command.run_from_argv(["manage.py", "process_exposure", "x.fits", *arguments])
    assert stop.value.code == 2
    assert arguments[0] in capsys.readouterr().err
