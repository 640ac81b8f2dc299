"""Which code made a result: the release and, in a checkout, the commit."""

import subprocess
from functools import cache
from pathlib import Path

VERSION = "0.1.0"


@cache
def code_version() -> str:
    """For example "0.1.0+3f2a1bc", with ".dirty" where the checkout has uncommitted changes."""
    root = Path(__file__).resolve().parent.parent
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
