"""Imports point down: galproject, variables, photometry, exposures; science knows no Django.

Within an application no modules and no folders import each other in a circle, so that each can be
read after those that it imports; and no import hides in a function.
"""

import ast
from functools import cache
from graphlib import CycleError, TopologicalSorter

import pytest

from scripts.imports import LAYERS, imports_of, project_modules

# Besides everything under a science folder: usable from a notebook, without a database.
FREE_OF_DJANGO = [
    *("exposures.archive", "exposures.chip", "exposures.errors", "exposures.fits"),
    "exposures.simulation",
]
# Functions that import, each with what keeps it from importing at the head of its module.
IMPORTING_FUNCTIONS = {
    "galproject.apps.ready": "models are there only once all applications are loaded",
    "photometry.apps.ready": "models are there only once all applications are loaded",
    "variables.science.learning.fitting._scikit_learn": "it is installed where models are trained",
    "variables.apps.ready": "models are there only once all applications are loaded",
}

MODULES = project_modules()


@cache
def imports():
    """Read where a test asks for it: each process collects this module, and one runs it."""
    return imports_of(MODULES)


def reach(name):
    """A module, those it imports within the project, those they import, and so on."""
    found, waiting = set(), [name]
    while waiting:
        module = waiting.pop()
        if module in MODULES and module not in found:
            found.add(module)
            parents = [module.rsplit(".", n)[0] for n in range(1, module.count(".") + 1)]
            waiting.extend([*parents, *imports()[module]])
    return found


def is_free_of_django(name):
    return ".science." in f"{name}." or any(
        name == free or name.startswith(f"{free}.") for free in FREE_OF_DJANGO
    )


@pytest.mark.parametrize("layer", LAYERS)
def test_imports_point_down(layer):
    above = LAYERS[LAYERS.index(layer) + 1 :]
    upward = [
        f"{name} imports {imported}"
        for name, names in imports().items()
        if name.split(".")[0] == layer
        for imported in sorted(names)
        if imported.split(".")[0] in above
    ]
    assert upward == []


def test_science_knows_no_django():
    guilty = [
        f"{name} reaches Django through {module}"
        for name in filter(is_free_of_django, MODULES)
        for module in sorted(reach(name))
        if any(imported.split(".")[0].startswith("django") for imported in imports()[module])
    ]
    assert guilty == []


def test_the_walk_sees_imports_of_every_form():
    assert "django.db.models" in imports()["exposures.models"]
    assert "exposures.q3c" in reach("exposures.models")
    assert {"exposures", "photometry"} <= reach("photometry.models")


def modules_imported(name, imports):
    """Modules of the project that one imports; not the folder of a module that it imports."""
    found = {one for one in imports[name] if one in imports and one != name}
    return {one for one in found if not any(other.startswith(f"{one}.") for other in found)}


def folders(modules):
    """Every folder that has modules or folders in it."""
    return sorted({name.rpartition(".")[0] for name in modules if "." in name})


def rooms(folder, imports):
    """{room: rooms that it imports} of the modules and folders seen from one folder.

    The folder's own ``__init__`` is a room like the others, "".
    """
    found = {}
    for name in imports:
        if f"{name}.".startswith(f"{folder}."):
            room = found.setdefault(_room(name, folder), set())
            room |= {
                _room(imported, folder)
                for imported in modules_imported(name, imports)
                if f"{imported}.".startswith(f"{folder}.")
            }
    return {room: imported - {room} for room, imported in found.items()}


def _room(name, folder):
    return name.removeprefix(folder).removeprefix(".").partition(".")[0]


def circle_in(graph):
    """Rooms that import each other in a circle, the first again at its end; [] without one."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


# Migrations are frozen, and import each other in the order in which they run.
@pytest.mark.parametrize("folder", [f for f in folders(MODULES) if not f.endswith("migrations")])
def test_nothing_in_a_folder_imports_in_a_circle(folder):
    assert circle_in(rooms(folder, imports())) == []


def test_circles_of_modules_and_of_folders_are_seen():
    imports = {
        "app": set(),
        "app.low": set(),
        "app.a": set(),
        "app.a.one": {"app.b", "app.b.two", "app.low"},
        "app.a.three": {"app.low"},
        "app.b": {"app.b.two"},
        "app.b.two": {"django.db"},
    }
    assert rooms("app", imports) == {"": set(), "low": set(), "a": {"b", "low"}, "b": set()}
    assert circle_in(rooms("app", imports)) == []
    # No module imports itself through others, but the folders do.
    imports["app.b.two"] |= {"app.a.three", "app.a"}
    assert sorted(set(circle_in(rooms("app", imports)))) == ["a", "b"]
    assert circle_in(rooms("app.a", imports)) == []
    imports["app.b.two"] = {"app.b"}
    assert sorted(set(circle_in(rooms("app.b", imports)))) == ["", "two"]


def functions_importing(name, source):
    """Functions of a module with an import inside, by their dotted names."""
    for function in ast.walk(ast.parse(source)):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and any(
            isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(function)
        ):
            yield f"{name}.{function.name}"


def test_no_import_hides_in_a_function():
    found = {
        function
        for name, path in MODULES.items()
        for function in functions_importing(name, path.read_text())
    }
    assert found == set(IMPORTING_FUNCTIONS)


def test_imports_in_functions_of_every_form_are_seen():
    source = (
        "import a\nclass C:\n    def m(self):\n        if self:\n            import b\n"
        "async def f():\n    from c import d\ndef g():\n    return a\n"
    )
    assert set(functions_importing("m", source)) == {"m.m", "m.f"}
