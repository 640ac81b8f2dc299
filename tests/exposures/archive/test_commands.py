"""The commands that find and fetch exposures of the archive."""

import csv
import os
import signal
import subprocess
import sys
import time
from argparse import ArgumentTypeError
from functools import partial
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from exposures.management.arguments import ccd_numbers
from tests.exposures.archive.test_fetching import chips_of, name_of, names

MANAGE = Path(__file__).resolve().parents[3] / "manage.py"
NIGHTS = ("--night", "2017-01-19", "--night-end", "2017-02-28")


@pytest.fixture(autouse=True)
def environment(server, monkeypatch):
    monkeypatch.setenv("GALPROJECT_ARCHIVE_URL", server.url)


def run(command, *arguments):
    """What a command wrote: to the screen, and of errors."""
    out, err = StringIO(), StringIO()
    call_command(command, *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def fetch_to(folder, *arguments):
    """The same, of fetching with no regard to how full this machine's disk is."""
    return run("fetch_exposures", *NIGHTS, "--to", str(folder), "--margin", "0", *arguments)


def failing(folder, *arguments):
    """What fetching wrote of errors, ending with exit status 1."""
    out, err = StringIO(), StringIO()
    with pytest.raises(SystemExit) as status:
        call_command(
            "fetch_exposures", *NIGHTS, "--to", str(folder), "--margin", "0", *arguments,
            stdout=out, stderr=err,
        )  # fmt: skip
    assert status.value.code == 1
    return out.getvalue(), err.getvalue()


def start_fetching(folder, exposure):
    """The command as a process of its own, when the image has begun to come."""
    arguments = ["--expnum", str(exposure.expnum), "--to", str(folder), "--margin", "0"]
    process = subprocess.Popen(
        [sys.executable, MANAGE, "fetch_exposures", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        # As from a terminal; a shell that runs the tests in the background has it ignored.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    part = folder / f".{name_of(exposure, 'i')}.part"
    for _ in range(300):
        if part.exists() or process.poll() is not None:
            break
        time.sleep(0.1)
    assert part.exists(), process.communicate()
    return process


def test_finding_shows_a_line_an_exposure():
    out, _ = run("find_exposures", *NIGHTS)
    heading, first, *_, last = out.splitlines()
    assert heading.split()[:3] == ["expnum", "start", "(UTC)"]
    assert first.split()[:4] == ["600000", "2017-01-20T07:12:00", "i", "30"]
    assert "complete, public" in first
    assert last.startswith("3 exposures, 3 complete, ")


def test_finding_says_what_is_missing_and_what_is_proprietary(server):
    md5 = next(k for k, v in server.files.items() if "_oow_" in v.row["archive_filename"])
    del server.files[md5]
    for stored in server.files.values():
        stored.row["release_date"] = "2096-08-12"
    out, _ = run("find_exposures", *NIGHTS, "--filter", "i")
    assert "no weight, proprietary until 2096-08-12" in out
    assert "complete, proprietary until 2096-08-12" in out


def test_finding_writes_csv(tmp_path):
    text, _ = run("find_exposures", *NIGHTS, "--csv", "-")
    rows = list(csv.DictReader(StringIO(text)))
    assert [row["expnum"] for row in rows] == ["600000", "600001", "600002"]
    assert (rows[0]["missing"], rows[0]["proprietary_until"]) == ("", "")
    run("find_exposures", *NIGHTS, "--csv", str(tmp_path / "a.csv"))
    assert (tmp_path / "a.csv").read_text() == text
    with pytest.raises(CommandError, match="can't be written"):
        run("find_exposures", *NIGHTS, "--csv", str(tmp_path))


def test_finding_nothing_says_so():
    out, err = run("find_exposures", *NIGHTS, "--filter", "z")
    assert out == ""
    assert "no InstCal exposure of DECam for night 2017-01-19 to 2017-02-28, filter z" in err


@pytest.mark.parametrize("region", [("265", "-29", "1"), ("17:40:00", "-29:00:00", "0.5")])
def test_region_is_given_in_degrees_or_sexagesimal(region):
    out, _ = run("find_exposures", "--region", *region)
    assert "3 exposures" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--filter", "r"], "name a night"),
        (["--filter", "q" * 81, "--proposal", "x"], "is no name of a filter"),
        (["--region", "265", "-29", "wide"], "radius 'wide' is no number"),
        (["--region", "400", "-29", "1"], "from 0 to 360 degrees"),
        (["--night", "yesterday"], "--night"),
    ],
)
def test_bad_selections_are_explained(arguments, message):
    with pytest.raises(CommandError, match=message):
        run("find_exposures", *arguments)


def test_an_unknown_archive_is_a_clear_error(monkeypatch):
    monkeypatch.setenv("GALPROJECT_ARCHIVE_URL", "http://127.0.0.1:9")
    with pytest.raises(CommandError, match="Check the network"):
        run("find_exposures", *NIGHTS)


def test_fetching_reports_each_exposure_and_the_sum(tmp_path):
    out, _err = fetch_to(tmp_path / "new" / "night")
    lines = out.splitlines()
    assert len(names(tmp_path / "new" / "night")) == 9
    assert [line.split()[:3] for line in lines[:3]] == [
        [str(number), "i", "v1:"] for number in (600000, 600001, 600002)
    ]
    assert "_ooi_i_v1.fits.fz" in lines[0] and "/s)" in lines[0]
    assert lines[-1].startswith("3 fetched. ")
    out, _ = fetch_to(tmp_path / "new" / "night")
    assert out.splitlines()[-1].startswith("3 in place. 0 kB in ")


def test_fetching_tells_what_failed_and_ends_with_1(server, exposures, tmp_path):
    image = name_of(exposures[1], "i")
    server.faulty(image, content=b"<html>")
    out, err = failing(tmp_path)
    assert f"600001 i v1: {image}: what came is not FITS" in err
    assert "2 fetched, 1 failed." in out.splitlines()[-1]
    server.faults.clear()
    out, _ = fetch_to(tmp_path)
    assert "1 fetched, 2 in place." in out.splitlines()[-1]


def test_incomplete_exposures_are_named_and_left_out(server, exposures, tmp_path):
    del server.files[exposures[0].files[0].md5]
    out, err = fetch_to(tmp_path)
    assert "600000 i v1: left out: no data quality, public" in err
    assert "2 fetched, 1 incomplete in the archive." in out.splitlines()[-1]
    _, err = failing(tmp_path, "--expnum", "600000")
    assert "left out" in err


def test_single_chips_are_fetched(tmp_path):
    fetch_to(tmp_path, "--ccds", "20-22,28")
    assert [set(chips_of(path)) for path in tmp_path.iterdir()] == [{21, 28}] * 9


def test_a_dry_run_fetches_nothing(server, exposures, tmp_path):
    out, _ = fetch_to(tmp_path / "none", "--dry-run")
    assert not (tmp_path / "none").exists() and server.retrieved() == []
    assert out.splitlines()[0].startswith("600000 i v1: ")
    assert "3 exposures" in out and "Nothing was fetched" in out


def test_no_room_is_known_before_anything_is_fetched(server, tmp_path):
    with pytest.raises(CommandError, match="no room for"):
        fetch_to(tmp_path, "--margin", "1e9")
    assert server.retrieved() == []


def test_a_wrong_login_is_a_clear_error(server, monkeypatch, tmp_path):
    monkeypatch.setenv("GALPROJECT_ARCHIVE_EMAIL", "astronomer@example.org")
    monkeypatch.setenv("GALPROJECT_ARCHIVE_PASSWORD", "mistyped")
    with pytest.raises(CommandError, match="No active account found") as error:
        fetch_to(tmp_path)
    assert "mistyped" not in str(error.value)
    monkeypatch.setenv("GALPROJECT_ARCHIVE_PASSWORD", "right")
    fetch_to(tmp_path)


def test_nothing_to_fetch_is_an_error(tmp_path):
    with pytest.raises(CommandError, match="no InstCal exposure of DECam"):
        fetch_to(tmp_path, "--filter", "z")


def test_ctrl_c_leaves_no_half_file_and_ends_with_130(server, exposures, tmp_path):
    server.faulty(name_of(exposures[0], "i"), seconds_a_chunk=1)
    process = start_fetching(tmp_path, exposures[0])
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Interrupted. The same command goes on where it stopped" in err
    assert "Traceback" not in err
    assert sorted(name.split("_")[3] for name in names(tmp_path)) == ["ood", "oow"]


def test_what_a_killed_fetch_left_is_mended_by_the_same_command(server, exposures, tmp_path):
    faults = server.faulty(name_of(exposures[0], "i"), seconds_a_chunk=1)
    process = start_fetching(tmp_path, exposures[0])
    process.kill()
    process.communicate()
    assert name_of(exposures[0], "i") not in names(tmp_path)
    faults.seconds_a_chunk = 0
    out, _ = fetch_to(tmp_path, "--expnum", "600000")
    assert out.splitlines()[-1].startswith("1 fetched.")
    assert len(names(tmp_path)) == 3


def test_chip_numbers_are_read_as_a_list():
    assert ccd_numbers("1-3,31") == {1, 2, 3, 31}
    for text in ("N4", "3-1", "0", "-1", "1-2147483647", "1-3,", "1.5"):
        with pytest.raises(ArgumentTypeError):
            ccd_numbers(text)


def test_names_of_the_archive_control_no_terminal(server, tmp_path):
    for stored in server.files.values():
        stored.row["OBJECT"] = "a\x1b]0;owned\x07\r\x9b2J\u202e\nb"
        stored.row["proposal"] = "\x1b[2J"
    out, err = run("find_exposures", *NIGHTS)
    assert "a\\x1b]0;owned\\x07" in out and len(out.splitlines()) == 5
    assert not {"\x1b", "\x07", "\r", "\x9b", "\u202e"} & set(out + err)
    run("find_exposures", *NIGHTS, "--csv", str(tmp_path / "a.csv"))
    assert "\x1b]0;owned" in (tmp_path / "a.csv").read_text()
