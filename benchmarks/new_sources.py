"""How many stars that the reference lacks are found, and how much is taken for one and is none.

Simulates a reference, search exposures with novae and the truth of both, in fields of two
crowdings; measures them as the pipeline does, and ends with one JSON line. ``new_found`` is the
part of novae of 10 to 12 sigma, against the noise of the sky, that are found where the light of a
listed star is not, ``new_found_all`` wherever they lie; ``new_false_per_chip`` what is found
without a star that is not listed, a chip of full size and epoch. --quick takes less than 50 s.
"""

import argparse
import json
import shutil
import sys
import tempfile
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
from photometry.references.reference import measure_reference
from photometry.science.detection.peak_fit import Residual
from photometry.science.detection.residual_peaks import ListedStars, find_new_stars
from variables.new_sources.detection import failed_cuts_of_new_stars

FULL_PIXELS = 4094 * 2046
MATCH_PIXELS = 1.5
EDGE_PIXELS = 10.0
OPTIONS = ReductionOptions()


@dataclass(frozen=True)
class Counts:
    """What became of the novae of an image, and of what was found on it."""

    n_sigma: np.ndarray  # (n,) of each nova, against the noise of the sky
    is_apart: np.ndarray  # (n,) bool, from listed stars
    is_found: np.ndarray  # (n,) bool
    n_false: int
    n_missing: int  # stars that the reference missed, rightly found
    chips: float  # of full size


def reduce_image(path, catalogue, detection):
    facts = read_exposure(path, InputOptions())
    chip = read_chip(facts, facts.chips[0], InputOptions())
    return int(facts.identifier), reduce_chip(chip, facts, catalogue, detection, OPTIONS)


def assess(reduction, measurement, reference, truth, expnum):
    """Counts of one search image."""
    m, mask = measurement, reduction.chip.mask
    residual = Residual(reduction.data - m.fit.model, reduction.model_weight, mask, m.fit.model)
    psf = reduction.detections.psf
    found = find_new_stars(residual, psf, ListedStars(m.x, m.y, m.fit.flux), OPTIONS.residual)
    found = found.select(failed_cuts_of_new_stars(found, OPTIONS.residual) == 0)
    found = found.select(_is_on(reference, reduction, found.x, found.y))
    index, x, y = truth.star_pixels(expnum, reduction.chip.ccdnum)
    exposure = truth.exposures[truth.exposures["expnum"] == expnum][0]
    flat = truth.flat(expnum, reduction.chip.ccdnum, x, y)
    flux = 10 ** (-0.4 * (truth.magnitudes(expnum)[index] + flat - exposure["zero_point"]))
    nova = (truth.stars["kind"][index] == "nova") & (flux > 1)
    nova &= _is_on(reference, reduction, x, y) & _is_inside(reduction, x, y)
    listed = cKDTree(np.column_stack([m.x, m.y]))
    places = np.column_stack([x, y])[nova]
    distance = cKDTree(np.column_stack([found.x, found.y])).query(places)[0]
    is_star = _has_unlisted_light(found, (x, y, flux), listed, reduction.fwhm_pixels)
    return Counts(
        flux[nova] / _noise(reduction),
        listed.query(places)[0] > reduction.fwhm_pixels / 2,
        distance < MATCH_PIXELS,
        int((~is_star).sum()),
        int(is_star.sum() - (distance < MATCH_PIXELS).sum()),
        mask.size / FULL_PIXELS,
    )


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


def _has_unlisted_light(found, stars, listed, fwhm):
    """(n,) whether half of what was found is the light of stars that are not listed themselves."""
    x, y, flux = stars
    # A listed source is the brightest true star at its place; the others there are not listed.
    near = cKDTree(np.column_stack([x, y])).query_ball_point(listed.data, MATCH_PIXELS)
    is_listed = np.zeros(len(x), bool)
    is_listed[[max(of, key=lambda k: flux[k]) for of in near if of]] = True
    other = ~is_listed
    tree = cKDTree(np.column_stack([x, y])[other])
    near = tree.query_ball_point(np.column_stack([found.x, found.y]), 0.75 * fwhm)
    light = np.array([flux[other][of].sum() for of in near])
    return light > 0.5 * found.flux


def measure_night(options, folder):
    """Counts of each search image of a night."""
    night = simulate_night(folder, options)
    catalogue, truth = open_catalogue(str(night.catalogue)), read_truth(night.truth)
    _, reference = reduce_image(night.reference, catalogue, OPTIONS.reference_detection)
    sources = measure_reference(reference, OPTIONS)
    sources["galimage_id"] = 1
    for path in night.searches:
        expnum, reduction = reduce_image(path, catalogue, OPTIONS.search_detection)
        measurement = measure_search(reduction, sources, OPTIONS)
        yield assess(reduction, measurement, reference, truth, expnum)


def figures(counts, suffix=""):
    """What all images of a crowding add up to."""
    concatenated = {
        name: np.concatenate([getattr(c, name) for c in counts])
        for name in ("n_sigma", "is_apart", "is_found")
    }
    at_ten = (concatenated["n_sigma"] >= 10) & (concatenated["n_sigma"] < 12)
    apart = at_ten & concatenated["is_apart"]
    chips = sum(c.chips for c in counts)
    return {
        f"new_found{suffix}": concatenated["is_found"][apart].mean(),
        f"new_found_all{suffix}": concatenated["is_found"][at_ten].mean(),
        f"new_false_per_chip{suffix}": sum(c.n_false for c in counts) / chips,
        f"new_missing_per_chip{suffix}": sum(c.n_missing for c in counts) / chips,
        f"new_injected{suffix}": int(at_ten.sum()),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small chips, under 50 s")
    arguments = parser.parse_args()
    common = {"n_chips": 1, "variable_fraction": 0.01, "new_mags": (22.0, 23.0), "seed": 31}
    fields = {"": ((4094, 2046), 20_000, 3, 600), "_crowded": ((1400, 1400), 60_000, 3, 150)}
    if arguments.quick:
        fields = {"": ((1024, 1024), 20_000, 2, 150), "_crowded": ((600, 600), 60_000, 2, 60)}
    result = {}
    for suffix, (shape, n_stars, n_epochs, n_novae) in fields.items():
        options = SimulationOptions(
            chip_shape=shape, stars_per_chip=n_stars, n_epochs=n_epochs, n_novae=n_novae, **common
        )
        folder = Path(tempfile.mkdtemp(prefix="galproject-new-"))
        try:
            result |= figures(list(measure_night(options, folder)), suffix)
        finally:
            shutil.rmtree(folder)
        print({name: round(float(value), 4) for name, value in result.items()}, file=sys.stderr)
    print(json.dumps({name: round(float(value), 4) for name, value in result.items()}))


if __name__ == "__main__":
    main()
