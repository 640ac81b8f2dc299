"""Imports point down: galproject, variables, photometry, exposures; science knows no Django."""

import pytest

from scripts.imports import LAYERS, imports_of, project_modules

# Besides everything under a science folder: usable from a notebook, without a database.
FREE_OF_DJANGO = [
    *("exposures.archive", "exposures.chip", "exposures.errors", "exposures.fits"),
    "exposures.simulation",
]


MODULES = project_modules()
IMPORTS = imports_of(MODULES)


def reach(name):
    """A module, those it imports within the project, those they import, and so on."""
    found, waiting = set(), [name]
    while waiting:
        module = waiting.pop()
        if module in MODULES and module not in found:
            found.add(module)
            parents = [module.rsplit(".", n)[0] for n in range(1, module.count(".") + 1)]
            waiting.extend([*parents, *IMPORTS[module]])
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
        for name, imports in IMPORTS.items()
        if name.split(".")[0] == layer
        for imported in sorted(imports)
        if imported.split(".")[0] in above
    ]
    assert upward == []


def test_science_knows_no_django():
    guilty = [
        f"{name} reaches Django through {module}"
        for name in filter(is_free_of_django, MODULES)
        for module in sorted(reach(name))
        if any(imported.split(".")[0].startswith("django") for imported in IMPORTS[module])
    ]
    assert guilty == []


def test_the_walk_sees_imports_of_every_form():
    assert "django.db.models" in IMPORTS["exposures.models"]
    assert "exposures.q3c" in reach("exposures.models")
    assert {"exposures", "photometry"} <= reach("photometry.models")
