"""What documents name is there, and their drawings are of the code as it is."""

import ast
import dataclasses
import re
import subprocess
import sys
import tomllib
from functools import cache
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import pytest
import yaml

from galproject.processing.version import VERSION
from galproject.site.groups import ACTS, MAY
from photometry.science.forced.forced import ForcedFit, ForcedOptions
from scripts.imports import LAYERS, project_modules

PROJECT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    [*PROJECT.glob("*.md"), *PROJECT.glob("client/*.md"), *PROJECT.glob("docs/**/*.md")]
)
FOLDERS = (
    *LAYERS,
    "benchmarks",
    "client",
    "deploy",
    "docs",
    "scripts",
    "static",
    "templates",
    "tests",
)
FENCED, INLINE = re.compile(r"^```.*?^```", re.S | re.M), re.compile(r"`([^`\n]+(?:\n[^`\n]+)?)`")
PATH = re.compile(rf"(?:{'|'.join(FOLDERS)}|\.ci)/[\w./*-]*")
DOTTED = re.compile(rf"(?:{'|'.join([*LAYERS, 'tests', 'scripts'])})(?:\.\w+)+")
BUILT = "docs/_build"  # by make docs: not in the repository
LINK = re.compile(r"\]\(([^)\s]+)\)")
# Names with a full stop that are no modules: permissions, files of operators, tables of TAP.
FILES = {
    f"galproject.{kind}" for kind in ("toml", "env", "conf", "rules", "target", "token", "git")
}
TAP = {f"galproject.{name}" for name in ("sources", "epochs", "nondetections", "images")}
OTHERS = {*FILES, *TAP, *ACTS, *(one for may in MAY.values() for one in may)}


def named_in(text):
    """Words in code of a document, inline or in blocks."""
    blocks = FENCED.findall(text)
    for code in [*blocks, *INLINE.findall(FENCED.sub("", text))]:
        for word in code.split():
            yield word.strip("\"'(),;:[]{}").rstrip(".")


def missing_in(text) -> list[str]:
    """Paths and modules of the project that a document names, and that there aren't."""
    wrong = set()
    for word in named_in(text):
        if (path := PATH.match(word)) and not has_file(path[0].rstrip("/")):
            wrong.add(path[0])
        if (name := DOTTED.fullmatch(word.partition("(")[0])) and not is_there(name[0]):
            wrong.add(name[0])
    return sorted(wrong)


def has_file(path) -> bool:
    """Whether a path, or a pattern of paths, is there; templates are named without their folder."""
    return (
        path.startswith(BUILT) or any(PROJECT.glob(path)) or any(PROJECT.glob(f"templates/{path}"))
    )


def is_there(name) -> bool:
    """Whether a dotted name is a module of the project, or the name of something in one."""
    parts = name.split(".")
    for n in range(len(parts), 0, -1):
        path = PROJECT.joinpath(*parts[:n])
        if path.is_dir() or path.with_suffix(".py").is_file():
            file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
            is_found = n == len(parts) or parts[n] in names_in(file)
            return is_found or (n == 1 and name in OTHERS)
    return False


@cache
def names_in(file):
    """What a module defines or imports at its top."""
    found = set()
    for node in ast.parse(file.read_text()).body if file.is_file() else ():
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found.update(n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name))
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found.update(alias.asname or alias.name for alias in node.names)
        else:
            found.add(getattr(node, "name", ""))
    return found


def name_of(document):
    return str(document.relative_to(PROJECT))


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_what_documents_name_is_there(document):
    text = document.read_text()
    if document.name == "CHANGELOG.md":  # older versions had what they had
        text = text.partition("\n## [0.1.0]")[0]
    assert missing_in(text) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_links_between_documents_lead_somewhere(document):
    targets = {target.partition("#")[0] for target in LINK.findall(document.read_text())}
    local = {target for target in targets - {""} if "://" not in target}
    assert [target for target in sorted(local) if not (document.parent / target).exists()] == []


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("see `exposures/no_such.py` and `exposures/models.py`", ["exposures/no_such.py"]),
        ("`exposures.models.GalImage`, `exposures.models.GalPlate`", ["exposures.models.GalPlate"]),
        ("`photometry.no_such`, `exposures.view_survey`", ["photometry.no_such"]),
        ("```\npython benchmarks/no_such.py --quick\n```", ["benchmarks/no_such.py"]),
        ("`tests/*/test_models.py`, `tests/*/no_such.py`", ["tests/*/no_such.py"]),
        ("exposures/no_such.py in plain words, and `night/*.fits`", []),
    ],
)
def test_a_name_of_what_is_not_there_is_found(text, missing):
    assert missing_in(text) == missing


def test_all_name_one_version_and_one_licence():
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    cited = yaml.safe_load((PROJECT / "CITATION.cff").read_text())
    assert cited["version"] == project["version"] == VERSION
    assert (
        f"\n## [{VERSION}] - {cited['date-released']}\n" in (PROJECT / "CHANGELOG.md").read_text()
    )
    assert cited["license"] == project["license"] == "BSD-3-Clause"
    assert (PROJECT / "LICENSE").read_text().startswith("BSD 3-Clause License")


def test_readme_is_short():
    assert len((PROJECT / "README.md").read_text().splitlines()) <= 250


# --- The site that make docs builds


@pytest.fixture
def extensions(monkeypatch):
    """What the site is built with can be imported."""
    monkeypatch.syspath_prepend(str(PROJECT / "docs" / "_extensions"))


def test_every_document_is_in_the_contents_of_the_site(extensions):
    from contents import CONTENTS

    names = " ".join(CONTENTS.values()).split()
    paths = [name[1:] if name[0] == "/" else f"docs/{name}" for name in names]
    below = PROJECT.glob("docs/decisions/0*.md")  # those of decisions/README itself
    assert {PROJECT / f"{path}.md" for path in [*paths, "README"]} == {*DOCUMENTS} - {*below}


def test_comments_of_fields_get_into_the_site(extensions):
    from fields import fields_of

    found = fields_of(ForcedFit)
    assert ("quality", "np.ndarray", "(n,) share of the PSF on usable pixels") in found
    assert [name for name, *_ in found] == [field.name for field in dataclasses.fields(ForcedFit)]
    assert fields_of(ForcedOptions)[0][:2] == ("n_rounds", "RepeatedRounds = 3")


# --- Drawings of imports

SCRIPT = PROJECT / "scripts" / "draw_imports"


@pytest.fixture(scope="module")
def draw_imports():
    """The script, as a module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SCRIPT.parent))
        loader = SourceFileLoader("draw_imports", str(SCRIPT))
        module = module_from_spec(spec_from_loader("draw_imports", loader))
        loader.exec_module(module)
        yield module


def check(document):
    return subprocess.run(
        [sys.executable, str(SCRIPT), "--check", str(document)], capture_output=True, text=True
    )


def test_drawings_are_of_the_code_as_it_is():
    done = check(PROJECT / "docs" / "architecture.md")
    assert done.returncode == 0, done.stderr


def test_a_drawing_that_is_out_of_date_is_found(tmp_path):
    document = tmp_path / "architecture.md"
    document.write_text("<!-- imports of applications -->\nnothing\n<!-- end of imports -->\n")
    done = check(document)
    assert done.returncode == 1 and "scripts/draw_imports" in done.stderr
    assert "nothing" in document.read_text()
    subprocess.run([sys.executable, str(SCRIPT), str(document)], check=True)
    assert 'photometry_["photometry"] --> exposures_["exposures"]' in document.read_text()
    assert check(document).returncode == 0


def test_arrows_that_follow_from_others_are_not_drawn(draw_imports):
    rooms = {"a": {"b", "c", "d"}, "b": {"c"}, "c": {"b", "d"}, "d": set()}
    assert draw_imports.reduced(rooms) == {"a": {"b", "c"}, "b": {"c"}, "c": {"b", "d"}, "d": set()}


def test_folders_are_drawn_as_one_and_what_ties_django_together_not_at_all(draw_imports):
    imports = {
        "photometry": set(),
        "photometry.models": {"django.db", "photometry.upper.one"},
        "photometry.upper": set(),
        "photometry.upper.one": {"photometry.science.two", "photometry.upper", "exposures.models"},
        "photometry.science": set(),
        "photometry.science.two": {"photometry.science.three.four"},
        "photometry.science.three": set(),
        "photometry.science.three.four": set(),
        "photometry.apps": {"photometry.models"},
        "exposures.models": set(),
    }
    drawn = {"models": {"upper"}, "upper": {"science"}, "science": set()}
    assert draw_imports.rooms_of("photometry", imports) == drawn
    assert draw_imports.rooms_of("photometry/science", imports) == {
        "two": {"three"},
        "three": set(),
    }
    applications = {"photometry": {"exposures"}, "exposures": set()}
    assert draw_imports.rooms_of("applications", imports) == applications


def test_folders_say_in_a_table_what_they_are_for(draw_imports, tmp_path):
    modules = {}
    for name, text in [("upper", '"""One thing.\n\nAnd more."""'), ("lower", ""), ("alone", "")]:
        path = tmp_path / ("alone.py" if name == "alone" else f"{name}/__init__.py")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        modules[f"photometry.{name}"] = path
    rooms = {"upper": set(), "lower": set(), "alone": set()}
    purposes = draw_imports.purposes_of("photometry", rooms, modules)
    assert purposes == {"upper": "One thing."}
    assert "| `upper/` | One thing. |" in draw_imports.table(purposes)
    assert draw_imports.table({}) == ""


def test_every_application_is_drawn():
    document = (PROJECT / "docs" / "architecture.md").read_text()
    assert [layer for layer in LAYERS if f"<!-- imports of {layer} -->" not in document] == []
    assert {name.split(".")[0] for name in project_modules()} == set(LAYERS)
