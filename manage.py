#!/usr/bin/env python
"""Django's command line for galproject."""

import gc
import os
import sys


def main():
    """Run the command that the arguments name."""
    # Looking for garbage takes a fifth of the time until a command begins, and there is none.
    gc.disable()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "galproject.settings")
    # Chips are worked on side by side, by a process each; threads of the linear algebra would
    # only get in each other's way.
    for library in ("OMP", "OPENBLAS", "MKL"):
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
    from galproject.management.command_line import run

    run(sys.argv)


if __name__ == "__main__":
    main()
