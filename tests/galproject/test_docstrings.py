"""Functions of science say in their docstrings which shapes and units their arrays have."""

import ast
import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
FILES = sorted(PROJECT.glob("*/science/**/*.py"))

# A shape is a tuple of these with a comma in it, as (n,), (ny, nx), (n, size - 2, size - 2); or it
# is said in words.
LENGTH = r"(?:\d+|[kmndp]|n[xy]|n_\w+|side|size|columns|rows|width|height|tiles_[xy]|start|stop)"
LENGTH = rf"[\d ]*{LENGTH}(?: ?[-+^*/] ?(?:{LENGTH}|\w+))*"
SHAPE = re.compile(
    rf"\({LENGTH},\)|\({LENGTH}(?:, {LENGTH})+\)"
    r"|the same shape|of any shape|broadcast|scalars?\b|a number\b|numbers\b|a float\b|floats\b",
    re.I,
)
UNITS = (
    r"pixels?|arcsec(?:onds?)?|degrees?|radians?|mas|mag|magnitudes?|electrons?|e-(?:/ADU)?|ADU"
    r"|days?|years?|MJD|seconds?|sigma|FWHM|shares?|fractions?|probabilit(?:y|ies)|ratios?"
    r"|bits?|indices|ids?|no units?|any units?|units? of|unit vectors?|without a unit"
)
UNIT = re.compile(rf"(?<![\w.])(?:{UNITS})(?![\w(])", re.I)
# Parameters that are no array: options, objects with docstrings of their own, and plain numbers
# whose names have the unit.
PLAIN = re.compile(
    r"self|cls|options|limits?|forced|clean|detector|wcs|psf|prior|correction|cards|text|unit|number|values|stored"
    r"|order|seed|rng|name|function|n|n_\w+|\w+_(?:pixels|arcsec|degrees|fwhm|sigma|days)"
)
# Of functions, texts and plain values for the database, not of arrays.
OTHERS = {
    "as_json",
    "from_json",
    "compiled",
    "compiled_with",
    "inlined",
    "serialize",
}


def faults_in(source) -> list[str]:
    """What is missing in the docstrings of a module of science: "name: a shape"."""
    public = public_in(ast.parse(source))
    return [f"{name}: {fault}" for name, node in public for fault in missing_in(node, source)]


def public_in(tree, prefix=""):
    """(dotted name, node) of the functions, classes and methods that others may use."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
            yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from public_in(node, f"{node.name}.")


def missing_in(node, source):
    """What is missing in the docstring of a function, or of a class with its fields' comments."""
    text = ast.get_docstring(node)
    if not text:
        return ["a docstring"]
    if isinstance(node, ast.ClassDef):
        fields = [ast.unparse(n.annotation) for n in node.body if isinstance(n, ast.AnnAssign)]
        applies = "np.ndarray" in fields
        lines = source.splitlines()[node.lineno - 1 : node.end_lineno]
        text += " ".join(line.partition("#")[2] for line in lines)
    else:
        applies = node.name not in OTHERS and has_arrays(node)
    text = " ".join(text.split())
    found = {"a shape": SHAPE.search(text), "a unit": UNIT.search(text)} if applies else {}
    return [name for name, match in found.items() if not match]


def has_arrays(function) -> bool:
    """Whether a function takes an array, or gives one, as far as names and annotations tell."""
    arguments = function.args.posonlyargs + function.args.args + function.args.kwonlyargs
    taken = [a for a in arguments if not PLAIN.fullmatch(a.arg) and not _is_plain(a.annotation)]
    return bool(taken) or not _is_plain(function.returns)


def _is_plain(annotation):
    """Whether an annotation is that of a number, a text or an object with its own docstring."""
    return annotation is not None and not re.search("ndarray|tuple", ast.unparse(annotation))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PROJECT)))
def test_functions_of_science_say_shapes_and_units(file):
    assert faults_in(file.read_text()) == []


def test_science_is_found():
    folders = {file.relative_to(PROJECT).parts[0] for file in FILES}
    assert folders == {"exposures", "photometry", "variables"} and len(FILES) > 50


@pytest.mark.parametrize(
    ("made_up", "faults"),
    [
        ('def f(flux):\n    """Twice the flux (n,) in ADU; NaN stays NaN."""', []),
        ('def f(flux):\n    """Twice the flux in ADU."""', ["f: a shape"]),
        ('def f(flux):\n    """Twice the flux (n,)."""', ["f: a unit"]),
        ('def f(flux):\n    """Twice the flux (in ADU, as ever)."""', ["f: a shape"]),
        ('def f(flux):\n    """Twice the flux."""', ["f: a shape", "f: a unit"]),
        ("def f(flux):\n    return 2 * flux", ["f: a docstring"]),
        ('def f(n_stars) -> bool:\n    """Whether there are enough."""', []),
        ('def f(n_stars):\n    """As many random ones."""', ["f: a shape", "f: a unit"]),
        ("def _f(flux):\n    return 2 * flux", []),
        (
            'class Fit:\n    """A fit."""\n\n    def flux(self, x):\n        """At x."""',
            ["Fit.flux: a shape", "Fit.flux: a unit"],
        ),
        ('class Fit:\n    """A fit."""\n\n    flux: np.ndarray  # (n,)', ["Fit: a unit"]),
        ('class Fit:\n    """A fit."""\n\n    flux: np.ndarray  # (n,) ADU', []),
    ],
)
def test_a_docstring_without_a_shape_or_a_unit_is_found(made_up, faults):
    assert faults_in(made_up) == faults
