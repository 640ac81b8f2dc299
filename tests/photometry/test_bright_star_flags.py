"""Sources round a star of 7 mag on a simulated night: distrusted alike on both images."""

import numpy as np
import pytest

from exposures.fits import read_chip, read_exposure
from exposures.simulation import SimulationOptions, read_truth, simulate_night
from photometry.reduction.options import ReductionOptions
from photometry.reduction.reduction import reduce_chip
from photometry.reduction.search import measure_search
from photometry.references.reference import measure_reference
from photometry.science.bright_stars.wings import IN_WINGS

NIGHT = SimulationOptions(
    seed=3,
    n_epochs=1,
    n_chips=1,
    chip_shape=(330, 220),
    stars_per_chip=60_000,
    n_reference_artifacts=0,
    dither_pixels=5,
    n_bright_stars=2,
    compress=False,
)


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """The SearchMeasurement of a night's second exposure, and the truth."""
    night = simulate_night(tmp_path_factory.mktemp("bright"), NIGHT)
    options = ReductionOptions()
    sources = measure_reference(_reduced(night.reference, options.reference_detection), options)
    sources["galimage_id"], sources["refsource_id"] = 1, np.arange(len(sources))
    reduction = _reduced(night.searches[0], options.search_detection)
    return measure_search(reduction, sources, options), read_truth(night.truth)


def _reduced(path, detection):
    facts = read_exposure(path)
    return reduce_chip(read_chip(facts, facts.chips[0]), facts, None, detection)


def test_neighbours_of_a_bright_star_are_flagged_on_both_images(measured):
    search, truth = measured
    exposure, chip = truth.exposures[-1]["expnum"], truth.chips[-1]["ccdnum"]
    index, x, y = truth.star_pixels(exposure, chip)
    brightest = np.argmin(truth.stars["mag"][index])
    distance = np.hypot(search.x - x[brightest], search.y - y[brightest])
    near = (distance > 25) & (distance < 80)
    far = distance > 150
    assert near.sum() >= 5
    both = [(flags & IN_WINGS) != 0 for flags in (search.fit.flags, search.sources["flags"])]
    for is_flagged in both:
        # Not all: a source of the reference may have taken so much of the light that it is bright.
        assert is_flagged[near].mean() > 0.75
        assert is_flagged[far].mean() < 0.02
    assert np.any(both, axis=0)[near].all()
