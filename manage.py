#!/usr/bin/env python
"""Django's command line for galproject."""

import os
import sys

from galproject.command_line import run

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "galproject.settings")
    # Chips are worked on side by side, by a process each; threads of the linear algebra would
    # only get in each other's way.
    for library in ("OMP", "OPENBLAS", "MKL"):
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
    run(sys.argv)
