"""Our forced fit against crowdsource's and photutils' on the same crowded chip, on one core.

``ratio_niter4`` and ``ratio_niter1`` say how many times faster ours is than crowdsource's
``fit_im_force`` with 4 or 1 iterations, on the same pixels and positions, with the same PSF in
crowdsource's own class: stamps linear in the position, shifted star by star. It leaves the sky as
it is; ours has two rounds of left-over sky, a free shift, and errors with neighbours in it.
``ratio_compiled_psf`` is of niter=4 with our compiled PSF in place of its own.

``median_diff_sigma`` and ``p99_diff_sigma`` compare the fluxes with those of crowdsource (niter=4,
our PSF) where both solve the same equations, on stamps of crowdsource's sizes without a refitted
sky; those that end in _default are for ours as it is used, on stamps as far as the wings matter
and with the sky left over. ``pull_mad`` is of our fluxes on the complete list of true stars,
``extra_mb`` our memory beside the image. ``ratio_photutils`` is against PSFPhotometry on a
cut-out of 200 pixels and 300 stars at most, with the fastest PSF that it has, a round Gaussian of
the same width on 9 pixels: its fluxes aren't compared.

Keys that end in _160k are for 160,000 stars a chip; there the comparison with crowdsource, which
takes minutes and 5 GB for a whole chip, is made on a quarter of a chip as crowded, for both (with
--quick on 320 x 320 pixels). All times are of the processor. --quick takes less than 50 s. Ends
with one JSON line.
"""

import argparse
import ctypes
import gc
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
from astropy.stats import mad_std

from photometry.science.forced import forced, forced_sky
from photometry.science.forced.forced import ForcedOptions, ForcedStars, fit_fluxes, merge_groups
from tests.photometry.oracle import (
    crowdsource_half_widths,
    crowdsource_psf,
    fit_by_crowdsource,
)

N_TRUE = 128_000  # stars of which a search finds some 69,000
N_CROWDED = 160_000
N_REPEATS = 5  # of ours; crowdsource's is done once, for minutes
QUICK_COMPARED = (320, 320)  # in the crowd: crowdsource needs 6 s for these
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
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # What was freed before is not there to be used again.
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


def our_cost(chip, positions):
    """Our time and memory."""
    memory = extra_mb(lambda: our_fit(chip, *positions, free_shift=True))
    ours = our_seconds(chip, positions)
    return reported({"n_stars": len(positions[0]), "seconds": ours, "extra_mb": memory})


def our_seconds(chip, positions):
    return seconds(lambda: our_fit(chip, *positions, free_shift=True), N_REPEATS)


def ratios(chip, positions, ours):
    """How many times faster ours, of ``ours`` seconds, is than crowdsource with its own PSF."""
    x, y, _flux = positions
    psf = crowdsource_psf(chip.psf, chip.data.shape)
    report(f"{len(x)} stars: ours {ours:.3f} s")
    figures = {}
    for niter in (1, 4):
        theirs = seconds(lambda n=niter: fit_by_crowdsource(chip.image, psf, x, y, n, False))
        report(f"crowdsource niter={niter}: {theirs:.1f} s")
        figures |= reported({f"ratio_niter{niter}": theirs / ours})
    return figures


@contextmanager
def as_crowdsource(image, x, y):
    """Have our fit take stamps of crowdsource's sizes and leave the sky as it is."""
    half = crowdsource_half_widths(image, x, y)
    with (
        mock.patch.object(forced, "stamp_half_widths", return_value=half),
        mock.patch.object(
            forced_sky, "left_over_sky", lambda residual, *_: np.zeros_like(residual)
        ),
    ):
        yield


def agreement(chip, positions, ours):
    """Differences of the fluxes to crowdsource's in sigma, and the ratio of times with our PSF."""
    x, y, flux = positions
    started = time.process_time()
    theirs = fit_by_crowdsource(chip.image, chip.psf, x, y, 4, refit_sky=False)["flux"]
    their_seconds = time.process_time() - started
    default = our_fit(chip, x, y, flux)
    with as_crowdsource(chip.image, x, y):
        same = our_fit(chip, x, y, flux, options=ForcedOptions(merge_pixels=0.0))
    figures = {"ratio_compiled_psf": their_seconds / ours}
    for name, fit in {"": same, "_default": default}.items():
        difference = np.abs(fit.flux - theirs) / fit.flux_err
        figures[f"median_diff_sigma{name}"] = float(np.nanmedian(difference))
        figures[f"p99_diff_sigma{name}"] = float(np.nanpercentile(difference, 99))
    return reported(figures)


def pull_mad(chip):
    """Spread of the pulls of true stars 1 pixel or more apart on a complete list."""
    fit = our_fit(chip, chip.x, chip.y, chip.flux)
    group = merge_groups(chip.x, chip.y, 1.0)
    good = (np.bincount(group)[group] == 1) & (fit.quality > 0.95) & (fit.flags == 0)
    return mad_std(((fit.flux - chip.flux) / fit.flux_err)[good])


def photutils_ratio(chip):
    """How many times faster ours is than photutils' PSFPhotometry on a cut-out, or None."""
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
    ours = seconds(lambda: our_fit(small, *found), N_REPEATS)
    return seconds(theirs) / ours


def report(line):
    print(line, file=sys.stderr, flush=True)


def reported(figures):
    """The figures, which are also told at once: what takes minutes may be interrupted."""
    for name, value in figures.items():
        report(f"{name:24} {value:.4f}")
    return figures


def far_apart(chip):
    """x, y, flux of the true stars without another within a pixel."""
    group = merge_groups(chip.x, chip.y, 1.0)
    alone = np.bincount(group)[group] == 1
    return [values[alone] for values in (chip.x, chip.y, chip.flux)]


def as_found(shape):
    """Figures for the stars that a search finds."""
    chip = crowded_chip.crowded_chip(on_chip(N_TRUE, shape), shape)
    found = crowded_chip.found_sources(chip)
    our_fit(chip, *(v[:100] for v in found), free_shift=True)  # compiled before it is measured
    figures = our_cost(chip, found) | reported({"pull_mad": pull_mad(chip)})
    figures["ratio_photutils"] = photutils_ratio(chip)
    ours = figures["seconds"]
    return figures | agreement(chip, found, ours) | ratios(chip, found, ours)


def in_crowd(shape, compared_shape):
    """Figures for 160,000 stars a chip, those beside crowdsource on an image of another shape."""
    chip = crowded_chip.crowded_chip(on_chip(N_CROWDED, shape), shape, seed=2)
    figures = our_cost(chip, far_apart(chip)) | reported({"pull_mad": pull_mad(chip)})
    n_compared = on_chip(N_CROWDED, compared_shape)
    chip = crowded_chip.crowded_chip(n_compared, compared_shape, seed=3)
    stars = far_apart(chip)
    ours = our_seconds(chip, stars)
    return figures | agreement(chip, stars, ours) | ratios(chip, stars, ours)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a cut-out, under 50 s")
    quick = parser.parse_args().quick
    shape = crowded_chip.QUICK_SHAPE if quick else crowded_chip.FULL_SHAPE
    compared = QUICK_COMPARED if quick else tuple(side // 2 for side in shape)
    figures = as_found(shape)
    figures |= {f"{name}_160k": value for name, value in in_crowd(shape, compared).items()}
    print(json.dumps({k: v if v is None else round(float(v), 4) for k, v in figures.items()}))


if __name__ == "__main__":
    main()
