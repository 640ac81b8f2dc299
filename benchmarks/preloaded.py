"""What commands load before Django is set up, for a server that forks them.

Nothing of a database or of settings: those are of whoever asks for the command.
"""

import os

for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{library}_NUM_THREADS"] = "1"

import galproject.management.command_line  # noqa: E402, F401
import photometry.reduction.reduction  # noqa: E402, F401
