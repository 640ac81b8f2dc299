"""What the queue costs: a night of 40 small exposures with it and without it.

Two workers of a cluster against two processes that do the same chips by themselves, turn by turn
on one machine. Times are from the first chip's beginning to the last one's end, by the database,
so that starting Python counts on neither side. Ends with one JSON line: ``throughput_fraction``
(with the queue / without), ``overhead_ms_per_chip`` (from the end of a chip to the beginning of the
same worker's next, with the queue less without). --quick does one turn of 8 exposures, in less than
50 s.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.private_server import PROJECT, private_server
from benchmarks.queue_night import queue_night, simulate

N_EXPOSURES = 40
N_WORKERS = 2
WINDOW = """
SELECT count(*), extract(epoch FROM max(finished) - min(started))::float
FROM galimages WHERE NOT is_reference AND status = 'done'
"""


GAPS = """
SELECT extract(epoch FROM started - lag(finished) OVER (PARTITION BY pid ORDER BY started))::float
FROM galimages WHERE NOT is_reference
"""


def with_queue(night):
    night.process("--queue", *night.files.exposures[1:])
    with night.cluster(workers=N_WORKERS):
        night.finish(pause=3)  # as nobody looks at the other way


def without_queue(night):
    searches = night.files.exposures[1:]
    manage = [sys.executable, PROJECT / "manage.py"]
    options = ["process_exposure", "--catalogue", night.files.catalogue]
    commands = [
        subprocess.Popen(
            list(map(str, [*manage, *options, *searches[i::N_WORKERS]])),
            env=night.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for i in range(N_WORKERS)
    ]
    statuses = [command.wait() for command in commands]
    if any(statuses):
        raise SystemExit("process_exposure failed")


def measure(way, server, files, n_exposures):
    """The time that a way of processing the night takes, and the gaps between chips; seconds."""
    with queue_night(server, way.__name__, files) as night:
        night.process("--reference", files.reference, "--workers", N_WORKERS)
        way(night)
        n_chips, seconds = night.query(WINDOW)[0]
        gaps = [gap for (gap,) in night.query(GAPS) if gap is not None]
    print(f"{way.__name__:<14} {n_chips} chips in {seconds:.1f} s", flush=True)
    if n_chips != n_exposures:
        raise SystemExit(f"{n_chips} chips are done, of {n_exposures}")
    return seconds, statistics.median(gaps)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="turns of each (default 3)")
    parser.add_argument("--quick", action="store_true", help="one turn of 8 exposures")
    arguments = parser.parse_args()
    n_exposures, rounds = (8, 1) if arguments.quick else (N_EXPOSURES, arguments.rounds)
    turns = {with_queue: [], without_queue: []}
    with tempfile.TemporaryDirectory() as folder, private_server() as server:
        files = simulate(Path(folder) / "night", epochs=n_exposures, chips=1, size=(400, 400))
        for _ in range(rounds):
            for way, measured in turns.items():
                measured.append(measure(way, server, files, n_exposures))
    queue, direct = (np.median(measured, axis=0) for measured in turns.values())
    result = {
        "throughput_fraction": round(direct[0] / queue[0], 3),
        "overhead_ms_per_chip": round(1000 * (queue[1] - direct[1]), 1),
        "chips": n_exposures,
        "seconds_per_chip": round(N_WORKERS * direct[0] / n_exposures, 2),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
