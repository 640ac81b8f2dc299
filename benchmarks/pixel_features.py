"""What pixels tell of a change that tables don't: artificial changes and others on real frames.

Reads frames of the folder saao_bulge_microlensing as which_star.py does, and measures the stars of
the reference on each; then again with stars made brighter by 15 to 50 sigma, one round after the
other. Changes of more than five sigma are real where light was put, and artifacts elsewhere, but
for stars that changed on many frames, some of which vary. A change is told by what tables have of
it on one image, by features of 15 x 15 pixels of its difference, or by both, with boosted trees
that were trained on other stars. Both kinds are compared as they are ("all") and on equal terms
("alike"): where the reference is clean, with three real ones for each artifact at most in each
range of significance. ``area`` is the area under the curve, ``left`` the share of artifacts that
are told as well as 95 % of the real ones; ms_a_change is the processor time of the features
alone. Ends with one JSON line. --quick takes eight frames of 32.

    python benchmarks/pixel_features.py [--quick]
"""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import real_fields
import scratch  # noqa: F401 - which sets Django up
import which_star as ws
from astropy.table import Table
from django.conf import settings
from sklearn.ensemble import HistGradientBoostingClassifier
from tqdm import tqdm

from exposures.science.astrometry import PixelCorrection
from photometry.reduction.search import measure_search
from photometry.references.reference import measure_reference
from variables.pictures.frames import Epoch, frame_of
from variables.pictures.render import bright_stars
from variables.science.learning.judging import area_under_curve

THRESHOLD, OFTEN = 5.0, 6  # sigma of a change; frames on which a star changes that may vary
ROUNDS, APART, MARGIN = 2, 40.0, 40.0  # pixels between changes, and from the edge
HALF, CORE = 7, 3.0  # pixels
N_PARTS = 5
RANGES = (5, 6, 7, 8, 10, 12, 15, 20, 30, np.inf)  # sigma
TABLES = (
    *("delta_mag", "significance", "reference_mag", "rchi2", "fracflux", "quality", "flags"),
    *("reference_rchi2", "reference_fracflux", "reference_flags", "fwhm"),
)
PIXELS = (
    *("correlation", "residual", "core_residual", "negative", "dipole", "off_centre", "width"),
    *("sharpness", "asymmetry", "masked", "core_masked"),
)


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


def changes_of(field, measured, pixels, wanted):
    """Ids, columns of TABLES and of PIXELS of what changed on an image, of ``wanted`` if given."""
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
    epoch = Epoch(field.reference, pixels, bright_stars(field.sources, ws.OPTIONS), ws.OPTIONS)
    asked = [SimpleNamespace(x=float(row["x"]), y=float(row["y"])) for row in rows]
    frames = [frame_of(field.reference, one, ws.AS_IT_IS) for one in asked]
    stamps = [drawn.change for drawn in epoch.drawn(frames)]
    return rows["refsource_id"], np.column_stack(columns)[chosen], stamps


def shapes(stamps):
    """(n, n_features) PIXELS of ChangeStamps; NaN where there is none."""
    side = 2 * HALF + 1
    difference, psf = np.full((2, len(stamps), side, side), np.nan)
    for k, stamp in enumerate(stamps):
        if stamp is not None:
            difference[k], psf[k] = _middle(stamp.difference), _middle(stamp.psf)
    known = np.isfinite(difference)
    d, p = np.where(known, difference, 0), np.where(known, np.nan_to_num(psf), 0)
    y, x = np.indices((side, side)) - float(HALF)
    core, size = x**2 + y**2 < CORE**2, np.abs(d)
    with np.errstate(divide="ignore", invalid="ignore"):
        power, norm = _sum(d**2), _sum(p**2)
        amplitude = _sum(d * p) / norm
        left = d - amplitude[:, None, None] * p
        light = _sum(size)
        tilt = [np.gradient(p, axis=axis) for axis in (1, 2)]
        dipole = np.hypot(*(_sum(d * one) / _sum(one**2) for one in tilt)) / np.abs(amplitude)
        of_sign = [_sum(np.maximum(sign * d, 0)) for sign in (1, -1)]
        columns = [
            _sum(d * p) / np.sqrt(power * norm),
            _sum(left**2) / power,
            _sum((left * core) ** 2) / _sum((d * core) ** 2),
            np.minimum(*of_sign) / light,
            dipole,
            np.hypot(_sum(size * x), _sum(size * y)) / light,
            np.sqrt(_sum(size * (x**2 + y**2)) / light),
            (size * core).max(axis=(1, 2)) / _sum(size * core),
            _sum((d - d[:, ::-1, ::-1]) ** 2) / (2 * power),
            1 - known.mean(axis=(1, 2)),
            1 - _sum(known & core) / core.sum(),
        ]
    features = np.column_stack(columns)
    features[~np.isfinite(features)] = np.nan
    return features


def _sum(stack):
    return stack.sum(axis=(1, 2))


def _middle(stamp):
    """The middle of a stamp of odd sides; NaN beyond it."""
    half = stamp.shape[0] // 2
    if half < HALF:
        return np.pad(stamp.astype("f8"), HALF - half, constant_values=np.nan)
    return stamp[half - HALF : half + HALF + 1, half - HALF : half + HALF + 1]


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


def all_changes(field, rng):
    """Ids of stars, columns of TABLES and of PIXELS, which changes are real; seconds of PIXELS."""
    ids, tables, pixels, is_real, seconds = [], [], [], [], 0.0

    def note(found, truth):
        nonlocal seconds
        begun = time.process_time()
        pixels.append(shapes(found[2]))
        seconds += time.process_time() - begun
        ids.append(found[0])
        tables.append(found[1])
        is_real.append(np.full(len(found[0]), truth))

    for reduction, measured, frame in field.reductions():
        note(changes_of(field, measured, frame.pixels, None), False)
        for _ in range(ROUNDS):
            chosen = places_to_change(field.sources, rng)
            changed, _, sigma = ws.with_changes(frame, field.reference, field.sources, chosen, rng)
            chip = replace(reduction.chip, data=changed.data, weight=changed.weight)
            again = measure_search(
                replace(reduction, chip=chip), field.sources, ws.OPTIONS.reduction
            )
            wanted = field.sources["refsource_id"][chosen[sigma > 0]]
            note(changes_of(field, again, changed, wanted), True)
    columns = [np.concatenate(one) for one in (ids, tables, pixels, is_real)]
    return *columns, seconds


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


def told(features, is_real, star):
    """Area under the curve, and the share of artifacts left with 95 % of the real ones."""
    p = np.zeros(len(star))
    for part in range(N_PARTS):
        own = star % N_PARTS == part
        model = HistGradientBoostingClassifier(
            max_leaf_nodes=15, min_samples_leaf=10, early_stopping=False, random_state=0
        )
        model.fit(features[~own], is_real[~own])
        p[own] = model.predict_proba(features[own])[:, 1]
    left = np.mean(p[~is_real] > np.quantile(p[is_real], 0.05))
    return area_under_curve(p, is_real), float(left)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="eight frames")
    quick = parser.parse_args().quick
    if not settings.GALPROJECT_TEST_DATA:
        print("no real frames: set GALPROJECT_TEST_DATA to their folder", file=sys.stderr)
        print(json.dumps({}))
        return
    rng = np.random.default_rng(7)
    field = Field(Path(settings.GALPROJECT_TEST_DATA) / real_fields.BULGE, 8 if quick else 32)
    star, tables, pixels, is_real, seconds = all_changes(field, rng)
    often = np.bincount(star[~is_real], minlength=len(field.sources)) >= OFTEN
    known = is_real | ~often[star]
    figures = {"n": len(star), "ms_a_change": 1000 * seconds / len(star)}
    alike = known & on_equal_terms(tables, is_real & known, rng)
    for name, rows in (("all", known), ("alike", alike)):
        figures |= {
            f"real_{name}": is_real[rows].sum(),
            f"artifacts_{name}": (~is_real)[rows].sum(),
        }
        kinds = {"tables": tables, "pixels": pixels, "both": np.column_stack([tables, pixels])}
        for kind, features in kinds.items():
            area, left = told(features[rows], is_real[rows], star[rows])
            figures |= {f"area_{kind}_{name}": area, f"left_{kind}_{name}": left}
    print(json.dumps({name: round(float(value), 4) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
