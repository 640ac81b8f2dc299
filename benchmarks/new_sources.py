"""How many stars that the reference lacks are found and believed, and how much that is none.

Simulates a reference, search exposures with novae and the truth of both, in fields of three
crowdings; measures them as the pipeline does, in memory, and ends with one JSON line. Of novae off
the light of listed stars: ``found_sky_A`` is the part of those of A sigma and more, by the noise of
the sky alone, that is detected, an image; ``found_real_A`` by the error that a fit in the true
place has with all stars of 5 sigma and more listed, their fluxes free. A is 8, 10, 12, 16, and the
last end 30. ``new_detected`` and ``new_believed`` are of 10 to 12 sigma by the sky, the latter the
part of those on three images or more that are new in the end; ``new_believed_real`` of the same by
the fit. What is believed to be new and is no nova is told by the truth, each detection by the
first of these that holds: more than half its light is of stars that are not listed; it is of the
same source as detections of a nova (``n_new_nova``: an epoch before or after it, or with a quarter
of its light); a star there is brighter than on the reference, by half of the detection
(``n_new_changed``); a listed star lies off its listed place and to this side, by half of what the
detection moves its light (``n_new_displaced``); more than a quarter of its light is of stars that
are not listed (``n_new_part``); nothing of these. The last alone are ``new_false``, detections a
chip of full size and epoch. ``new_missed`` are sources a chip in all epochs with a detection of
more than a quarter by a constant star that the reference missed, and none of a nova; with more
than half, and by a nova on other images, ``new_missed_and_nova``. ``added`` are
sources a chip that are added, ``added_false`` of these without a star. Of novae within a pixel of a
listed star that have 15 times the error of its change, ``changed_B`` are changes that pass all
cuts, where the star is of magnitude B or fainter; ``changed`` all, ``changed_sure`` those that
have 20 times the error. ``search_share`` is the
processor time of the search, of the reduction and measurement of a chip. ``n_`` are the numbers
behind. By crowding; --seeds N takes N fields of each. --quick takes less than 50 s.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import scratch  # noqa: F401  (sets up the project)
from limits import judged
from scipy.spatial import cKDTree
from true_causes import (
    CHANGED,
    DISPLACED,
    MATCH_PIXELS,
    MOST,
    NOVA_PART,
    TrueStars,
    listed_causes,
    unlisted_light,
)

from exposures.catalogues import open_catalogue
from exposures.fits import InputOptions, read_chip, read_exposure
from exposures.simulation import SimulationOptions, read_truth, simulate_night
from photometry.reduction.options import ReductionOptions
from photometry.reduction.reduction import reduce_chip
from photometry.reduction.search import measure_search
from photometry.references.left_over import kept_residual, left_over_stars
from photometry.references.reference import measure_reference_errors
from photometry.science.calibration.calibration import MAG_PER_LN
from photometry.science.detection.peak_fit import Residual
from photometry.science.detection.peak_image import ListedStars
from photometry.science.detection.residual_peaks import find_new_stars, fit_at
from photometry.science.pixel_positions import PixelPositions
from variables.new_sources.detection import cuts_by_reference, failed_cuts_of_new_stars
from variables.science.new_sources import (
    ZERO_POINT,
    Detected,
    LeftOver,
    Mean,
    NewSourceOptions,
    judge,
)
from variables.science.selection import SelectionOptions

FULL_PIXELS = 4094 * 2046
EDGE_PIXELS = 10.0
DETECTION = np.dtype(
    [
        *(("ra", "f8"), ("dec", "f8"), ("mjd", "f8"), ("mag", "f8"), ("sigma", "f8")),
        # Whether half of its light is by a star that is not listed; the brightest of these and its
        # kind; the share of the light; and what a listed star explains of it.
        *(("is_star", "?"), ("kind", "U12"), ("star", "i8"), ("part", "f8"), ("listed", "U12")),
    ]
)
NOVA = np.dtype(
    [
        *(("star", "i8"), ("sky", "f8"), ("real", "f8"), ("is_apart", "?"), ("is_detected", "?")),
        # Of one on a listed star: the star's magnitude, the nova's light in its errors, its change.
        *(("is_on", "?"), ("mag", "f8"), ("errors", "f8"), ("is_changed", "?")),
    ]
)
SIGMAS = 8, 10, 12, 16, 30
STAR_MAGS = 0, 20, 21, 22
SURE_SIGMA = 20.0  # of the errors of a star's change
LISTED_SIGMA = 5.0  # of the sky, of the stars in the list of the best fit
ON_PIXELS = 1.0  # from a listed star, whose change a nova is
# What detections are by truth, in the order in which it is asked.
STAR, NOVA_TOO, PART, NOTHING = "star", "nova", "part", "nothing"
CAUSES = STAR, NOVA_TOO, CHANGED, DISPLACED, PART, NOTHING
OPTIONS, NEW, SELECTION = ReductionOptions(), NewSourceOptions(), SelectionOptions()


@dataclass(frozen=True)
class Field:
    """What was found in a field, and the truth."""

    detections: np.ndarray  # DETECTION, of all epochs
    novae: np.ndarray  # NOVA, a row for each image on which one is
    left_over: np.ndarray  # LEFT_OVER_DTYPE
    reference_light: np.ndarray  # (2, n) flux and error in the place of each source
    epochs: np.ndarray  # MJD
    chips: float  # of full size
    seconds: np.ndarray  # of processor time: of reduction and measurement, of the search
    fwhm_arcsec: float  # of the reference


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
    failed_cuts = failed_cuts_of_new_stars(found, OPTIONS.residual, has_residual=True)
    failed_cuts |= cuts_by_reference(found, m, reduction.fwhm_pixels, OPTIONS.residual)
    return found.select(failed_cuts == 0)


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
    reference_expnum = truth.exposures["expnum"][truth.exposures["is_reference"]][0]
    fainter = truth.magnitudes(reference_expnum)[index] - truth.magnitudes(expnum)[index]
    stars = TrueStars(x, y, flux, flux * 10 ** (-0.4 * fainter), kind == "nova")
    light, star = unlisted_light(found, stars, listed, reduction.fwhm_pixels)
    rows["part"], rows["star"] = light / found.flux, np.where(star < 0, -1, index[star])
    rows["is_star"], rows["kind"] = rows["part"] > MOST, np.where(star < 0, "", kind[star])
    rows["listed"] = listed_causes(found, stars, listed, reduction.fwhm_pixels)
    chosen = (kind == "nova") & (flux > 1) & _is_on(reference, reduction, x, y)
    chosen &= _is_inside(reduction, x, y)
    places, sky = np.column_stack([x, y]), flux / _noise(reduction)
    novae = np.zeros(chosen.sum(), NOVA)
    novae["star"], novae["sky"] = index[chosen], sky[chosen]
    known = places[(sky >= LISTED_SIGMA) & ~chosen]
    novae["real"] = flux[chosen] / _best_errors(reduction, m, known, places[chosen])
    near = cKDTree(np.column_stack([found.x, found.y])).query(places[chosen])[0]
    novae["is_detected"] = near < MATCH_PIXELS
    distance, nearest = listed.query(places[chosen])
    novae["is_apart"] = distance > reduction.fwhm_pixels / 2
    novae["is_on"] = distance < ON_PIXELS
    novae["mag"] = m.sources["mag"][nearest]
    before = m.expected_flux * m.sources["mag_err"] / MAG_PER_LN
    novae["errors"] = flux[chosen] / np.hypot(m.flux_err, before)[nearest]
    change = judged((reference, reduction), m)
    is_change = (change.significance >= SELECTION.threshold_sigma) & (change.failed_cuts == 0)
    novae["is_changed"] = is_change[nearest]
    return rows, novae


def _best_errors(reduction, m, known, places):
    """(n,) ADU, errors of stars at places (n, 2) with those at ``known`` (m, 2) listed."""
    residual = Residual(
        reduction.data - m.fit.model, reduction.model_weight, reduction.chip.mask, m.fit.model
    )
    listed, held = (PixelPositions(*where.T) for where in (known, places))
    return fit_at(residual, reduction.detections.psf, listed, held).flux_err


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


def measure_night(options, folder) -> Field:
    """What is found on a night."""
    night = simulate_night(folder, options)
    catalogue, truth = open_catalogue(str(night.catalogue)), read_truth(night.truth)
    _, reference = reduce_image(night.reference, catalogue, OPTIONS.reference_detection)
    measured = measure_reference_errors(reference, OPTIONS)
    sources = measured.sources
    sources["galimage_id"], sources["refsource_id"] = 1, np.arange(len(sources))
    parts, epochs, seconds = [], [], np.zeros(2)
    for path in night.searches:
        started = time.process_time()
        facts, reduction = reduce_image(path, catalogue, OPTIONS.search_detection)
        m = measure_search(reduction, sources, OPTIONS)
        measured_at = time.process_time()
        found = find(reduction, m)
        seconds += measured_at - started, time.process_time() - measured_at
        parts.append(assess(found, reduction, m, reference, truth, int(facts.identifier)))
        epochs.append(facts.mjd)
    detections, novae = (np.concatenate(rows) for rows in zip(*parts, strict=True))
    left = left_over_stars(reference, measured, OPTIONS)
    light = light_in_places(detections, reference, measured)
    chips = reference.chip.mask.size / FULL_PIXELS
    fwhm = reference.fwhm_pixels * reference.scale_arcsec
    return Field(detections, novae, left, light, np.array(epochs), chips, seconds, fwhm)


def light_in_places(rows, reference, measured):
    """(2, n) flux and error that the reference's residual, as it is kept, has of each source."""
    kept = kept_residual(reference, measured, OPTIONS)
    places = reference.wcs.to_pixels(*means(rows, associated(rows), rows["ra"], rows["dec"]))
    listed = PixelPositions(reference.detections.x, reference.detections.y)
    return np.array(kept.light_at(listed, PixelPositions(*places), ZERO_POINT))


def means(rows, source, *columns):
    """Means of columns of detections by source, as positions of new sources are made."""
    weight = rows["sigma"] ** 2
    total = np.bincount(source, weight)
    return [np.bincount(source, weight * column) / total for column in columns]


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
    flux, light = (10 ** (-0.4 * (own["mag"].astype("f8") - ZERO_POINT)) for own in (rows, left))
    mean = Mean.of(Detected(source, rows["mjd"], flux, rows["sigma"]), source.max() + 1)
    place = np.column_stack(means(rows, source, *_plane(rows).T))
    tree = cKDTree(_plane(left))
    errors = light * left["flux_err"] / left["flux"]
    radius = max(NEW.left_over_arcsec, NEW.left_over_fwhm * field.fwhm_arcsec)
    near, (_, beside) = tree.query_ball_point(place, radius), tree.query(place, 5)
    there = np.array([light[of].sum() for of in near])
    err = [
        errors[of].max() if of else np.median(errors[b]) for of, b in zip(near, beside, strict=True)
    ]
    left = LeftOver(there, np.array(err)).at_least(*field.reference_light)
    return source, judge(mean, left, field.epochs, NEW)


def causes(rows, source):
    """(n,) whether detections are of a source that is a nova's, and what of CAUSES each has."""
    of_nova = np.zeros(source.max() + 1, bool)
    of_nova[source[(rows["kind"] == "nova") & (rows["part"] > NOVA_PART)]] = True
    of_nova = of_nova[source]
    tests = rows["is_star"], of_nova, rows["listed"] == CHANGED, rows["listed"] == DISPLACED
    return of_nova, np.select((*tests, rows["part"] > NOVA_PART), CAUSES[:-1], NOTHING)


def figures(fields, suffix=""):
    """What the fields of a crowding add up to."""
    result = _shares_of_novae(fields)
    chips = sum(field.chips for field in fields)
    images = sum(field.chips * len(field.epochs) for field in fields)
    is_new, counts, causes_of_new = {"sky": [], "real": []}, np.zeros(4), np.zeros(len(CAUSES))
    for field in fields:
        source, judgement = believed(field)
        rows, new = field.detections, judgement.is_new[source]
        star, n_images = np.unique(field.novae["star"], return_counts=True)
        for by, believed_of in is_new.items():
            own = np.intersect1d(_of_ten(field.novae, by)["star"], star[n_images >= 3])
            believed_of.append(np.isin(own, rows["star"][new]))
        of_nova, cause = causes(rows, source)
        causes_of_new += [(cause[new] == name).sum() for name in CAUSES]
        constant = new & (rows["kind"] == "constant")
        missed = constant & ~of_nova & np.isin(cause, (STAR, PART))
        added = judgement.is_missed[source]
        groups = missed, constant & of_nova & rows["is_star"], added, added & ~rows["is_star"]
        counts += [len(np.unique(source[g])) for g in groups]
    seconds = sum(field.seconds for field in fields)
    for by, name in (("sky", "new_believed"), ("real", "new_believed_real")):
        result[name], result[f"n_{name}"] = _share(np.concatenate(is_new[by]))
    of_cause = dict(zip(CAUSES, causes_of_new.astype(int).tolist(), strict=True))
    result |= {
        "new_false": of_cause[NOTHING] / images,
        "n_new_false": of_cause[NOTHING],
        **{f"n_new_{name}": of_cause[name] for name in (NOVA_TOO, CHANGED, DISPLACED, PART)},
        "new_missed": counts[0] / chips,
        "new_missed_and_nova": counts[1] / chips,
        "added": counts[2] / chips,
        "added_false": counts[3] / chips,
        "search_share": seconds[1] / seconds[0],
    }
    return {f"{name}{suffix}": value for name, value in result.items()}


def _shares_of_novae(fields):
    """What is detected of novae off listed stars, and becomes changes of those on one."""
    novae = np.concatenate([field.novae for field in fields])
    apart, result = novae[novae["is_apart"]], {}
    result["new_detected"], result["n_new_detected"] = _share(_of_ten(apart, "sky")["is_detected"])
    for by in ("sky", "real"):
        for low, high in pairwise(SIGMAS):
            chosen = (apart[by] >= low) & (apart[by] < high)
            name = f"found_{by}_{low}"
            result[name], result[f"n_{name}"] = _share(apart["is_detected"][chosen])
    on = novae[novae["is_on"] & (novae["errors"] >= SELECTION.threshold_sigma)]
    result["changed"], result["n_changed"] = _share(on["is_changed"])
    sure = on["is_changed"][on["errors"] >= SURE_SIGMA]
    result["changed_sure"], result["n_changed_sure"] = _share(sure)
    for low, high in pairwise((*STAR_MAGS, np.inf)):
        chosen = (on["mag"] >= low) & (on["mag"] < high)
        name = f"changed_{low}"
        result[name], result[f"n_{name}"] = _share(on["is_changed"][chosen])
    return result


def _of_ten(novae, by):
    """Those of 10 to 12 sigma that are off listed stars."""
    return novae[(novae[by] >= 10) & (novae[by] < 12) & novae["is_apart"]]


def _share(of):
    """The share of what is true, None of nothing, and the number."""
    return (float(np.mean(of)) if len(of) else None), len(of)


def rounded(figures):
    return {
        name: round(float(value), 4) if isinstance(value, float) else value
        for name, value in figures.items()
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one small field each, under 50 s")
    parser.add_argument("--seeds", type=int, default=3, help="fields of each crowding")
    arguments = parser.parse_args()
    sides, n_epochs, n_seeds = (1400, 1400, 1400), 5, arguments.seeds
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
                n_novae=round(5000 * side * side / FULL_PIXELS),
                variable_fraction=0.01,
                new_mags=(20.2, 23.2),
            )
            folder = Path(tempfile.mkdtemp(prefix="galproject-new-"))
            try:
                fields.append(measure_night(options, folder))
            finally:
                shutil.rmtree(folder)
        result |= figures(fields, f"_{n_stars // 1000}")
        print(rounded(result), file=sys.stderr)
    print(json.dumps(rounded(result)))


if __name__ == "__main__":
    main()
