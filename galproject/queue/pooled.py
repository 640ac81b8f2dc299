"""Functions of the project called by several processes that use this one's database."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from exposures.hosts import this_host
from galproject.processing.cutouts import draw_catalogue, epochs_of, in_all, progress_bar
from galproject.queue import worker
from galproject.queue.deaths import death_text
from galproject.queue.worker_pool import Death, WorkerPool
from photometry.models import GalReference
from photometry.science import compiled
from variables.pictures.render import Rendered


def pooled(function: Callable, tasks: Iterable[tuple], workers: int) -> Iterator[tuple[tuple, Any]]:
    """Yield each task, arguments of a module's function, with its result or Death, as they come."""
    name = f"{function.__module__}.{function.__qualname__}"
    database = connection.settings_dict["NAME"]
    pool = WorkerPool(name, worker.start, (database,), preload=compiled.load_kept)
    yield from pool.run(tasks, workers)


def draw_cutouts_in_processes(catalogues: QuerySet[GalReference], workers: int) -> Rendered:
    """Update the cutouts of catalogues as ``draw_cutouts``, each by one of several processes."""
    n_epochs = epochs_of(catalogues)
    parts = []
    with progress_bar(n_epochs) as bar:
        for (pk,), outcome in pooled(draw_catalogue, [(pk,) for pk in n_epochs], workers):
            if isinstance(outcome, Death):
                ended = death_text(outcome.how, "", this_host())
                outcome = Rendered(problems=(f"catalogue {pk}: no cutouts: {ended}",))
            parts.append(outcome)
            bar.update(n_epochs[pk])
    return in_all(parts)
