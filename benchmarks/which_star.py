"""Which star changed: artificial changes put into real frames of the bulge, and named by the fit.

Reads frame 0100 of the folder saao_bulge_microlensing for the reference and some others for search
images, reduces them, and makes stars of the list brighter by 15 to 50 sigma, those that have a
neighbour in the list 0.5 to 2 FWHM away: light of the frame's own PSF with its photon noise, at the
star's place as far as that is known. Each is asked for round itself or round a neighbour. Tells in
how many the right star is named, by separation, by significance and by what the odds say, and the
error of the place with its pulls by noise alone; "trusted" are those that nothing but the single
image speaks against, and figures in bins are of these. ms_a_fit, ms_a_cutout and ms_an_image are of
the processor: of one candidate's fit, of its cutouts on one image with the look for a change, and,
shared among the cutouts, of what an image needs before. Ends with one JSON line. --quick takes
three frames. Without GALPROJECT_TEST_DATA it tells nothing.
"""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import real_fields
import scratch  # noqa: F401 - which sets Django up
from astropy.table import Table
from django.conf import settings
from scipy.spatial import cKDTree

from exposures.fits import read_chip, read_exposure
from exposures.science.astrometry import PixelCorrection
from exposures.science.orientation import Orientation
from galproject.configuration.pipeline_options import PipelineOptions
from photometry.reduction.reduction import reduce_chip
from photometry.reduction.search import measure_search
from photometry.references.reference import measure_reference
from photometry.science.injection import Stars, light_of
from photometry.science.psf.psf import ChipPsf
from photometry.science.scatter import sigma_about_zero
from variables.pictures.change_positions import StarsOfCatalogue
from variables.pictures.frames import Epoch, frame_of
from variables.pictures.pixels import ChipPixels
from variables.pictures.render import bright_stars
from variables.science.changed_star import POSITION_ERROR, Doubt, changed_star

OPTIONS = PipelineOptions()
AS_IT_IS = Orientation(((1, 0), (0, 1)))
GAIN = 1.9  # e-/ADU
EVERY, FIRST = 21, 5  # of the 173 frames
ROUNDS = 3  # of changes in each frame
APART, MARGIN = 60.0, 40.0  # pixels between changes, and from the edge
SEPARATIONS = (0.5, 0.7, 1.0, 1.5, 2.0)  # FWHM
SIGMAS = (15, 20, 30, 50)
TOLD = (0.0, 0.8, 0.95, 0.99, 1.01)


@dataclass(frozen=True)
class Frame:
    """A reduced frame."""

    pixels: ChipPixels
    psf: ChipPsf  # the pipeline's own, not that of the fit
    noise: float  # ADU, of the sky


@dataclass(frozen=True)
class Told:
    """What was told of one artificial change."""

    is_right: bool
    odds: float  # of what is told
    separation: float  # FWHM, of the nearest neighbour
    sigma: float  # that was put in
    off: np.ndarray  # (2,) pixels; NaN without a place
    pull: np.ndarray  # (2,) by the noise alone
    is_trusted: bool


def reduced_frames(folder, n_frames):
    """The reference's sources, its Frame, and those of the search images."""
    epochs = Table.read(folder / "epochs.csv")
    reference = np.flatnonzero(epochs["file"] == real_fields.REFERENCE)
    chosen = [*reference, *np.arange(FIRST, len(epochs), EVERY)[:n_frames]]
    with tempfile.TemporaryDirectory() as copies:
        paths = [
            real_fields.write_frame(
                folder / "images" / f"{epochs[int(i)]['file']}.gz", epochs[int(i)], Path(copies)
            )
            for i in chosen
        ]
        own = _reduced(paths[0], OPTIONS.reduction.reference_detection)
        sources = measure_reference(own, OPTIONS.reduction)
        sources["galimage_id"], sources["refsource_id"] = 1, np.arange(len(sources))
        as_it_is = PixelCorrection(own.chip.shape, -1)
        return sources, _frame(own, as_it_is), [_search(path, sources) for path in paths[1:]]


def _reduced(path, depth):
    facts = read_exposure(path)
    return reduce_chip(read_chip(facts, facts.chips[0]), facts, None, depth, OPTIONS.reduction)


def _search(path, sources):
    reduction = _reduced(path, OPTIONS.reduction.search_detection)
    return _frame(reduction, measure_search(reduction, sources, OPTIONS.reduction).registration)


def _frame(reduction, registration):
    chip = reduction.chip
    pixels = ChipPixels(chip.data, chip.weight, reduction.fwhm_pixels, reduction.wcs, registration)
    return Frame(pixels, reduction.detections.psf, reduction.sky.noise)


def changed_places(sources, fwhm, rng):
    """Indices of stars that are to change, far from each other, and the neighbours' distances."""
    places = np.column_stack([sources["x"], sources["y"]]).astype("f8")
    separation = cKDTree(places).query(places, k=2)[0][:, 1] / fwhm
    suitable = (separation > SEPARATIONS[0]) & (separation < SEPARATIONS[-1])
    suitable &= (sources["flags"] == 0) & (sources["flux"] > 5 * sources["flux_err"])
    suitable &= (places.min(axis=1) > MARGIN) & (places.max(axis=1) < 511 - MARGIN)
    chosen = []
    for i in rng.permutation(np.flatnonzero(suitable)):
        if all(np.hypot(*(places[i] - places[j])) > APART for j in chosen):
            chosen.append(i)
    return np.array(chosen), separation


def with_changes(frame, reference, sources, chosen, rng):
    """A frame's ChipPixels with changes of stars, their places (n, 2) and sizes (n,) in sigma."""
    flux_err, flux = sources["flux_err"][chosen], sources["flux"][chosen]
    error = np.minimum(POSITION_ERROR * reference.fwhm_pixels * flux_err / flux, 0.5)
    at = np.column_stack([sources["x"][chosen], sources["y"][chosen]]).astype("f8")
    at += rng.normal(0, 1, at.shape) * error[:, None]
    x, y = frame.pixels.to_pixels(*reference.wcs.to_sky(*at.T))
    sharpness = np.sum(frame.psf.stamps([255], [255], 31)[0] ** 2)
    sigma = rng.uniform(SIGMAS[0], SIGMAS[-1], len(chosen))
    weight = np.array(
        [_median_weight(frame.pixels.weight, *place) for place in zip(x, y, strict=True)]
    )
    # Twice the variance, as that of both images.
    flux = np.where(weight > 0, sigma * np.sqrt(2 / np.maximum(weight, 1e-9) / sharpness), 0)
    light = light_of(frame.psf, Stars(x, y, flux), frame.pixels.data.shape, 0.05 * frame.noise)
    data = frame.pixels.data + rng.poisson(np.maximum(light, 0) * GAIN) / GAIN
    known = frame.pixels.weight > 0
    variance = 1 / np.where(known, frame.pixels.weight, 1) + light / GAIN
    changed = replace(
        frame.pixels, data=data.astype("f4"), weight=np.where(known, 1 / variance, 0).astype("f4")
    )
    return changed, at, np.where(weight > 0, sigma, 0)


def _median_weight(weight, x, y):
    """The median weight of the pixels at a place; 0 off the frame."""
    x, y = round(float(x)), round(float(y))
    if not (4 < x < weight.shape[1] - 5 and 4 < y < weight.shape[0] - 5):
        return 0.0
    return float(np.median(weight[y - 3 : y + 4, x - 3 : x + 4]))


class Seconds:
    """Seconds of the processor."""

    def __init__(self):
        self.drawing, self.looking, self.fitting, self.n = 0.0, 0.0, 0.0, 0

    def spent(self, name, begun):
        setattr(self, name, getattr(self, name) + time.process_time() - begun)


def told_of(frame, reference, sources, seconds, rng):
    """Yield what is Told of the artificial changes in one frame."""
    fwhm = max(reference.fwhm_pixels, frame.pixels.fwhm_pixels)
    chosen, separation = changed_places(sources, fwhm, rng)
    changed, at, sigma = with_changes(frame, reference, sources, chosen, rng)
    stars = StarsOfCatalogue(sources)
    begun = time.process_time()
    epoch = Epoch(reference, changed, bright_stars(sources, OPTIONS), OPTIONS)
    seconds.spent("looking", begun)
    asked = [_asked_round(sources[i], sources, stars, 2 * fwhm, rng) for i in chosen]
    frames = [frame_of(reference, one, AS_IT_IS) for one in asked]
    begun = time.process_time()
    drawn = list(epoch.drawn(frames))
    seconds.spent("drawing", begun)
    seconds.n += len(drawn)
    for k in np.flatnonzero(sigma > 0):
        if drawn[k].change is None:
            continue
        middle = frames[k].x, frames[k].y
        radius = OPTIONS.changed_star.radius_fwhm * fwhm
        ids, near = stars.near(asked[k], middle, radius)
        begun = time.process_time()
        found = changed_star([drawn[k].change], near, fwhm, OPTIONS.changed_star)
        seconds.spent("fitting", begun)
        star = int(sources["refsource_id"][chosen[k]])
        yield _told(found, ids, star, at[k] - middle, (separation[chosen[k]], sigma[k]))


def _asked_round(source, sources, stars, radius, rng):
    """The star that changes, or one of its neighbours, as a candidate."""
    near = stars.tree.query_ball_point((source["x"], source["y"]), radius)
    chosen = source if rng.random() < 0.5 else sources[stars.placed[near[rng.integers(len(near))]]]
    pk = int(chosen["refsource_id"])
    return SimpleNamespace(pk=pk, x=float(chosen["x"]), y=float(chosen["y"]))


def _told(found, ids, star, at, facts):
    odds = np.append(found.odds, found.odds_of_none)
    likeliest = int(odds.argmax())
    is_right = likeliest < len(ids) and ids[likeliest] == star
    off = pull = np.full(2, np.nan)
    if found.position is not None:
        off = np.array([found.position.x, found.position.y]) - at
        pull = off / np.sqrt(np.diag(found.position.covariance))
    is_trusted = not found.doubts & ~Doubt.ONE_EPOCH
    return Told(is_right, float(odds.max()), *facts, off, pull, is_trusted)


def shares(told, values, edges):
    """{"low-high": (share that is right, number)} of what is Told, by values of it."""
    is_right = np.array([one.is_right for one in told])
    bins = {}
    for low, high in pairwise(edges):
        chosen = (values >= low) & (values < high)
        if chosen.any():
            bins[f"{low:g}-{min(high, 1) if edges is TOLD else high:g}"] = (
                round(float(is_right[chosen].mean()), 4),
                int(chosen.sum()),
            )
    return bins


def figures_of(told, seconds):
    """The figures of all that is Told."""
    trusted = [one for one in told if one.is_trusted]
    off = np.array([one.off for one in trusted])
    pull = np.array([one.pull for one in trusted])
    return {
        "n": len(told),
        "right": round(float(np.mean([one.is_right for one in told])), 4),
        "n_trusted": len(trusted),
        "right_trusted": round(float(np.mean([one.is_right for one in trusted])), 4),
        "by_separation": shares(trusted, np.array([t.separation for t in trusted]), SEPARATIONS),
        "by_sigma": shares(trusted, np.array([t.sigma for t in trusted]), SIGMAS),
        "by_odds": shares(trusted, np.array([t.odds for t in trusted]), TOLD),
        "odds_mean": round(float(np.mean([one.odds for one in trusted])), 4),
        "off_pixels": round(float(sigma_about_zero(off.ravel())), 4),
        "pull": round(float(sigma_about_zero(pull.ravel())), 3),
        "ms_a_fit": round(1000 * seconds.fitting / max(len(told), 1), 2),
        "ms_a_cutout": round(1000 * seconds.drawing / seconds.n, 2),
        "ms_an_image": round(1000 * seconds.looking / max(seconds.n, 1), 3),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="three frames, under 50 s")
    parser.add_argument("--seed", type=int, default=3)
    arguments = parser.parse_args()
    if not settings.GALPROJECT_TEST_DATA:
        print("no real frames: set GALPROJECT_TEST_DATA to their folder", file=sys.stderr)
        print(json.dumps({}))
        return
    rng = np.random.default_rng(arguments.seed)
    folder = Path(settings.GALPROJECT_TEST_DATA) / real_fields.BULGE
    sources, reference, frames = reduced_frames(folder, 3 if arguments.quick else 8)
    seconds, told = Seconds(), []
    for frame in frames:
        for _ in range(ROUNDS):
            told += told_of(frame, reference.pixels, sources, seconds, rng)
    figures = figures_of(told, seconds)
    for name, value in figures.items():
        print(f"{name:16} {value}")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
