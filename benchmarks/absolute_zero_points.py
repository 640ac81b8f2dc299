"""How right calibrated magnitudes of made-up skies are, and how well chips that overlap agree.

Ten skies of 12 chips in two exposures of a filter, whose headers know nothing of the colour terms:
15 % of the stars have a neighbour's light, 5 % vary, 3 % are matched with another star, and half
are reddened. Published magnitudes are those of the filter itself, or of a band so far from it that
the colour terms are three times as large and stars of one colour scatter by 50 mmag, as of Gaia's
bands. ``mag_off`` is the largest median error of magnitudes in any of 8 bins of magnitude or of
colour, of all skies together, ``overlap_off`` the 95th percentile of the difference of the zero
points of chips that share stars, ``pulls`` the scatter of zero points over their stated errors; all
magnitudes are in mmag. ``_near`` is of the band near the filter.

    python benchmarks/absolute_zero_points.py [--quick]
"""

import argparse
import json
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.builders.published_sky import make_sky

N_SKIES, N_CHIPS, N_BINS = 10, 12, 8
EXPOSURES = tuple(number // 6 for number in range(N_CHIPS))
OWN = {"colour_terms": (-0.08, 0.02, -0.005), "scatter": 0.015}
NEAR = {"colour_terms": (-0.25, 0.06, -0.02), "scatter": 0.05}


def tell(text):
    print(text, file=sys.stderr, flush=True)


def judge(n_skies, **band) -> dict:
    """Figures of a published band over some skies."""
    differences, magnitudes, colours, overlaps, pulls, seconds = [], [], [], [], [], 0.0
    for seed in range(n_skies):
        sky = make_sky(n_chips=N_CHIPS, exposures=EXPOSURES, seed=seed, **band)
        started = time.process_time()
        fitted = sky.fit()
        seconds += time.process_time() - started
        stars, none = sky.stars, np.zeros(len(sky.stars))
        calibrated = np.full(len(stars), np.nan)
        for number, one in enumerate(fitted):
            on = stars.chip == number
            calibrated[on] = one.absolute(sky.ours[on], none[on], sky.true_colour[on])[0]
        differences.append(calibrated - sky.true)
        magnitudes.append(sky.true)
        colours.append(sky.true_colour)
        off = np.array([one.zero_point for one in fitted]) - sky.true_zero_points(fitted)
        overlaps += np.abs(np.diff(off)).tolist()
        pulls += (off / [one.error for one in fitted]).tolist()
    tell(f"{band}: {n_skies} skies in {seconds:.1f} s of processor time")
    difference = np.concatenate(differences)
    binned = [_binned(difference, np.concatenate(by)) for by in (magnitudes, colours)]
    return {
        "mag_off": round(1e3 * max(binned), 1),
        "overlap_off": round(1e3 * float(np.quantile(overlaps, 0.95)), 2),
        "pulls": round(float(np.std(pulls)), 2),
        "seconds_a_chip": round(seconds / n_skies / N_CHIPS, 4),
    }


def _binned(difference, by):
    """The largest of the absolute medians in bins with as many stars each."""
    edges = np.quantile(by, np.linspace(0, 1, N_BINS + 1))
    bins = (difference[(by >= low) & (by < high)] for low, high in pairwise(edges))
    return max(abs(float(np.median(one))) for one in bins)


def figures(quick=False) -> dict:
    """All figures by their names."""
    n_skies = 2 if quick else N_SKIES
    own, near = judge(n_skies, **OWN), judge(n_skies, **NEAR)
    return own | {f"{name}_near": value for name, value in near.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer skies: for a look")
    print(json.dumps(figures(parser.parse_args().quick)))


if __name__ == "__main__":
    main()
