"""How many stars are matched across filters, how many wrongly, how many blends are seen as such.

Catalogues are made of stars whose truth is known: two filters of different depth and seeing, in
which near stars are one source, half of them at 0.8 of the seeing, and positions are 2.5 times as
bad as the light allows, both as the project's own search has it on images of such fields
(benchmarks/crossmatch_images.py). ``matched`` is the share of the stars that have 95 % of the light
of their source in both filters, ``matched_doubtful`` of the same, that are called perhaps a blend;
``wrong_matches`` of the objects with one source a filter, whose two sources have no star in common;
``blends_marked`` of the sources that two stars or more make with 10 % of the light each, which are
sources of their own in the other filter, and ``blends_paired_silently`` of the same, that are
one-to-one without a doubt. All at 80,000 stars a chip in the shallower filter; the same at twice
that, and where stars merge at another distance, have other colours or worse places than the
options expect. Then ten chips, each with 100,000 sources in both filters, are cross-matched at
once, and again: ``crossmatch_million_s`` is the time for a million sources,
``crossmatch_million_pairs_s`` that for a million in each filter.

    python benchmarks/crossmatch.py [--quick]
"""

import argparse
import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.scratch import scratch_database
from photometry.crossmatch.crossmatching import crossmatch_filters
from photometry.models import GalObject, GalObjectSource
from photometry.querysets.objects import MatchKind
from photometry.science.crossmatch.matching import Groups
from photometry.storage.storage import catalogue_sources
from tests.builders.reference_catalogues import make_reference
from tests.builders.star_field import (
    CHIP_ARCSEC,
    PER_CHIP,
    Band,
    make_stars,
    observe,
    score,
)

SEED = 20261125
BANDS = (
    Band("g", fwhm=1.2, limit=22.5, colour=(1.0, 0.4)),
    Band("r", fwhm=0.95, limit=22.3),
)
OTHER_BANDS = {  # than those that the options were chosen with
    name: tuple(replace(band, **change) for band in BANDS)
    for name, change in {
        "sharp_merging": {"merged_fwhm": 0.6, "merged_blur": 0.01, "crowding": 1.0},
        "wide_merging": {"merged_fwhm": 1.0},
        "worse_positions": {"floor": 0.04},
    }.items()
} | {"wide_colours": (replace(BANDS[0], colour=(1.0, 0.8)), BANDS[1])}
N_CHIPS = 10  # of the million


def tell(text):
    print(text, file=sys.stderr, flush=True)


def store(name, found, size, ra):
    """A catalogue in the database; the chip is as large as what was observed."""
    x, y = found.x - size[0] / 2, found.y - size[1] / 2
    half = np.array(size) / 2 / 3600
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half
    footprint = (corners + [ra, 0.0]).ravel().tolist()
    catalogue = make_reference(
        name, found.name, x, y, found.mag, ra, 0.0, error=found.mag_err / 1.0857,
        footprint=footprint, radius=float(np.hypot(*half)),
    )  # fmt: skip
    catalogue.image.fwhm_arcsec = found.fwhm
    catalogue.image.save()
    return catalogue


def order_of(catalogue, found):
    """(n,) ids of the sources in the order of what was observed."""
    rows = catalogue_sources(catalogue)
    stored = np.column_stack([rows["x"] - rows["x"].min(), rows["y"] - rows["y"].min()])
    places = np.column_stack([found.x - found.x.min(), found.y - found.y.min()])
    # Stored in single precision: sorted by a coordinate they would not come in the same order.
    _, nearest = cKDTree(stored).query(places)
    assert len(np.unique(nearest)) == len(found)
    return rows["refsource_id"][nearest]


def judge(n_a_chip, size, ra, seed, bands=BANDS):
    """The Score of a field with so many stars."""
    rng = np.random.default_rng(seed)
    stars = make_stars(n_a_chip, size, rng)
    found = [observe(stars, band, rng) for band in bands]
    catalogues = [store(f"{ra} {f.name}", f, size, ra) for f in found]
    crossmatch_filters([c.image_id for c in catalogues])
    groups = groups_of([order_of(c, f) for c, f in zip(catalogues, found, strict=True)])
    scored = score(*found, groups)
    densities = [round(len(f) * PER_CHIP / size[0] / size[1]) for f in found]
    largest = int(np.bincount(groups.label).max())
    tell(f"{densities} sources a chip, at most {largest} in an object: {scored}")
    return scored


def groups_of(ids):
    """The Groups that are stored of sources, by their ids of both catalogues."""
    object_of = dict(GalObjectSource.objects.values_list("pk", "object_id"))
    kind_of = dict(GalObject.objects.values_list("pk", "kind"))
    objects, label = np.unique(
        [object_of[i] for i in np.concatenate(ids).tolist()], return_inverse=True
    )
    kinds = np.array([kind_of[i] for i in objects.tolist()])
    return Groups(label, kinds == MatchKind.BLEND, kinds == MatchKind.DOUBTFUL)


def time_a_million(n_chips, n_a_chip):
    """Seconds to join a million sources in each of two filters, and to do so again."""
    rng = np.random.default_rng(SEED)
    size = CHIP_ARCSEC
    images, n_sources = [], 0
    for chip in range(n_chips):
        ra = 30.0 + chip * (size[0] + 20) / 3600
        x, y = rng.uniform(0, 1, (2, n_a_chip)) * np.reshape(size, (2, 1))
        mag = rng.uniform(16, 22, n_a_chip)
        for band in BANDS:
            noise = rng.normal(0, 0.05, (2, n_a_chip))
            found = _found(x + noise[0], y + noise[1], mag, band)
            images.append(store(f"{chip} {band.name}", found, size, ra).image_id)
            n_sources += n_a_chip
        tell(f"chip {chip + 1} of {n_chips} made")
    seconds = []
    for _ in range(2):
        started = time.monotonic()
        counts = crossmatch_filters(images)
        seconds.append(time.monotonic() - started)
        tell(f"{n_sources:,} sources in {seconds[-1]:.1f} s: {counts}")
    return [s * 1e6 / n_sources for s in seconds], [s * 2e6 / n_sources for s in seconds]


def _found(x, y, mag, band):
    from tests.builders.star_field import Catalogue

    n = len(x)
    error = np.full(n, 0.02)
    return Catalogue(x, y, mag, error, (), np.arange(n), np.ones(n), band.fwhm, band.name)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller: for a look")
    quick = parser.parse_args().quick
    size = (200.0, 400.0) if quick else CHIP_ARCSEC
    with scratch_database("crossmatch"):
        dense = judge(80_000, size, 10.0, SEED)
        denser = judge(160_000, size, 20.0, SEED + 1)
        others = {
            name: judge(80_000, size, 210.0 + 10 * number, SEED + 2 + number, bands)
            for number, (name, bands) in enumerate(OTHER_BANDS.items())
        }
        (first, again), (pairs, _) = time_a_million(1 if quick else N_CHIPS, 100_000)
    figures = {
        "matched": round(dense.matched, 4),
        "matched_doubtful": round(dense.doubtful, 4),
        "wrong_matches": round(dense.wrong_matches, 5),
        "blends_marked": round(dense.blends_marked, 4),
        "blends_paired_silently": round(dense.paired_silently, 4),
        "matched_at_160000": round(denser.matched, 4),
        "wrong_matches_at_160000": round(denser.wrong_matches, 5),
        "blends_paired_silently_at_160000": round(denser.paired_silently, 4),
        **{f"matched_{name}": round(one.matched, 4) for name, one in others.items()},
        **{f"blends_paired_silently_{n}": round(o.paired_silently, 4) for n, o in others.items()},
        "crossmatch_million_s": round(first, 1),
        "crossmatch_million_pairs_s": round(pairs, 1),
        "crossmatch_million_again_s": round(again, 1),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
