"""A whole injection: exposures read, stars put in, the pipeline run, the results compared."""

import multiprocessing
import tempfile
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from django.db import connection

from exposures.errors import GalprojectError, InputFileError
from exposures.fits import read_exposure
from galproject import worker
from galproject.injection.chips import ChipTask, inject_chip
from galproject.injection.comparison import Comparison, compare
from galproject.injection.options import InjectionOptions
from galproject.injection.own_database import own_database


@dataclass(frozen=True)
class Injection:
    """What came of it."""

    comparison: Comparison
    errors: tuple[str, ...]  # of chips that could not be done
    n_chips: int


DEFAULTS = InjectionOptions()


def inject(paths, pipeline, injection=DEFAULTS, ccds=None, workers=1, progress=None):
    """Put artificial stars into exposures, of which the first is the reference; an Injection.

    Nothing of it goes into the survey's database or stays on the disk. ``progress`` is told of
    each chip by ``update(1)``, and how many there are by ``total``. Raises GalprojectError where
    a file can't be used or no chip could be compared.
    """
    facts = [read_exposure(path, pipeline.input) for path in paths]
    _check_are_alike(facts)
    with tempfile.TemporaryDirectory(prefix="galproject-injection-") as folder:
        tasks = _tasks(facts, (Path(folder), injection, pipeline), ccds)
        if progress is not None:
            progress.reset(total=len(tasks))
        with own_database(Path(folder) / "pictures"):
            outcomes, errors = [], []
            for done, error in _run(tasks, workers):
                outcomes += [done] if done else []
                errors += [error] if error else []
                if progress is not None:
                    progress.update(1)
            if not any(outcome.epoch == 0 for outcome in outcomes):
                raise GalprojectError("\n".join(["no reference chip could be done:", *errors]))
            return Injection(compare(outcomes), tuple(errors), len(tasks))


def _check_are_alike(facts):
    """One exposure each, all in the filter of the reference."""
    for number, one in enumerate(facts):
        if one.filter != facts[0].filter:
            raise InputFileError(
                one.image_path,
                f"in filter {one.filter}, the reference in {facts[0].filter}",
                "Name a reference and search exposures of one filter",
            )
        if one.identifier in [other.identifier for other in facts[:number]]:
            raise InputFileError(
                one.image_path,
                f"exposure {one.identifier} is given twice",
                "Name each exposure once, the reference first",
            )


def _tasks(facts, common, ccds):
    """A task a chip, the references' first; ``ccds`` limits them by number."""
    tasks = [
        ChipTask(one, entry, epoch, len(facts) - 1, *common)
        for epoch, one in enumerate(facts)
        for entry in one.chips
        if ccds is None or entry.ccdnum in ccds
    ]
    if not any(task.is_reference for task in tasks):
        present = ", ".join(str(entry.ccdnum) for entry in facts[0].chips)
        raise InputFileError(
            facts[0].image_path,
            "the reference has none of the chips that were asked for",
            f"Choose --ccds from those it has: {present}",
        )
    return tasks


def _run(tasks, workers):
    """(ChipOutcome or None, error or "") of each task as it comes; all references first."""
    for is_reference in (True, False):
        chosen = [task for task in tasks if task.is_reference == is_reference]
        n_workers = min(workers, len(chosen))
        if n_workers > 1:
            yield from _in_a_pool(chosen, n_workers)
        else:
            yield from map(_outcome, chosen)


def _in_a_pool(tasks, workers):
    # A forked child would share this process' database connection.
    context = multiprocessing.get_context("spawn")
    database = connection.settings_dict["NAME"]
    with ProcessPoolExecutor(
        workers, mp_context=context, initializer=worker.start, initargs=(database,)
    ) as pool:
        futures = [pool.submit(_outcome, task) for task in tasks]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BrokenProcessPool as error:
            raise GalprojectError(
                "a worker process was killed, perhaps for want of memory. "
                "Run the same command again with fewer --workers"
            ) from error
        finally:
            for future in futures:
                future.cancel()


def _outcome(task):
    """One chip that fails must not stop the others."""
    try:
        outcome = inject_chip(task)
    except GalprojectError as error:
        return None, str(error)
    return (None, outcome.result.error) if outcome.result.failed else (outcome, "")
