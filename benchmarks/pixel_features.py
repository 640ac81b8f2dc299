"""What pixels tell of a change that tables don't: artificial changes and others on real frames.

Reads frames of the folder saao_bulge_microlensing as which_star.py does, and measures the stars of
the reference on each; then again with stars made brighter by 15 to 50 sigma, one round after the
other. Changes of more than five sigma are real where light was put, and artifacts elsewhere, but
for stars that changed on many frames, some of which vary. A change is told by what tables have of
it on one image, and by this and the shape of its difference pixels as it is stored
(galchangeshapes), with models as the project trains them, of other stars. Both kinds are compared
as they are ("all") and on equal terms ("alike"): where the reference is clean, with three real ones
for each artifact at most in each range of significance. "repeated" are stars of two to five
changes, by the means of these; real ones on different frames.

``area`` is the area under the curve, ``left`` the share of artifacts that are told as well as 95 %
of the real ones. ``without`` is said of the same by the model of both when it is not told of
pixels: it should be as good as "tables". ``chosen`` is that where the pixels of most real ones are
known, and of few artifacts, as if people had looked at what they took for real: ``chosen_off`` is
the expected less the true share of real ones among all, without pixels, and ``naive_off`` what it
would be if examples with pixels were not trained on without them. ``error`` is how far expected
and true share are apart in ten bins, in the mean over changes; ``error_equal`` the most in ten bins
of as many each. All of these are means over several divisions of the stars into parts, over which
the area of both has a ``scatter``. ms_a_change is the processor time of the shapes alone,
ms_a_difference that of the differences. Ends with one JSON line. --quick takes eight frames of 32.

    python benchmarks/pixel_features.py [--quick]
"""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import real_fields
import scratch  # noqa: F401 - which sets Django up
import which_star as ws
from astropy.table import Table
from django.conf import settings
from tqdm import tqdm

from exposures.science.astrometry import PixelCorrection
from photometry.reduction.search import measure_search
from photometry.references.reference import measure_reference
from variables.pictures.change_shapes import shapes_at
from variables.pictures.frames import Epoch
from variables.pictures.render import bright_stars
from variables.science.change_shapes import SHAPES
from variables.science.learning.examples import Examples
from variables.science.learning.features import PIXEL_FEATURES
from variables.science.learning.fitting import train
from variables.science.learning.judging import area_under_curve, calibration_error

THRESHOLD, OFTEN = 5.0, 6  # sigma of a change; frames on which a star changes that may vary
ROUNDS, APART, MARGIN = 2, 40.0, 40.0  # pixels between changes, and from the edge
MOST_REPEATED = 5
N_DIVISIONS = 6  # of stars into parts, by chance
KNOWN_OF_REAL, KNOWN_OF_ARTIFACTS = 0.9, 0.3  # shares whose pixels are known, where chosen
RANGES = (5, 6, 7, 8, 10, 12, 15, 20, 30, np.inf)  # sigma
TABLES = (
    *("delta_mag", "significance", "reference_mag", "rchi2", "fracflux", "quality", "flags"),
    *("reference_rchi2", "reference_fracflux", "reference_flags", "fwhm"),
)


@dataclass
class Seconds:
    """Seconds of the processor, and the number of changes."""

    differences: float = 0.0
    shapes: float = 0.0
    n: int = 0


class Field:
    """The sources of the reference, its pixels, and the search images as they come."""

    def __init__(self, folder, n_frames):
        self.copies = tempfile.TemporaryDirectory()
        epochs = Table.read(folder / "epochs.csv")
        reference = np.flatnonzero(epochs["file"] == real_fields.REFERENCE)
        chosen = [*reference, *np.arange(5, len(epochs), 5)[:n_frames]]
        self.paths = [
            real_fields.write_frame(
                folder / "images" / f"{epochs[int(i)]['file']}.gz",
                epochs[int(i)],
                Path(self.copies.name),
            )
            for i in chosen
        ]
        own = ws._reduced(self.paths[0], ws.OPTIONS.reduction.reference_detection)  # noqa: SLF001
        self.sources = measure_reference(own, ws.OPTIONS.reduction)
        self.sources["galimage_id"] = 1
        self.sources["refsource_id"] = np.arange(len(self.sources))
        as_it_is = PixelCorrection(own.chip.shape, -1)
        self.reference = ws._frame(own, as_it_is).pixels  # noqa: SLF001

    def reductions(self):
        """Each search image reduced, its measurement and its Frame."""
        for path in tqdm(self.paths[1:], unit="frame", file=sys.stderr):
            reduction = ws._reduced(path, ws.OPTIONS.reduction.search_detection)  # noqa: SLF001
            measured = measure_search(reduction, self.sources, ws.OPTIONS.reduction)
            yield reduction, measured, ws._frame(reduction, measured.registration)  # noqa: SLF001


def changes_of(field, measured, pixels, wanted, seconds):
    """Ids, TABLES and PIXEL_FEATURES of what changed on an image, of ids ``wanted`` if given."""
    reference, fit = measured.sources, measured.fit
    delta = measured.mag - reference["mag"]
    sigma = np.abs(delta) / np.hypot(measured.mag_err, reference["mag_err"])
    chosen = np.isfinite(sigma) & (sigma > THRESHOLD)
    if wanted is not None:
        chosen &= np.isin(reference["refsource_id"], wanted)
    columns = [delta, sigma, reference["mag"], fit.rchi2, fit.fracflux, fit.quality, fit.flags]
    columns += [reference[name] for name in ("rchi2", "fracflux", "flags")]
    columns.append(np.full(len(delta), pixels.fwhm_pixels))
    rows = reference[chosen]
    begun = time.process_time()
    epoch = Epoch(field.reference, pixels, bright_stars(field.sources, ws.OPTIONS), ws.OPTIONS)
    stars = [SimpleNamespace(x=float(row["x"]), y=float(row["y"])) for row in rows]
    changes = list(epoch.changes([SimpleNamespace(x=round(s.x), y=round(s.y)) for s in stars]))
    drawn = time.process_time()
    shapes = np.full((len(rows), len(SHAPES)), np.nan)
    for k, change in enumerate(changes):
        if change is not None:
            shapes[k] = shapes_at(stars[k], change)
    seconds.differences += drawn - begun
    seconds.shapes += time.process_time() - drawn
    seconds.n += len(rows)
    is_shown = np.array([change is not None for change in changes], float)
    return (
        rows["refsource_id"],
        np.column_stack(columns)[chosen],
        np.column_stack([is_shown, shapes]),
    )


def places_to_change(sources, rng):
    """Indices of clean stars, far from each other."""
    inner = (np.minimum(sources["x"], sources["y"]) > MARGIN) & (
        np.maximum(sources["x"], sources["y"]) < 511 - MARGIN
    )
    suitable = inner & (sources["flags"] == 0) & (sources["flux"] > 5 * sources["flux_err"])
    places, chosen = np.column_stack([sources["x"], sources["y"]]), []
    for i in rng.permutation(np.flatnonzero(suitable)):
        if all(np.hypot(*(places[i] - places[j])) > APART for j in chosen):
            chosen.append(i)
    return np.array(chosen)


def all_changes(field, rng, seconds):
    """Ids of stars, columns of TABLES and of PIXEL_FEATURES, and which changes are real."""
    found, is_real = [], []
    for reduction, measured, frame in field.reductions():
        found.append(changes_of(field, measured, frame.pixels, None, seconds))
        is_real.append(np.zeros(len(found[-1][0]), bool))
        for _ in range(ROUNDS):
            chosen = places_to_change(field.sources, rng)
            changed, _, sigma = ws.with_changes(frame, field.reference, field.sources, chosen, rng)
            chip = replace(reduction.chip, data=changed.data, weight=changed.weight)
            again = measure_search(
                replace(reduction, chip=chip), field.sources, ws.OPTIONS.reduction
            )
            wanted = field.sources["refsource_id"][chosen[sigma > 0]]
            found.append(changes_of(field, again, changed, wanted, seconds))
            is_real.append(np.ones(len(found[-1][0]), bool))
    star, tables, pixels = (np.concatenate(one) for one in zip(*found, strict=True))
    return star, tables, pixels, np.concatenate(is_real)


def on_equal_terms(tables, is_real, rng):
    """(n,) changes of clean sources, few real ones for each artifact in each range of sigma."""
    clean = tables[:, TABLES.index("reference_flags")] == 0
    place = np.digitize(tables[:, TABLES.index("significance")], RANGES)
    chosen = clean & ~is_real
    for k in range(1, len(RANGES)):
        real = np.flatnonzero(clean & is_real & (place == k))
        n = min(len(real), 3 * int(np.sum(chosen & ~is_real & (place == k))))
        chosen[rng.permutation(real)[:n]] = True
    return chosen


def repeated(star, tables, pixels, is_real, rng):
    """The same of stars that changed more than once: means over two to MOST_REPEATED changes."""
    groups = []
    for one, truth in np.unique(np.column_stack([star, is_real]), axis=0):
        rows = rng.permutation(np.flatnonzero((star == one) & (is_real == truth)))
        # What is wrong with a star is one thing, however often; what was put in is another each.
        size = rng.integers(2, MOST_REPEATED + 1) if truth else len(rows)
        groups += [rows[k : k + size] for k in range(0, len(rows), max(size, 1))]
    groups = [rows for rows in groups if len(rows) > 1]
    first = np.array([rows[0] for rows in groups])
    means = [np.array([mean_of_known(a[rows]) for rows in groups]) for a in (tables, pixels)]
    return star[first], *means, is_real[first]


def mean_of_known(values):
    """Means over rows without their NaN; NaN where nothing is known."""
    known = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        return np.where(known, values, 0).sum(axis=0) / known.sum(axis=0)


def trained(star, columns, names, is_real):
    """A model as the project trains it, with what is told of stars that it was not trained on."""
    n = len(star)
    nothing = np.full(n, -1)
    examples = Examples(
        features=columns.astype("f4"),
        is_real=is_real,
        kind=is_real.astype(int),
        class_number=nothing,
        star=star,
        field=nothing,
        exposure=nothing,
        is_usual=np.ones(n, bool),
        weight=np.ones(n),
    )
    return train(examples, names, ())


def left(p, is_real):
    """The share of artifacts that are told as well as 95 % of the real ones."""
    return float(np.mean(p[~is_real] > np.quantile(p[is_real], 0.05)))


def compared(changes, rng):
    """Figures with and without pixels, means over divisions into parts, and the area's scatter."""
    star, tables, pixels, is_real = changes
    columns = np.column_stack([tables, pixels])
    found = []
    for _ in range(N_DIVISIONS):
        rows = rng.permutation(len(star))
        plain = trained(star[rows], tables[rows], TABLES, is_real[rows])
        names = (*TABLES, *PIXEL_FEATURES)
        both = trained(star[rows], columns[rows], names, is_real[rows])
        found.append(figures_of(plain, both, is_real[rows]))
    figures = {name: np.mean([one[name] for one in found]) for name in found[0]}
    figures["scatter"] = np.std([one["area_both"] for one in found])
    return figures | {"real": is_real.sum(), "artifacts": (~is_real).sum()}


def figures_of(plain, both, is_real):
    """Figures of two models, of which one knows pixels."""
    bins = np.array_split(np.argsort(both.real, kind="stable"), 10)
    figures = {
        "area_without": both.figures["area_without_pixels"],
        "error_without": both.figures["error_without_pixels"],
        "error_equal": max(abs(both.real[one].mean() - is_real[one].mean()) for one in bins),
    }
    for name, model in (("tables", plain), ("both", both)):
        figures |= {
            f"area_{name}": area_under_curve(model.real, is_real),
            f"left_{name}": left(model.real, is_real),
            f"error_{name}": calibration_error(model.real, is_real),
        }
    return figures


def where_chosen(star, tables, pixels, is_real, rng):
    """How far off a model is without pixels, which were known of most real ones it learnt from."""
    known = rng.random(len(star)) < np.where(is_real, KNOWN_OF_REAL, KNOWN_OF_ARTIFACTS)
    features = np.column_stack([tables, np.where(known[:, None], pixels, np.nan)])
    learnt, nothing = star % 2 == 0, np.full_like(pixels, np.nan)
    asked = np.column_stack([tables, nothing])[~learnt].astype("f4")
    figures = {}
    naive = tuple(f"of_{name}" for name in PIXEL_FEATURES)  # which no model knows to be of pixels
    for name, names in (("chosen", PIXEL_FEATURES), ("naive", naive)):
        model = trained(star[learnt], features[learnt], (*TABLES, *names), is_real[learnt])
        p, true = model.classifier.scores(asked).real, is_real[~learnt]
        figures[f"{name}_off"] = p.mean() - true.mean()
        figures[f"{name}_area"] = area_under_curve(p, true)
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="eight frames")
    quick = parser.parse_args().quick
    if not settings.GALPROJECT_TEST_DATA:
        print("no real frames: set GALPROJECT_TEST_DATA to their folder", file=sys.stderr)
        print(json.dumps({}))
        return
    rng, seconds = np.random.default_rng(7), Seconds()
    field = Field(Path(settings.GALPROJECT_TEST_DATA) / real_fields.BULGE, 8 if quick else 32)
    changes = all_changes(field, rng, seconds)
    star, is_real = changes[0], changes[-1]
    often = np.bincount(star[~is_real], minlength=len(field.sources)) >= OFTEN
    changes = [one[is_real | ~often[star]] for one in changes]
    alike = on_equal_terms(changes[1], changes[-1], rng)
    figures = {
        "n": len(star),
        "ms_a_change": 1000 * seconds.shapes / seconds.n,
        "ms_a_difference": 1000 * seconds.differences / seconds.n,
    }
    several = {
        "all": changes,
        "alike": [one[alike] for one in changes],
        "repeated": repeated(*changes, rng),
    }
    for name, of in several.items():
        figures |= {f"{key}_{name}": value for key, value in compared(of, rng).items()}
    figures |= where_chosen(*several["alike"], rng)
    print(json.dumps({name: round(float(value), 4) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
