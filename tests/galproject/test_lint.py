"""make lint and the hooks of pre-commit check the same, with tools in one version."""

import json
import re
import tomllib
from pathlib import Path

import yaml

PROJECT = Path(__file__).resolve().parents[2]


def lint_targets():
    return re.search(r"^lint: (.+)$", (PROJECT / "Makefile").read_text(), re.M)[1].split()


def hooks():
    repos = yaml.safe_load((PROJECT / ".pre-commit-config.yaml").read_text())["repos"]
    return [(repo["repo"], hook) for repo in repos for hook in repo["hooks"]]


def locked_packages():
    lock = json.loads((PROJECT / "package-lock.json").read_text())
    return {path.removeprefix("node_modules/"): one for path, one in lock["packages"].items()}


def test_hooks_before_a_commit_are_what_make_lint_runs():
    assert [hook["entry"] for _, hook in hooks()] == [f"make {name}" for name in lint_targets()]
    assert len(lint_targets()) == 5


def test_hooks_come_from_here_and_look_at_everything():
    for source, hook in hooks():
        assert source == "local" and hook["language"] == "system"
        assert hook["pass_filenames"] is False


def test_packages_of_javascript_are_locked_by_their_contents_and_name_no_registry():
    packages = locked_packages()
    asked = json.loads((PROJECT / "package.json").read_text())["devDependencies"]
    assert {name: packages[name]["version"] for name in asked} == asked
    assert all(one["integrity"].startswith("sha512-") for name, one in packages.items() if name)
    assert not any("resolved" in one for one in packages.values())


def test_coverage_leaves_out_the_modules_of_which_numba_compiles_functions_and_no_other():
    options = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["slipcover"]
    modules = [path for source in options["source"] for path in (PROJECT / source).rglob("*.py")]
    compiled = {
        str(path.relative_to(PROJECT))
        for path in modules
        if "photometry.science.compiled import" in path.read_text()
    }
    assert compiled | {"*/migrations/*"} == set(options["omit"])


def test_no_page_script_style_sheet_or_document_has_the_marks_of_a_merge():
    # Linters read them as text or as rules that hold nowhere.
    folders = (PROJECT / name for name in ("static", "templates", "docs"))
    kinds = (".css", ".html", ".js", ".md")
    files = [path for folder in folders for path in folder.rglob("*") if path.suffix in kinds]
    marked = re.compile("^(<{7}|>{7}|={7}$)", re.MULTILINE)
    assert [str(path) for path in files if marked.search(path.read_text())] == []
    assert len(files) > 100
