"""A search chip and a reference chip, file to rows, step by step, against the code of 0.1.0.

A reference and a search image of one full chip are simulated twice: with 160,000 and with 20,000
stars that would each be detected alone. The code of today and that of 0.1.0, a checkout in the
user's cache, process the same files with the same Python, each in a database of its own:
first the reference, as every other, in turns old, new, three times each; then, with a catalogue of
the reference at the true positions of all of its stars (a search would find fewer), the search
image, likewise. A worker goes from chip to chip: what it takes once, to load machine code and for
its memory, is not of each chip. So each process has had a small chip before, and the median of
three is told.

Seconds are of the processor, of the process and of the server's that answers it. Today's chip does
more by default than 0.1.0's: it looks for new sources, for one; the ratio without that is told
beside. The version 0.1.0 is a fixed commit, the last with that number; where git or the commit is
not there, as in a shallow clone, ratios are null.

Ends with one JSON line: ``search_ratio_160000``, ``search_ratio_20000`` and
``reference_ratio_160000`` (0.1.0's seconds over today's), searches' also ``_without_new_sources``,
``peak_mb`` (of a process with one search chip of 160,000 stars after a small one), ``seconds``, and
``steps``, the seconds of each by name. ``--quick`` takes 640 x 640 pixels of fields as dense, and
one turn.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

import numpy as np

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from exposures.simulation import SimulationOptions, night, simulate_night  # noqa: E402
from exposures.simulation.truth import read_truth  # noqa: E402

OLD_COMMIT = "469cf4d"  # the last of version 0.1.0
OLD, NEW, WITHOUT = "0.1.0", "today", "today, without new sources"
STARS = 160_000, 20_000  # a chip of full size
FULL_SHAPE, QUICK_SHAPE = (4094, 2046), (640, 640)
WARM_UP, WARM_UP_SHAPE = "warm-up", (400, 400)  # of 160,000 stars a chip
N_RUNS, N_QUICK_RUNS = 3, 1  # of each search image and code
# Steps of search chips that may cost more than the fit, and why.
REASONS = {"find sources and the PSF": "the PSF has to come from the image itself"}
LIBRARIES = ("OMP", "OPENBLAS", "MKL", "NUMBA")


class Worker:
    """A process that works with the code in a folder; see chip_worker.py."""

    def __init__(self, tree, role, url):
        one_core = {f"{library}_NUM_THREADS": "1" for library in LIBRARIES}
        self._process = subprocess.Popen(
            [sys.executable, PROJECT / "benchmarks/chip_worker.py", tree, role],
            env={**os.environ, **one_core, "DATABASE_URL": url},
            cwd=tree,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def answer(self):
        """The next answer."""
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("A worker has ended before its time; see above")
        return json.loads(line)

    def ask(self, name, **arguments):
        """What the process answers to a request."""
        print(json.dumps([name, arguments]), file=self._process.stdin, flush=True)
        return self.answer()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._process.stdin.close()
        self._process.wait()


def server_url():
    """The database at which the hosts make theirs: 0.1.0 would look for one in its own folder."""
    return os.environ.get("DATABASE_URL") or (PROJECT / ".postgres/url").read_text().strip()


def old_tree():
    """The folder with the code of 0.1.0; None if git or the commit is not there.

    It is in the user's cache from the first time on, as compiling its fit takes half a minute.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "galproject"
    tree = cache / f"0.1.0-{OLD_COMMIT}"
    if tree.is_dir():
        return tree
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as partial:
        made = Path(partial) / "tree"
        add = ["git", "-C", str(PROJECT), "worktree", "add", "--detach", str(made), OLD_COMMIT]
        try:
            subprocess.run(add, check=True, capture_output=True, text=True)
        except (OSError, subprocess.CalledProcessError) as error:
            told = getattr(error, "stderr", None) or error
            print(f"No ratios: git can't check out {OLD_COMMIT}: {told}", file=sys.stderr)
            return None
        (made / ".git").unlink()  # of git's list, once the folder is another
        made.rename(tree)
    subprocess.run(["git", "-C", str(PROJECT), "worktree", "prune"], check=True)
    return tree


def simulate(folder, shape):
    """Nights by number of stars, and for the warm-up: paths of the files."""
    shapes = {WARM_UP: WARM_UP_SHAPE, **dict.fromkeys(STARS, shape)}
    nights = {}
    for index, (name, chip_shape) in enumerate(shapes.items()):
        # Neither exposures nor places of one night are those of another.
        options = SimulationOptions(
            n_epochs=1,
            n_chips=1,
            chip_shape=chip_shape,
            stars_per_chip=STARS[0] if name == WARM_UP else name,
            ra=265.0 + index,
            first_mjd=SimulationOptions.first_mjd + index,
        )
        with patch.object(night, "FIRST_EXPNUM", night.FIRST_EXPNUM + 1000 * index):
            made = simulate_night(Path(folder) / str(name), options)
        nights[name] = {
            "reference": str(made.reference),
            "search": str(made.searches[0]),
            "catalogue": str(made.catalogue),
            "true_stars": str(write_true_stars(made, options)),
            "is_small": name == WARM_UP,
        }
    return nights


def write_true_stars(made, options):
    """The path of x, y (pixels) and flux (ADU) of the reference's stars above the limit."""
    truth = read_truth(made.truth)
    exposure = truth.exposures[truth.exposures["is_reference"]][0]
    index, x, y = truth.star_pixels(exposure["expnum"], truth.chips["ccdnum"][0])
    mag = truth.magnitudes(exposure["expnum"])[index]
    ny, nx = options.chip_shape
    chosen = (x > 0) & (x < nx - 1) & (y > 0) & (y < ny - 1) & (mag < options.limiting_mag)
    flux = 10 ** (-0.4 * (mag - exposure["zero_point"]))
    path = made.truth.with_name("true_stars.npz")
    np.savez(path, x=x[chosen], y=y[chosen], flux=flux[chosen])
    return path


def time_references(hosts, nights, n_runs):
    """Enter all nights and process their references in turns; runs by night and code.

    Afterwards the references have catalogues of all true stars. The second result is the search
    images' ids, by night and code.
    """
    runs, ids = {of: {} for of in nights}, {of: {} for of in nights}
    for of, files in nights.items():
        image_ids = {name: host.ask("prepare", night=files) for name, host in hosts.items()}
        references = {
            name: {"night": files, "image_id": own["reference_id"]}
            for name, own in image_ids.items()
        }
        for _ in range(n_runs):
            for name, host in hosts.items():
                runs[of].setdefault(name, []).append(host.ask("process", **references[name]))
        for name, host in hosts.items():
            host.ask("make_catalogue", **references[name])
            ids[of][name] = image_ids[name]["search_id"]
    return runs, ids


def time_searches(workers, nights, ids, n_runs):
    """Process the search images in turns; runs by night and code."""
    runs = {of: {} for of in nights}
    for of, files in nights.items():
        for _ in range(n_runs):
            for name, worker in workers.items():
                search = {"night": files, "image_id": ids[of][name]}
                runs[of].setdefault(name, []).append(worker.ask("process", **search))
            search = {"night": files, "image_id": ids[of][NEW], "new_sources": False}
            runs[of].setdefault(WITHOUT, []).append(workers[NEW].ask("process", **search))
    return runs


def medians(runs):
    """Seconds of steps by name, the medians of runs."""
    names = {name: None for run in runs for name in run["steps"]}
    return {
        name: round(statistics.median(run["steps"].get(name, 0.0) for run in runs), 3)
        for name in names
    }


def seconds(runs):
    return statistics.median(run["seconds"] for run in runs)


def ratio(runs, name=NEW):
    """Seconds of 0.1.0 over those of today; None without 0.1.0."""
    return round(seconds(runs[OLD]) / seconds(runs[name]), 2) if OLD in runs else None


def print_steps(title, runs):
    """Print the seconds of each step by today's code, and by that of 0.1.0 if there are any."""
    steps = {name: medians(runs[name]) for name in (NEW, OLD) if name in runs}
    told = " ".join(f"{name}: {seconds(runs[name]):.2f} s" for name in runs)
    print(f"{title}, {told}", file=sys.stderr)
    for step in {**steps[NEW], **steps.get(OLD, {})}:
        columns = " ".join(f"{of.get(step, 0.0):7.2f}" for of in steps.values())
        costs_more = steps[NEW].get(step, 0.0) > steps[NEW].get("forced fit", np.inf)
        reason = f"  more than the fit: {REASONS.get(step, 'WITHOUT A REASON')}" * costs_more
        print(f"{columns} s  {step}{reason}", file=sys.stderr)


def result_of(references, searches):
    """What is printed as JSON."""
    result = {}
    for n_stars in STARS:
        runs = searches[n_stars]
        result[f"search_ratio_{n_stars}"] = ratio(runs)
        result[f"search_ratio_{n_stars}_without_new_sources"] = ratio(runs, WITHOUT)
        result[f"reference_ratio_{n_stars}"] = ratio(references[n_stars])
    most = searches[STARS[0]]
    result["peak_mb"] = round(most[NEW][0]["peak_mb"])
    result["peak_mb_0_1_0"] = round(most[OLD][0]["peak_mb"]) if OLD in most else None
    result["n_sources"] = most[NEW][0]["n_sources"]
    measured = {"search": searches, "reference": references}
    for part in ("seconds", "steps"):
        of = {"seconds": lambda runs: round(seconds(runs), 2), "steps": medians}[part]
        result[part] = {
            f"{kind}, {n_stars} stars, {name}": of(runs)
            for kind, all_runs in measured.items()
            for n_stars in STARS
            for name, runs in all_runs[n_stars].items()
        }
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="640 x 640 pixels, as dense")
    is_quick = parser.parse_args().quick
    shape, n_runs = (QUICK_SHAPE, N_QUICK_RUNS) if is_quick else (FULL_SHAPE, N_RUNS)
    old = old_tree()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as ends:
        trees = {OLD: old, NEW: PROJECT} if old else {NEW: PROJECT}
        hosts = {
            name: ends.enter_context(Worker(tree, "host", server_url()))
            for name, tree in trees.items()
        }
        nights = simulate(folder, shape)
        urls = {name: host.answer()["url"] for name, host in hosts.items()}
        workers = {
            name: ends.enter_context(Worker(tree, "search", urls[name]))
            for name, tree in trees.items()
        }
        for worker in workers.values():
            worker.answer()
        references, ids = time_references(hosts, nights, n_runs)
        searches = time_searches(workers, nights, ids, n_runs)
    for n_stars in STARS:
        print_steps(f"A reference chip of {n_stars} stars", references[n_stars])
        print_steps(f"A search chip of {n_stars} stars", searches[n_stars])
    print(json.dumps(result_of(references, searches)))


if __name__ == "__main__":
    main()
