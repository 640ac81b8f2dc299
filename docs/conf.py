"""How Sphinx builds the documentation: ``make docs``."""

import os
import sys
import tomllib
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "docs" / "_extensions")]

os.environ["NUMBA_DISABLE_JIT"] = "1"  # compiled functions have no signature, nor a docstring
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "galproject.settings")
import django  # noqa: E402

django.setup()

project = "galproject"
version = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"]
copyright = "the authors of galproject"

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "myst_parser",
    "fields",
    "contents",
    "drawings",
]
root_doc = "README"
include_patterns = ["*.md", "client/*.md", "docs/**"]
exclude_patterns = [".*", "data", "docs/_*", "**/node_modules"]
templates_path = [str(PROJECT / "docs" / "_templates")]

add_module_names = False
autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "none"
autodoc_preserve_defaults = True
autosummary_ignore_module_all = False
myst_heading_anchors = 4

html_theme = "furo"
html_title = f"galproject {version}"
html_copy_source = False
html_show_sphinx = False
html_additional_pages = {"index": "index.html"}
