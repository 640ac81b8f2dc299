"""Fields of a dataclass, with the comments beside and above them, as a part of its docstring.

Sphinx reads ``#:`` alone, while shapes and units stand in plain comments here.
"""

import ast
import inspect
import re
from dataclasses import is_dataclass

COMMENT = re.compile(r"#\s?(?P<text>.*)")


def setup(app):
    app.connect("autodoc-process-docstring", add_fields)
    app.connect("autodoc-process-signature", without_fields)
    return {"parallel_read_safe": True}


def add_fields(app, what, name, item, options, lines):
    """Add the fields of a class that are its own to the lines of its docstring."""
    if what == "class" and is_dataclass(item):
        lines += [line for field in fields_of(item) for line in _entry(*field)]


def without_fields(app, what, name, item, *signature):
    """No signature of a dataclass: it would say of its fields again what their list says."""
    return ("", None) if what == "class" and is_dataclass(item) else None


def _entry(name, declared, comment):
    """A field, with the type that has the unit of an option and its default, and what it is."""
    lines = [f"``{name}``: ``{declared}``"]
    return [*lines, f"    {_as_text(comment)}", ""] if comment else [*lines, ""]


def _as_text(comment):
    """A comment without what reStructuredText would take for markup of its own."""
    return re.sub(r"([*_|\\])", r"\\\1", comment)


def fields_of(cls):
    """(name, type and default, comment) of each field that a class defines, in turn."""
    lines = inspect.getsource(cls).splitlines()
    indent = len(lines[0]) - len(lines[0].lstrip())
    lines = [line[indent:] for line in lines]
    (node,) = ast.parse("\n".join(lines)).body
    return [
        (item.target.id, _declared(item), _comment(lines, item))
        for item in node.body
        if isinstance(item, ast.AnnAssign) and not item.target.id.startswith("_")
    ]


def _declared(item):
    annotation = ast.unparse(item.annotation)
    return f"{annotation} = {ast.unparse(item.value)}" if item.value else annotation


def _comment(lines, item):
    """The comment lines above a field, and that behind it."""
    above = item.lineno - 1
    while COMMENT.fullmatch(lines[above - 1].strip()):
        above -= 1
    behind = lines[item.end_lineno - 1].encode()[item.end_col_offset :].decode()
    found = [*(line.strip() for line in lines[above : item.lineno - 1]), behind.strip()]
    return " ".join(match["text"] for line in found if (match := COMMENT.fullmatch(line)))
