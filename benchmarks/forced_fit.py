"""Our forced fit against crowdsource's and photutils' on the same crowded chip, on one core.

Everybody gets the same pixels, positions at least 1 pixel apart and PSF. ``ratio_niter4`` and
``ratio_niter1`` say how many times faster ours is than crowdsource's ``fit_im_force``, which does
4 or 1 iterations; ours has two rounds of left-over sky, a free shift, and errors with neighbours
in it. ``median_diff_sigma`` and ``p99_diff_sigma`` compare the fluxes of the two where they solve
the same equations, on stamps of crowdsource's sizes without a refitted sky. ``pull_mad`` is of our
fluxes on the complete list of true stars, ``extra_mb`` our memory beside the image. Keys that end
in _160k are for 160,000 stars a chip, those in _photutils for a cut-out. --quick takes less than
50 s. Ends with one JSON line.
"""

import argparse
import json
import os
import statistics
import sys
import threading
import time
from contextlib import contextmanager
from unittest import mock

import crowded_chip  # first, for it says how many cores there are to numba and BLAS
import numpy as np

from photometry.science import forced
from photometry.science.calibration import mad_sigma
from photometry.science.forced import ForcedOptions, ForcedStars, fit_fluxes, merge_groups
from tests.photometry.oracle import crowdsource_half_widths, fit_by_crowdsource

N_TRUE = 128_000  # stars of which a search finds some 69,000
N_CROWDED = 160_000
N_REPEATS = 5  # of ours; crowdsource's is done once, for minutes
PHOTUTILS_SIDE, PHOTUTILS_STARS = 200, 300


def on_chip(n_stars, shape):
    """Stars on a smaller chip that is as crowded."""
    return round(n_stars * np.prod(shape) / np.prod(crowded_chip.FULL_SHAPE))


def stars_of(x, y, flux):
    return ForcedStars(x, y, flux, np.zeros(len(x), int))


def our_fit(chip, x, y, flux, **options):
    return fit_fluxes(chip.image, chip.psf, stars_of(x, y, flux), **options)


def seconds(function, n=1):
    """Median processor time of ``n`` runs: as long as the clock's on a core with no other work."""
    times = []
    for _ in range(n):
        started = time.process_time()
        function()
        times.append(time.process_time() - started)
    return statistics.median(times)


def extra_mb(function):
    """Largest resident memory while ``function`` runs, less that before it, in MB."""
    page, finished, before = os.sysconf("SC_PAGE_SIZE"), threading.Event(), _resident_pages()
    largest = [before]

    def watch():
        while not finished.wait(0.005):
            largest[0] = max(largest[0], _resident_pages())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        function()
    finally:
        finished.set()
        watcher.join()
    return (largest[0] - before) * page / 2**20


def _resident_pages():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1])


def compare(chip, positions):
    """Times of the three fits of the same stars, and our memory."""
    x, y, flux = positions
    # First, while no memory of an earlier fit is there to be used again.
    memory = extra_mb(lambda: our_fit(chip, x, y, flux, free_shift=True))
    ours = seconds(lambda: our_fit(chip, x, y, flux, free_shift=True), N_REPEATS)
    report(f"{len(x)} stars: ours {ours:.2f} s, {memory:.0f} MB")
    figures = {"n_stars": len(x), "seconds": ours, "extra_mb": memory}
    for niter in (1, 4):
        theirs = seconds(lambda n=niter: fit_by_crowdsource(chip.image, chip.psf, x, y, n))
        report(f"crowdsource niter={niter}: {theirs:.1f} s, {theirs / ours:.0f} times ours")
        figures[f"ratio_niter{niter}"] = theirs / ours
    return figures


@contextmanager
def as_crowdsource(image, x, y):
    """Have our fit take stamps of crowdsource's sizes and leave the sky as it is."""
    half = crowdsource_half_widths(image, x, y)
    with (
        mock.patch.object(forced, "stamp_half_widths", lambda *_: half),
        mock.patch.object(forced, "left_over_sky", lambda residual, *_: np.zeros_like(residual)),
    ):
        yield


def agreement(chip, positions):
    """Differences of the fluxes to crowdsource's in sigma, on the same stamps."""
    x, y, flux = positions
    theirs = fit_by_crowdsource(chip.image, chip.psf, x, y, 4, refit_sky=False)
    with as_crowdsource(chip.image, x, y):
        ours = our_fit(chip, x, y, flux, options=ForcedOptions(merge_pixels=0.0))
    difference = np.abs(ours.flux - theirs["flux"]) / ours.flux_err
    return {
        "median_diff_sigma": float(np.median(difference)),
        "p99_diff_sigma": float(np.percentile(difference, 99)),
    }


def pull_mad(chip):
    """Spread of the pulls of true stars 1 pixel or more apart on a complete list."""
    fit = our_fit(chip, chip.x, chip.y, chip.flux)
    group = merge_groups(chip.x, chip.y, 1.0)
    good = (np.bincount(group)[group] == 1) & (fit.quality > 0.95) & (fit.flags == 0)
    return mad_sigma(((fit.flux - chip.flux) / fit.flux_err)[good])


def photutils_ratio(chip, n_repeats=3):
    """How many times faster ours is than photutils' PSFPhotometry on a cut-out, or None.

    photutils fits a Gaussian of the same width, its own fastest model: its fluxes aren't compared.
    """
    try:
        from astropy.nddata import NDData, StdDevUncertainty  # noqa: F401
        from astropy.table import Table
        from photutils.psf import CircularGaussianPRF, PSFPhotometry, SourceGrouper
    except ImportError as missing:
        report(f"photutils is left out: {missing}")
        return None
    small = crowded_chip.cut_out(chip, PHOTUTILS_SIDE)
    found = [values[:PHOTUTILS_STARS] for values in crowded_chip.found_sources(small)]
    model = CircularGaussianPRF(fwhm=float(chip.psf.fwhm_at(0, 0)))
    model.x_0.fixed = model.y_0.fixed = True
    names = ("x_init", "y_init", "flux_init")
    error = np.where(small.weight > 0, 1 / np.sqrt(np.where(small.weight > 0, small.weight, 1)), 1)
    photometry = PSFPhotometry(model, (9, 9), grouper=SourceGrouper(8.0), aperture_radius=4)

    def theirs():
        initial = Table(dict(zip(names, found, strict=True)))
        photometry(small.data, error=error, mask=small.weight == 0, init_params=initial)

    our_fit(small, *found)
    ours = seconds(lambda: our_fit(small, *found), n_repeats)
    return seconds(theirs, n_repeats) / ours


def report(line):
    print(line, file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a cut-out, under 50 s")
    quick = parser.parse_args().quick
    shape = crowded_chip.QUICK_SHAPE if quick else crowded_chip.FULL_SHAPE
    chip = crowded_chip.crowded_chip(on_chip(N_TRUE, shape), shape)
    found = crowded_chip.found_sources(chip)
    our_fit(chip, *(v[:100] for v in found), free_shift=True)  # compiled before it is measured
    figures = compare(chip, found) | agreement(chip, found) | {"pull_mad": pull_mad(chip)}
    figures["ratio_photutils"] = photutils_ratio(chip)
    crowded = crowded_chip.crowded_chip(on_chip(N_CROWDED, shape), shape, seed=2)
    group = merge_groups(crowded.x, crowded.y, 1.0)
    alone = np.bincount(group)[group] == 1
    stars = [values[alone] for values in (crowded.x, crowded.y, crowded.flux)]
    del chip, found
    in_crowd = compare(crowded, stars) | agreement(crowded, stars) | {"pull_mad": pull_mad(crowded)}
    figures |= {f"{name}_160k": value for name, value in in_crowd.items()}
    for name, value in figures.items():
        report(f"{name:24} {value}")
    print(json.dumps({k: v if v is None else round(float(v), 4) for k, v in figures.items()}))


if __name__ == "__main__":
    main()
