"""Benchmarks are run as scripts, from any folder."""

import ast
from pathlib import Path

import pytest

from scripts.imports import LAYERS

FOLDER = Path(__file__).parents[2] / "benchmarks"
SCRIPTS = [path for path in sorted(FOLDER.glob("*.py")) if "__main__" in path.read_text()]
PROJECT = {*LAYERS, "benchmarks", "scripts", "tests"}
# Those beside a script are found without that, and say it themselves.
BESIDE = {path.stem for path in FOLDER.glob("*.py") if "sys.path.insert" in path.read_text()}


def early_imports(source):
    """What a script imports of the project before it says where the project lies."""
    for node in ast.parse(source).body:
        if ast.unparse(node).startswith("sys.path.insert"):
            return
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module] if isinstance(node, ast.ImportFrom) else []
        if BESIDE.intersection(names):
            return
        yield from (name for name in names if name.split(".")[0] in PROJECT)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_benchmark_says_where_the_project_lies_before_it_imports_of_it(path):
    assert list(early_imports(path.read_text())) == []


def test_an_import_that_is_too_early_is_seen():
    assert len(SCRIPTS) > 15
    late = "import sys\nsys.path.insert(0, '.')\nfrom photometry.models import GalSource\n"
    assert list(early_imports(late)) == []
    assert list(early_imports("import exposures.chip\n" + late)) == ["exposures.chip"]
