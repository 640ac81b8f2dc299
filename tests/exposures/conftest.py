"""Simulated nights, made once for all tests of this application."""

import pytest

from exposures.simulation import simulate_night
from tests.builders.simulated_nights import CROWDED, SPARSE


@pytest.fixture(scope="session")
def crowded(tmp_path_factory):
    return simulate_night(tmp_path_factory.mktemp("crowded"), CROWDED)


@pytest.fixture(scope="session")
def sparse(tmp_path_factory):
    return simulate_night(tmp_path_factory.mktemp("sparse"), SPARSE)
