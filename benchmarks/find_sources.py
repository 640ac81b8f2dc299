"""Finding the sources of a chip, against stock crowdsource on the same image.

Both search a crowded chip of known truth: crowdsource as its authors run it on DECam (PSF class,
iterations and tiles are its own), and find_sources as a reference image gets it. What each finds is
compared with the truth by magnitude. A quarter of a chip that 160,000 stars would crowd: of a whole
one stock doesn't come to an end in half an hour. Ours is the median of three runs, stock is run
once; times are of the processor.

The PSF of that chip is our own model's. So both search skies that GalSim drew, too, as crowded as
chips with 80,000 and 160,000 stars: these are the keys that begin with ``galsim_``. It needs
`make setup-benchmarks`. Ends with one JSON line; --quick takes less than 50 s.
"""

import argparse
import contextlib
import json
import sys
import tempfile
import time
import warnings
from dataclasses import replace
from statistics import median

from crowded_chip import FULL_SHAPE, QUICK_SHAPE, ZERO_POINT, CrowdedChip, crowded_chip

# crowded_chip puts the project on the path and limits the libraries to one core.
import numpy as np  # isort: skip
from crowdsource import crowdsource_base  # isort: skip
from crowdsource import psf as crowdsource_psf  # isort: skip
from scipy.spatial import cKDTree  # isort: skip

from photometry.reduction.options import ReductionOptions  # isort: skip
from photometry.science.detection.detection import find_sources  # isort: skip
from photometry.science.psf.psf import ChipPsf  # isort: skip
from skies import chips_of, nights, require_galsim  # isort: skip

N_STARS, QUICK_STARS = 40_000, 8_000
SHAPE = tuple(side // 2 for side in FULL_SHAPE)
N_RUNS = 3
MATCH_PIXELS, MATCH_MAG = 1.0, 1.0  # a source is a star that is so near in place and flux
MAGNITUDES = np.arange(14, 25)  # edges of the tables
GALSIM_CROWDINGS = ("80k", "160k")  # stars a chip, of the nights base_*
GALSIM_SIDE, QUICK_GALSIM_SIDE = 512, 256  # pixels
N_SEEDS = 4  # chips at each crowding
GALSIM_FAINTEST, GALSIM_MATCH_MAG = 23.5, 0.5  # mag
COMPLETE = 0.5  # of stock: the magnitudes at which fewer are found don't count


def find_by_stock(chip, tiles):
    """x, y, flux of what stock crowdsource finds, with published practice's options."""
    fwhm = float(chip.psf.fwhm_at(*np.array(chip.data.shape[::-1]) / 2))
    psf = crowdsource_psf.SimplePSF(
        crowdsource_psf.moffat_psf(fwhm, stampsz=511, deriv=False).astype("f4")
    )
    with contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stars, *_ = crowdsource_base.fit_im(
            chip.data,
            psf,
            weight=np.sqrt(chip.weight),
            psfderiv=True,
            refit_psf=True,
            maxstars=320_000,
            miniter=4,
            maxiter=10,
            ntilex=tiles[0],
            ntiley=tiles[1],
        )
    return stars["y"], stars["x"], stars["flux"]


def find_by_ours(chip):
    """The same of what a reference image's search finds."""
    options = ReductionOptions()
    found = find_sources(*chip.image, np.nan, options.reference_detection, options.psf)
    return found.x, found.y, found.flux


def timed(function, *arguments):
    started = time.process_time()
    result = function(*arguments)
    return result, time.process_time() - started


def identify(chip, found, match_mag=MATCH_MAG):
    """Which stars were found, and which of the sources are a star: (n_stars,), (n_found,) bool.

    Each star is at most one source and each source one star, the brightest first; their magnitudes
    differ by less than ``match_mag``.
    """
    x, y, flux = found
    mag, true_mag = magnitude(flux), magnitude(chip.flux)
    sources, stars = cKDTree(np.column_stack([x, y])), cKDTree(np.column_stack([chip.x, chip.y]))
    pairs = sources.sparse_distance_matrix(stars, MATCH_PIXELS, output_type="ndarray")
    source, star = pairs["i"], pairs["j"]
    alike = np.abs(mag[source] - true_mag[star]) < match_mag
    order = np.lexsort((mag[source], true_mag[star]))
    is_found, is_star = np.zeros(len(chip.x), bool), np.zeros(len(x), bool)
    for k in order[alike[order]]:
        if not is_found[star[k]] and not is_star[source[k]]:
            is_found[star[k]] = is_star[source[k]] = True
    return is_found, is_star


def magnitude(flux):
    return ZERO_POINT - 2.5 * np.log10(np.maximum(flux, 1e-3))


def by_magnitude(flux, is_good):
    """Share of the good in each bin of magnitude, NaN where there is none."""
    bins = np.digitize(magnitude(flux), MAGNITUDES)
    n = np.bincount(bins, minlength=len(MAGNITUDES) + 1)[1:-1]
    good = np.bincount(bins, is_good, minlength=len(MAGNITUDES) + 1)[1:-1]
    return good / np.where(n > 0, n, np.nan)


def compare(chip, ours, stock):
    """Completeness and precision of both, by magnitude and over the magnitudes that count."""
    tables, totals = {}, {}
    for name, found in (("ours", ours), ("stock", stock)):
        is_found, is_star = identify(chip, found)
        tables[f"completeness_{name}"] = by_magnitude(chip.flux, is_found)
        tables[f"precision_{name}"] = by_magnitude(found[2], is_star)
        totals[name] = is_found, is_star.mean()
    counts = np.flatnonzero(tables["completeness_stock"] >= COMPLETE)
    matters = magnitude(chip.flux) < MAGNITUDES[counts.max() + 1]
    ours_found, stock_found = (totals[name][0][matters].mean() for name in ("ours", "stock"))
    for k, faint in enumerate(MAGNITUDES[1:]):
        row = "  ".join(f"{name} {values[k]:.4f}" for name, values in tables.items())
        print(f"mag {faint - 1} to {faint}: {row}", file=sys.stderr)
    return {
        "completeness_change": ours_found - stock_found,
        "precision_change": totals["ours"][1] - totals["stock"][1],
        "completeness": ours_found,
        "precision": totals["ours"][1],
        "faintest_mag": int(MAGNITUDES[counts.max() + 1]),
        "magnitudes": MAGNITUDES[:-1].tolist(),
        **{name: [plain(v) for v in values] for name, values in tables.items()},
    }


def galsim_chip(crowding, seed, side):
    """A CrowdedChip that GalSim drew, without its true sky; its PSF is where stock starts."""
    options = replace(nights((side, side), 1)[f"base_{crowding}"], seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        night, ((_, chip),), _ = chips_of(options, folder)
    epoch = night.epochs[0]
    middle = (side - 1) / 2
    inside = np.maximum(np.abs(epoch.x - middle), np.abs(epoch.y - middle)) < side / 2
    stars = np.flatnonzero(inside)[np.argsort(-epoch.flux[inside])]
    return CrowdedChip(
        data=(chip.data - epoch.sky).astype("f4"),
        weight=chip.weight,
        mask=chip.mask,
        x=epoch.x[stars],
        y=epoch.y[stars],
        flux=epoch.flux[stars],
        psf=ChipPsf.round(epoch.psf.fwhm_pixels),
    )


def galsim_figures(crowding, side, n_seeds):
    """Completeness and purity of ours and of stock to GALSIM_FAINTEST, means over the seeds."""
    shares = []
    for seed in range(1, n_seeds + 1):
        chip = galsim_chip(crowding, seed, side)
        both = find_by_ours(chip), find_by_stock(chip, (1, 1))
        shares.append([to_faintest(chip, found) for found in both])
    figures = {}
    for (completeness, purity), suffix in zip(np.mean(shares, axis=0), ("", "_stock"), strict=True):
        figures[f"galsim_completeness_{crowding}{suffix}"] = float(completeness)
        figures[f"galsim_purity_{crowding}{suffix}"] = float(purity)
    return figures


def to_faintest(chip, found):
    """Share of the stars that were found, and of the sources that are a star."""
    is_found, is_star = identify(chip, found, GALSIM_MATCH_MAG)
    return (
        is_found[magnitude(chip.flux) < GALSIM_FAINTEST].mean(),
        is_star[magnitude(found[2]) < GALSIM_FAINTEST].mean(),
    )


def plain(value):
    return None if np.isnan(value) else round(float(value), 4)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a cut-out, under 50 s")
    quick = parser.parse_args().quick
    require_galsim()
    shape, tiles = (QUICK_SHAPE, (1, 1)) if quick else (SHAPE, (2, 1))
    chip = crowded_chip(QUICK_STARS if quick else N_STARS, shape)
    find_by_ours(crowded_chip(500, (200, 200)))  # compiles, once a machine
    runs = [timed(find_by_ours, chip) for _ in range(N_RUNS)]
    seconds = median(duration for _, duration in runs)
    print(f"ours: {len(runs[0][0][0]):,} sources, {seconds:.2f} s", file=sys.stderr)
    stock, stock_seconds = timed(find_by_stock, chip, tiles)
    print(f"stock: {len(stock[0]):,} sources, {stock_seconds:.2f} s", file=sys.stderr)
    ours = runs[0][0]
    figures = {
        "ratio": stock_seconds / seconds,
        **compare(chip, ours, stock),
        "seconds": seconds,
        "stock_seconds": stock_seconds,
        "n_found": len(ours[0]),
        "n_stock": len(stock[0]),
        "n_stars": len(chip.x),
    }
    side, n_seeds = (QUICK_GALSIM_SIDE, 1) if quick else (GALSIM_SIDE, N_SEEDS)
    for crowding in GALSIM_CROWDINGS:
        figures |= galsim_figures(crowding, side, n_seeds)
    print(json.dumps({k: round(v, 4) if isinstance(v, float) else v for k, v in figures.items()}))


if __name__ == "__main__":
    main()
