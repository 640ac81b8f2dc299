"""The options of a run reach all code: no call leaves them to the defaults of what it calls.

Functions of science have defaults for notebooks and tests. Within the project whoever calls one
has the options of the run or those in force, and passes them on.
"""

import ast
import importlib
import inspect
from dataclasses import is_dataclass

import pytest

from galproject.configuration.pipeline_options import PipelineOptions
from tests.galproject.test_layers import LAYERS, MODULES

# The classes of all options: a parameter with one of these for its default is one of options.
CLASSES = set()


def _collect(options):
    CLASSES.add(type(options))
    for value in vars(options).values():
        if is_dataclass(value):
            _collect(value)


_collect(PipelineOptions())


def parameters_of(function):
    """{name: position} of the parameters of a callable that have options for their default."""
    if function in CLASSES:
        return {}
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return {}
    # As it is called: without self.
    return {p.name: i for i, p in enumerate(parameters) if type(p.default) in CLASSES}


def names_in(module):
    """{name: callable} of what a module's code can call by a name of its own or an imported one."""
    return {
        name: value
        for name, value in vars(module).items()
        if callable(value) and getattr(value, "__module__", "").split(".")[0] in LAYERS
    }


def methods_in(modules):
    """{name: parameters} of the methods of all classes that have options for a default."""
    found = {}
    for module in modules:
        for cls in filter(inspect.isclass, vars(module).values()):
            for name, function in vars(cls).items():
                if inspect.isfunction(function) and name != "__init__":
                    shifted = parameters_of(function)
                    if shifted:
                        found[name] = {key: i - 1 for key, i in shifted.items()}
    return found


def calls_without_options(tree, module, methods):
    """Texts of the calls that leave options to their defaults."""
    names = names_in(module)
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        for name in _left_out(call, names, methods):
            yield f"{module.__name__}:{call.lineno}: {ast.unparse(call.func)} without {name}"


def _left_out(call, names, methods):
    wanted = _wanted(call.func, names, methods)
    n_given = len(call.args)
    given = {keyword.arg for keyword in call.keywords}
    if None in given or any(isinstance(argument, ast.Starred) for argument in call.args):
        return []  # who unpacks is trusted to know
    return [name for name, i in wanted.items() if i >= n_given and name not in given]


def _wanted(function, names, methods):
    if isinstance(function, ast.Name):
        return parameters_of(names[function.id]) if function.id in names else {}
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        owner = names.get(function.value.id)
        if owner is not None and hasattr(owner, function.attr):
            return parameters_of(getattr(owner, function.attr))
    return methods.get(function.attr, {}) if isinstance(function, ast.Attribute) else {}


def modules():
    return {
        name: importlib.import_module(name)
        for name in MODULES
        if ".migrations" not in name and name != "galproject.wsgi"
    }


@pytest.mark.parametrize("layer", LAYERS)
def test_no_call_leaves_options_to_their_defaults(layer):
    known = modules()
    methods = methods_in(known.values())
    left = [
        text
        for name, module in known.items()
        if name.split(".")[0] == layer
        for text in calls_without_options(ast.parse(MODULES[name].read_text()), module, methods)
    ]
    assert "\n".join(left) == ""


@pytest.mark.parametrize("layer", LAYERS)
def test_no_code_makes_options_of_its_own(layer):
    """But for the defaults of parameters and of fields, which are outside of functions' bodies."""
    names = {cls.__name__ for cls in CLASSES}
    made = [
        f"{name}:{node.lineno}"
        for name in modules()
        if name.split(".")[0] == layer
        for function in ast.walk(ast.parse(MODULES[name].read_text()))
        if isinstance(function, ast.FunctionDef)
        for statement in function.body
        for node in ast.walk(statement)
        if isinstance(node, ast.Call) and not node.args and not node.keywords
        if isinstance(node.func, ast.Name) and node.func.id in names
    ]
    allowed = [
        "galproject.configuration.descriptions",
        "galproject.configuration.loading",
        "galproject.demo.seeding",
    ]
    assert [place for place in made if not any(place.startswith(one) for one in allowed)] == []


def test_calls_of_every_form_are_seen():
    import photometry.reduction.search as search
    import photometry.science.detection.detection as detection

    methods = methods_in(modules().values())
    text = (
        "fit_pixel_correction(1, 2, 3, 4, 5)\nfound.bright(20)\n"
        "fit_fluxes(1, 2, 3, options.forced)\n"
        "found.bright(20, options.clean)\nfit_fluxes(1, 2, 3, options=4)"
    )
    found = list(calls_without_options(ast.parse(text), search, methods))
    assert [line.split(": ")[1] for line in found] == [
        "fit_pixel_correction without options",
        "found.bright without clean",
    ]
    (found,) = calls_without_options(ast.parse("ChipPsf.round(4.0)"), detection, methods)
    assert "ChipPsf.round without options" in found
