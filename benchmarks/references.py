"""Whether references can be trusted: figures of sets, stacks, cross-matches, new stars in one line.

Runs the benchmark of each, one after the other, tells what they tell, and ends with one JSON line:
of ``reference_sets`` ``flagged_by_set``; of ``stacks`` ``gone_by_stack``, ``depth_gain_fraction``
and ``stack_flux_mmag``; of both the smaller ``variables_kept``; of ``crossmatch`` ``matched``,
``wrong_matches`` and ``crossmatch_million_s``; of ``new_sources`` ``new_believed_60`` and
``new_false_60``.
--only runs some of them, --quick each with its own --quick.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

FIGURES = {
    "reference_sets": ("flagged_by_set", "variables_kept"),
    "stacks": ("gone_by_stack", "variables_kept", "depth_gain_fraction", "stack_flux_mmag"),
    "crossmatch": ("matched", "wrong_matches", "crossmatch_million_s"),
    "new_sources": ("new_believed_60", "new_false_60"),
}


def run(name, *words):
    """The figures of a benchmark, from its last line; what it tells goes on to stderr."""
    script = Path(__file__).with_name(f"{name}.py")
    done = subprocess.run(
        [sys.executable, script, *words], stdout=subprocess.PIPE, text=True, check=True
    )
    *told, last = done.stdout.splitlines()
    print(*told, sep="\n", file=sys.stderr, flush=True)
    return json.loads(last)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less of each")
    parser.add_argument("--only", nargs="+", choices=FIGURES, default=list(FIGURES))
    arguments = parser.parse_args()
    figures = {}
    for name in arguments.only:
        print(name, file=sys.stderr, flush=True)
        found = run(name, *(["--quick"] if arguments.quick else []))
        for key in FIGURES[name]:
            figures[key] = min(found[key], figures.get(key, found[key]))
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
