"""The imports between the project's modules, read from source without running it."""

import ast
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
# The applications, each above those before it.
LAYERS = ("exposures", "photometry", "variables", "galproject")


def project_modules() -> dict[str, Path]:
    """Every module of the applications by its dotted name."""
    return {
        ".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__"): path
        for layer in LAYERS
        for path in sorted((PROJECT / layer).rglob("*.py"))
    }


def imported_by(name, path):
    """Dotted names that a module imports, anywhere in it."""
    tree = ast.parse(path.read_text(), str(path))
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = _absolute(node, package)
            yield source
            yield from (f"{source}.{alias.name}" for alias in node.names)


def _absolute(node, package):
    if not node.level:
        return node.module
    base = package.split(".")[: len(package.split(".")) + 1 - node.level]
    return ".".join([*base, node.module] if node.module else base)


def imports_of(modules) -> dict[str, set[str]]:
    """{module: dotted names that it imports}, of modules by their dotted names."""
    return {name: set(imported_by(name, path)) for name, path in modules.items()}
