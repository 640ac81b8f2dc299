"""How right calibrated magnitudes of made-up skies are, and how well chips that overlap agree.

Ten skies of 12 chips in two exposures of a filter, whose headers know nothing of the colour terms:
15 % of the stars have a neighbour's light, 5 % vary, 3 % are matched with another star, and half
are reddened. Published magnitudes are those of the filter itself, or of a band so far from it that
the colour terms are three times as large and stars of one colour scatter by 50 mmag, as of Gaia's
bands. ``mag_off`` is the largest median error of magnitudes in any of 8 bins of magnitude or of
colour, of all skies together, ``overlap_off`` the 95th percentile of the difference of the zero
points of chips that share stars, ``pulls`` the scatter of zero points over their stated errors; all
magnitudes are in mmag. ``_near`` is of the band near the filter.

Then crowded fields, of 40,000, 80,000 and 160,000 stars a chip: overlapping parts of two chips,
whose stars merge, are matched by the project's own matching with a published catalogue, of the
filter itself at a seeing as ours, and of a band near it by a telescope that resolves what we don't,
to 21.5 mag. Unlisted stars are in all sources. ``crowded_off`` is the largest error of a zero
point there in mmag, ``crowded_overlap_off`` the largest difference between both chips.

Then fields that overlap: five in a row, each calibrated by itself with published magnitudes that
are off by 20 mmag from field to field. ``fields_overlap_off`` is the 95th percentile of the
differences of chips of different fields that share stars, in mmag; ``_untied`` what it is without
ties, ``tie_seconds`` the processor time of a tie of two chips.

Last, Gaia alone: fields whose stars are reddened as those of the plane are, 30 % of them before
part of the dust, their magnitudes in our filters brought from G by the published transformations,
which hold for unreddened stars. ``gaia_off_g`` to ``_z`` are the largest errors of zero points in
mmag at E(B - V) from 0 to 1.5, as the project reads them at the bluest stars,
``gaia_median_off_g`` ... as they are at the median of colours, and ``gaia_screen_off_g`` ... where
all stars are behind E(B - V) = 0.4; ``gaia_pulls`` is the largest error over what is stated.

    python benchmarks/absolute_zero_points.py [--quick]
"""

import argparse
import json
import sys
import time
import tomllib
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from exposures.published.photometry import Transformation
from photometry.science.absolute.neighbours import neighbour_share
from photometry.science.absolute.options import AbsoluteOptions
from photometry.science.absolute.stars import MatchedStars, quarters_of
from photometry.science.absolute.ties import differences, sampled, solve_ties
from photometry.science.absolute.transformation import BLUE_SHARE, in_own_band
from photometry.science.absolute.zero_points import fit_zero_points
from photometry.science.matching.states import MatchState
from tests.builders.gaia_fields import make_gaia_field
from tests.builders.published_fields import OURS, image_of, matched, published_by
from tests.builders.published_sky import make_sky
from tests.builders.star_field import Band, Stars, make_stars

N_SKIES, N_CHIPS, N_BINS = 10, 12, 8
EXPOSURES = tuple(number // 6 for number in range(N_CHIPS))
OWN = {"colour_terms": (-0.08, 0.02, -0.005), "scatter": 0.015}
NEAR = {"colour_terms": (-0.25, 0.06, -0.02), "scatter": 0.05}
DENSITIES = (40_000, 80_000, 160_000)
SIZE = 240.0, 400.0  # arcsec
PARTS = (0.0, 150.0), (90.0, 240.0)  # of both chips along x
ZERO_POINTS = 0.3, -0.15
TRUE_PIVOT = 1.5  # mag of colour, at which the true zero points are
SECOND_SHARE = 0.1
N_FIELDS = 5  # that overlap
FIELD_OFF = 0.02  # mag, of published magnitudes from field to field
N_SAMPLED = 2000  # stars of a chip, as photometry/absolute/ties.py has them
GAIA = "exposures/published/catalogues/gaia_dr3.toml"
REDDENINGS = (0.0, 0.2, 0.4, 0.7, 1.0, 1.5)  # E(B - V)
SCREEN = 0.4


@dataclass(frozen=True)
class PublishedBand:
    """A band and the catalogue that has it."""

    slope: float  # mag a mag of colour, against ours
    scatter: float  # mag, of stars of one colour
    fwhm: float  # arcsec
    crowding: float  # of errors of positions, as in Band


OWN_CROWDED = PublishedBand(0.08, 0.015, 1.0, 2.5)
NEAR_CROWDED = PublishedBand(0.5, 0.05, 0.25, 1.0)


def tell(text):
    print(text, file=sys.stderr, flush=True)


def judge(n_skies, **band) -> dict:
    """Figures of a published band over some skies."""
    differences, magnitudes, colours, overlaps, pulls, seconds = [], [], [], [], [], 0.0
    for seed in range(n_skies):
        sky = make_sky(n_chips=N_CHIPS, exposures=EXPOSURES, seed=seed, **band)
        started = time.process_time()
        fitted = sky.fit()
        seconds += time.process_time() - started
        stars, none = sky.stars, np.zeros(len(sky.stars))
        calibrated = np.full(len(stars), np.nan)
        for number, one in enumerate(fitted):
            on = stars.chip == number
            calibrated[on] = one.absolute(sky.ours[on], none[on], sky.true_colour[on])[0]
        differences.append(calibrated - sky.true)
        magnitudes.append(sky.true)
        colours.append(sky.true_colour)
        off = np.array([one.zero_point for one in fitted]) - sky.true_zero_points(fitted)
        overlaps += np.abs(np.diff(off)).tolist()
        pulls += (off / [one.error for one in fitted]).tolist()
    tell(f"{band}: {n_skies} skies in {seconds:.1f} s of processor time")
    difference = np.concatenate(differences)
    binned = [_binned(difference, np.concatenate(by)) for by in (magnitudes, colours)]
    return {
        "mag_off": round(1e3 * max(binned), 1),
        "overlap_off": round(1e3 * float(np.quantile(overlaps, 0.95)), 2),
        "pulls": round(float(np.std(pulls)), 2),
        "seconds_a_chip": round(seconds / n_skies / N_CHIPS, 4),
    }


def _binned(difference, by):
    """The largest of the absolute medians in bins with as many stars each."""
    edges = np.quantile(by, np.linspace(0, 1, N_BINS + 1))
    bins = (difference[(by >= low) & (by < high)] for low, high in pairwise(edges))
    return max(abs(float(np.median(one))) for one in bins)


def crowded_field(n_a_chip, band, seed) -> np.ndarray:
    """(2,) mmag, errors of the zero points of two overlapping chips in a crowded field."""
    rng = np.random.default_rng(seed)
    true = make_stars(n_a_chip, SIZE, rng)
    n = len(true.mag)
    colour = rng.normal(1.2, 0.3, n) + np.where(rng.random(n) < 0.5, rng.gamma(4, 0.15, n), 0)
    after = colour - TRUE_PIVOT
    published_mag = true.mag + band.slope * (after + 0.15 * after**2)
    published_mag += rng.normal(0, band.scatter, n)
    shape = Band("p", band.fwhm, 21.5, crowding=band.crowding, floor=0.001)
    published = published_by(replace(true, mag=published_mag), shape, rng)
    seen = colour[published.main] + rng.normal(0, 0.03, len(published.main))
    published = replace(published, stars=replace(published.stars, colour=seen))
    parts = [_measured(number, true, published, rng) for number in range(len(PARTS))]
    columns = [np.concatenate(values) for values in zip(*parts, strict=True)]
    fitted = fit_zero_points(MatchedStars(*columns), np.array([0, 1]))
    at = [one.zero_point + one.colour_correction(np.array([TRUE_PIVOT]))[0] for one in fitted]
    return 1e3 * (np.array(at) - ZERO_POINTS)


def _measured(number, true, published, rng):
    """The columns of MatchedStars of one chip."""
    inside = (true.x >= PARTS[number][0]) & (true.x < PARTS[number][1])
    found, sources = image_of(Stars(*(v[inside] for v in vars(true).values())), rng, OURS)
    mag = found.mag + rng.normal(0, found.mag_err) - ZERO_POINTS[number]
    stars, matches = published.stars, matched(replace(sources, mag=mag), published)
    alone = ~(np.nan_to_num(matches.probability[:, 1]) > SECOND_SHARE)
    use = (matches.state == MatchState.MATCHED) & alone
    star = matches.star[use, 0]
    radius = AbsoluteOptions().neighbour_fwhm * OURS.fwhm
    share = neighbour_share(stars.ra, stars.dec, stars.mag, radius)
    n = len(star)
    return (
        *(np.full(n, number), star, mag[use], found.mag_err[use]),
        *(stars.mag[star], stars.mag_err[star], stars.colour[star], np.full(n, 0.03)),
        quarters_of(np.zeros(n, int), found.x[use], found.y[use]),
        *(matches.probability[use, 0], share[star]),
    )


def judge_crowded(band, densities) -> dict:
    """Figures of crowded fields."""
    off = np.array([crowded_field(n, band, seed) for n in densities for seed in (1, 2)])
    tell(f"{band}: {np.round(off, 1).tolist()} mmag at {densities} stars a chip, twice each")
    return {
        "crowded_off": round(float(np.abs(off).max()), 1),
        "crowded_overlap_off": round(float(np.abs(np.diff(off, axis=1)).max()), 1),
    }


def judge_ties(n_surveys) -> dict:
    """Figures of fields in a row that overlap, before and after they are tied."""
    left, untied, seconds, n_pairs = [], [], 0.0, 0
    for seed in range(n_surveys):
        fits, sky, field = _fitted_fields(seed)
        stars = [_shared(sky, chip, one) for chip, one in enumerate(fits)]
        pairs = [(c - 1, c) for c in range(1, len(fits)) if field[c - 1] != field[c]]
        started = time.process_time()
        between = differences(stars, np.array(pairs), AbsoluteOptions().min_stars)
        error = np.array([one.error for one in fits])
        offsets = solve_ties(between, field, np.full(N_FIELDS, FIELD_OFF), np.hypot(error, 0.005))
        seconds += time.process_time() - started
        n_pairs += len(between)
        at = [one.zero_point + one.colour_correction(np.array([TRUE_PIVOT]))[0] for one in fits]
        off = np.array(at) - sky.zero_points
        for found, added in ((untied, 0 * offsets), (left, offsets)):
            apart = off + added
            found += [abs(apart[a] - apart[b]) for a, b in pairs]
    tell(f"ties: {n_pairs} overlaps in {seconds:.2f} s of processor time")
    return {
        "fields_overlap_off": round(1e3 * float(np.quantile(left, 0.95)), 2),
        "fields_overlap_off_untied": round(1e3 * float(np.quantile(untied, 0.95)), 2),
        "tie_seconds": round(seconds / n_pairs, 5),
    }


def _fitted_fields(seed):
    """Zero points of chips of fields that were calibrated each by itself, the sky, the fields."""
    sky = make_sky(n_chips=6 * N_FIELDS, exposures=(0,) * 6 * N_FIELDS, seed=seed, **OWN)
    field = np.repeat(np.arange(N_FIELDS), 6)
    shift = np.random.default_rng(seed).normal(0, FIELD_OFF, N_FIELDS)
    fits = []
    for number in range(N_FIELDS):
        own = sky.stars.select(field[sky.stars.chip] == number)
        published = own.published + shift[number]
        own = replace(own, chip=own.chip - own.chip.min(), published=published)
        fits += fit_zero_points(own, np.zeros(6, int))
    return fits, sky, field


def _shared(sky, chip, one):
    stars = sky.stars.select(sky.stars.chip == chip)
    return sampled(
        stars.star, stars.mag + one.zero_point + one.colour_correction(stars.colour), N_SAMPLED
    )


def transformations() -> list[Transformation]:
    """Those of Gaia's bands, as their definition has them."""
    with open(Path(__file__).resolve().parent.parent / GAIA, "rb") as file:
        return [Transformation(**one) for one in tomllib.load(file)["transformations"]]


def gaia_errors(to_filter, share, **field) -> tuple[np.ndarray, np.ndarray]:
    """Errors of the zero points of a field by Gaia's bands, mag, and what is stated of them."""
    made = make_gaia_field(to_filter, filter=to_filter.filter, **field)
    exposure = np.zeros(len(made.zero_points), int)
    fitted = [
        in_own_band(one, to_filter.scatter)
        for one in fit_zero_points(made.stars, exposure, pivot_share=share)
    ]
    off = np.array([one.zero_point for one in fitted]) - made.zero_points
    return off, np.array([np.hypot(one.error, one.systematic) for one in fitted])


def judge_gaia(reddenings) -> dict:
    """Figures of Gaia's bands behind dust, by filter."""
    found, pulls = {}, []
    for to_filter in transformations():
        ways = {"off": BLUE_SHARE, "median_off": 0.5}
        for name, share in ways.items():
            fits = [gaia_errors(to_filter, share, reddening=one) for one in reddenings]
            worst = max(float(np.abs(off).max()) for off, _ in fits)
            found[f"gaia_{name}_{to_filter.filter}"] = round(1e3 * worst, 1)
            if share == BLUE_SHARE:
                pulls += [float(np.abs(off / stated).max()) for off, stated in fits]
        screen = {"reddening": SCREEN, "foreground": 0.0, "spread": 0.05}
        off, stated = gaia_errors(to_filter, BLUE_SHARE, **screen)
        found[f"gaia_screen_off_{to_filter.filter}"] = round(1e3 * float(np.abs(off).max()), 1)
        means = f"{1e3 * off.mean():.0f} mmag, stated {1e3 * stated.mean():.0f}"
        tell(f"{to_filter.filter} behind a screen: {means}")
    return found | {"gaia_pulls": round(max(pulls), 2)}


def figures(quick=False) -> dict:
    """All figures by their names."""
    n_skies = 2 if quick else N_SKIES
    densities = DENSITIES[:1] if quick else DENSITIES
    own = judge(n_skies, **OWN) | judge_crowded(OWN_CROWDED, densities)
    near = judge(n_skies, **NEAR) | judge_crowded(NEAR_CROWDED, densities)
    near = {f"{name}_near": value for name, value in near.items()}
    return own | near | judge_ties(n_skies) | judge_gaia(REDDENINGS[:3] if quick else REDDENINGS)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer skies: for a look")
    print(json.dumps(figures(parser.parse_args().quick)))


if __name__ == "__main__":
    main()
