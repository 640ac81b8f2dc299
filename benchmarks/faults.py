"""Faults that a night of queued exposures must survive, each really done; ends with one JSON line.

Every fault strikes a night of 4 exposures of 4 small chips, in a database of its own on a server
of its own, with real clusters of workers. Afterwards ``process_exposure --failed`` finishes the
night, and every row of galsources and galvarobjs is compared with an undisturbed run. --quick tries
one fault on a night of 2 exposures of one chip, in less than 50 s; --seed is for another night,
whose workers are killed at other moments.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.forked_command import start_forked
from benchmarks.private_server import private_server
from benchmarks.queue_night import NightFiles, QueueNight, kill_session, queue_night, simulate
from tests.exposures.archive_server import ArchiveServer, stored_file

N_KILLS = 10
SEED = 1
MOST_RUNS = 10  # of what failed, until nothing does
STOP_SECONDS = 60  # that a cluster may take for the chips that it has in hand
# What PostgreSQL says of it, where nothing of a block had room and where half of one had.
DISK_IS_FULL = "No space left on device", "could not extend file"
TABLES_SIZE, DOWNLOADS_SIZE = "400k", "20m"  # of disks: for less than the night, for just more


@dataclass(frozen=True)
class Outcome:
    """What became of a night that a fault struck."""

    fault: str
    rows_lost: int
    rows_doubled: int
    problems: tuple[str, ...]  # half chips, chips not done, a log that keeps silent
    seconds: float

    @property
    def survived(self):
        return not (self.rows_lost or self.rows_doubled or self.problems)


class CannotTryError(Exception):
    """A fault that this machine doesn't allow to be made, with the reason."""


def kill_workers(night: QueueNight, n_kills=N_KILLS, seed=SEED):
    """kill -9 a worker in the middle of a chip, again and again"""
    night.ask()
    dice = random.Random(seed)
    with night.cluster():
        for _ in range(n_kills):
            _kill_one(night, dice)
        _settle(night)
    _expect_log(night, "interrupted")


def _kill_one(night, dice):
    while True:
        if not night.n_open():
            night.process("--queue", "--again", *night.files.exposures[1:])
        # The last open chip may be given up, as begun too often, and never be in work again.
        night.wait(lambda: night.in_work() or not night.n_open())
        if not (in_work := night.in_work()):
            continue
        _, pid = dice.choice(in_work)
        time.sleep(dice.uniform(0, 0.8))
        try:
            # Halted first, so that it is certain what it is killed in: while it waits for a
            # chip it holds a lock of its cluster.
            os.kill(pid, signal.SIGSTOP)
            if pid in [worker for _, worker in night.in_work()]:
                os.kill(pid, signal.SIGKILL)
                return
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            continue


def restart_database(night: QueueNight):
    """stop and start PostgreSQL in the middle"""
    night.ask()
    with night.cluster():
        for mode in ("immediate", "fast"):
            night.wait(night.in_work)
            time.sleep(0.4)
            night.server.stop(mode)
            time.sleep(1)
            night.server.start()
        _settle(night)
    _expect_log(night, "begun again")


def fill_disk_while_fetching(night: QueueNight):
    """the disk full while downloading"""
    folder = night.server.folder / "small"
    grow = _mount(night, folder, DOWNLOADS_SIZE)
    with ArchiveServer() as archive:
        for path in sorted(night.files.folder.glob("c4d_*")):
            archive.add(stored_file(path))
        # Somebody else takes what was free when it was asked.
        victim = night.files.exposures[2].name
        archive.faulty(victim, midway=lambda: _fill(folder))
        account = {"GALPROJECT_ARCHIVE_URL": archive.url, "NO_PROXY": "127.0.0.1"}
        fetch = ["fetch_exposures", "--proposal", "2017A-0000", "--to", folder, "--margin", 0]
        said = night.manage(*fetch, check=False, **account)
        fetched = sorted(folder.glob("c4d_*"))
        if "the disk is full" not in said or folder / victim in fetched:
            raise AssertionError(f"the disk was not full: {said}")
        if any(
            path.read_bytes() != (night.files.folder / path.name).read_bytes() for path in fetched
        ):
            raise AssertionError("a file is there, and not whole")
        (folder / "filling").unlink()
        grow()
        night.manage(*fetch, **account)
    mine = NightFiles(folder)
    night.process("--reference", mine.reference, "--workers", 1)
    night.process(*mine.exposures[1:], "--workers", 1)


def _fill(folder):
    with suppress(OSError), open(folder / "filling", "wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def fill_disk(night: QueueNight, size=TABLES_SIZE):
    """the disk full while writing"""
    folder = night.server.folder / "small"
    grow = _mount(night, folder, size)
    night.server.sql(f"CREATE TABLESPACE small LOCATION '{folder}'")
    night.at_end.callback(night.server.sql, "DROP TABLESPACE small")
    night.server.sql(f"ALTER DATABASE {night.database} SET default_tablespace = small")
    night.ask()
    with night.cluster():
        night.finish()
        errors = night.query("SELECT error FROM galimages WHERE status = 'failed'")
        if not any(said in error for (error,) in errors for said in DISK_IS_FULL):
            raise AssertionError(f"the disk was not full: {errors}")
        grow()
        _settle(night)
    _expect_log(night, "failed")


def _mount(night, folder, size):
    """A small disk until the night's end; a function that makes it large."""
    folder.mkdir()
    options = f"size={size},uid={night.server.account.pw_uid},mode=700"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, text=True
    )
    if mounted.returncode:
        raise CannotTryError(f"a small disk can't be mounted: {mounted.stderr.strip()}")
    night.at_end.callback(folder.rmdir)
    night.at_end.callback(subprocess.run, ["umount", "-l", folder], check=True)
    larger = ["mount", "-o", "remount,size=64m", folder]
    return lambda: subprocess.run(larger, check=True, capture_output=True)


def hand_out_twice(night: QueueNight):
    """the same chip handed out twice at once"""
    night.query("""
        CREATE FUNCTION twice() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            INSERT INTO django_q_ormq (key, payload, lock) VALUES (NEW.key, NEW.payload, NEW.lock);
            RETURN NULL;
        END $$;
        CREATE TRIGGER twice AFTER INSERT ON django_q_ormq FOR EACH ROW
        WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION twice();
    """)
    night.ask()
    with night.cluster():
        night.finish()
    if " busy" not in night.log().read_text():
        raise AssertionError("no chip was in two workers' hands")


def two_hosts(night: QueueNight):
    """two clusters as two hosts"""
    night.ask()
    with night.cluster(workers=1, host="alpha"), night.cluster(workers=1, host="beta"):
        night.finish()
    hosts = {host for (host,) in night.query("SELECT DISTINCT host FROM galimages")}
    if hosts != {"alpha", "beta"}:
        raise AssertionError(f"not both hosts worked: {hosts}")


def terminate_cluster(night: QueueNight):
    """SIGTERM to a cluster"""
    night.ask()
    with night.cluster() as cluster:
        night.wait(night.in_work)
        time.sleep(0.5)
        cluster.terminate()
        cluster.join(STOP_SECONDS)
        if cluster.exitcode != 0 or night.in_work():
            left = f"left {night.in_work()} half done"
            raise AssertionError(f"it ended with {cluster.exitcode}, and {left}")
    with night.cluster():
        _settle(night)


def lose_host(night: QueueNight):
    """kill -9 a whole cluster at once, as if its host were switched off"""
    night.ask()
    with night.cluster() as cluster:
        time.sleep(0.5)
        night.wait(night.in_work, pause=0.01)
        kill_session(cluster)
    with night.cluster(host="beta"):
        _settle(night)
    _expect_log(night, "interrupted")


def kill_command(night: QueueNight):
    """kill -9 process_exposure and its workers, without the queue"""
    night.process("--reference", night.files.reference, "--workers", 1)
    searches = ["--catalogue", night.files.catalogue, *night.files.exposures[1:]]
    words = ["process_exposure", "--workers", 2, *searches]
    command = start_forked(words, night.environment(), os.devnull, is_session_leader=True)
    night.wait(night.in_work)
    time.sleep(0.3)
    night.wait(night.in_work, pause=0.01)
    kill_session(command)
    night.process("--failed", "--workers", 1)
    _expect_log(night, "interrupted")


FAULTS = (
    *(kill_workers, restart_database, fill_disk_while_fetching, fill_disk, hand_out_twice),
    *(two_hosts, terminate_cluster, lose_host, kill_command),
)
QUICK_FAULTS = (hand_out_twice,)


def _settle(night):
    """Have run again what failed, until nothing does; a cluster is running."""
    for _ in range(MOST_RUNS):
        night.process("--queue", "--failed")
        night.finish()
        if not night.query("SELECT 1 FROM galimages WHERE status <> 'done'"):
            return


def _expect_log(night, step):
    if not night.query("SELECT 1 FROM galcheckpoints WHERE step = %s", step):
        raise AssertionError(f"the log doesn't tell of anything {step}")


def undisturbed(server, files):
    """The rows of a night that nothing happens to, as a Counter."""
    with queue_night(server, "undisturbed", files) as night:
        # One worker, where two would compile everything twice on a machine that is new.
        night.process("--reference", files.reference, "--workers", 1)
        night.process(*files.exposures[1:], "--workers", 1)
        return Counter(night.rows())


def strike(fault, server, files, expected, **how) -> Outcome:
    """A night struck by a fault, as told, compared with an undisturbed one.

    Raises CannotTryError.
    """
    started = time.monotonic()
    problems = []
    with queue_night(server, fault.__name__, files) as night:
        try:
            fault(night, **how)
        except (AssertionError, TimeoutError, RuntimeError) as error:
            problems.append(str(error))
        rows = Counter(night.rows())
        problems += night.leftovers()
        undone = night.query("SELECT count(*) FROM galimages WHERE status <> 'done'")[0][0]
        if undone:
            problems.append(f"{undone} chips are not done")
    return Outcome(
        fault.__doc__,
        sum((expected - rows).values()),
        sum((rows - expected).values()),
        tuple(problems),
        time.monotonic() - started,
    )


def main():
    names = [fault.__name__ for fault in FAULTS]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=names, metavar="FAULT")
    parser.add_argument("--quick", action="store_true", help="one fault, a smaller night")
    parser.add_argument("--seed", type=int, default=SEED, help="another one: another night")
    arguments = parser.parse_args()
    tried_faults = QUICK_FAULTS if arguments.quick else FAULTS
    chosen = arguments.only or [fault.__name__ for fault in tried_faults]
    size = {"epochs": 2, "chips": 1} if arguments.quick else {}
    outcomes = []
    with tempfile.TemporaryDirectory() as folder, private_server() as server:
        files = simulate(Path(folder) / "night", seed=arguments.seed, **size)
        expected = undisturbed(server, files)
        print(f"undisturbed: {expected.total()} rows")
        for fault in FAULTS:
            if fault.__name__ in chosen:
                how = {"seed": arguments.seed} if fault is kill_workers else {}
                outcomes += tried(fault, server, files, expected, **how)
    total = {
        "tried": len(outcomes),
        "survived": sum(outcome.survived for outcome in outcomes),
        "rows_lost": sum(outcome.rows_lost for outcome in outcomes),
        "rows_doubled": sum(outcome.rows_doubled for outcome in outcomes),
    }
    print(json.dumps(total))
    sys.exit(total["tried"] != total["survived"])


def tried(fault, server, files, expected, **how):
    """The outcome of a fault in a list, empty where it can't be tried; says which."""
    try:
        outcome = strike(fault, server, files, expected, **how)
    except CannotTryError as reason:
        print(f"not tried   {fault.__doc__}: {reason}")
        return []
    word = "survived" if outcome.survived else "FAILED"
    print(
        f"{word:<10}  {outcome.fault:<68} {outcome.rows_lost:>5} lost {outcome.rows_doubled:>5} "
        f"doubled {outcome.seconds:5.0f} s",
        flush=True,
    )
    for problem in outcome.problems:
        print(f"            {problem}")
    return [outcome]


if __name__ == "__main__":
    main()
