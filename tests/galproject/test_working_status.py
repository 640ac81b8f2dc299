"""The working status says what is so: states, errors, pace, filters, pages, the command."""

import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from exposures.errors import GalprojectError
from exposures.locks import Claimed
from exposures.models import GalCheckpoint, GalImage, GalJob, Status
from galproject.management.commands import working_status as command
from galproject.status.exposure_log import exposure_log
from galproject.status.time_arguments import parse_time
from galproject.status.working_status import StatusQuery, images_of, working_status
from tests.builders.exposures_in_work import (
    held_elsewhere,
    make_chip,
    make_exposure,
    make_job,
    make_line,
)

pytestmark = pytest.mark.django_db
DONE, FAILED, WORKING = Status.DONE, Status.FAILED, Status.WORKING
ERROR = GalCheckpoint.Level.ERROR


def run(*words, **options):
    out, err = io.StringIO(), io.StringIO()
    call_command("working_status", *words, stdout=out, stderr=err, **options)
    return out.getvalue(), err.getvalue()


def only(shown=None):
    (exposure,) = working_status(shown).exposures
    return exposure


def names(shown=None, **options):
    return [exposure.name.split()[1] for exposure in working_status(shown, **options).exposures]


def test_chips_are_counted_by_state():
    make_exposure("1", [DONE, DONE, FAILED, Status.QUEUED, Status.WAITING, Status.PENDING])
    chips = only().chips
    assert (chips.done, chips.failed, chips.queued, chips.waiting) == (2, 1, 1, 1)
    assert (chips.interrupted, chips.total, chips.open, chips.unfinished) == (1, 6, 2, 2)


def test_a_chip_that_nobody_asked_for_is_pending():
    exposure = make_exposure("1", [DONE])
    make_chip(exposure, 2, Status.PENDING, None)
    assert (only().chips.pending, only().chips.interrupted) == (1, 0)


def test_working_is_who_holds_a_claim_and_lost_who_does_not():
    exposure = make_exposure("1", [WORKING, WORKING])
    held, _lost = exposure.images.order_by("ccdnum")
    with held_elsewhere(Claimed.CHIP, held.pk):
        status = only()
    assert (status.chips.working, status.chips.lost) == (1, 1)
    assert [(chip.ccdnum, chip.is_lost) for chip in status.at_work] == [(1, False), (2, True)]
    assert (status.at_work[0].step, status.at_work[0].host) == ("measuring", "galpipe1")
    assert status.at_work[0].since == held.started


def test_a_chip_begun_this_moment_is_not_lost():
    exposure = make_exposure("1", [])
    make_chip(exposure, 1, WORKING, exposure.jobs.get(), started=timezone.now())
    assert only().chips.working == 1


def test_chips_of_a_command_that_died_are_interrupted():
    exposure = make_exposure("1", [Status.QUEUED], queued=False)
    assert only().chips.interrupted == 1
    with held_elsewhere(Claimed.JOB, exposure.jobs.get().pk):
        assert only().chips.queued == 1


def test_errors_are_counted_in_all_and_since_the_last_start():
    exposure = make_exposure("1", [DONE], age_minutes=60, closed=5)
    make_job(exposure, timezone.now() - timedelta(minutes=10))
    for age in (50, 40, 5):
        make_line(exposure, 1, "failed", age, level=ERROR)
    make_line(exposure, 1, "read", 5)
    assert (only().n_errors, only().n_errors_since_start) == (3, 1)
    total = working_status()
    assert (total.n_errors, total.n_errors_since_start) == (3, 1)


def test_the_pace_of_the_chips_that_ended_foretells_the_end():
    make_exposure("1", [DONE, DONE, FAILED, DONE, Status.QUEUED, Status.QUEUED], age_minutes=8)
    status = working_status()
    (exposure,) = status.exposures
    assert exposure.pace.chips_per_minute == pytest.approx(0.5, rel=0.01)
    seconds_left = (exposure.pace.expected_end - status.time).total_seconds()
    assert seconds_left == pytest.approx(240, rel=0.01)
    assert status.pace.chips_per_minute == pytest.approx(0.5, rel=0.01)


def test_a_job_that_ended_has_the_pace_it_had_and_no_expected_end():
    make_exposure("1", [DONE, DONE], age_minutes=600, closed=3)
    assert only().pace.chips_per_minute == pytest.approx(1)
    assert only().pace.expected_end is None
    assert only().ended - only().started == timedelta(minutes=3)


def test_nothing_is_foretold_where_no_chip_has_ended():
    make_exposure("1", [Status.QUEUED, Status.QUEUED])
    status = working_status()
    assert status.exposures[0].pace.chips_per_minute is None
    assert status.exposures[0].pace.expected_end is None and status.pace.expected_end is None
    assert status.wants_workers


def test_an_empty_database_has_nothing_to_show():
    status = working_status()
    assert (status.exposures, status.n_exposures, status.chips.total) == ((), 0, 0)


def test_only_what_was_asked_for_is_shown():
    exposure = make_exposure("1", [DONE])
    exposure.jobs.all().delete()
    assert working_status().exposures == ()


def test_the_time_filters_take_what_went_on_between():
    make_exposure("ended", [DONE], age_minutes=600, closed=60)
    make_exposure("open", [Status.QUEUED], age_minutes=500)
    make_exposure("new", [DONE], age_minutes=30, closed=10)
    assert names(StatusQuery(since=parse_time("2h"))) == ["new", "open"]
    assert names(StatusQuery(until=parse_time("2h"))) == ["open", "ended"]
    assert names(StatusQuery(since=parse_time("10h"), until=parse_time("550m"))) == ["ended"]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("failed", ["mixed"]),
        ("done", ["mixed", "done"]),
        ("lost", ["lost"]),
        ("working", []),
        ("interrupted", ["interrupted"]),
        ("waiting", []),
    ],
)
def test_the_state_filter_takes_exposures_with_such_a_chip(state, expected):
    make_exposure("done", [DONE, DONE], closed=5)
    make_exposure("lost", [WORKING])
    make_exposure("interrupted", [Status.PENDING], closed=5)
    make_exposure("mixed", [DONE, FAILED], closed=5)
    assert names(StatusQuery(states=(state,))) == expected


def test_totals_are_of_all_that_is_shown_on_whatever_page():
    for number in range(5):
        make_exposure(f"6107{number}", [DONE, FAILED], closed=5)
    make_exposure("9", [DONE])
    shown = StatusQuery(identifier="6107")
    status = working_status(shown, limit=2)
    assert (len(status.exposures), status.n_exposures, status.chips.failed) == (2, 5, 5)
    assert images_of(shown).count() == 10


def test_pages_follow_each_other_without_gap_or_repetition():
    for number in range(5):
        make_exposure(str(number), [DONE])
    before, seen = None, []
    while True:
        status = working_status(StatusQuery(before=before), limit=2)
        seen += [exposure.name.split()[1] for exposure in status.exposures]
        before = status.next_before
        if before is None:
            break
    assert seen == ["4", "3", "2", "1", "0"]


def test_what_is_at_work_is_on_the_first_page_however_long_the_queue():
    make_exposure("first", [WORKING])
    for number in range(3):
        make_exposure(str(number), [Status.QUEUED])
    first = working_status(limit=2)
    assert [exposure.name.split()[1] for exposure in first.exposures] == ["first", "2", "1"]
    assert names(StatusQuery(before=first.next_before), limit=2) == ["0"]


@pytest.mark.parametrize("n_exposures", [1, 12])
def test_the_number_of_queries_does_not_grow(n_exposures, django_assert_num_queries):
    for number in range(n_exposures):
        exposure = make_exposure(str(number), [DONE, FAILED, WORKING, Status.QUEUED])
        make_line(exposure, 2, "failed", level=ERROR)
    shown = StatusQuery(states=("failed",), since=parse_time("1d"))
    with django_assert_num_queries(12):
        assert len(working_status(shown).exposures) == n_exposures
    with django_assert_num_queries(4):
        exposure_log(exposure)


def test_a_moment_is_an_age_or_a_date():
    now = datetime(2026, 11, 23, 18, tzinfo=UTC)
    assert parse_time("2h", now) == now - timedelta(hours=2)
    assert parse_time("1.5d", now) == now - timedelta(days=1.5)
    assert parse_time("2026-11-23") == datetime(2026, 11, 23, tzinfo=UTC)
    assert parse_time("2026-11-23T18:00") == now == parse_time("2026-11-23T19:00+01:00")


@pytest.mark.parametrize("text", ["", "yesterday", "2", "2y", "2026-13-40", "99999999999d"])
def test_what_is_no_moment_is_refused_with_advice(text):
    with pytest.raises(GalprojectError, match=r"not a time\. Give an age"):
        parse_time(text)


def test_the_log_goes_chip_by_chip_in_the_order_of_time():
    exposure = make_exposure("1", [DONE, FAILED])
    make_line(exposure, 0, "asked")
    make_line(exposure, 2, "read")
    make_line(exposure, 1, "read")
    make_line(exposure, 2, "failed", level=ERROR, note="cut short")
    log = exposure_log(exposure)
    assert [line.step for line in log.exposure_lines] == ["asked"]
    assert [[line.step for line in chip.lines] for chip in log.chips] == [
        ["read"],
        ["read", "failed"],
    ]
    assert [chip.chip_name for chip in log.chips_with_errors] == ["N2"]
    assert [line.ccdnum for line in log.lines] == [0, 2, 1, 2]


# The command


def test_the_table_fits_120_columns():
    exposure = make_exposure("a-plain-file-with-a-name-that-is-long" * 2, [DONE, FAILED, WORKING])
    exposure.images.update(host="h" * 64, step="s" * 32)
    make_line(exposure, 2, "failed", level=ERROR, note="a long tale " * 30)
    out, _ = run("--exposure", exposure.identifier)
    assert max(map(len, out.splitlines())) <= 120
    assert "N2 (CCD 2): failed" in out and "ERROR failed" in out and "a long tale" in out


def test_the_table_says_what_to_do_next():
    assert "process_exposure --queue" in run()[0]
    make_exposure("1", [FAILED, Status.QUEUED])
    out, _ = run()
    assert "--run-failed" in out and "make workers" in out


def test_json_is_whole():
    exposure = make_exposure("1", [DONE, FAILED])
    make_line(exposure, 2, "failed", level=ERROR)
    found = json.loads(run("--json", "--exposure", "1")[0])
    assert found["exposures"][0]["chips"]["failed"] == found["n_errors"] == 1
    assert found["logs"][0]["chips"][1]["lines"][0]["step"] == "failed"


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--since", "then"], "not a time"),
        (["--exposure", "6107"], "6107: there is no such exposure. Did you mean one of 61070"),
        (["--exposure", "x"], "x: there is no such exposure"),
        (["--limit", "0"], "--limit"),
        (["--json", "--follow"], "not both"),
        (["--state", "sleeping"], "invalid choice"),
        (["--follow", "0"], "is no number from 0.1 to 86400"),
    ],
)
def test_what_makes_no_sense_is_refused(words, problem):
    make_exposure("61070", [DONE])
    with pytest.raises(CommandError, match=problem):
        run(*words)


def test_run_failed_asks_for_what_failed_of_what_is_shown_and_only_that(
    sent, django_capture_on_commit_callbacks
):
    first = make_exposure("1", [DONE, FAILED, Status.PENDING], closed=5)
    second = make_exposure("2", [FAILED, DONE], closed=5)
    with django_capture_on_commit_callbacks(execute=True):
        _, err = run("--run-failed", "--exposure", "1")
    again = set(first.images.exclude(ccdnum=1).values_list("pk", flat=True))
    assert {pk for pk, _ in sent} == again
    assert set(GalImage.objects.filter(status=Status.QUEUED).values_list("pk", flat=True)) == again
    assert "decam 1 i: 2 chips asked for again" in err
    assert second.jobs.count() == 1
    assert "Nothing failed" in run("--run-failed", "--exposure", "1")[1]


def test_follow_writes_a_line_a_change_until_all_has_ended(monkeypatch):
    exposure = make_exposure("1", [Status.QUEUED])
    fates = iter([Status.QUEUED, WORKING, DONE])
    monkeypatch.setattr(command.time, "sleep", lambda _: exposure.images.update(status=next(fates)))
    lines = run("--follow", "0.1")[0].splitlines()
    assert [line.split(": ")[1] for line in lines] == ["1 queued", "1 lost (N1 )", "1 done"]


def test_follow_ends_quietly_on_ctrl_c(monkeypatch):
    def interrupt(_):
        raise KeyboardInterrupt

    make_exposure("1", [Status.QUEUED])
    monkeypatch.setattr(command.time, "sleep", interrupt)
    assert "1 queued" in run("--follow")[0]


def test_follow_redraws_a_terminal(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    make_exposure("1", [DONE])
    out = Terminal()
    call_command("working_status", "--follow", stdout=out, no_color=True)
    assert out.getvalue().startswith(command.CLEAR) and "EXPOSURE" in out.getvalue()


def test_looking_changes_nothing():
    make_exposure("1", [FAILED, WORKING, Status.QUEUED])
    before = list(GalImage.objects.order_by("pk").values())
    run()
    run("--exposure", "1")
    assert list(GalImage.objects.order_by("pk").values()) == before
    assert GalJob.objects.count() == 1
