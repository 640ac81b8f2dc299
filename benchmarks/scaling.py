"""Time and memory of the forced fit from 2,000 to 250,000 stars a chip, on complete lists.

``growth_exponent`` is the power of the number of stars with which the time beyond that of the
emptiest chip grows from 80,000 to 250,000; about 1 is what it must be. ``pull_mad`` is the one
furthest from 1, from 20,000 to 160,000 stars. --quick takes less than 50 s, on a cut-out as
crowded. Ends with one JSON line.
"""

import argparse
import json

import crowded_chip  # first, for it says how many cores there are to numba and BLAS
import numpy as np
from forced_fit import extra_mb, on_chip, our_fit, pull_mad, report, seconds

CROWDINGS = (2_000, 20_000, 80_000, 160_000, 250_000)  # stars a chip
N_REPEATS = 3


def measure(n_stars, shape):
    """Seconds, memory and pulls at a crowding."""
    chip = crowded_chip.crowded_chip(on_chip(n_stars, shape), shape)
    stars = chip.x, chip.y, chip.flux
    our_fit(chip, *(values[:100] for values in stars))  # compiled before it is measured
    figures = {
        "extra_mb": extra_mb(lambda: our_fit(chip, *stars)),
        "seconds": seconds(lambda: our_fit(chip, *stars), N_REPEATS),
        "pull_mad": pull_mad(chip),
    }
    report(f"{n_stars:7} a chip, {len(chip.x)} on it: {figures}")
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a cut-out, under 50 s")
    quick = parser.parse_args().quick
    shape = crowded_chip.QUICK_SHAPE if quick else crowded_chip.FULL_SHAPE
    measured = {n: measure(n, shape) for n in CROWDINGS}
    result = {
        f"{name}_{n // 1000}k": round(float(value), 4)
        for n, figures in measured.items()
        for name, value in figures.items()
    }
    times = [measured[n]["seconds"] for n in CROWDINGS]
    beyond = (times[-1] - times[0]) / (times[-3] - times[0])
    result["growth_exponent"] = round(
        float(np.log(beyond) / np.log(CROWDINGS[-1] / CROWDINGS[-3])), 3
    )
    crowded = [measured[n]["pull_mad"] for n in CROWDINGS if 20_000 <= n <= 160_000]
    result["pull_mad"] = round(float(max(crowded, key=lambda pull: abs(pull - 1))), 4)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
