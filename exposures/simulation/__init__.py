"""DECam nights with known truth: files that the reader can't tell from real ones."""

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
