"""A small simulated night, put on the queue of a database of its own and worked on by clusters."""

import os
import signal
import time
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg2

from benchmarks.forked_command import run_forked, start_forked
from benchmarks.private_server import PrivateServer
from exposures.source_ids import MAX_SOURCES, catalogue_sql

# Not a star that is new on search images or was added to its reference: which of its rows there are
# hangs on when jobs ended, before or after an image.
LISTED = "NOT EXISTS (SELECT FROM galnewsources n WHERE n.refsource_id = {0}.refsource_id)"
# What a measurement is, by names that stay alike from run to run: ids come from sequences.
SOURCES = f"""
SELECT e.identifier, i.ccdnum, r.identifier, ri.ccdnum, s.refsource_id & {MAX_SOURCES - 1} AS rank,
       to_jsonb(s) - 'refsource_id' - 'galimage_id'
FROM galsources s
JOIN galimages i ON i.id = s.galimage_id JOIN galexposures e ON e.id = i.exposure_id
JOIN galreferences c ON c.id = {catalogue_sql("s.refsource_id")}
JOIN galimages ri ON ri.id = c.image_id JOIN galexposures r ON r.id = ri.exposure_id
WHERE {LISTED.format("s")}
"""
VARIABLES = f"""
SELECT e.identifier, i.ccdnum, r.identifier, ri.ccdnum, v.refsource_id & {MAX_SOURCES - 1},
       to_jsonb(v) - 'id' - 'refsource_id' - 'galimage_id'
FROM galvarobjs v
JOIN galimages i ON i.id = v.galimage_id JOIN galexposures e ON e.id = i.exposure_id
JOIN galreferences c ON c.id = {catalogue_sql("v.refsource_id")}
JOIN galimages ri ON ri.id = c.image_id JOIN galexposures r ON r.id = ri.exposure_id
WHERE {LISTED.format("v")}
"""
# A partition or a row of galcoverages that belongs to nothing, a count that is not true.
LEFTOVERS = f"""
SELECT 'partition ' || c.relname FROM pg_class c
WHERE c.relname ~ '^galsources_[0-9]+$'
  AND c.relname NOT IN (SELECT 'galsources_' || id FROM galreferences)
UNION ALL
SELECT 'rows of image ' || i.id FROM galimages i
WHERE coalesce(i.n_sources, 0) <> (
    SELECT count(*) FROM galsources s WHERE s.galimage_id = i.id AND {LISTED.format("s")}
)
UNION ALL
SELECT 'rows of no image ' || galimage_id FROM galsources s
WHERE NOT EXISTS (SELECT FROM galimages i WHERE i.id = s.galimage_id)
"""
OPEN = """
SELECT (SELECT count(*) FROM galimages WHERE status IN ('queued', 'waiting', 'working'))
    + (SELECT coalesce(sum(cardinality(asked)), 0) FROM galjobs WHERE closed IS NULL)
"""
COMMAND_SECONDS = 300


@dataclass(frozen=True)
class NightFiles:
    """The files of a simulated night."""

    folder: Path

    @property
    def exposures(self):
        return sorted(self.folder.glob("*_ooi_*"))

    @property
    def reference(self):
        return self.exposures[0]

    @property
    def catalogue(self):
        return self.folder / "catalogue"


@dataclass(frozen=True)
class QueueNight:
    """A database with the tables of galproject, and a night to fill them with."""

    server: PrivateServer
    database: str
    files: NightFiles
    at_end: ExitStack = field(default_factory=ExitStack)  # closed when the database is gone

    @property
    def url(self):
        return self.server.url(self.database)

    def environment(self, **extra):
        own = {"DATABASE_URL": self.url, "GALPROJECT_OPTIONS": ""}
        own["GALPROJECT_PICTURES"] = str(self.files.folder.parent / "pictures" / self.database)
        return {**os.environ, **own, **extra}

    def manage(self, *words, check=True, **environment):
        """Run manage.py on this database; its output."""
        environment = self.environment(**environment)
        status, output = run_forked(words, environment, COMMAND_SECONDS)
        if check and status:
            raise RuntimeError(f"manage.py {words[0]}: {output}")
        return output

    def process(self, *words):
        """manage.py process_exposure with the night's catalogue; its output."""
        options = ("--catalogue", self.files.catalogue)
        return self.manage("process_exposure", *options, *words)

    def ask(self):
        """Put the whole night on the queue: the reference, and what has to wait for it."""
        self.process("--queue", "--reference", self.files.reference)
        self.process("--queue", *self.files.exposures[1:])

    def query(self, statement, *values):
        with closing(psycopg2.connect(self.url)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement, values)
                return cursor.fetchall() if cursor.description else []

    def n_open(self):
        """The number of chips that are to be processed, or were asked for."""
        ((n_open,),) = self.query(OPEN)
        return n_open

    def in_work(self):
        """(image id, process id) of the chips that a living worker has in hand."""
        return self.query("SELECT id, pid FROM galimages WHERE status = 'working' ORDER BY id")

    def rows(self):
        """Every row of galsources and of galvarobjs, of sources that references had at first."""
        return [("source", *map(str, row)) for row in self.query(SOURCES)] + [
            ("variable", *map(str, row)) for row in self.query(VARIABLES)
        ]

    def leftovers(self):
        return [text for (text,) in self.query(LEFTOVERS)]

    def log(self, host="alpha"):
        """The file in which a cluster says what it does."""
        return self.files.folder.parent / f"{self.database}-{host}.log"

    @contextmanager
    def cluster(self, workers=2, host="alpha"):
        """A running qcluster, asked to stop at the end, and killed where it doesn't."""
        environment = self.environment(GALPROJECT_HOST=host, GALPROJECT_WORKERS=str(workers))
        process = start_forked(["qcluster"], environment, self.log(host), is_session_leader=True)
        try:
            yield process
            process.terminate()
            process.join(COMMAND_SECONDS)
        finally:
            kill_session(process)

    def wait(self, condition, seconds=COMMAND_SECONDS, pause=0.1):
        """Wait until a function of no arguments gives something true; what it gave."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if answer := condition():
                return answer
            time.sleep(pause)
        raise TimeoutError(f"{condition} took longer than {seconds} s")

    def finish(self, pause=0.5):
        """Wait until nothing is open any more, looking every ``pause`` seconds."""
        self.wait(lambda: self.n_open() == 0, pause=pause)


def kill_session(process):
    """Kill a process that leads a session, and all in it."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.join()


def simulate(folder, epochs=3, chips=4, size=(300, 300), seed=1) -> NightFiles:
    """A night of small crowded chips: a reference and search exposures."""
    words = ["--epochs", epochs, "--chips", chips, "--size", *size]
    words += ["--stars", 20_000, "--artifacts", 3, "--variables", 0.05, "--no-compress"]
    words = ["simulate_exposures", folder, *words, "--seed", seed]
    status, output = run_forked(words, dict(os.environ), COMMAND_SECONDS)
    if status:
        raise RuntimeError(f"manage.py simulate_exposures: {output}")
    return NightFiles(Path(folder))


@contextmanager
def queue_night(server, name, files):
    """A migrated database on a server; dropped at the end."""
    night = QueueNight(server, name, files)
    if not server.sql("SELECT 1 FROM pg_database WHERE datname = 'migrated'"):
        server.sql("CREATE DATABASE migrated")
        QueueNight(server, "migrated", files).manage("migrate", "--verbosity", "0")
    server.sql(f"CREATE DATABASE {name} TEMPLATE migrated")
    with night.at_end:
        try:
            yield night
        finally:
            server.sql(f"DROP DATABASE {name} WITH (FORCE)")
