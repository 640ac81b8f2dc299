"""Inputs made bad at random: each has to end with a clear answer, and leave the rest alone.

A case is made from the seed and its number alone, so that one can be run again by itself. A few run
with the other tests; GALPROJECT_FUZZ_CASES says how many, GALPROJECT_FUZZ_SEED which.
"""

import os

CASES = int(os.environ.get("GALPROJECT_FUZZ_CASES") or 0)  # 0: as few as each test chooses
SEED = int(os.environ.get("GALPROJECT_FUZZ_SEED") or 1)


def n_cases(few: int) -> int:
    """How many cases to run: what the environment asks for, else ``few``."""
    return CASES or few
