"""What the join makes of the sources that the project's own search finds on images in two filters.

Images of crowded fields are made, 80,000 stars brighter than 21.5 a chip, as in crossmatch.py, and
searched. Each star is of the source nearest to it that is about as bright, the brightest first;
what is left of the source in whose light it lies. ``merged_half_fwhm`` is the distance, in units
of the seeing, at which every other pair of stars is one source, of those that would both be found
were they apart; ``positions_over_errors`` the scatter of positions over what their light allows.
The other figures are those of crossmatch.py; which source a star belongs to is less certain
here, and a part of the wrong matches is due to that.

    python benchmarks/crossmatch_images.py [--quick]
"""

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.stats import gaussian_sigma_to_fwhm
from scipy.spatial import cKDTree

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from photometry.science.calibration.calibration import MAG_PER_LN
from photometry.science.detection.detection import Detections, find_sources
from photometry.science.psf.psf import ChipPsf
from photometry.science.scatter import sigma_about_zero
from tests.builders import crowded_scene as scenes
from tests.builders.star_field import (
    ZERO_POINT,
    Band,
    Catalogue,
    crossmatch,
    make_stars,
    score,
)

SEED = 20261126
N_FIELDS = 4
ARCSEC_A_PIXEL = 0.2627
SHAPE, MARGIN = (700, 800), 10  # pixels
BANDS = (
    Band("g", fwhm=1.2, limit=22.5, colour=(1.0, 0.4)),
    Band("r", fwhm=0.95, limit=22.3),
)
OWN_FWHM, OTHERS_FWHM = 0.45, 0.8  # of the seeing, from a source, to its star and to others in it
FAINTEST_FLUX = 0.3  # of a source, in units of that of its star
ALONE_SIGMA = 7.0  # with which stars would be found, but for neighbours
FAINT_ARCSEC = 0.02  # error of positions by the light, to which that of the PSF is small
SEPARATIONS = np.arange(0.3, 1.35, 0.1)  # of the seeing


@dataclass(frozen=True)
class Found:
    """Stars on an image, and what was found of them."""

    band: Band
    x: np.ndarray  # of the stars, pixels
    y: np.ndarray
    flux: np.ndarray  # ADU
    noise: float  # ADU, of a star's flux without neighbours
    sources: Detections

    @property
    def fwhm(self):
        return self.band.fwhm / ARCSEC_A_PIXEL  # pixels


def tell(text):
    print(text, file=sys.stderr, flush=True)


def image_of(stars, band, rng) -> Found:
    """The sources that are found on an image of stars."""
    psf = ChipPsf(
        np.array([band.fwhm / ARCSEC_A_PIXEL, 0.1, -0.1]),
        np.array([0.03, 0.02, 0.0]),
        np.array([-0.02, 0.0, 0.02]),
        2.6,
    )
    (stamp,) = psf.stamps(np.array([SHAPE[1] / 2]), np.array([SHAPE[0] / 2]), 61)
    pixel = np.sqrt(scenes.SKY / scenes.GAIN + (scenes.READ_NOISE / scenes.GAIN) ** 2)
    noise = pixel / np.linalg.norm(stamp)
    mag = stars.mag + rng.normal(*band.colour, len(stars.mag))
    flux = 5 * noise * 10 ** (-0.4 * (mag - band.limit))
    x, y = (of / ARCSEC_A_PIXEL - MARGIN for of in (stars.x, stars.y))
    scene = scenes.observe((x, y, flux), psf, SHAPE, rng.integers(2**31))
    sources = find_sources(*scene.image, fwhm_pixels=np.nan)
    tell(f"{band.name}: {len(sources):,} sources of {len(x):,} stars")
    return Found(band, x, y, flux, noise, sources)


def own_stars(found):
    """(n_sources,) the star that each source is of, -1 if none."""
    tree = cKDTree(np.column_stack([found.sources.x, found.sources.y]))
    star = np.full(len(found.sources), -1)
    for i in np.argsort(-found.flux):
        place = found.x[i], found.y[i]
        near = tree.query_ball_point(place, OWN_FWHM * found.fwhm)
        bright = found.sources.flux > FAINTEST_FLUX * found.flux[i]
        free = [j for j in near if star[j] < 0 and bright[j]]
        if free:
            nearest = min(free, key=lambda j: np.hypot(*(tree.data[j] - place)))
            star[nearest] = i
    return star


def owners(found, star):
    """(n_stars,) the source in whose light each star lies, -1 if none."""
    owner = np.full(len(found.x), -1)
    has_star = np.flatnonzero(star >= 0)
    owner[star[has_star]] = has_star
    tree = cKDTree(np.column_stack([found.sources.x, found.sources.y]))
    left = np.flatnonzero(owner < 0)
    reach = OTHERS_FWHM * found.fwhm
    places = np.column_stack([found.x, found.y])[left]
    distance, near = tree.query(places, k=4, distance_upper_bound=reach)
    near = np.where(np.isfinite(distance), near, 0)
    brighter = (star[near] >= 0) & (found.flux[star[near]] > found.flux[left][:, None])
    light = found.sources.flux[near] * np.exp(
        -0.5 * (gaussian_sigma_to_fwhm * distance / found.fwhm) ** 2
    )
    light = np.where(np.isfinite(distance) & brighter, light, 0)
    best = np.argmax(light, axis=1), np.arange(len(left))
    owner[left] = np.where(light.max(axis=1) > 0, near[best[1], best[0]], -1)
    return owner


def catalogue_of(found) -> Catalogue:
    """The sources, and the stars whose light is in each."""
    star = own_stars(found)
    owner = owners(found, star)
    good = np.flatnonzero((star >= 0) & (found.sources.flux > 0))
    owned = np.flatnonzero(owner >= 0)
    total = np.bincount(owner[owned], found.flux[owned], len(star))
    of = {j: set() for j in good.tolist()}
    for i in owned[found.flux[owned] > 0.1 * total[owner[owned]]].tolist():
        of.setdefault(int(owner[i]), set()).add(i)
    flux, flux_err = found.sources.flux[good], found.sources.flux_err[good]
    return Catalogue(
        found.sources.x[good] * ARCSEC_A_PIXEL,
        found.sources.y[good] * ARCSEC_A_PIXEL,
        ZERO_POINT - 2.5 * np.log10(flux),
        MAG_PER_LN * flux_err / flux,
        tuple(frozenset(of[j]) for j in good.tolist()),
        star[good],
        found.flux[star[good]] / total[good],
        found.band.fwhm,
        found.band.name,
    )


def merged_pairs(found, catalogue):
    """(separations in units of the seeing, whether they are one source) of pairs of stars."""
    alone = np.flatnonzero(found.flux > ALONE_SIGMA * found.noise)
    places = np.column_stack([found.x, found.y])[alone]
    pairs = cKDTree(places).query_pairs(SEPARATIONS[-1] * found.fwhm, output_type="ndarray")
    apart = np.linalg.norm(places[pairs[:, 0]] - places[pairs[:, 1]], axis=1) / found.fwhm
    i, j = alone[pairs].T
    is_found = np.isin(np.arange(len(found.x)), catalogue.main)
    bright, faint = np.where(found.flux[i] > found.flux[j], (i, j), (j, i))
    several = (found.flux[faint] > 0.1 * found.flux[bright]) & is_found[bright]
    return np.array([apart, ~is_found[faint]])[:, several]


def half(pairs):
    """The separation at which half of what merges there for being near has merged, interpolated.

    Half-way from all to those that are lost far apart, to other neighbours.
    """
    apart, merged = pairs
    bins = np.digitize(apart, SEPARATIONS)
    shares = np.array([merged[bins == k].mean() for k in range(1, len(SEPARATIONS))])
    middles = (SEPARATIONS[1:] + SEPARATIONS[:-1]) / 2
    lines = zip(middles, shares, strict=True)
    tell("merged by separation: " + ", ".join(f"{m:.2f} {s:.2f}" for m, s in lines))
    level = (1 + shares[-2:].mean()) / 2
    k = int(np.argmax(shares < level))
    return float(np.interp(-level, -shares[k - 1 : k + 1], middles[k - 1 : k + 1]))


def pulls_of(found, catalogue):
    """Offsets of faint sources that are one star alone from it, over what their light allows."""
    alone = np.flatnonzero((catalogue.share > 0.95) & (catalogue.error > FAINT_ARCSEC))
    star = catalogue.main[alone]
    x = catalogue.x[alone] - found.x[star] * ARCSEC_A_PIXEL
    y = catalogue.y[alone] - found.y[star] * ARCSEC_A_PIXEL
    return np.concatenate([x, y]) / np.tile(catalogue.error[alone], 2)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one field: for a look")
    rng = np.random.default_rng(SEED)
    size = tuple((side + 2 * MARGIN) * ARCSEC_A_PIXEL for side in SHAPE[::-1])
    scores, pairs, pulls = [], [], []
    for _ in range(1 if parser.parse_args().quick else N_FIELDS):
        stars = make_stars(80_000, size, rng)
        images = [image_of(stars, band, rng) for band in BANDS]
        catalogues = [catalogue_of(found) for found in images]
        scores.append(score(*catalogues, crossmatch(*catalogues)))
        tell(scores[-1])
        for found, catalogue in zip(images, catalogues, strict=True):
            pairs.append(merged_pairs(found, catalogue))
            pulls.append(pulls_of(found, catalogue))
    pulls = np.abs(np.concatenate(pulls))
    figures = {
        "merged_half_fwhm": round(half(np.concatenate(pairs, axis=1)), 2),
        "positions_over_errors": round(float(sigma_about_zero(pulls)), 2),
    }
    weights = {"blends_marked": "n_blends", "paired_silently": "n_blends"}
    for name in ("matched", "doubtful", "wrong_matches", "blends_marked", "paired_silently"):
        weight = [getattr(one, weights.get(name, "n_pairs")) for one in scores]
        mean = np.average([getattr(one, name) for one in scores], weights=weight)
        figures[name] = round(float(mean), 4)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
