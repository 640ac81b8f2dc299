"""The Chromium that pages are opened with."""

import shutil

# The shell first: without windows it takes half of the processor time.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


def chromium_program() -> str | None:
    """The path of a Chromium; None where there is none, until scripts/browser installs one."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)
