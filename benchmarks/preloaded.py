"""What commands load before Django is set up, for a server that forks them.

Nothing of a database or of settings: those are of whoever asks for the command. A chip is reduced
and fitted, so that numba loads the machine code that each process would else load for itself.
"""

import os
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{library}_NUM_THREADS"] = "1"

import numpy as np  # noqa: E402

import galproject.management.command_line  # noqa: E402, F401
from exposures.fits import read_chip, read_exposure  # noqa: E402
from exposures.simulation import SimulationOptions, simulate_night  # noqa: E402
from photometry.reduction.options import ReductionOptions  # noqa: E402
from photometry.reduction.reduction import reduce_chip  # noqa: E402
from photometry.science.forced.forced import ForcedStars, fit_fluxes  # noqa: E402

# What applications import before they are set up, most of the time that it takes.
IMPORTED = (
    "PIL.Image",
    "django.contrib.admin.utils",
    "django.contrib.postgres.fields",
    "django.core.handlers.base",
    "django.db.backends.postgresql.base",
    "django.db.migrations.executor",
    "django.middleware.csrf",
    "django.views.generic",
    "django_filters",
    "psycopg2.extras",
    "rest_framework.settings",
    "tqdm",
)
NIGHT = SimulationOptions(
    n_epochs=0, n_chips=1, chip_shape=(200, 200), stars_per_chip=20_000, compress=False
)


def measure_chip(folder):
    """Reduce a small simulated chip, and fit the stars that were found on it."""
    facts = read_exposure(simulate_night(folder, NIGHT).reference)
    options = ReductionOptions()
    chip = read_chip(facts, facts.chips[0])
    reduction = reduce_chip(chip, facts, None, options.reference_detection, options)
    found = reduction.detections
    stars = ForcedStars(found.x, found.y, found.flux, np.zeros(len(found), int))
    fit_fluxes(reduction.image, found.psf, stars, options.forced)


for module in IMPORTED:
    import_module(module)
with TemporaryDirectory() as night:
    measure_chip(Path(night) / "night")
