"""A run of injection: exposures read, stars added, processed and compared."""

import logging
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from django.db import InterfaceError, OperationalError, ProgrammingError

from exposures.errors import GalprojectError, InputFileError
from exposures.fits import read_exposure
from exposures.hosts import this_host
from galproject.queue.deaths import death_text
from galproject.queue.pooled import pooled
from galproject.queue.worker_pool import Death
from galproject.validation.injection.chips import ChipTask, inject_chip
from galproject.validation.injection.comparison import Comparison, compare, concatenated
from galproject.validation.injection.options import InjectionOptions
from galproject.validation.injection.temporary_database import temporary_database
from variables.learning.injected import ArtificialCandidates, artificial_candidates, joined

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Injection:
    """The outcome of an injection."""

    comparison: Comparison
    examples: ArtificialCandidates  # the candidates among the artificial stars
    errors: tuple[str, ...]  # of chips that could not be done


DEFAULTS = InjectionOptions()


def inject(paths, pipeline, injection=DEFAULTS, ccds=None, workers=1, progress=None):
    """Inject artificial stars into exposures, the first being the reference; an Injection.

    It writes nothing to the survey's database, and leaves nothing on the disk. ``progress`` is told
    of each chip by ``update(1)``, and how many there are by ``reset``. Raises GalprojectError if a
    file can't be used or no chip could be compared.
    """
    facts = [read_exposure(path, pipeline.input) for path in paths]
    check_are_alike(facts)
    _check_chips(facts[0], ccds)
    rounds = [
        replace(injection, seed=injection.seed + number, n_rounds=1)
        for number in range(injection.n_rounds)
    ]
    if progress is not None:
        progress.reset(total=len(rounds) * len(_chips(facts, ccds)))
    done = [_round(_chips(facts, ccds), pipeline, one, workers, progress) for one in rounds]
    errors = dict.fromkeys(error for one in done for error in one.errors)
    return Injection(
        concatenated([one.comparison for one in done]),
        joined([one.examples for one in done]),
        tuple(errors),
    )


def _round(chips, pipeline, injection, workers, progress) -> Injection:
    """Inject the stars of one seed, with a folder and a database of their own."""
    n_searches = max(epoch for epoch, _, _ in chips)
    with tempfile.TemporaryDirectory(prefix="galproject-injection-") as name:
        folder = Path(name)
        common = (n_searches, folder, injection, pipeline)
        tasks = [ChipTask(facts, entry, epoch, *common) for epoch, facts, entry in chips]
        with temporary_database(folder / "pictures"):
            outcomes, errors = [], []
            for outcome, error in _run(tasks, workers):
                if outcome is None:
                    errors.append(error)
                else:
                    outcomes.append(outcome)
                if progress is not None:
                    progress.update(1)
            if not any(outcome.epoch == 0 for outcome in outcomes):
                raise GalprojectError("\n".join(["no reference chip could be done:", *errors]))
            comparison = compare(outcomes, pipeline.selection.in_flux)
            return Injection(comparison, _examples(comparison), tuple(errors))


def _examples(comparison) -> ArtificialCandidates:
    """The candidates among the stars that were found on the reference."""
    stars = comparison.on_reference
    found = stars[stars["refsource_id"] > 0]
    return artificial_candidates(found["refsource_id"], found["amplitude"] > 0)


def check_are_alike(facts):
    """Check that exposures share the reference's filter, and none has a chip twice."""
    seen = set()
    for one in facts:
        if one.filter != facts[0].filter:
            raise InputFileError(
                one.image_path,
                f"in filter {one.filter}, the reference in {facts[0].filter}",
                "Name a reference and search exposures of one filter",
            )
        chips = {(one.identifier, entry.ccdnum) for entry in one.chips}
        if seen & chips:
            raise InputFileError(
                one.image_path,
                f"exposure {one.identifier} is given twice",
                "Name each exposure once, the reference first",
            )
        seen |= chips


def _chips(facts, ccds):
    """(epoch, facts, entry) of the chips to process; the reference has epoch 0."""
    # The chips of an exposure may come in several files.
    epochs = list(dict.fromkeys(one.identifier for one in facts))
    return [
        (epochs.index(one.identifier), one, entry)
        for one in facts
        for entry in one.chips
        if ccds is None or entry.ccdnum in ccds
    ]


def _check_chips(reference, ccds):
    if not _chips([reference], ccds):
        present = ", ".join(str(entry.ccdnum) for entry in reference.chips)
        raise InputFileError(
            reference.image_path,
            "the reference has none of the chips that were asked for",
            f"Choose --ccds from those it has: {present}",
        )


def _run(tasks, workers):
    """(ChipOutcome or None, error or "") of each task as it comes; all references first."""
    for is_reference in (True, False):
        chosen = [task for task in tasks if task.is_reference == is_reference]
        if workers > 1:
            yield from run_in_pool(chosen, workers)
        else:
            yield from map(outcome_of, chosen)


def run_in_pool(tasks, workers):
    """What ``outcome_of`` gives of each task as it comes, each done by one of several processes."""
    for (task,), outcome in pooled(outcome_of, [(task,) for task in tasks], workers):
        if isinstance(outcome, Death):
            ended = death_text(outcome.how, "", this_host())
            outcome = None, f"{task.facts.image_path}[{task.entry.name}]: {ended}"
        yield outcome


def outcome_of(task):
    """Inject into one chip; an error becomes part of the outcome."""
    try:
        outcome = inject_chip(task)
    except GalprojectError as error:
        return None, str(error)
    except (InterfaceError, OperationalError, ProgrammingError):
        raise  # no other chip would fare better
    except Exception as error:
        label = f"{task.facts.image_path}[{task.entry.name}]"
        logger.exception("%s: unexpected error", label)
        return None, f"{label}: unexpected {type(error).__name__}: {error}"
    return (None, outcome.result.error) if outcome.result.failed else (outcome, "")
