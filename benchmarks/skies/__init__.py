"""Nights of skies that galproject did not draw itself, made with GalSim, with known truth.

For development, one call gives chips that reduce_chip takes, without a database::

    from dataclasses import replace
    from skies import chips_of, nights
    night, chips, catalogue = chips_of(replace(nights()["nebulosity_15"], n_epochs=2))
    facts, chip = chips[0]  # the reference
    reduction = reduce_chip(chip, facts, catalogue, options.reference_detection, options)
    night.epochs[0].x, night.epochs[0].flux, night.epochs[0].sky  # the truth, pixels and ADU

with benchmarks/ on the path (PYTHONPATH=benchmarks). ``SkyOptions`` has a field for each effect;
``nights()`` are those of benchmarks/real_skies.py. ``make_night(options)`` writes no file.
"""

from .files import CATALOGUE, chips_of, write_night
from .night import SkyEpoch, SkyNight, make_night
from .options import SkyOptions, nights
from .psf import require_galsim

__all__ = [
    "CATALOGUE",
    "SkyEpoch",
    "SkyNight",
    "SkyOptions",
    "chips_of",
    "make_night",
    "nights",
    "require_galsim",
    "write_night",
]
