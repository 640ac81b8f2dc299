"""What may happen to a night on the queue: nothing is lost, doubled or half done."""

from collections import Counter

import pytest

from benchmarks.faults import (
    FAULTS,
    CannotTryError,
    fill_disk,
    kill_workers,
    strike,
    undisturbed,
)
from benchmarks.queue_night import queue_night, simulate
from tests.builders.migrated_server import migrated_server

# Fewer than in the benchmark, as each worker that follows takes seconds to begin; and of a disk for
# less than this smaller night.
HOW = {kill_workers: {"n_kills": 4}, fill_disk: {"size": "250k"}}


@pytest.fixture(scope="module")
def server(template):
    try:
        with migrated_server(template) as running:
            yield running
    except LookupError as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return simulate(tmp_path_factory.mktemp("faults") / "night", epochs=2, chips=2)


@pytest.fixture(scope="module")
def expected(server, files):
    rows = undisturbed(server, files)
    assert rows.total() > 500
    assert set(rows.values()) == {1}
    return rows


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.__name__ for fault in FAULTS])
def test_a_night_survives(fault, server, files, expected):
    try:
        outcome = strike(fault, server, files, expected, **HOW.get(fault, {}))
    except CannotTryError as reason:
        pytest.skip(str(reason))
    assert outcome.problems == ()
    assert (outcome.rows_lost, outcome.rows_doubled) == (0, 0)


def test_the_comparison_sees_what_is_lost_doubled_and_half_done(server, files, expected):
    def spoil(night):
        night.process("--reference", files.reference)
        night.query("DELETE FROM galsources WHERE refsource_id & 1048575 = 7")

    reference = Counter({row: 1 for row in expected if row[1] == row[3] == "600000"})
    reference[next(iter(reference))] = 2
    outcome = strike(spoil, server, files, reference)
    assert outcome.rows_lost == 3
    assert [problem[:13] for problem in outcome.problems] == ["rows of image"] * 2
    assert not outcome.survived


def test_what_waits_for_its_reference_begins_when_that_is_done(server, files):
    with queue_night(server, "waiting", files) as night:
        night.ask()
        states = "SELECT status, count(*) FROM galimages GROUP BY 1 ORDER BY 1"
        # Whoever asks has asked when the command ends; a worker does the rest.
        assert night.query(states) == [("pending", 6)]
        assert night.n_open() == 6
        with night.cluster():
            night.finish()
            closed = "SELECT count(*) FROM galjobs WHERE closed IS NOT NULL"
            night.wait(lambda: night.query(closed) == [(3,)], 30)
            # A message is acknowledged a moment after what it asked for is done.
            messages = "SELECT count(*) FROM django_q_ormq"
            night.wait(lambda: night.query(messages) == [(0,)], 30)
        assert night.query(states) == [("done", 6)]
        late = "SELECT max(finished) FROM galimages WHERE is_reference"
        early = "SELECT min(started) FROM galimages WHERE NOT is_reference"
        assert night.query(late) <= night.query(early)
