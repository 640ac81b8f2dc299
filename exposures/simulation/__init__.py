"""Simulated DECam nights with known truth, as files in the form of real ones."""

from exposures.simulation.night import (
    SimulatedChip,
    SimulatedNight,
    find_night,
    simulate_chip,
    simulate_night,
)
from exposures.simulation.options import SimulationOptions
from exposures.simulation.truth import Truth, read_truth

__all__ = [
    "SimulatedChip",
    "SimulatedNight",
    "SimulationOptions",
    "Truth",
    "find_night",
    "read_truth",
    "simulate_chip",
    "simulate_night",
]
