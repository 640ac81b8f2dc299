"""A process that works on chips with one version of the code, and says what it took.

It serves ``chip.py``.

``chip_worker.py TREE host`` has a database of its own, makes reference catalogues in it, and ends
with the input; ``chip_worker.py TREE search`` processes search chips in the database at
DATABASE_URL. TREE is a checkout: this one, or that of 0.1.0, which has its modules elsewhere. A
request is a line of JSON on the input, the answer one on the output. Seconds are of the processor,
of the process and of the server's that answers it.
"""

import json
import os
import re
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import wraps
from importlib import import_module
from pathlib import Path
from unittest.mock import patch

import numpy as np

TREE = Path(sys.argv[1]) if __name__ == "__main__" else Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TREE))

from processor_time import server_seconds  # noqa: E402, which 0.1.0 doesn't have


@dataclass(frozen=True)
class Layout:
    """Names of modules in one version of the code."""

    pipeline: str
    loading: str
    prepare: str
    reduction: str
    steps: tuple[tuple[str, str, str], ...]  # module, name there, what it is

    def __getattribute__(self, name):
        """The module of that name, imported."""
        value = object.__getattribute__(self, name)
        return import_module(value) if isinstance(value, str) else value


# What the pipeline calls, each a step; a step within another is taken out of it.
TODAY = Layout(
    pipeline="galproject.processing.pipeline",
    loading="galproject.configuration.loading",
    prepare="galproject.queue.runs",
    reduction="photometry.reduction.reduction",
    steps=(
        ("galproject.processing.pipeline", "read_chip", "read the file"),
        ("photometry.reduction.reduction", "fit_sky_by_channel", "sky"),
        ("photometry.reduction.reduction", "guided_sources", "find sources and the PSF"),
        ("photometry.reduction.reduction", "find_sources", "find sources and the PSF"),
        ("photometry.reduction.reduction", "match_catalogue", "match with the catalogue"),
        ("photometry.reduction.reduction", "_zero_point", "zero point"),
        ("galproject.processing.measuring", "measure_reference_errors", "errors"),
        ("galproject.processing.measuring", "reference_motions", "proper motions"),
        ("galproject.processing.measuring", "left_over_stars", "light left over on the reference"),
        ("photometry.storage.storage", "create_catalogue", "store the catalogue"),
        ("photometry.storage.storage", "reference_sources_in", "read the reference's sources"),
        ("photometry.reduction.search", "register_search_image", "register to the reference"),
        ("photometry.reduction.search", "_force", "forced fit"),
        ("photometry.reduction.search", "_fit_correction", "correction to the reference"),
        ("photometry.reduction.search", "_mark_trails", "satellites' trails"),
        ("photometry.reduction.search", "_mark_wings", "wings of saturated stars"),
        ("photometry.reduction.search", "_with_local_zero_point", "local zero points"),
        ("photometry.reduction.search", "measured_errors", "errors"),
        ("galproject.processing.measuring", "measured_displacements", "shifts of stars"),
        ("galproject.processing.measuring", "find_new_detections", "new sources"),
        ("galproject.processing.storing", "find_changes", "select changes"),
        ("photometry.storage.storage", "replace_measurements", "store the measurements"),
        ("galproject.processing.storing", "replace_variables", "store the changes"),
        ("galproject.processing.storing", "refresh_candidates", "candidates"),
        ("galproject.processing.pipeline", "keep_chip_picture", "picture of the chip"),
    ),
)
VERSION_0_1_0 = Layout(
    pipeline="galproject.pipeline",
    loading="galproject.option_sources",
    prepare="galproject.processing",
    reduction="photometry.reduction",
    steps=(
        ("galproject.pipeline", "read_chip", "read the file"),
        ("photometry.reduction", "fit_sky_by_channel", "sky"),
        ("photometry.reduction", "find_sources", "find sources and the PSF"),
        ("photometry.reduction", "match_catalogue", "match with the catalogue"),
        ("photometry.reduction", "_zero_point", "zero point"),
        ("galproject.pipeline", "measure_reference", "errors"),
        ("photometry.storage", "create_catalogue", "store the catalogue"),
        ("photometry.storage", "reference_sources_in", "read the reference's sources"),
        ("photometry.search", "register", "register to the reference"),
        ("photometry.search", "_force", "forced fit"),
        ("photometry.search", "_fit_correction", "correction to the reference"),
        ("photometry.search", "_mark_trails", "satellites' trails"),
        ("photometry.search", "_expansion", "errors"),
        ("galproject.pipeline", "find_changes", "select changes"),
        ("photometry.storage", "replace_measurements", "store the measurements"),
        ("galproject.pipeline", "replace_variables", "store the changes"),
        ("galproject.pipeline", "refresh_candidates", "candidates"),
        ("galproject.pipeline", "keep_chip_picture", "picture of the chip"),
    ),
)
ELSE = "all else"
FEW_STARS = 5  # that guide the small chip


class StepTimes:
    """Seconds of processor that each step took, the server's included, without steps within it."""

    def __init__(self):
        self.seconds = {}
        self._within = [0.0]

    def timed(self, function, step):
        @wraps(function)
        def wrapper(*arguments, **options):
            self._within.append(0.0)
            started = used_seconds()
            try:
                return function(*arguments, **options)
            finally:
                elapsed = used_seconds() - started
                own = elapsed - self._within.pop()
                self._within[-1] += elapsed
                self.seconds[step] = self.seconds.get(step, 0.0) + own

        return wrapper


def used_seconds():
    """Of the processor, by this process and by the server's that answers it."""
    return time.process_time() + server_seconds()


def peak_mb():
    """The most memory that this process had, without that of the one that began it."""
    (kilobytes,) = re.findall(r"^VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text(), re.M)
    return int(kilobytes) / 1024


class Worker:
    """Answers requests, which name one of its methods."""

    def __init__(self, layout):
        self.layout = layout

    def options(self, night, new_sources=None):
        """The options of a request; ``new_sources`` says whether to look for them, if not None."""
        options = self.layout.loading.load_options(catalogue=night["catalogue"])
        if night["is_small"] and hasattr(options.reduction, "guided"):
            # Else its sources are searched for, and the first large chip waits for the compiler.
            guided = replace(options.reduction.guided, min_stars=FEW_STARS)
            options = replace(options, reduction=replace(options.reduction, guided=guided))
        if new_sources is None:
            return options
        return replace(options, new_sources=replace(options.new_sources, search=new_sources))

    def prepare(self, night):
        """Enter the exposures of a night; ids of the two images."""
        prepare, options = self.layout.prepare.prepare, self.options(night)
        (reference,) = prepare([Path(night["reference"])], options, is_reference=True).image_ids
        (search,) = prepare([Path(night["search"])], options).image_ids
        return {"reference_id": reference, "search_id": search}

    def process(self, night, image_id, new_sources=None):
        """Process an image as any other; its steps' seconds, and the most memory so far."""
        watch = StepTimes()
        with ExitStack() as patches:
            for module, name, step in self.layout.steps:
                owner = import_module(module)
                timed = watch.timed(getattr(owner, name), step)
                patches.enter_context(patch.object(owner, name, timed))
            whole = watch.timed(self._process, ELSE)
            result = whole(image_id, self.options(night, new_sources))
        return {
            "steps": watch.seconds,
            "seconds": sum(watch.seconds.values()),
            "peak_mb": peak_mb(),
            "n_sources": result.n_sources,
        }

    def _process(self, image_id, options):
        result = self.layout.pipeline.process_chip(image_id, options, again=True)
        if result.failed:
            raise SystemExit(result.error)
        return result

    def make_catalogue(self, night, image_id):
        """Make a reference catalogue at the true positions of all stars above the limit."""
        true, options = np.load(night["true_stars"]), self.options(night)
        reduction = self.layout.reduction
        find = reduction.find_sources

        def find_all(data, *arguments):
            """The true stars, with what the search finds to tell the PSF."""
            depth = options.reduction.search_detection
            found = find(data, *arguments[:3], depth, *arguments[4:])
            return replace(found, **columns_at(found, true["x"], true["y"], true["flux"]))

        with patch.object(reduction, "find_sources", find_all):
            return {"n_sources": self._process(image_id, options).n_sources}


def columns_at(found, x, y, flux):
    """Columns of Detections for stars of which only these are known."""
    one = np.ones(len(x))
    return {
        "x": x,
        "y": y,
        "flux": flux,
        "flux_err": np.median(found.flux_err) * one,
        "rchi2": one,
        "fracflux": one,
        "quality": one,
        "flags": np.zeros(len(x), "i4"),
    }


@contextmanager
def apart_from_output():
    """Yields where answers go; what is printed meanwhile goes to stderr, also by libraries."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    with answers:
        yield answers


def answer_requests(worker, answers, about):
    """Answer each line of the input; begins with what is to be told ``about`` the worker."""
    print(json.dumps(about), file=answers, flush=True)
    for line in sys.stdin:
        name, arguments = json.loads(line)
        print(json.dumps(getattr(worker, name)(**arguments)), file=answers, flush=True)


def main():
    """Answer as a host or as a worker that uses a host's database."""
    scratch = import_module("benchmarks.scratch")  # sets up Django
    is_old = not (TREE / "galproject/processing").is_dir()
    worker = Worker(VERSION_0_1_0 if is_old else TODAY)
    with apart_from_output() as answers:
        if sys.argv[2] == "search":
            with scratch.pictures_apart():
                answer_requests(worker, answers, {})
            return
        with scratch.scratch_database(f"chip_{'old' if is_old else 'new'}") as url:
            answer_requests(worker, answers, {"url": url})


if __name__ == "__main__":
    main()
