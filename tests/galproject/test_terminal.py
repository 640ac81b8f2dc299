"""Nothing that others write controls a terminal or makes up lines of a log."""

import io
import json
import logging
import logging.config
import re
import sys
import warnings

import numpy as np
import pytest
from astropy.io import fits
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command, get_commands, load_command_class
from gunicorn.config import Config
from tqdm import tqdm

from exposures.management.base import SurveyCommand
from exposures.models import GalExposure, Status
from exposures.terminal import (
    GuardedStream,
    LineFormatter,
    LineOutput,
    guard_streams,
    printable,
)
from galproject.management import command_line
from galproject.management.commands.serve import login_text
from galproject.site.server_log import ServerLog
from photometry.storage import storage
from tests.builders.exposures_in_work import make_exposure, make_line
from tests.builders.survey_rows import make_image, make_sources

TITLE = "\x1b]0;owned\x07"
CLIPBOARD = "\x1b]52;c;cm0gLXJmIC8K\x1b\\"
LINK = "\x1b]8;;https://example.org\x07name\x1b]8;;\x07"
HOSTILE = (
    TITLE, CLIPBOARD, LINK, "\x1b[2J\x1b[H", "\x1b[31m", "\x1b[8m", "\x1bc", "\x9b2J",
    "\x9d0;x\x9c", "\x90q", "\x07", "a\rb", "a\b\b\bb", "\x00", "\x7f", "\x0b\x0c\x0e\x0f", "\x85",
    "\u202egnp.exe", "\u2066x\u2069", "\u200f", "\u061c", "\u2028",
    "a\nINFO galproject: all is well", "\udc9b",
)  # fmt: skip
# All that a terminal could obey; the newline and the tab are looked at apart.
BAD = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
OURS = [name for name, app in get_commands().items() if app in settings.INSTALLED_APPS[-4:]]
NAME = "c4d\x1b]0;owned\x07\r\x9b2J\u202e"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


def run(command, *words, **options):
    """What a command wrote, of both kinds, also where it ended with an error."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command(command, *words, stdout=out, stderr=err, **options)
    except CommandError as error:  # which Django writes to the command's own stderr
        LineOutput(err).write(error)
    except SystemExit:
        pass
    return out.getvalue(), err.getvalue()


@pytest.mark.parametrize("text", HOSTILE)
def test_what_would_control_a_terminal_is_shown(text):
    shown = printable(f"before {text} after")
    assert not BAD.search(shown) and "\n" not in shown
    assert shown.startswith("before ") and shown.endswith(" after")
    shown.encode()


@pytest.mark.parametrize(
    "text", ["", "β Lyrae Ω 42\N{DEGREE SIGN}", "שלום", "سلام\u200cما", "C:\\n", "a\tb", "🔭"]
)
def test_text_that_controls_nothing_stays_as_it_is(text):
    assert printable(text) == text


@pytest.mark.parametrize("name", OURS)
def test_every_command_writes_through_lines(name):
    command = load_command_class(get_commands()[name], name)
    assert isinstance(command, SurveyCommand)
    assert isinstance(command.stdout, LineOutput) and isinstance(command.stderr, LineOutput)


@pytest.mark.parametrize("text", HOSTILE)
def test_each_write_of_a_command_is_one_line(text):
    class Command(SurveyCommand):
        def handle(self, **_):
            self.stdout.write(text)
            self.stderr.write(text)

    out, err = io.StringIO(), Terminal()
    Command(out, err, force_color=True).handle()
    assert out.getvalue().count("\n") == 1 and not BAD.search(out.getvalue())
    # The error is red, whatever is in it.
    assert re.fullmatch(r"\x1b\[31;1m[^\x00-\x1f\x7f-\x9f]*\n?\x1b\[0m\n?", err.getvalue())


def test_a_commands_error_is_one_line_too(monkeypatch):
    class Command(SurveyCommand):
        def handle(self, **_):
            raise CommandError(f"{NAME}\nINFO all is well")

    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with pytest.raises(SystemExit):
        Command().run_from_argv(["manage.py", "x"])
    assert sys.stderr.getvalue().count("\n") == 1 and not BAD.search(sys.stderr.getvalue())


def test_reports_of_checks_keep_their_lines(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr(settings, "ROOT_URLCONF", "galproject.nothing")
    monkeypatch.setattr(settings, "SESSION_COOKIE_AGE", 1)

    class Command(SurveyCommand):
        def handle(self, **_):
            raise AssertionError

        def check(self, **_):
            from django.core.checks import Error, register

            @register("ours")
            def wrong(**_):
                return [Error(f"one{TITLE}"), Error("two")]

            super().check(tags=["ours"])

    with pytest.raises(SystemExit):
        Command().run_from_argv(["manage.py", "x"])
    text = re.sub(r"^\x1b\[31;1m|\x1b\[0m$", "", sys.stderr.getvalue())
    assert text.count("\n") > 4 and not BAD.search(text)


def test_data_stay_as_they_are_but_on_a_terminal():
    pipe, screen = io.StringIO(), Terminal()
    LineOutput(pipe).data.write(f"a,{TITLE}\nb\n")
    LineOutput(screen).data.write(f"a,{TITLE}\nb\n")
    assert pipe.getvalue() == f"a,{TITLE}\nb\n"
    assert screen.getvalue() == "a,\\x1b]0;owned\\x07\nb\n"


def formatted(message, *arguments, **more):
    record = logging.LogRecord("galproject", logging.INFO, "", 1, message, arguments, None)
    vars(record).update(more)
    return LineFormatter("{levelname} {name}: {message}", style="{").format(record)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_record_of_the_log_is_one_line(text):
    line = formatted("fetched %s", text)
    assert line.startswith("INFO galproject: fetched ")
    assert "\n" not in line and not BAD.search(line)


def test_no_line_of_a_traceback_passes_for_a_record():
    try:
        raise ValueError(f"{TITLE}\nINFO galproject: all is well")
    except ValueError:
        text = formatted("failed", exc_info=sys.exc_info(), exc_text="INFO kept")
    first, *others = text.splitlines()
    assert first == "INFO galproject: failed" and "ValueError" in text
    assert others and all(line.startswith("    ") for line in others) and not BAD.search(text)


def test_the_projects_logs_are_written_in_such_lines():
    formatter = logging.config.DictConfigurator(settings.LOGGING).configure_formatter(
        settings.LOGGING["formatters"]["line"]
    )
    assert isinstance(formatter, LineFormatter)
    handlers = settings.LOGGING["handlers"].values()
    assert {handler["formatter"] for handler in handlers} == {"line"}


def test_the_web_servers_log_is_written_in_such_lines(capsys):
    config = Config()
    config.set("accesslog", "-")
    config.set("errorlog", "-")
    log = ServerLog(config)
    log.error("Invalid request: %s", f"GET /{TITLE}\n[INFO] all is well")
    log.access_log.info("GET /%s", CLIPBOARD)
    out, err = capsys.readouterr()
    assert out.count("\n") == 1 and err.count("\n") == 1
    assert not BAD.search(out) and not BAD.search(err)
    assert re.match(r"\[\d{4}-", err)


def test_what_others_write_to_the_screen_is_guarded(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr(sys, "stdout", Terminal())
    guard_streams()
    guard_streams()  # a second time changes nothing
    warnings.showwarning(f"a card: {TITLE}", UserWarning, "x.py", 1)
    print(f"{CLIPBOARD}\x1b[2J", file=sys.stderr)
    print(f"\x1b[32;1mgreen\x1b[0m {TITLE}")
    assert not BAD.search(sys.stderr.unguarded.getvalue())
    assert sys.stdout.unguarded.getvalue() == "\x1b[32;1mgreen\x1b[0m \\x1b]0;owned\\x07\n"
    assert not isinstance(sys.stderr.unguarded, GuardedStream)


def test_progress_bars_still_move():
    stream = Terminal()
    with tqdm(total=2, file=GuardedStream(stream), ncols=40) as bar:
        bar.update(2)
        bar.set_description(f"at {TITLE}")
    assert "100%" in stream.getvalue() and stream.getvalue().count("\r") == 3
    assert "\\r" not in stream.getvalue()
    assert "\x1b]" not in stream.getvalue()


def test_lines_are_written_between_bars_not_into_them(monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", GuardedStream(screen))
    monkeypatch.setattr(sys, "stdout", GuardedStream(screen))
    out = LineOutput(sys.stdout)
    with tqdm(total=2, ncols=40) as bar, bar.external_write_mode(file=out.stream):
        out.write("a line")
    # The bar has gone before the line, and comes again after it.
    assert re.search(r"\r +\ra line\n\r  0%", screen.getvalue())


def test_manage_py_guards_its_streams(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with pytest.raises(SystemExit):
        command_line.run(["manage.py", f"no_such_command{TITLE}"])
    assert "Unknown command" in sys.stderr.getvalue() and not BAD.search(sys.stderr.getvalue())


def with_bytes(path, old, new):
    """Put bytes that no library would write in place of others in a file."""
    content = path.read_bytes()
    assert old in content and len(old) == len(new)
    path.write_bytes(content.replace(old, new))


@pytest.fixture
def hostile_file(tmp_path):
    """A plain image with escape sequences in its name and in what its header says."""
    path = tmp_path / f"a{NAME}.fits"
    header = fits.Header({"OBJECT": "x" * 15, "FILTER": "r" * 15, "EXPTIME": 30.0, "GAIN": 4.0})
    header["OBSERVER"] = header["PROPID"] = "x" * 15
    header["DATE-OBS"] = "2017-01-19T08:00:00"
    for key, value in {"CTYPE": ("RA---TAN", "DEC--TAN"), "CRVAL": (265.0, -29.0)}.items():
        header[f"{key}1"], header[f"{key}2"] = value
    header["CRPIX1"] = header["CRPIX2"] = 16.0
    header["CD1_1"], header["CD2_2"] = -7e-5, 7e-5
    pixels = np.random.default_rng(5).normal(1000, 10, (32, 32)).astype("f4")
    fits.PrimaryHDU(pixels, header).writeto(path)
    with_bytes(path, b"x" * 15, b"x\x1b]0;owned\x07\r\x9b\x08\x00")
    with_bytes(path, b"r" * 15, b"r\x1b]0;owned\x07\r\x9b\x08\x00")
    return path


@pytest.mark.django_db
@pytest.mark.parametrize("is_reference", [True, False])
def test_processing_a_file_of_hostile_name_and_header_shows_them(hostile_file, is_reference):
    words = ["--reference"] * is_reference
    out, err = run("process_exposure", str(hostile_file), *words, gain=4.0, read_noise=7.0)
    assert "\\x1b]0;owned\\x07" in err
    assert not BAD.search(out + err)


@pytest.mark.django_db
def test_a_missing_file_of_hostile_name_is_shown():
    out, err = run("process_exposure", f"/nowhere/{NAME}.fits")
    assert "\\x1b" in err and not BAD.search(out + err)


@pytest.mark.django_db
@pytest.mark.parametrize("words", [(), ("--exposure", NAME), ("--limit", "1")])
def test_the_working_status_shows_hostile_names(words):
    exposure = make_exposure(NAME, [Status.FAILED, Status.DONE], filter="r\x1b[8m")
    make_line(exposure, step="read", note=f"{TITLE}{CLIPBOARD}\nforged", level="error")
    out, err = run("working_status", *words)
    assert "c4d\\x1b]0;owned" in out and not BAD.search(out + err)


@pytest.mark.django_db
def test_the_working_status_as_json_is_data():
    make_exposure(NAME, [Status.FAILED])
    out, _ = run("working_status", "--json")
    (exposure,) = json.loads(out)["exposures"]
    assert NAME in exposure["name"] and not BAD.search(out)


@pytest.mark.django_db
def test_a_light_curve_shows_hostile_names():
    for number, filter in enumerate(("i\x1b[8m", "g\x9b2J")):
        image = make_image(f"{number}{NAME}", 265.0, -29.0, filter, mjd=60000.0, is_reference=True)
        rows = make_sources(1, 265.0, -29.0)
        rows["ra"], rows["dec"], rows["mag"] = 265.0, -29.0, 17.0
        storage.create_catalogue(image, rows, {}, "test")
    out, err = run("light_curve", "265", "-29")
    assert "\\x1b[8m" in out and not BAD.search(out + err)


@pytest.mark.django_db
def test_who_can_log_in_is_shown_without_control_characters(monkeypatch):
    get_user_model().objects.create_user(f"eve{TITLE}", password="long enough 1")
    out = io.StringIO()
    LineOutput(out).write(login_text())
    assert "eve\\x1b" in out.getvalue() and not BAD.search(out.getvalue())
    assert GalExposure.objects.count() == 0
