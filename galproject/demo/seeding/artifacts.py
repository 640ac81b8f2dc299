"""Changes that no star made: single events and artifacts, in the numbers of a survey."""

import numpy as np

from exposures.simulation.mosaic import FULL_SHAPE
from galproject.demo.seeding.stars import SATURATED_MAG
from variables.models import Cut

MAX_ERROR_MAG = 0.12  # of sources that are made to change; else the change would be absurd
NEVER_BELIEVED = 0.05  # of the candidates: sources of which every change fails a cut
EDGE_PIXELS = 25
BAD_IMAGES = 0.2  # of all: so many are out of focus or trailed,
WORSE = 14  # and change so many times as many sources
# Which cuts go together where one fails, and how often.
CUTS = (
    (Cut.SEARCH_RCHI2, 0.3),
    (Cut.REFERENCE_RCHI2 | Cut.SEARCH_RCHI2, 0.1),
    (Cut.MASKED, 0.15),
    (Cut.BLENDED, 0.1),
    (Cut.TRADED, 0.05),
    (Cut.SATURATED | Cut.SEARCH_RCHI2, 0.08),
    (Cut.SHARP, 0.12),
    (Cut.NEAR_SATURATED, 0.1),
)


def add_events(plan, series):
    """Add changes to constant sources until the planned numbers of detections are reached."""
    rng = np.random.default_rng([plan.seed, 14])
    owner, star = _sources(series)
    n_found = np.concatenate([s.n_detections for s in series])
    n_epochs = np.concatenate([s.is_on_chip[:, 1:].sum(axis=1) for s in series])
    missing = plan.detections()
    found = np.bincount(n_found, minlength=len(missing))
    missing = np.maximum(missing - found[: len(missing)], 0)
    missing[0] = round(NEVER_BELIEVED * plan.n_candidates)
    free = _in_order_of_chance(series, rng, n_found > 0)
    weights = [_chances(s, rng) for s in series]
    for n_wanted in range(len(missing) - 1, -1, -1):
        fits = n_epochs[free] > n_wanted
        chosen = free[fits][: missing[n_wanted]]
        free = free[~np.isin(free, chosen)]
        for index in chosen:
            s, row = series[owner[index]], star[index]
            _change(s, row, n_wanted, weights[owner[index]], rng)


def _sources(series):
    """(n,) the series of each source, and (n,) its row there."""
    sizes = [len(s.mag) for s in series]
    return np.repeat(np.arange(len(series)), sizes), np.concatenate([np.arange(n) for n in sizes])


def _in_order_of_chance(series, rng, is_taken):
    """Sources that may be made to change in random order, preferring those near artifacts."""
    eligible, odds = [], []
    for s in series:
        constant = s.patch.stars["kind"] == "constant"
        mag = s.mag[:, 0]
        eligible.append(constant & (s.mag_err[:, 0] < MAX_ERROR_MAG) & (mag > SATURATED_MAG))
        odds.append(_odds(s))
    eligible = np.concatenate(eligible) & ~is_taken
    # Exponential variates divided by the odds order as draws without replacement do.
    keys = rng.exponential(1, len(eligible)) / np.concatenate(odds)
    order = np.argsort(keys)
    return order[eligible[order]]


def _odds(series):
    """(n_stars,) the relative odds that each source changes."""
    patch, n = series.patch, len(series.mag)
    # What is looked at more often is seen to change more often.
    odds = np.full(n, len(series.exposures) - 1.0)
    odds[: 3 * max(2, n // 200)] *= 12  # at the detector's defects
    odds[-6 * max(1, n // 300) :] *= 8  # round saturated stars
    odds[distance_from_edge(patch) < EDGE_PIXELS] *= 8
    return odds


def distance_from_edge(patch):
    """(n_stars,) pixels to the nearest edge of the chip."""
    x, y = patch.x, patch.y
    return np.min([x, y, FULL_SHAPE[1] - 1 - x, FULL_SHAPE[0] - 1 - y], axis=0)


def _chances(series, rng):
    """(n_exposures,) the chance of an event on each: some images are far worse than others."""
    n = len(series.exposures)
    chances = rng.gamma(20, 0.05, n) * np.where(rng.uniform(size=n) < BAD_IMAGES, WORSE, 1)
    chances[0] = 0  # the reference changes against nothing
    return chances / chances.sum()


def _change(series, row, n_wanted, chances, rng):
    """Make a source change at some epochs; with no detections wanted, the change fails a cut."""
    chances = chances * series.is_on_chip[row]
    n_doubtful = int(n_wanted == 0 or rng.uniform() < 0.12)
    n = min(n_wanted + n_doubtful, np.count_nonzero(chances))
    epochs = rng.choice(len(chances), n, replace=False, p=chances / chances.sum())
    err = np.hypot(series.mag_err[row, 0], series.mag_err[row, epochs])
    sizes = np.minimum(err * (16 + rng.exponential(14, n)), 16.5 * err + 3)
    # What changed often did so in one direction: its reference is at fault.
    signs = np.full(n, rng.choice([-1, 1])) if n > 5 else rng.choice([-1, 1], n)
    series.mag[row, epochs] = series.mag[row, 0] + signs * sizes
    series.vanished[row, epochs] = (signs > 0) & (rng.uniform(size=n) < 0.06)
    is_at_edge = distance_from_edge(series.patch)[row] < EDGE_PIXELS
    series.failed_cuts[row, epochs[n_wanted:]] = _cuts(rng) | (Cut.EDGE if is_at_edge else 0)


def _cuts(rng):
    combinations, odds = zip(*CUTS, strict=True)
    return int(rng.choice(combinations, p=odds))
