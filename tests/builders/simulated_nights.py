"""Small simulated nights, and how their chips are read."""

from exposures.fits import read_chip, read_exposure
from exposures.simulation import SimulationOptions

CROWDED = SimulationOptions(
    seed=3, n_epochs=2, chip_shape=(600, 500), n_reference_artifacts=8, variable_fraction=0.05
)
# Few and mostly bright stars, so that apertures hold one star each.
SPARSE = SimulationOptions(
    seed=4,
    n_epochs=1,
    n_chips=1,
    chip_shape=(1400, 1200),
    stars_per_chip=3000,
    slope=0.1,
    brightest_mag=14.5,
    variable_fraction=0.2,
    n_reference_artifacts=0,
    compress=False,
)
TINY = SimulationOptions(n_epochs=1, n_chips=1, chip_shape=(80, 100))


def sibling(path, kind):
    return path.with_name(path.name.replace("_ooi_", f"_oo{kind}_"))


def chips_of(path):
    facts = read_exposure(path)
    return int(facts.identifier), [read_chip(facts, entry) for entry in facts.chips]
