"""How many stars that the reference lacks are found and believed, and how much that is none.

Simulates a reference, search exposures with novae and the truth of both, in fields of three
crowdings; measures them as the pipeline does, in memory, and ends with one JSON line. Of novae of
10 to 12 sigma, against the noise of the sky, off the light of listed stars: ``new_detected`` is the
part that is detected, an image; ``new_believed`` the part of those on three images or more that are
new in the end. Of what is believed to be new and is no nova: ``new_false`` has less than half its
light by stars that are not listed, detections a chip of full size and epoch; ``new_missed`` are
constant stars that the reference missed, sources a chip in all epochs. ``added`` are
sources a chip that are added, ``added_false`` of these without a star, ``search_share`` the
processor time of the search, of the reduction and measurement of a chip. By crowding; --seeds
N takes N fields of each. --quick takes less than 60 s.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scratch  # noqa: F401  (sets up the project)
from scipy.spatial import cKDTree

from exposures.catalogues import open_catalogue
from exposures.fits import InputOptions, read_chip, read_exposure
from exposures.simulation import SimulationOptions, read_truth, simulate_night
from photometry.reduction.options import ReductionOptions
from photometry.reduction.reduction import reduce_chip
from photometry.reduction.search import measure_search
from photometry.references.left_over import left_over_stars
from photometry.references.reference import measure_reference_errors
from photometry.science.detection.peak_fit import Residual
from photometry.science.detection.residual_peaks import ListedStars, find_new_stars
from variables.new_sources.detection import failed_cuts_of_new_stars
from variables.science.new_sources import Detected, LeftOver, Mean, NewSourceOptions, judge

FULL_PIXELS = 4094 * 2046
MATCH_PIXELS = 1.5
EDGE_PIXELS = 10.0
DETECTION = np.dtype(
    [
        *(("ra", "f8"), ("dec", "f8"), ("mjd", "f8"), ("mag", "f8"), ("sigma", "f8")),
        *(("is_star", "?"), ("kind", "U12"), ("star", "i8")),
    ]
)
NOVA = np.dtype([("star", "i8"), ("n_sigma", "f8"), ("is_apart", "?"), ("is_detected", "?")])
OPTIONS, NEW = ReductionOptions(), NewSourceOptions()


@dataclass(frozen=True)
class Field:
    """What was found in a field, and the truth."""

    detections: np.ndarray  # DETECTION, of all epochs
    novae: np.ndarray  # NOVA, a row for each image on which one is
    left_over: np.ndarray  # LEFT_OVER_DTYPE
    epochs: np.ndarray  # MJD
    chips: float  # of full size
    seconds: np.ndarray  # of processor time: of reduction and measurement, of the search


def reduce_image(path, catalogue, detection):
    facts = read_exposure(path, InputOptions())
    chip = read_chip(facts, facts.chips[0], InputOptions())
    return facts, reduce_chip(chip, facts, catalogue, detection, OPTIONS)


def find(reduction, m):
    """NewStars of a search image that pass the cuts."""
    residual = Residual(
        reduction.data - m.fit.model, reduction.model_weight, reduction.chip.mask, m.fit.model
    )
    listed = ListedStars(m.x, m.y, m.fit.flux)
    found = find_new_stars(residual, reduction.detections.psf, listed, OPTIONS.residual)
    return found.select(failed_cuts_of_new_stars(found, OPTIONS.residual) == 0)


def assess(found, reduction, m, reference, truth, expnum):
    """DETECTION and NOVA rows of one search image."""
    found = found.select(_is_on(reference, reduction, found.x, found.y))
    index, x, y = truth.star_pixels(expnum, reduction.chip.ccdnum)
    exposure = truth.exposures[truth.exposures["expnum"] == expnum][0]
    flat = truth.flat(expnum, reduction.chip.ccdnum, x, y)
    flux = 10 ** (-0.4 * (truth.magnitudes(expnum)[index] + flat - exposure["zero_point"]))
    kind = truth.stars["kind"][index]
    listed = cKDTree(np.column_stack([m.x, m.y]))
    rows = np.zeros(len(found), DETECTION)
    rows["ra"], rows["dec"] = reduction.wcs.to_sky(*m.registration.undo(found.x, found.y))
    rows["mjd"], rows["sigma"] = exposure["mjd"], found.significance
    to_add = m.correction.at(found.x, found.y, np.ones(len(found), int), found.x)
    rows["mag"] = reduction.zero_point.value + to_add - 2.5 * np.log10(found.flux)
    light, star = _unlisted_light(found, (x, y, flux), listed, reduction.fwhm_pixels)
    rows["is_star"], rows["star"] = light > 0.5 * found.flux, np.where(star < 0, -1, index[star])
    rows["kind"] = np.where(star < 0, "", kind[star])
    chosen = (kind == "nova") & (flux > 1) & _is_on(reference, reduction, x, y)
    chosen &= _is_inside(reduction, x, y)
    places = np.column_stack([x, y])[chosen]
    novae = np.zeros(len(places), NOVA)
    novae["star"], novae["n_sigma"] = index[chosen], flux[chosen] / _noise(reduction)
    novae["is_apart"] = listed.query(places)[0] > reduction.fwhm_pixels / 2
    near = cKDTree(np.column_stack([found.x, found.y])).query(places)[0]
    novae["is_detected"] = near < MATCH_PIXELS
    return rows, novae


def _noise(reduction):
    """ADU, of the flux of a star alone on the sky."""
    middle = (np.array([side // 2]) for side in reversed(reduction.chip.shape))
    return reduction.sky.noise / np.sqrt(np.sum(reduction.detections.psf.stamps(*middle, 41) ** 2))


def _is_inside(reduction, x, y):
    ny, nx = reduction.chip.shape
    return np.min([x, y, nx - 1 - x, ny - 1 - y], axis=0) > EDGE_PIXELS


def _is_on(reference, reduction, x, y):
    """(n,) whether positions of a search image lie on the reference, too."""
    return _is_inside(reference, *reference.wcs.to_pixels(*reduction.wcs.to_sky(x, y)))


def _unlisted_light(found, stars, listed, fwhm):
    """(n,) ADU of stars that are not listed where something was found, and the brightest, or -1."""
    x, y, flux = stars
    # A listed source is the brightest true star at its place; the others there are not listed.
    near = cKDTree(np.column_stack([x, y])).query_ball_point(listed.data, MATCH_PIXELS)
    is_listed = np.zeros(len(x), bool)
    is_listed[[max(of, key=lambda k: flux[k]) for of in near if of]] = True
    other = np.flatnonzero(~is_listed)
    tree = cKDTree(np.column_stack([x, y])[other])
    near = tree.query_ball_point(np.column_stack([found.x, found.y]), 0.75 * fwhm)
    light = np.array([flux[other[of]].sum() for of in near])
    return light, np.array([max(other[of], key=lambda k: flux[k]) if of else -1 for of in near])


def measure_night(options, folder) -> Field:
    """What is found on a night."""
    night = simulate_night(folder, options)
    catalogue, truth = open_catalogue(str(night.catalogue)), read_truth(night.truth)
    _, reference = reduce_image(night.reference, catalogue, OPTIONS.reference_detection)
    measured = measure_reference_errors(reference, OPTIONS)
    measured.sources["galimage_id"] = 1
    parts, epochs, seconds = [], [], np.zeros(2)
    for path in night.searches:
        started = time.process_time()
        facts, reduction = reduce_image(path, catalogue, OPTIONS.search_detection)
        m = measure_search(reduction, measured.sources, OPTIONS)
        measured_at = time.process_time()
        found = find(reduction, m)
        seconds += measured_at - started, time.process_time() - measured_at
        parts.append(assess(found, reduction, m, reference, truth, int(facts.identifier)))
        epochs.append(facts.mjd)
    detections, novae = (np.concatenate(rows) for rows in zip(*parts, strict=True))
    left = left_over_stars(reference, measured, OPTIONS)
    chips = reference.chip.mask.size / FULL_PIXELS
    return Field(detections, novae, left, np.array(epochs), chips, seconds)


def associated(rows):
    """(n,) number of the source that each detection belongs to, the most significant first."""
    places = _plane(rows)
    near = cKDTree(places).query_ball_point(places, NEW.radius_arcsec)
    source, n = np.full(len(rows), -1), 0
    for i in np.argsort(-rows["sigma"]):
        if source[i] < 0:
            source[[k for k in near[i] if source[k] < 0]] = n
            n += 1
    return source


def _plane(rows):
    """(n, 2) arcsec east and north in a field that is small."""
    scale = np.cos(np.radians(-29.0))
    return 3600 * np.column_stack([(rows["ra"] - 265.0) * scale, rows["dec"] + 29.0])


def believed(field):
    """The source of each detection, and the Judgement of sources."""
    rows, left = field.detections, field.left_over
    source = associated(rows)
    flux, light = (10 ** (-0.4 * (own["mag"].astype("f8") - 25)) for own in (rows, left))
    mean = Mean.of(Detected(source, rows["mjd"], flux, rows["sigma"]), source.max() + 1)
    weight = rows["sigma"] ** 2
    total = np.bincount(source, weight)
    place = np.column_stack([np.bincount(source, weight * c) / total for c in _plane(rows).T])
    tree = cKDTree(_plane(left))
    errors = light * left["flux_err"] / left["flux"]
    near, (_, beside) = tree.query_ball_point(place, NEW.left_over_arcsec), tree.query(place, 5)
    there = np.array([light[of].sum() for of in near])
    err = [
        errors[of].max() if of else np.median(errors[b]) for of, b in zip(near, beside, strict=True)
    ]
    return source, judge(mean, LeftOver(there, np.array(err)), field.epochs, NEW)


def figures(fields, suffix=""):
    """What the fields of a crowding add up to."""
    chips = sum(field.chips for field in fields)
    images = sum(field.chips * len(field.epochs) for field in fields)
    at_ten, novae, is_new, counts = [], [], [], np.zeros(4)
    for field in fields:
        source, judgement = believed(field)
        rows, new = field.detections, judgement.is_new[source]
        own = field.novae[(field.novae["n_sigma"] >= 10) & (field.novae["n_sigma"] < 12)]
        own = own[own["is_apart"]]
        at_ten.append(own["is_detected"])
        star, n_images = np.unique(field.novae["star"], return_counts=True)
        novae.append(np.intersect1d(own["star"], star[n_images >= 3]))
        is_new.append(np.isin(novae[-1], rows["star"][new]))
        missed = new & rows["is_star"] & (rows["kind"] == "constant")
        added = judgement.is_missed[source]
        groups = missed, added, added & ~rows["is_star"]
        counts += (new & ~rows["is_star"]).sum(), *(len(np.unique(source[g])) for g in groups)
    seconds = sum(field.seconds for field in fields)
    return {
        f"new_detected{suffix}": np.concatenate(at_ten).mean(),
        f"new_believed{suffix}": np.concatenate(is_new).mean(),
        f"new_false{suffix}": counts[0] / images,
        f"new_missed{suffix}": counts[1] / chips,
        f"added{suffix}": counts[2] / chips,
        f"added_false{suffix}": counts[3] / chips,
        f"search_share{suffix}": seconds[1] / seconds[0],
        f"new_injected{suffix}": len(np.concatenate(novae)),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one small field each, under 60 s")
    parser.add_argument("--seeds", type=int, default=2, help="fields of each crowding")
    arguments = parser.parse_args()
    sides, n_epochs, n_seeds = (2046, 1400, 1400), 5, arguments.seeds
    if arguments.quick:
        sides, n_epochs, n_seeds = (800, 500, 500), 3, 1
    result = {}
    for side, n_stars in zip(sides, (20_000, 60_000, 100_000), strict=True):
        fields = []
        for seed in range(31, 31 + n_seeds):
            options = SimulationOptions(
                seed=seed,
                n_chips=1,
                chip_shape=(side, side),
                stars_per_chip=n_stars,
                n_epochs=n_epochs,
                n_novae=round(1000 * side * side / FULL_PIXELS),
                variable_fraction=0.01,
                new_mags=(22.2, 23.2),
            )
            folder = Path(tempfile.mkdtemp(prefix="galproject-new-"))
            try:
                fields.append(measure_night(options, folder))
            finally:
                shutil.rmtree(folder)
        result |= figures(fields, f"_{n_stars // 1000}")
        print({name: round(float(value), 4) for name, value in result.items()}, file=sys.stderr)
    print(json.dumps({name: round(float(value), 4) for name, value in result.items()}))


if __name__ == "__main__":
    main()
