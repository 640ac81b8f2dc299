"""Inputs made bad at random: each has to end with a clear answer, and leave the rest alone.

A case is made from the seed and its number alone, so that one can be run again by itself. A few run
with the other tests; ``make fuzz`` runs many: GALPROJECT_FUZZ_CASES says how many of each kind,
GALPROJECT_FUZZ_SEED which, and GALPROJECT_FUZZ_ONLY runs a single one by its number.
"""

import os

CASES = int(os.environ.get("GALPROJECT_FUZZ_CASES") or 0)  # 0: as few as each test chooses
SEED = int(os.environ.get("GALPROJECT_FUZZ_SEED") or 1)
ONLY = int(os.environ.get("GALPROJECT_FUZZ_ONLY") or 0)


def n_cases(few: int) -> int:
    """How many cases to run: what the environment asks for, else ``few``."""
    return CASES or few


def case_numbers(few: int) -> list[int]:
    """The numbers of the cases to run, from 1; or the only one that is asked for."""
    return [ONLY] if ONLY else list(range(1, n_cases(few) + 1))
