"""The errors of a reference against what images of the same sky do not share with it."""

from dataclasses import replace
from functools import cache
from itertools import combinations
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pytest
from astropy.stats import mad_std

from exposures.fits import read_chip, read_exposure
from exposures.simulation import SimulationOptions, simulate_night
from galproject.configuration.pipeline_options import PipelineOptions
from photometry.reduction.reduction import reduce_chip
from photometry.reduction.search import measure_search
from photometry.references.reference import measure_reference

# Images that differ by their noise alone: what a reference has wrong by its list of sources, they
# have, too. A list has a source for every 53 pixels.
ALIKE = SimulationOptions(
    seed=6,
    n_epochs=4,
    n_chips=1,
    chip_shape=(400, 400),
    stars_per_chip=160_000,
    variable_fraction=0,
    n_reference_artifacts=0,
    fwhm_range=(3.7, 3.7),
    dither_pixels=0,
    compress=False,
)
LEAST_SIGNAL = 6.0


@cache
def curves():
    """Fluxes of sources on four images over those expected, with errors; and their reference.

    (n, 4) ratios and their errors but for the reference's, (n,) errors of the reference in
    proportion to fluxes, and (n,) fracflux.
    """
    folder = Path(mkdtemp(prefix="galproject-own-errors-"))
    night = simulate_night(folder, ALIKE)
    options = replace(PipelineOptions(), catalogue=str(night.catalogue))
    catalogue, reduction = options.opened_catalogue(), options.reduction

    def reduced(path, detection):
        facts = read_exposure(path)
        chip = read_chip(facts, facts.chips[0])
        return reduce_chip(chip, facts, catalogue, detection, reduction)

    sources = measure_reference(reduced(night.reference, reduction.reference_detection), reduction)
    sources["galimage_id"], sources["refsource_id"] = 1, np.arange(len(sources))
    ratio, ratio_err = np.full((2, len(sources), len(night.searches)), np.nan)
    for column, path in enumerate(night.searches):
        search = measure_search(reduced(path, reduction.search_detection), sources, reduction)
        clean = (search.fit.flags == 0) & (search.fit.quality > 0.75)
        row = search.sources["refsource_id"][clean]
        ratio[row, column] = (search.fit.flux / search.expected_flux)[clean]
        ratio_err[row, column] = (search.flux_err / search.expected_flux)[clean]
    kept = np.isfinite(ratio).all(axis=1) & (sources["flags"] == 0)
    kept &= sources["flux"] > LEAST_SIGNAL * sources["flux_err"]
    reference_err = sources["mag_err"] * np.log(10) / 2.5
    return ratio[kept], ratio_err[kept], reference_err[kept], sources["fracflux"][kept]


@pytest.mark.parametrize(("low", "high"), [(0, 0.5), (0.5, 0.75), (0.75, 1)])
def test_errors_are_honest_between_two_search_images_at_any_crowding(low, high):
    ratio, error, _, fracflux = curves()
    chosen = (fracflux >= low) & (fracflux < high)
    pulls = [
        (ratio[:, i] - ratio[:, j])[chosen] / np.hypot(error[:, i], error[:, j])[chosen]
        for i, j in combinations(range(ALIKE.n_epochs), 2)
    ]
    assert chosen.sum() > 250
    assert mad_std(np.concatenate(pulls)) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize(("low", "high"), [(0, 0.5), (0.5, 0.75), (0.75, 1)])
def test_errors_are_honest_against_the_reference_at_any_crowding(low, high):
    ratio, error, reference_err, fracflux = curves()
    chosen = (fracflux >= low) & (fracflux < high)
    pulls = (ratio - 1) / np.hypot(error, reference_err[:, None])
    assert mad_std(pulls[chosen]) == pytest.approx(1, abs=0.1)


def test_a_reference_has_the_error_that_images_in_its_places_do_not_share():
    ratio, _, reference_err, fracflux = curves()
    crowded = fracflux < 0.6
    halves = ratio[:, :2].mean(axis=1) - 1, ratio[:, 2:].mean(axis=1) - 1
    first, second = ((half / reference_err)[crowded] for half in halves)
    shared = (mad_std(first + second) ** 2 - mad_std(first - second) ** 2) / 4
    assert np.sqrt(shared) == pytest.approx(1, abs=0.15)
