import os
import pty
import subprocess
import sys
import termios
from contextlib import suppress
from io import StringIO

import pytest
from astropy.io import fits
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import DataError, OperationalError, ProgrammingError, connection

from exposures.management.command_errors import database_lost
from exposures.models import GalExposure, GalImage, Status
from galproject.configuration.pipeline_options import PipelineOptions
from galproject.management.commands import process_exposure as command
from galproject.processing import measuring, pipeline, storing
from galproject.processing.chip_result import ChipResult
from galproject.queue import runs
from photometry.models import GalReference, GalSource
from tests.builders.processed_night import remove_survey
from variables.models import GalVarObj

pytestmark = pytest.mark.django_db

CARDS = ("CTYPE", "CRVAL", "CRPIX", "CD", "PV")
PLAIN_OPTIONS = ("--gain", "4", "--read-noise", "7")


@pytest.fixture(scope="module")
def frames(night, tmp_path_factory):
    """One chip of the reference and of a search exposure as plain images without a zero point."""
    folder = tmp_path_factory.mktemp("plain")
    for name, path in (("reference", night.reference), ("search", night.searches[0])):
        with fits.open(path) as hdus:
            header = fits.Header()
            for card in hdus[1].header.cards:
                if card.keyword.startswith(CARDS):
                    header.append(card)
            for key in ("DATE-OBS", "EXPTIME", "FILTER"):
                header[key] = hdus[0].header[key]
            fits.PrimaryHDU(hdus[1].data, header).writeto(folder / f"{name}.fits")
    return folder


@pytest.fixture(scope="module")
def measured(frames, django_db_setup, django_db_blocker):
    """The frames in the database; what a test changes there is rolled back."""
    with django_db_blocker.unblock():
        process(frames / "reference.fits", "--reference", *PLAIN_OPTIONS)
        process(frames / "search.fits", *PLAIN_OPTIONS)
        yield frames
        remove_survey()


def process(*arguments):
    out = StringIO()
    call_command("process_exposure", *map(str, arguments), stdout=out, no_color=True)
    return out.getvalue()


def test_plain_images_are_measured_with_what_the_user_knows(measured):
    image = GalImage.objects.searches().get()
    assert image.status == Status.DONE
    assert image.options["input"]["gain"] == 4
    assert image.options["input"]["read_noise"] == 7
    assert image.options["input"]["saturation"] is None
    # Nothing infinite or undefined is in JSON, which has no word for them.
    assert image.zero_point_error is None
    assert image.astrometry["catalogue"]["rms_pixels"] is None
    assert image.n_sources > 100
    assert image.chi2_nu > 0


def test_result_is_a_line_and_what_fell_back_is_said_once(measured):
    line, *explained, summary = process(measured / "search.fits", *PLAIN_OPTIONS).splitlines()
    assert line.startswith("plain search i HDU0 search: ")
    assert "  unchanged  [sky, sources, astrometry, zero point, correction]" in line
    assert len(explained) == 5
    assert "[plain search i HDU0] astrometry: no catalogue; the header's WCS stands" in explained
    assert summary.startswith("1 chips: 1 unchanged. ")
    assert summary.endswith(" variables.")


def test_another_gain_measures_anew(measured):
    line, *_ = process(measured / "search.fits", "--gain", "5").splitlines()
    assert "unchanged" not in line
    assert GalImage.objects.searches().get().options["input"]["gain"] == 5


def in_a_process(*arguments, **streams):
    """Exit status of manage.py process_exposure on the tests' database."""
    database = connection.settings_dict
    names = {"HOST": "PGHOST", "PORT": "PGPORT", "USER": "PGUSER", "PASSWORD": "PGPASSWORD"}
    known = {variable: str(database[name]) for name, variable in names.items() if database[name]}
    return subprocess.run(
        [sys.executable, "manage.py", "process_exposure", *map(str, arguments)],
        cwd=settings.BASE_DIR,
        env=os.environ | known | {"DATABASE_URL": f"postgresql:///{database['NAME']}"},
        check=False,
        **streams,
    ).returncode


def test_progress_bar_is_for_terminals_only(measured, capfd):
    arguments = (measured / "search.fits", *PLAIN_OPTIONS)
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 100))
    assert in_a_process(*arguments, stdout=subprocess.DEVNULL, stderr=theirs) == 0
    os.close(theirs)
    assert b"1/1" in everything_from(ours)
    process(*arguments)
    assert capfd.readouterr().err == ""


def everything_from(terminal):
    """What was written to a terminal whose other end is closed."""
    written = b""
    with suppress(OSError), os.fdopen(terminal, "rb", buffering=0) as stream:
        while part := stream.read(1000):
            written += part
    return written


def test_failed_chip_keeps_nothing_of_its_earlier_run(measured, monkeypatch):
    def fail(*_):
        raise DataError("value out of range")

    image = GalImage.objects.searches().get()
    monkeypatch.setattr(storing, "replace_variables", fail)
    with pytest.raises(SystemExit) as stop:
        process(measured / "search.fits", "--again", *PLAIN_OPTIONS)
    assert stop.value.code == 1
    image.refresh_from_db()
    assert image.status == Status.FAILED
    assert "value out of range" in image.error
    assert not GalSource.objects.filter(galimage_id=image.pk).exists()
    assert not GalVarObj.objects.filter(image=image).exists()
    assert not image.coverages.exists()
    for name in ("n_sources", "n_variables", "chi2_nu", "correction", "zero_point", "reference"):
        assert getattr(image, name) is None


def test_reference_that_fails_when_made_again_stays_as_it_was(measured, monkeypatch):
    before = GalImage.objects.filter(is_reference=True).values().get()
    catalogue = GalReference.objects.get()

    def fail(*_):
        raise RuntimeError("no")

    monkeypatch.setattr(measuring, "measure_reference_errors", fail)
    result = pipeline.process_chip(before["id"], PipelineOptions(), again=True)
    assert result.failed
    assert GalReference.objects.get() == catalogue
    after = GalImage.objects.filter(is_reference=True).values().get()
    assert after.pop("error") != before.pop("error")
    changing = ("started", "finished", "notes", "attempts", "host", "pid")
    assert {k: v for k, v in after.items() if k not in changing} == {
        k: v for k, v in before.items() if k not in changing
    }


def test_chip_without_a_reference_fails_before_the_hard_work(measured, monkeypatch, capsys):
    def reduce(*_):
        raise AssertionError("reduced in vain")

    GalExposure.objects.update(filter="r")
    monkeypatch.setattr(pipeline, "reduce_chip", reduce)
    with pytest.raises(SystemExit):
        process(measured / "search.fits", *PLAIN_OPTIONS)
    assert (
        "search.fits[HDU0]: no reference in filter i overlaps this chip" in capsys.readouterr().err
    )


@pytest.mark.parametrize("error", [OperationalError("server closed"), ProgrammingError("no table")])
def test_lost_database_stops_the_run_with_one_line(measured, monkeypatch, error):
    def fail(*_):
        raise error

    monkeypatch.setattr(pipeline, "read_exposure", fail)
    monkeypatch.setattr(connection, "is_usable", lambda: False)
    with pytest.raises(CommandError, match=f"the database can't be used: {error}"):
        process(measured / "search.fits", "--again", *PLAIN_OPTIONS)


def test_statement_that_the_database_refuses_fails_the_chip_alone(measured, monkeypatch):
    def fail(*_):
        raise OperationalError("could not extend file: No space left on device\nHINT")

    monkeypatch.setattr(storing.storage, "replace_measurements", fail)
    with pytest.raises(SystemExit):
        process(measured / "search.fits", "--again", *PLAIN_OPTIONS)
    error = GalImage.objects.searches().get().error
    assert "refused it (could not extend file: No space left on device)" in error
    assert "free disk space" in error


def test_absent_tables_say_to_migrate():
    assert "manage.py migrate" in str(database_lost(ProgrammingError("no such relation\nLINE 1")))
    assert "scripts/database start" in str(database_lost(OperationalError("refused")))


def test_interrupted_run_says_how_to_go_on(monkeypatch, measured):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "run_chips", interrupted)
    with pytest.raises(CommandError, match="what is done is kept") as stop:
        process(measured / "search.fits")
    assert stop.value.returncode == 130


def test_folder_is_answered_with_how_to_name_its_files(tmp_path, capsys):
    with pytest.raises(SystemExit):
        process(tmp_path)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{tmp_path}: this is a folder. ")
    assert f"{tmp_path}/*" in line


@pytest.mark.parametrize("option", ["--gain", "--read-noise", "--saturation"])
@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "many"])
def test_what_no_detector_has_is_refused(option, value):
    with pytest.raises(CommandError, match=option):
        process("x.fits", f"{option}={value}")


def test_notes_of_many_chips_become_a_line_a_kind():
    results = [
        ChipResult(
            n, f"decam 1 i N{n}", Status.DONE, notes=(f"correction: order 2 from {n} stars",)
        )
        for n in (40, 52, 61)
    ]
    results.append(ChipResult(9, "decam 1 i S1", Status.DONE, notes=("psf: too few stars",)))
    assert list(command.note_lines(results)) == [
        "[3 chips] correction: order 2 from 40 stars ... correction: order 2 from 61 stars",
        "[decam 1 i S1] psf: too few stars",
    ]


def test_references_are_done_before_what_is_measured_with_them(measured, monkeypatch):
    batches = []
    monkeypatch.setattr(runs, "_in_a_pool", lambda chips, _: batches.append(chips) or [])
    monkeypatch.setattr(runs, "_in_this_process", lambda chips: batches.append(chips) or [])
    images = GalImage.objects.all()
    list(runs.run_chips([i.pk for i in images], PipelineOptions(), workers=2, again=True))
    kinds = [{images.get(pk=pk).is_reference for pk, _ in chips} for chips in batches]
    assert kinds == [{True}, {False}]
