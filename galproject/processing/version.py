"""The version of the code that makes results: of numbers, release and commit."""

import subprocess
from functools import cache
from pathlib import Path

VERSION = "0.1.0"
# Of the numbers that a chip gets. Stored results of another version are out of date and made over
# by manage.py reprocess; a commit that changes no number leaves them as they are. `make results`
# raises it where the numbers of a small chip have changed; raise it by hand where others have.
RESULTS_VERSION = 17


@cache
def code_version() -> str:
    """For example "0.1.0+3f2a1bc", with ".dirty" where the checkout has uncommitted changes."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return VERSION
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty=.dirty", "--exclude=*"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,  # without git, or with another owner's checkout, the release must do
    )
    commit = described.stdout.strip()
    return f"{VERSION}+{commit}" if commit else VERSION
