"""Results of selecting what changed, and of refusing what is an artifact."""

from functools import cache
from types import SimpleNamespace

import numpy as np

from exposures.chip import MaskBit
from photometry.references.measured import Measured
from photometry.science.bright_stars.wings import IN_WINGS
from photometry.science.detection.residual_peaks import NewStars
from photometry.science.extended_sources import EXTENDED
from photometry.science.forced.forced import SHARP
from photometry.storage.columns import SOURCE_DTYPE
from photometry.storage.reference_values import ReferenceValues
from variables.changes.detection import find_changes
from variables.new_sources.detection import cuts_by_reference, failed_cuts_of_new_stars
from variables.science.artifacts import (
    Points,
    edge_regions,
    is_reference_at_fault,
    saturated_regions,
)
from variables.science.consensus import agreed_period, consensus_of
from variables.science.defects import defects, frames_wanted
from variables.science.new_sources import Detected, LeftOver, Mean, judge

FLAGS = [0, SHARP, MaskBit.SATURATED, IN_WINGS]
ANGLES = np.arange(8) * np.pi / 4


@cache
def _measured(n=900):
    """Sources measured on a search image and on a reference of several images, of every quality."""
    rng = np.random.default_rng(9)
    rows, sources = (np.zeros(n, SOURCE_DTYPE) for _ in range(2))
    mag = rng.uniform(15, 21, n)
    for table_ in (rows, sources):
        table_["x"], table_["y"] = rng.uniform(0, 400, (2, n))
        table_["rchi2"] = rng.lognormal(0.3, 0.8, n)
        table_["fracflux"] = rng.uniform(0.05, 1.4, n)
        table_["quality"] = rng.uniform(0.6, 1.0, n)
        table_["flags"] = rng.choice(FLAGS, n, p=[0.92, 0.02, 0.02, 0.04])
    member = np.arange(300)
    sources["flags"][member] |= EXTENDED
    sources["dec"][member] = member // 5 + 1e-4 * (member % 5)  # degrees, in groups of five
    # The image goes on beyond the reference's edges.
    rows["x"], rows["y"] = (200 + 0.9 * (sources[axis] - 200) for axis in "xy")
    sources["mag"], sources["mag_err"] = mag, rng.uniform(0.01, 0.3, n)
    rows["mag"], rows["mag_err"] = mag + rng.normal(0, 0.5, n), rng.uniform(0.01, 0.03, n)
    rows["flux"], sources["flux"] = (10 ** (-0.4 * (t["mag"] - 25)) for t in (rows, sources))
    for table_ in (rows, sources):
        table_["flux_err"] = 0.02 * table_["flux"]
    is_mean = rng.random(n) < 0.5
    values = ReferenceValues(
        sources["mag"], sources["mag_err"], is_mean, np.ones(n, bool), np.zeros(n, bool)
    )
    return Measured(rows, sources, values, np.full(n, 25.0), rows["flux_err"])


def selected(options):
    """The changes among many sources, and the cuts that each fails."""
    shape, fwhm_pixels = (400, 400), 6.0
    changes = find_changes(_measured(), shape, shape, options.selection, fwhm_pixels)
    return changes.index, changes.significance, changes.failed_cuts


def artifacts(options):
    """Regions and places that many changes crowd in, and sources that a reference has wrong."""
    rng = np.random.default_rng(11)
    shape, o = (1000, 800), options.artifacts
    ring = np.array([300, 500]) + 12 * np.column_stack([np.cos(ANGLES), np.sin(ANGLES)])
    trail = np.column_stack([np.full(12, 500.0), 300 + 12.0 * np.arange(12)])
    edge = np.column_stack([rng.uniform(0, 20, 30), rng.uniform(0, 999, 30)])
    at = np.concatenate([ring, trail, edge, rng.uniform(60, 740, (40, 2))])
    is_saturated = np.isin(np.arange(len(at)), [0, 1, 2, 3, 8, 9, 10, 11, 12, 14, 16, 19])
    points = Points(*at.T, is_saturated, ~is_saturated)
    regions = saturated_regions(points, o) + edge_regions(points, shape, o)
    hot = [700, 800] + rng.normal(0, 0.5, (9, 2))
    places = np.concatenate([hot, rng.uniform(0, 800, (500, 2))])
    frame = np.concatenate([np.arange(9) % 7, rng.integers(0, 9, 500)])
    sky = np.column_stack([40.0 * np.arange(509), np.zeros(509), np.full(509, 2e5)])
    found = defects(places, frame, sky, frames_wanted(len(places), 9, shape, o), o)
    # Images, changes, those that vanished, median and scatter of the change.
    sources = [[20, 19, 0, -0.5, 0.03], [20, 19, 0, -0.5, 0.4], [20, 10, 0, -0.5, 0.03]]
    sources += [[3, 3, 0, -0.5, 0.01]]
    wrong = is_reference_at_fault(*np.array(sources).T, o)
    return [(r.kind, r.corners) for r in regions], [(d.x, d.y) for d in found], wrong


def cuts_of_new_stars(options):
    """The cuts that stars fail which are near listed ones, or near saturated pixels."""
    columns = {name: np.ones(4) for name in NewStars.__dataclass_fields__}
    columns |= {"displacement": np.array([0.05, 0.2, np.inf, np.inf]), "flags": np.zeros(4, int)}
    columns |= {"saturated_distance": np.array([np.inf, np.inf, 10.0, 40.0])}
    residual = options.reduction.residual
    return [failed_cuts_of_new_stars(NewStars(**columns), residual, has) for has in (False, True)]


def cuts_by_misfits(options):
    """The cuts that stars fail at distances from a source that the reference couldn't fit."""
    stars = SimpleNamespace(x=np.array([100.0, 108.0]), y=np.full(2, 100.0))
    sources = np.zeros(2, SOURCE_DTYPE)
    sources["rchi2"] = 20.0, 5.0
    x, y = np.array([104.0, 109.0]), np.full(2, 100.0)
    measurement = SimpleNamespace(x=x, y=y, sources=sources)
    return cuts_by_reference(stars, measurement, 2.0, options.reduction.residual)


def consensus(options):
    """What three people say of whom two agree."""
    return consensus_of([("a",), ("a",), ("b",)], 1, options.consensus)


def agreed(options):
    """The period of three people whose periods differ by some percent."""
    return agreed_period([0.5, 0.51, 0.52], options.consensus)


def judged(options):
    """What is believed of sources seen twice, now and then, once, and much brighter than before.

    With what the reference left over in their places, and without that on ten images.
    """
    epochs = 60000.0 + np.arange(10.0)
    seen = {  # days, fluxes, significances, and what was left over with its error
        "faint": ((0, 1), (10, 10), (6, 6), 2, 1),
        "rare": ((0, 9), (10, 10), (10, 10), 0, 1),
        "rare and sure": ((0, 9), (20, 20), (16, 16), 0, 1),
        "bright": ((9,), (300,), (150,), 0, 1),
        "bright before": ((0,), (300,), (150,), 0, 1),
        "missed": ((0, 1), (10, 10), (9, 9), 8, 1.5),
        "missed, faint": ((0, 1), (10, 10), (9, 9), 6, 1.5),
        "every day": (range(10), (10, 11) * 5, (9,) * 10, 10, 1),
    }
    at = np.concatenate([np.full(len(days), k) for k, (days, *_) in enumerate(seen.values())])
    days, fluxes, sigmas = (
        np.concatenate([np.array(one[c], float) for one in seen.values()]) for c in range(3)
    )
    mean = Mean.of(Detected(at, epochs[0] + days, fluxes, sigmas), len(seen))
    left = LeftOver(*np.array([one[3:] for one in seen.values()], float).T)
    by_both = [judge(mean, one, epochs, options.new_sources) for one in (left, None)]
    return [(j.stands, j.is_new, j.is_missed) for j in by_both]
