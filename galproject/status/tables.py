"""The working status and logs as lines of text, 120 columns wide."""

from textwrap import wrap

from django.template.defaultfilters import pluralize

from galproject.status.working_status import State

WIDTH = 120
MAX_AT_WORK = 8
MAX_DOUBTED = 4  # of an exposure, that are named
FORM = "{:<28} {:<11} {:>7} {:>6} {:>7} {:>6} {:>6} {:>6} {:>6} {:>5} {:>8} {:>11}"
HEADINGS = (
    *("EXPOSURE", "STARTED", "WORKING", "QUEUED", "WAITING", "DONE", "FAILED", "LEFT"),
    *("ERRORS", "NEW", "A MINUTE", "ENDS"),
)


def status_lines(status):
    """A table of exposures, each with its running chips beneath."""
    if not status.exposures:
        return ["No exposure to show. manage.py process_exposure --queue puts some on the queue."]
    lines = [FORM.format(*HEADINGS)]
    for exposure in status.exposures:
        ended = "ended" if exposure.ended and not exposure.chips.open else ""
        lines.append(_row(_cut(exposure.name, 28), _time(exposure.started), exposure, ended))
        lines += _at_work_lines(exposure.at_work)
        lines += _doubted_lines(exposure.doubted)
    n = status.n_exposures
    lines += ["", _row(f"{n:,} exposure{pluralize(n)}", "", status, "")]
    if status.next_before is not None:
        n_more = status.n_exposures - len(status.exposures)
        lines.append(f"(and {n_more:,} asked for earlier: --limit {status.n_exposures})")
    if status.chips.lost or status.chips.interrupted:
        lines.append(
            f"LEFT: {status.chips.lost} by a worker that is gone, queued again by themselves "
            f"within minutes; {status.chips.interrupted} interrupted."
        )
    if status.n_doubted:
        lines.append(
            f"DOUBTED: {status.n_doubted:,} chip{pluralize(status.n_doubted)}. Changes there are "
            "not counted. The pages of the images say why, and there it can be overruled."
        )
    if status.chips.unfinished:
        lines.append("manage.py working_status --run-failed runs again what failed, only that.")
    if status.n_asked:
        lines.append(f"{status.n_asked} exposures asked for, to be put on the queue by a worker")
    if status.wants_workers:
        lines.append("Chips are asked for, and nobody is at work. Start workers: make workers")
    return lines


def _row(name, started, status, ended):
    chips, pace = status.chips, status.pace
    return FORM.format(
        *(name, started, chips.working, chips.queued, chips.waiting, chips.done, chips.failed),
        *(chips.lost + chips.interrupted, status.n_errors, status.n_errors_since_start),
        "-" if pace.chips_per_minute is None else f"{pace.chips_per_minute:.1f}",
        ended or _time(pace.expected_end),
    )


def _at_work_lines(chips):
    for chip in chips[:MAX_AT_WORK]:
        lost = ", but its worker is gone" if chip.is_lost else ""
        since = f"{chip.since:%H:%M:%S}" if chip.since else "?"
        yield _cut(f"    {chip.chip_name} {chip.step} on {chip.host} since {since}{lost}", WIDTH)
    if len(chips) > MAX_AT_WORK:
        yield f"    and {len(chips) - MAX_AT_WORK} more"


def _doubted_lines(chips):
    for chip in chips[:MAX_DOUBTED]:
        yield _cut(f"    {chip.chip_name} is doubted: {chip.why}", WIDTH)
    if len(chips) > MAX_DOUBTED:
        yield f"    and {len(chips) - MAX_DOUBTED} more doubted"


def change_lines(before, status):
    """A line for each exposure that changed since the status before."""
    known = (
        {exposure.exposure_id: _summary(exposure) for exposure in before.exposures}
        if before
        else {}
    )
    for exposure in status.exposures:
        summary = _summary(exposure)
        if known.get(exposure.exposure_id) != summary:
            yield f"{status.time:%Y-%m-%d %H:%M:%S} {exposure.name}: {summary}"


def _summary(exposure):
    counts = ", ".join(f"{n} {state}" for state, n in exposure.chips.by_state if n) or "no chips"
    steps = ", ".join(f"{chip.chip_name} {chip.step}" for chip in exposure.at_work)
    return f"{counts} ({steps})" if steps else counts


def log_lines(log):
    """The log of an exposure: its own lines, then chip by chip."""
    yield log.name
    if log.is_shortened:
        yield "(the newest lines; older ones are in the table galcheckpoints)"
    for line in log.exposure_lines:
        yield from _log_line(line)
    for chip in log.chips:
        where = f" at {chip.step}" if chip.step and chip.state != State.DONE else ""
        yield ""
        yield f"{chip.chip_name} (CCD {chip.ccdnum}): {chip.state.label.lower()}{where}"
        for line in chip.lines:
            yield from _log_line(line)
        for note in chip.notes:
            yield from wrap(
                f"fell back: {note}", WIDTH, initial_indent="  ", subsequent_indent="    "
            )


def _log_line(line):
    level = "" if line.level == "info" else f"{line.level.upper()} "
    value = "" if line.value is None else f" {line.value:g}"
    text = f"  {line.time:%Y-%m-%d %H:%M:%S} {line.host} {level}{line.step}{value} {line.note}"
    return wrap(text.rstrip(), WIDTH, subsequent_indent="    ", drop_whitespace=True) or [""]


def _time(time):
    return f"{time:%m-%d %H:%M}" if time else "-"


def _cut(text, width):
    return text if len(text) <= width else text[: width - 1] + "…"
