"""mypy is told of every package whose types it has to hold."""

import tomllib

from scripts.imports import LAYERS, PROJECT

MYPY = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["mypy"]
# Besides everything under a science folder.
TYPED = {
    "client/galproject_client",
    "exposures/binary_copy.py",
    "galproject/processing",
    "galproject/queue",
    "photometry/storage",
}


def test_every_science_folder_and_what_processes_chips_is_checked():
    science = {
        str(folder.relative_to(PROJECT))
        for layer in LAYERS
        for folder in (PROJECT / layer).rglob("science")
        if folder.is_dir()
    }
    assert len(science) >= 3
    assert set(MYPY["files"]) == science | TYPED


def test_functions_without_types_are_refused():
    assert MYPY["disallow_untyped_defs"]
